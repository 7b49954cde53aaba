/** What the dialling end does, the same for every contender. Each task is a round of a suite and returns what it measured. */
import { expectEqual, median, perSecond, perSecondAsync } from '../../build/bench/harness.js'
import {
  answered,
  confirmed,
  load,
  pull,
  push,
  roundTrips,
  sendAwaited,
  sendFast,
  small,
} from './transfers.mjs'

/** @typedef {import('./contender.mjs').Client} Client */

/** What one step of the framing suite works through, in bytes of payload. */
const frameBatch = 1024 * 1024
/** Dials under way at once while many connections are made that shall only stand. */
const dialsAtOnce = 16

export class Tasks {
  #contender
  #options
  /** @type {Promise<Client> | undefined} */
  #client
  /** @type {Client[]} */
  #crowd = []

  /** @param {import('./contender.mjs').Contender} contender @param {import('./contender.mjs').Options} options */
  constructor(contender, options) {
    this.#contender = contender
    this.#options = options
  }

  /** Bytes on so many streams at once, and the seconds that they took. */
  async upload({ addresses, ms, streams = 1 }) {
    const pipes = await this.#openAll('sink', addresses, streams)
    return timed(() => Promise.all(pipes.map(pipe => push(pipe, ms))))
  }

  async download({ addresses, ms, streams = 1 }) {
    const pipes = await this.#openAll('source', addresses, streams)
    return timed(() => Promise.all(pipes.map(pipe => pull(pipe, ms))))
  }

  /** Messages, as fast as the contender can send them, or awaited one by one. */
  async messages({ addresses, ms, awaited = false }) {
    const pipe = await this.#open('messages', addresses)
    const send = awaited ? sendAwaited : sendFast
    return timed(async () => [await confirmed(pipe, await send(pipe, ms))])
  }

  /** Round trips of a small message, in microseconds; beside a bulk transfer if told so. */
  async echo({ addresses, ms, loaded = false }) {
    const pipe = await this.#open('echo', addresses)
    const unload = loaded ? load(await this.#open('sink', addresses)) : async () => {}
    const times = await roundTrips(pipe, ms)
    await unload()
    await pipe.end()
    return { 'us p50': median(times), 'us p99': percentile(times, 0.99) }
  }

  /** The same round trips, counted. */
  async echoes({ addresses, ms }) {
    const pipe = await this.#open('echo', addresses)
    const measured = await timed(async () => [(await roundTrips(pipe, ms)).length])
    await pipe.end()
    return measured
  }

  /** Connections made and closed, one after another. */
  async connections({ addresses, ms }) {
    const client = await this.#contender.createClient(this.#options)
    const rate = await perSecondAsync(ms, async () => {
      const connection = await client.dial(addresses.echo)
      await connection.close()
      return 1
    })
    await client.stop()
    return rate
  }

  /** As many at once, each dialled by someone else. */
  async connectionsAtOnce({ addresses, count }) {
    await this.#gather(count)
    const start = performance.now()
    const connections = await Promise.all(this.#crowd.map(client => client.dial(addresses.echo)))
    const elapsed = performance.now() - start
    await Promise.all(connections.map(connection => connection.close()))
    return (count * 1000) / elapsed
  }

  /** Streams opened, agreed on, answered and ended, so many at a time. */
  async streams({ addresses, ms, atOnce }) {
    const client = await this.#dialler()
    const deadline = performance.now() + ms
    const worker = async () => {
      let count = 0
      for (; performance.now() < deadline; count++) await answered(await client.open(addresses.echo, 'echo'))
      return count
    }
    return timed(() => Promise.all(Array.from({ length: atOnce }, worker)))
  }

  /** Another task, by a client of its own. */
  async apart({ task, parameters }) {
    const others = new Tasks(this.#contender, this.#options)
    const measured = await others[task](parameters)
    await (await others.#dialler()).stop()
    return measured
  }

  /** Milliseconds from a dial to the first byte of an answer. */
  async firstByte({ addresses, early = false }) {
    const client = await this.#contender.createClient(this.#options)
    const open = early ? client.openEarly : client.open
    const start = performance.now()
    const pipe = await open(addresses.echo, 'echo')
    await new Promise((resolve, reject) => {
      pipe.read(resolve).catch(reject)
      pipe.write(small)
    })
    const elapsed = performance.now() - start
    await client.stop()
    await pipe.end()
    return elapsed
  }

  encode({ ms, size, inPieces = false }) {
    const payload = new Uint8Array(size).fill(0x5a)
    const { encode, encodeInPieces } = this.#contender.framing
    const make = inPieces ? encodeInPieces : encode
    const count = frameBatch / size
    return perSecond(ms, () => {
      let length = 0
      for (let i = 0; i < count; i++) length += make(payload).length
      expectEqual(length, count * make(payload).length)
      return count
    })
  }

  decode({ ms, size }) {
    const count = frameBatch / size
    const frames = manyFrames(size, count)
    return perSecond(ms, () => {
      let bytes = 0
      this.#contender.framing.decode(frames, frame => {
        bytes += frame.byteLength
      })
      expectEqual(bytes, count * size)
      return count
    })
  }

  /** Dials so many connections and keeps them. */
  async hold({ addresses, count }) {
    await this.#gather(count)
    const waiting = this.#crowd.values()
    const dialNext = async () => {
      for (const client of waiting) await client.dial(addresses.echo)
    }
    await Promise.all(Array.from({ length: dialsAtOnce }, dialNext))
  }

  /** How many of the connections that are held still answer. */
  async answers({ addresses }) {
    let count = 0
    for (const client of this.#crowd) {
      await answered(await client.open(addresses.echo, 'echo'))
      count++
    }
    return count
  }

  async #gather(count) {
    while (this.#crowd.length < count) this.#crowd.push(await this.#contender.createClient(this.#options))
  }

  #dialler() {
    this.#client ??= this.#contender.createClient(this.#options)
    return this.#client
  }

  async #open(service, addresses) {
    return (await this.#dialler()).open(addresses[service], service)
  }

  #openAll(service, addresses, count) {
    return Promise.all(Array.from({ length: count }, () => this.#open(service, addresses)))
  }
}

/** @param {() => Promise<number[]>} work returns how much was done, in parts */
async function timed(work) {
  const start = performance.now()
  const parts = await work()
  const seconds = (performance.now() - start) / 1000
  return { done: parts.reduce((sum, part) => sum + part, 0), seconds }
}

const percentile = (values, part) => values.toSorted((a, b) => a - b)[Math.floor(values.length * part)]

const prefixLength = size => (size < 0x80 ? 1 : size < 0x4000 ? 2 : 3)

function manyFrames(size, count) {
  const bytes = new Uint8Array(count * (prefixLength(size) + size))
  for (let frame = 0, at = 0; frame < count; frame++, at += size) {
    for (let rest = size; ; rest >>>= 7) {
      bytes[at++] = rest > 0x7f ? rest | 0x80 : rest
      if (rest <= 0x7f) break
    }
  }
  return bytes
}
