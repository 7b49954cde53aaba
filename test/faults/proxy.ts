import { EventEmitter, once, setMaxListeners } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { setImmediate, setTimeout as sleep } from 'node:timers/promises'
import { randomNumbers } from '../support/feed.ts'

/** A fixed number, or any from the first to the last. */
export type Span = number | readonly [first: number, last: number]

/** What befalls the bytes of one direction of a connection; all at once where several are named. */
export interface Line {
  /** Milliseconds on the way; the order is kept. */
  delay?: Span
  /** Bytes a second. */
  rate?: number
  /** Sizes of the pieces in which they leave. */
  pieces?: Span
  /** Bytes that came while those before them were on their way leave with them, up to so many. */
  joins?: number
  /** Before that byte nothing passes for so many milliseconds. */
  stall?: { at: number; for: number }
  /** Nothing passes for so many milliseconds, again and again. */
  stalls?: { every: number; for: number }
  /**
   * After that byte: `end` tells the receiver that no more will come, and drops what does; `reset` breaks both ends with TCP's
   * reset; `swallow` drops what comes, the end too, and tells nobody.
   */
  cut?: { at: number; by: 'end' | 'reset' | 'swallow' }
}

/** Both directions: `up` is from the one who dials. */
export interface Lines {
  up?: Line
  down?: Line
}

/** What may be on its way in one direction before the proxy reads no more, in bytes. */
const capacity = 1024 * 1024

/** Starts a proxy in front of a port, both of 127.0.0.1. Sizes and delays are drawn from the seed. */
export async function startProxy(target: number, lines: Lines = {}, seed = 1): Promise<FaultyProxy> {
  const proxy = new FaultyProxy(target, lines, seed)
  await proxy.listen()
  return proxy
}

/** A proxy in front of one TCP port. Its lines may be changed while it runs: connections that stand follow. */
export class FaultyProxy {
  up: Line
  down: Line
  /** Bytes that have left in each direction, of all connections together. */
  readonly passed = { up: 0, down: 0 }
  readonly #target: number
  readonly #random: () => number
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  readonly #over = new AbortController()
  readonly #bell = new EventEmitter().setMaxListeners(0)
  #parted = false

