/** Places that can be told apart; the sources have some five thousand. */
const size = 1 << 14

/** How often a place was passed, from which number of times on it counts as something new: as AFL has it. */
const buckets = Uint8Array.from({ length: 256 }, (_, count) => {
  if (count < 4) return (1 << count) >> 1
  if (count < 8) return 8
  if (count < 16) return 16
  if (count < 32) return 32
  return count < 128 ? 64 : 128
})

/** Where the instrumented code counts; see instrument.ts. */
export const counters: Uint8Array = new Uint8Array(size)
const words = new Uint32Array(counters.buffer)

/** The places that were passed so far, and how often at a time. */
export class Coverage {
  readonly #seen = new Uint8Array(size)
  readonly #used: number
  #places = 0

  /** @param places how many there are; those that were passed when modules were loaded do not count */
  constructor(places: number) {
    this.#used = Math.min(size, places + 3) >> 2
    this.reset()
  }

  /** How many places were passed at all. */
  get places(): number {
    return this.#places
  }

  /** Counts from zero again. */
  reset(): void {
    words.fill(0, 0, this.#used)
  }

  /** Takes in what was counted since `reset`; returns whether any of it is new. */
  absorb(): boolean {
    let news = false
    for (let at = 0; at < this.#used; at++) {
      if (words[at] === 0) continue
      for (let place = at * 4; place < at * 4 + 4; place++) news = this.#absorb(place) || news
    }
    return news
  }

  /** The places that were passed since `reset`. */
  get passed(): number[] {
    const places = Array.from(counters.subarray(0, 4 * this.#used), (_, place) => place)
    return places.filter(place => counters[place]! > 0)
  }

  #absorb(place: number): boolean {
    const bucket = buckets[counters[place]!]!
    const seen = this.#seen[place]!
    if ((seen & bucket) === bucket) return false
    if (seen === 0) this.#places++
    this.#seen[place] = seen | bucket
    return true
  }
}
