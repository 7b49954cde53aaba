/** What the dialling end does, the same for every contender. Each task is a round of a suite and returns what it measured. */
import { expectEqual, median, perSecond, perSecondAsync } from '../../build/bench/harness.js'
import { chunk } from './services.mjs'

/** @typedef {import('./contender.mjs').Pipe} Pipe */
/** @typedef {import('./contender.mjs').Client} Client */

const small = new Uint8Array(64).fill(0x5a)
/** Small writes between two looks at the clock. */
const burst = 128
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

/** Writes for `ms` milliseconds and waits for the other side's count. Returns how many bytes these were. */
async function push(pipe, ms) {
  const deadline = performance.now() + ms
  let bytes = 0
  for (; performance.now() < deadline; bytes += chunk.length) if (!pipe.write(chunk)) await pipe.drained()
  return confirmed(pipe, bytes)
}

/** Ends our side, and takes the other side's word for how much has come. */
async function confirmed(pipe, sent) {
  let text = ''
  const read = pipe.read(piece => {
    text += Buffer.from(piece.subarray()).toString()
  })
  await pipe.end()
  await read
  expectEqual(Number(text), sent)
  return sent
}

/** Has the other side send for `ms` milliseconds. Returns how many bytes came. */
async function pull(pipe, ms) {
  let bytes = 0
  const read = pipe.read(piece => {
    bytes += piece.byteLength
  })
  pipe.write(Buffer.from(`${ms}\n`))
  await read
  await pipe.end()
  return bytes
}

async function sendFast(pipe, ms) {
  const messages = pipe.writeMessages()
  const deadline = performance.now() + ms
  let sent = 0
  while (performance.now() < deadline)
    for (let i = 0; i < burst; i++, sent++) if (!messages.write(small)) await messages.drained()
  return sent
}

async function sendAwaited(pipe, ms) {
  const deadline = performance.now() + ms
  let sent = 0
  const go = () => sent % burst > 0 || performance.now() < deadline
  await pipe.sendMessages(small, () => go() && ++sent > 0)
  return sent
}

/** Sends bulk until told to stop. */
function load(pipe) {
  let loading = true
  const flood = async () => {
    let bytes = 0
    for (; loading; bytes += chunk.length) if (!pipe.write(chunk)) await pipe.drained()
    await confirmed(pipe, bytes)
  }
  const flooded = flood()
  return () => {
    loading = false
    return flooded
  }
}

async function roundTrips(pipe, ms) {
  const times = []
  const there = oneByOne(pipe)
  await perSecondAsync(ms, async () => {
    const start = performance.now()
    await there()
    times.push((performance.now() - start) * 1000)
    return 1
  })
  return times
}

/** Sends a small message and settles when all of it is back. */
function oneByOne(pipe) {
  let missing = 0
  let settle = { resolve: () => {}, reject: _error => {} }
  const take = piece => {
    missing -= piece.byteLength
    if (missing === 0) settle.resolve()
  }
  pipe.read(take).catch(error => settle.reject(error))
  return () =>
    new Promise((resolve, reject) => {
      settle = { resolve: () => resolve(undefined), reject }
      missing = small.length
      pipe.write(small)
    })
}

/** One message there and back, then the end of both sides. */
async function answered(pipe) {
  let missing = small.length
  const read = pipe.read(piece => {
    missing -= piece.byteLength
  })
  pipe.write(small)
  await pipe.end()
  await read
  expectEqual(missing, 0)
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