  constructor(target: number, { up = {}, down = {} }: Lines, seed: number) {
    this.#target = target
    this.up = up
    this.down = down
    this.#random = randomNumbers(seed)
    setMaxListeners(0, this.#over.signal)
    const options = { noDelay: true, allowHalfOpen: true, pauseOnConnect: true }
    this.#server = createServer(options, near => void this.#accept(near))
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** Connections of which at least one end is open. */
  get connections(): number {
    return Math.ceil(this.#sockets.size / 2)
  }

  async listen(): Promise<void> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
  }

  /** From now on nothing passes, ends and resets neither; who dials hears nothing. */
  partition(): void {
    this.#parted = true
  }

  /** Lets pass what was held. */
  heal(): void {
    this.#parted = false
    this.#bell.emit('healed')
  }

  /** Breaks all connections with TCP's reset. */
  reset(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy()
  }

  async close(): Promise<void> {
    this.#over.abort()
    const gone = [...this.#sockets].map(socket => new Promise(resolve => socket.on('close', resolve)))
    for (const socket of this.#sockets) socket.destroy()
    await Promise.all(gone)
    if (this.#server.listening) await new Promise(resolve => this.#server.close(resolve))
  }

  async #accept(near: Socket): Promise<void> {
    this.#keep(near)
    await this.#healed().catch(() => {})
    const options = { port: this.#target, host: '127.0.0.1', noDelay: true, allowHalfOpen: true }
    if (near.destroyed || this.#over.signal.aborted) return void near.destroy()
    const far = this.#keep(connect(options))
    const shared = { healed: () => this.#healed(), random: this.#random, signal: this.#over.signal }
    const passed = this.passed
    void new Way({ ...shared, from: near, to: far, line: () => this.up, count: n => (passed.up += n) }).run()
    void new Way({
      ...shared,
      from: far,
      to: near,
      line: () => this.down,
      count: n => (passed.down += n),
    }).run()
  }

  #keep(socket: Socket): Socket {
    this.#sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => this.#sockets.delete(socket))
    return socket
  }

  async #healed(): Promise<void> {
    const { signal } = this.#over
    while (this.#parted) await once(this.#bell, 'healed', { signal })
  }
}

interface WayOptions {
  from: Socket
  to: Socket
  line(): Line
  random(): number
  /** Settles as soon as bytes may pass at all. */
  healed(): Promise<void>
  count(bytes: number): void
  signal: AbortSignal
}

/** One direction of one connection. */
class Way {
  readonly #options: WayOptions
  /** What is on its way, and when it arrives. */
  readonly #queue: { bytes: Uint8Array; due: number }[] = []
  readonly #bell = new EventEmitter()
  readonly #begin = performance.now()
  #queued = 0
  #due = 0
  #left = 0
  #ended = false
  #stalled = false
  /** When the next byte may leave, at the line's rate. */
  #free = 0

  constructor(options: WayOptions) {
    this.#options = options
  }

  async run(): Promise<void> {
    const { from, to, healed } = this.#options
    try {
      await Promise.all([this.#take(), this.#give()])
    } catch {
      // Either end broke, or the proxy is closed: the other one hears of it as of a reset.
      await healed().catch(() => {})
      to.resetAndDestroy()
      from.resetAndDestroy()
    }
  }

  async #take(): Promise<void> {
    const chunks: AsyncIterable<Uint8Array> = this.#options.from.iterator({ destroyOnReturn: false })
    for await (const bytes of chunks) {
      this.#due = Math.max(this.#due, performance.now() + this.#pick(this.#options.line().delay ?? 0))
      this.#queue.push({ bytes, due: this.#due })
      this.#queued += bytes.length
      this.#bell.emit('came')
      while (this.#queued > capacity) await once(this.#bell, 'went', this.#options)
    }
    this.#ended = true
    this.#bell.emit('came')
  }

  async #give(): Promise<void> {
    for (;;) {
      this.#cut()
      while (this.#queue.length === 0 && !this.#ended) await once(this.#bell, 'came', this.#options)
      await this.#hold()
      if (this.#queue.length === 0) return this.#finish()
      await this.#pass()
    }
  }

  /** Waits until the first bytes have arrived and nothing holds them. */
  async #hold(): Promise<void> {
    const { stall, stalls } = this.#options.line()
    await this.#until(this.#queue[0]?.due ?? 0)
    if (stall && !this.#stalled && this.#left >= stall.at) {
      this.#stalled = true
      await this.#until(performance.now() + stall.for)
    }
    if (stalls) {
      const past = (performance.now() - this.#begin) % (stalls.every + stalls.for)
      if (past > stalls.every) await this.#until(performance.now() + stalls.every + stalls.for - past)
    }
    await this.#options.healed()
  }

  async #pass(): Promise<void> {
    const { to, line, count } = this.#options
    const { rate, pieces } = line()
    const bytes = this.#next()
    if (rate) {
      await this.#until(this.#free)
      this.#free = Math.max(this.#free, performance.now()) + (bytes.length * 1_000) / rate
    }
    if (this.#isCutBy('end') || this.#isCutBy('swallow')) return
    await written(to, bytes)
    count(bytes.length)
    this.#left += bytes.length
    // A turn between two pieces, so that they do not reach the network as one.
    if (pieces) await setImmediate()
  }

  #finish(): void {
    if (!this.#isCutBy('end') && !this.#isCutBy('swallow')) this.#options.to.end()
  }

  /** Takes the next bytes that leave as one from the queue. */
  #next(): Uint8Array {
    const size = this.#size()
    const joined: Uint8Array[] = []
    for (let left = size; left > 0 && this.#queue.length > 0; ) {
      const head = this.#queue[0]!
      const part = head.bytes.subarray(0, left)
      joined.push(part)
      left -= part.length
      head.bytes = head.bytes.subarray(part.length)
      if (head.bytes.length === 0) this.#queue.shift()
      if (!this.#options.line().joins) break
    }
    const bytes = joined.length === 1 ? joined[0]! : Buffer.concat(joined)
    this.#queued -= bytes.length
    this.#bell.emit('went')
    return bytes
  }

  /** How many bytes may leave as one: none goes past a place where something is to happen, and none is slower than a tick. */
  #size(): number {
    const { pieces, joins, rate, cut, stall } = this.#options.line()
    const wanted = pieces ? this.#pick(pieces) : (joins ?? capacity)
    const places = [cut?.at, this.#stalled ? undefined : stall?.at]
    const ahead = places.filter(place => place !== undefined && place > this.#left) as number[]
    const bounds = [wanted, ...ahead.map(place => place - this.#left)]
    if (rate) bounds.push(rate / 50)
    return Math.max(1, Math.floor(Math.min(...bounds)))
  }

  #cut(): void {
    if (this.#isCutBy('reset')) throw new Error('the line is cut')
    if (this.#isCutBy('end')) this.#options.to.end()
  }

  #isCutBy(by: NonNullable<Line['cut']>['by']): boolean {
    const { cut } = this.#options.line()
    return cut?.by === by && this.#left >= cut.at
  }

  #pick(span: Span): number {
    if (typeof span === 'number') return span
    const [first, last] = span
    return first + Math.floor(this.#options.random() * (last - first + 1))
  }

  async #until(time: number): Promise<void> {
    const { signal } = this.#options
    const wait = time - performance.now()
    if (wait > 0) await sleep(wait, undefined, { signal })
  }
}

function written(socket: Socket, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.write(bytes, error => (error ? reject(error) : resolve()))
  })
}
