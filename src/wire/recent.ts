/** A map of so many entries at most: when it is full, the one that came first makes room for the next. */
export class Recent<V> {
  readonly #entries = new Map<string, V>()
  readonly #max: number

  constructor(max: number) {
    this.#max = max
  }

  get(key: string): V | undefined {
    return this.#entries.get(key)
  }

  has(key: string): boolean {
    return this.#entries.has(key)
  }

  set(key: string, value: V): void {
    if (this.#entries.size >= this.#max && !this.#entries.has(key)) this.#dropFirst()
    this.#entries.set(key, value)
  }

  /** The value that is there; the given one from now on where there is none. */
  getOrSet(key: string, value: V): V {
    const known = this.#entries.get(key)
    if (known === undefined) this.set(key, value)
    return known ?? value
  }

  #dropFirst(): void {
    for (const key of this.#entries.keys()) {
      this.#entries.delete(key)
      return
    }
  }
}
