import { remoteError } from '../../wire/errors.ts'

/** Pongs that nobody asked for, before the other side counts as broken. go ignores all, js and rust none. */
const maxStrayPongs = 32

/** How often to ask for a sign of life, and how long to wait for one, in milliseconds. */
export interface HeartbeatLimits {
  keepAliveInterval: number
  keepAliveTimeout: number
}

/** Which pings are on their way, what the latest answer says of the round trip, and whether the other side lives. */
export class Heartbeat {
  readonly #limits: HeartbeatLimits
  /** Milliseconds of silence before a ping. */
  readonly #patience: number
  /** When each ping was sent, by value, the oldest first. */
  readonly #pings = new Map<number, number>()
  #nextValue = 1
  #lastPing: number
  #lastReceived: number
  #rtt = 0
  #shortestRtt = 0
  #strayPongs = 0

  /** @param role the client asks first: a server that has heard it need not ask as well */
  constructor(limits: HeartbeatLimits, role: 'client' | 'server', now: number) {
    this.#limits = limits
    this.#patience = limits.keepAliveInterval * (role === 'client' ? 1 : 1.1)
    this.#lastPing = now
    this.#lastReceived = now
  }

  /** The latest round-trip time in milliseconds, 0 before the first answer. */
  get rtt(): number {
    return this.#rtt
  }

  /** The shortest round-trip time so far, which no queue has lengthened. 0 before the first answer. */
  get shortestRtt(): number {
    return this.#shortestRtt
  }

  /** When the latest ping was sent; at first, when all began. */
  get lastPing(): number {
    return this.#lastPing
  }

  /** When bytes came last; at first, when all began. */
  get lastReceived(): number {
    return this.#lastReceived
  }

  /** Whether an answer is on its way. */
  get asking(): boolean {
    return this.#pings.size > 0
  }

  /** A ping is sent: the value for it. */
  ping(now: number): number {
    const value = this.#nextValue
    this.#nextValue = (value + 1) >>> 0
    this.#lastPing = now
    this.#pings.set(value, now)
    return value
  }

  /** An answer came. Returns its round-trip time, or `undefined` when nobody asked; throws `ERR_YAMUX` after many such. */
  pong(value: number, now: number): number | undefined {
    const sent = this.#pings.get(value)
    if (sent === undefined) {
      this.#countStray()
      return undefined
    }
    this.#pings.delete(value)
    this.#rtt = now - sent
    this.#shortestRtt = Math.min(this.#shortestRtt || this.#rtt, this.#rtt)
    return this.#rtt
  }

  /** Bytes came. Any are a sign of life: on a slow line an answer may wait long behind other data. */
  heard(now: number): void {
    this.#lastReceived = now
  }

  /** When the next ping is due, or its answer. Throws `ERR_TIMEOUT` when that was due and nothing came at all. */
  due(now: number): number {
    const [oldestPing] = this.#pings.values()
    if (oldestPing === undefined) return Math.max(this.#lastPing, this.#lastReceived) + this.#patience
    const deadline = Math.max(oldestPing, this.#lastReceived) + this.#limits.keepAliveTimeout
    if (now >= deadline) throw remoteError('ERR_TIMEOUT', 'The other side has stopped answering.')
    return deadline
  }

  #countStray(): void {
    this.#strayPongs++
    if (this.#strayPongs > maxStrayPongs) {
      throw remoteError('ERR_YAMUX', 'The other side keeps answering pings that were never sent.')
    }
  }
}
