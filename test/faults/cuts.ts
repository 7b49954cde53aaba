import assert from 'node:assert/strict'
import type { Host } from '#src/host/host'
import type { Stream } from '#src/net/stream'
import { withHosts } from '../support/hosts.ts'
import { turns, until } from '../support/net.ts'
import { pattern } from '../support/wire.ts'
import { codeOf, type Fault, since, tally, within } from './fault.ts'
import { type FaultyProxy, type Line, startProxy } from './proxy.ts'

/** A session: so many streams, on each of which both sides send so many frames. Together 64. */
const streams = 4
const frames = 8
const sent = pattern(frames * 24)

/** No stream may be without an outcome for so long, in milliseconds. */
const patience = 5_000

const limits = { dialTimeout: 2_000, upgradeTimeout: 2_000, negotiationTimeout: 2_000 }

/** One end of one stream: what it read, and the code of its error. */
interface End {
  received: number
  code: string
}

/** Sends all, frame by frame, and reads to the end; what was read must be a beginning of what the other side sends. */
async function talk(stream: Stream): Promise<End> {
  let received = 0
  const read = async () => {
    for await (const chunk of stream) {
      assert.deepEqual(chunk, sent.subarray(received, received + chunk.length), 'other bytes than were sent')
      received += chunk.length
    }
  }
  const write = async () => {
    for (let at = 0; at < sent.length; at += 24) {
      stream.write(sent.subarray(at, at + 24))
      await turns(1)
    }
    await stream.end()
  }
  const outcomes = await Promise.all([codeOf(read()), codeOf(write()), codeOf(stream.closed)])
  const [reading] = outcomes
  if (reading === 'done') assert.equal(received, sent.length, 'an end that nobody made')
  return { received, code: outcomes.find(code => code !== 'done') ?? 'done' }
}

/** Two hosts with a proxy between them, and the sessions that the one has with the other. */
class Sessions {
  readonly #dialer: Host
  readonly #listener: Host
  readonly #proxy: FaultyProxy
  #talks: Promise<End>[] = []

  constructor(dialer: Host, listener: Host, proxy: FaultyProxy) {
    this.#dialer = dialer
    this.#listener = listener
    this.#proxy = proxy
    listener.handle('/talk', async stream => {
      const end = talk(stream)
      this.#talks.push(end)
      await end
    })
  }

  /** The lengths of a session without fault. */
  async measure(): Promise<{ up: number; down: number }> {
    const before = { ...this.#proxy.passed }
    const ends = await this.session({}, {})
    assert.deepEqual(
      ends.map(({ code }) => code),
      Array.from({ length: 2 * streams }, () => 'done'),
    )
    return { up: this.#proxy.passed.up - before.up, down: this.#proxy.passed.down - before.down }
  }

  /** Has one session over such a line, and gives how each end of each stream went. */
  async session(up: Line, down: Line): Promise<End[]> {
    Object.assign(this.#proxy, { up, down })
    this.#talks = []
    const work = Promise.all(Array.from({ length: streams }, () => this.#open()))
    const near = await within(patience, 'the dialer has an outcome', work)
    const far = await within(patience, 'the listener has an outcome', this.#settled())
    await Promise.all(this.#dialer.connections.map(connection => connection.close()))
    await until(() => this.#dialer.connections.length + this.#listener.connections.length === 0)
    return [...near, ...far]
  }

  async #open(): Promise<End> {
    let stream: Stream | undefined
    const target = `/ip4/127.0.0.1/tcp/${this.#proxy.port}`
    const opening = this.#dialer.open(target, '/talk').then(opened => {
      stream = opened
    })
    const code = await codeOf(opening)
    return stream ? talk(stream) : { received: 0, code }
  }

  async #settled(): Promise<End[]> {
    await until(() => this.#listener.usage().streams === 0 && this.#dialer.usage().streams === 0)
    return Promise.all(this.#talks)
  }
}

/** Cuts sessions, one after another, at each of the bytes. */
async function cutAll(by: 'end' | 'reset', full: boolean): Promise<string> {
  const begin = performance.now()
  const codes: string[] = []
  let sessions = 0
  let lengths = { up: 0, down: 0 }
  await withHosts(2, { limits }, async (dialer, listener) => {
    const proxy = await startProxy(Number(listener.addresses[0]!.value('tcp')))
    try {
      const pair = new Sessions(dialer, listener, proxy)
      lengths = await pair.measure()
      for (const direction of ['up', 'down'] as const) {
        for (const at of places(lengths[direction], full)) {
          const cut = { cut: { at, by } }
          const ends = await pair.session(direction === 'up' ? cut : {}, direction === 'down' ? cut : {})
          sessions++
          codes.push(...ends.map(({ code }) => code))
        }
      }
      assert.ok(codes.includes('ERR_CONNECTION_CLOSED'))
    } finally {
      await proxy.close()
    }
  })
  return `${sessions} sessions of ${lengths.up} and ${lengths.down} bytes in ${since(begin)} ms; ends of streams: ${tally(codes)}`
}

/** The handshake is the first 300 bytes: each of them, or each ninth; then those of the session. */
function places(length: number, full: boolean): number[] {
  const all = Array.from({ length }, (_, at) => at)
  return full ? all : all.filter(at => (at < 300 ? at % 9 === 0 : at % 61 === 0))
}

/** What TCP's end and reset do, wherever they come. */
export const cuts: readonly Fault[] = (['reset', 'end'] as const).map(by => ({
  name: `a line that breaks by TCP's ${by}, at any byte of handshake and session, gives an error on each open stream, and a beginning of what was sent`,
  run: scale => cutAll(by, scale === 'full'),
}))
