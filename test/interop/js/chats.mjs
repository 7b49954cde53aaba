import { Reader, write } from './streams.mjs'

/** The chat streams of a peer, one for each other peer, whoever opened it. */
export class Chats {
  #report
  /** @type {Map<string, import('@libp2p/interface').Stream>} */
  #streams = new Map()

  /** @param {(event: object) => void} report */
  constructor(report) {
    this.#report = report
  }

  /**
   * Keeps the stream for `say`, and reports its lines until it ends.
   *
   * @param {string} peer
   * @param {import('@libp2p/interface').Stream} stream
   */
  async add(peer, stream) {
    this.#streams.set(peer, stream)
    for await (const text of lines(new Reader(stream))) this.#report({ event: 'line', peer, text })
  }

  /** @param {string} peer @param {string} text */
  async say(peer, text) {
    const stream = this.#streams.get(peer)
    if (!stream) throw new Error(`there is no chat with ${peer}`)
    await write(stream, Buffer.from(`${text}\n`))
  }
}

/** @param {Reader} reader */
async function* lines(reader) {
  let rest = Buffer.alloc(0)
  for await (const piece of reader) {
    rest = Buffer.concat([rest, piece])
    for (let stop = rest.indexOf('\n'); stop >= 0; stop = rest.indexOf('\n')) {
      if (stop > 0) yield rest.toString('utf8', 0, stop)
      rest = rest.subarray(stop + 1)
    }
  }
}
