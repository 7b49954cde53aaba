/** The bounds of the waits between tries, in milliseconds. */
export interface BackoffOptions {
  /** The wait before the first try, at most. Default 500. */
  first?: number
  /** What no wait exceeds. Default 30,000. */
  longest?: number
}

/**
 * How long to wait before each try: up to twice as long as before the last one. Half of a wait is left to chance, lest all who
 * have lost the same peer come back to it at the same moment.
 */
export class Backoff {
  readonly #random: () => number
  readonly #first: number
  readonly #longest: number
  #tries = 0

  /** @param random numbers from 0 up to 1 */
  constructor(random: () => number, { first = 500, longest = 30_000 }: BackoffOptions = {}) {
    this.#random = random
    this.#first = first
    this.#longest = longest
  }

  /** How long to wait before the next try. */
  next(): number {
    const wait = Math.min(this.#first * 2 ** this.#tries++, this.#longest)
    return (wait / 2) * (1 + this.#random())
  }

  /** Begins with the short waits again. */
  reset(): void {
    this.#tries = 0
  }
}
