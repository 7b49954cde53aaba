import { monotonicNow, startTimer } from './timer.ts'
import type { Direction } from './upgrade.ts'

/** What `Negotiations` knows of a stream. */
export interface Negotiating {
  readonly direction: Direction
  /** When it began, in milliseconds on a clock that never goes back. */
  readonly since: number
  readonly isNegotiating: boolean
  /** Its time is over. */
  expire(): void
}

/**
 * How many streams of a connection are agreeing on their protocol, and by when each must have done so. One timer looks at all streams
 * now and then: most have agreed long before, so that a list of those that have not would cost more.
 */
export class Negotiations {
  readonly #timeout: number
  readonly #streams: ReadonlyMap<number, Negotiating>
  readonly #count: Record<Direction, number> = { inbound: 0, outbound: 0 }
  #cancelTimer: (() => void) | undefined

  /**
   * @param timeout milliseconds from `began` until a stream expires, unless `ended` is called first
   * @param streams all of the connection's, by ID
   */
  constructor(timeout: number, streams: ReadonlyMap<number, Negotiating>) {
    this.#timeout = timeout
    this.#streams = streams
  }

  /** How many are under way. */
  count(direction: Direction): number {
    return this.#count[direction]
  }

  began({ direction }: Negotiating): void {
    this.#count[direction]++
    this.#cancelTimer ??= startTimer(this.#timeout, () => this.#look())
  }

  ended({ direction }: Negotiating): void {
    this.#count[direction]--
  }

  /** Nothing expires any more. */
  clear(): void {
    this.#cancelTimer?.()
  }

  #look(): void {
    this.#cancelTimer = undefined
    const now = monotonicNow()
    let wait = Number.POSITIVE_INFINITY
    for (const stream of this.#streams.values()) {
      if (!stream.isNegotiating) continue
      const left = stream.since + this.#timeout - now
      // Timers may be early by a fraction of a millisecond.
      if (left < 1) stream.expire()
      else wait = Math.min(wait, left)
    }
    if (wait < Number.POSITIVE_INFINITY) this.#cancelTimer ??= startTimer(wait, () => this.#look())
  }
}
