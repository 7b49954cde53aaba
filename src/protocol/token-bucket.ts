/** How much a `TokenBucket` allows. */
export interface TokenBucketOptions {
  /** So much at once. */
  burst: number
  /** So much per second after that. */
  rate: number
}

/** Allows things at a rate, and a number of them at once. */
export class TokenBucket {
  readonly #options: TokenBucketOptions
  #tokens: number
  #since: number

  /** @param now milliseconds on a clock that never goes back, here and below */
  constructor(options: TokenBucketOptions, now: number) {
    this.#options = options
    this.#tokens = options.burst
    this.#since = now
  }

  /** Takes one token; returns whether there was one. */
  take(now: number): boolean {
    this.#refill(now)
    if (this.#tokens < 1) return false
    this.#tokens--
    return true
  }

  #refill(now: number): void {
    const { burst, rate } = this.#options
    this.#tokens = Math.min(burst, this.#tokens + ((now - this.#since) * rate) / 1_000)
    this.#since = now
  }
}
