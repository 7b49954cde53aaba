import { remoteError } from '../../wire/errors.ts'

/** What every stream may send at first, both ways, without being told. */
export const INITIAL_WINDOW = 256 * 1024

const maxCredit = 0xffff_ffff

/** How many bytes the other side lets us send on a stream. */
export class SendWindow {
  #credit = INITIAL_WINDOW

  get credit(): number {
    return this.#credit
  }

  /** More credit from the other side. Throws `ERR_YAMUX` when the sum no longer fits 32 bits. */
  grant(delta: number): void {
    if (this.#credit + delta > maxCredit) {
      throw remoteError('ERR_YAMUX', 'The other side granted more window than there can be.')
    }
    this.#credit += delta
  }

  spend(count: number): void {
    this.#credit -= count
  }
}

/** What the receive windows of one connection may grow by together, so that many streams stay bounded. */
export class GrowthBudget {
  #left: number

  constructor(bytes: number) {
    this.#left = bytes
  }

  /** Up to `wanted` bytes of growth. */
  take(wanted: number): number {
    const taken = Math.min(wanted, this.#left)
    this.#left -= taken
    return taken
  }

  giveBack(count: number): void {
    this.#left += count
  }
}

/** How a receive window may grow. */
export interface GrowthLimits {
  /** The largest window of one stream, in bytes. */
  readonly maxWindow: number
  readonly budget: GrowthBudget
}

/** The limits of a session whose windows may reach `maxWindow` each and grow by `growth` together, in bytes. */
export function growthLimits(maxWindow: number, growth: number): GrowthLimits {
  // Less than every stream begins with, or more than a frame can grant, would only break the other side's sums.
  const possible = Math.min(Math.max(maxWindow, INITIAL_WINDOW), maxCredit)
  return { maxWindow: possible, budget: new GrowthBudget(growth) }
}

/** What may be owed at most before credit goes back; on a long way a quarter of a large window would be missed too long. */
const largestGrant = 1024 * 1024

/** Turns of an event loop hide shorter round trips than this, in milliseconds. */
const shortestRtt = 2

/** From this many milliseconds on a window grows by more than double, which would take most of a second to open it wide. */
const longRtt = 10

/** What is taken in this part of a round trip leaves the line idle for the rest of it. */
const burst = 1 / 8

/** So much of the first window is kept back where messages of others would stand in line behind it. */
const mostWithheld = INITIAL_WINDOW / 2

/**
 * How many bytes we let the other side send on a stream. Credit goes back only for what the reader has taken, and only in
 * quarters of the window. A window doubles when half of it or more is taken in a round trip: it comes to hold twice what the
 * way and the reader make possible, whether it was itself the limit or not, and no queue grows beyond that. On a short way it
 * goes back to half of its first size while others converse: each of their messages stands in line behind all that is on its way.
 */
export class ReceiveWindow {
  readonly #limits: GrowthLimits
  #size = INITIAL_WINDOW
  /** What the other side may still send. */
  #open = INITIAL_WINDOW
  /** Taken by the reader, and not yet granted again. */
  #owed = 0
  /** Taken by the reader, and not granted while others converse. */
  #withheld = 0
  /** Since when `#taken` is counted. */
  #since: number
  #taken = 0

  constructor(limits: GrowthLimits, now: number) {
    this.#limits = limits
    this.#since = now
  }

  /** The window's present size, in bytes. */
  get size(): number {
    return this.#size
  }

  /** What the other side may still send, in bytes. */
  get open(): number {
    return this.#open
  }

  /** A frame of `count` bytes begins. Throws `ERR_YAMUX` when that is more than was granted. */
  receive(count: number): void {
    if (count > this.#open) {
      throw remoteError('ERR_YAMUX', 'The other side sent more on a stream than its window allows.')
    }
    this.#open -= count
  }

  /** The reader took `count` bytes: returns whether enough is owed now to be worth an update. */
  consume(count: number): boolean {
    this.#owed += count
    return this.#owed >= Math.min((this.#size - this.#withheld) / 4, largestGrant)
  }

  /**
   * The credit to grant now, what the window grows by included; 0 when all that is owed is kept back.
   *
   * @param rtt the round trip in milliseconds, 0 when unknown
   * @param circumstances whether the window may grow, and whether other streams converse
   */
  grant(now: number, rtt: number, { grows = true, isBesideConversation = false } = {}): number {
    this.#taken += this.#owed
    if (isBesideConversation && rtt < shortestRtt) this.#withhold()
    else {
      this.#restore()
      if (grows) this.#grow(now, Math.max(rtt, shortestRtt))
    }
    const delta = this.#owed
    this.#owed = 0
    this.#open += delta
    return delta
  }

  /** Gives the growth back; the stream is over. */
  release(): void {
    this.#limits.budget.giveBack(this.#size - INITIAL_WINDOW)
    this.#size = INITIAL_WINDOW
  }

  #grow(now: number, rtt: number): void {
    const elapsed = now - this.#since
    const isFast = this.#taken * rtt >= (this.#size / 2) * Math.max(elapsed, rtt)
    if (!isFast && elapsed < rtt) return
    this.#since = now
    this.#taken = 0
    if (!isFast) return
    const wanted = this.#size * growthFactor(elapsed, rtt)
    const grown = this.#limits.budget.take(Math.min(wanted, this.#limits.maxWindow) - this.#size)
    this.#size += grown
    this.#owed += grown
  }

  /** No more than is owed: what was granted cannot be taken back. */
  #withhold(): void {
    const shrunk = Math.min(this.#size - INITIAL_WINDOW, this.#owed)
    this.#limits.budget.giveBack(shrunk)
    this.#size -= shrunk
    const withheld = Math.min(mostWithheld - this.#withheld, this.#owed - shrunk)
    this.#withheld += withheld
    this.#owed -= shrunk + withheld
  }

  #restore(): void {
    this.#owed += this.#withheld
    this.#withheld = 0
  }
}

/** What a window becomes, as a multiple, when half of it was taken in `elapsed` milliseconds. */
function growthFactor(elapsed: number, rtt: number): number {
  if (rtt < longRtt) return 2
  return elapsed < burst * rtt ? 16 : 4
}
