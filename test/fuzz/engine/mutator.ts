import { concat, EMPTY } from '#src/wire/bytes'

/** Values at which code tends to change its mind. */
const edges = [0, 1, 2, 7, 8, 15, 16, 31, 32, 63, 64, 127, 128, 129, 254, 255]

/** Changes at most so many at once, as powers of two. */
const stacks = [1, 2, 4, 8, 16]

/** Numbers from 0 up to but without `limit`. */
export type Random = (limit: number) => number

/** A generator that gives the same numbers for the same seed (Marsaglia's xorshift of 32 bits). */
export function seededRandom(seed: number): Random {
  let state = (seed ^ 0x9e37_79b9) >>> 0 || 1
  return limit => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) % limit
  }
}

/** Makes new inputs out of old ones. */
export class Mutator {
  readonly #random: Random
  readonly #words: readonly Uint8Array[]
  readonly #maxLength: number
  readonly #kinds: readonly ((bytes: Uint8Array, other: Uint8Array) => Uint8Array)[]

  constructor(random: Random, words: readonly Uint8Array[], maxLength: number) {
    this.#random = random
    this.#words = words
    this.#maxLength = maxLength
    this.#kinds = [
      bytes => this.#change(bytes, byte => byte ^ (1 << random(8))),
      bytes => this.#change(bytes, () => random(256)),
      bytes => this.#change(bytes, () => edges[random(edges.length)]!),
      bytes => this.#change(bytes, byte => byte + 1 + random(16)),
      bytes => this.#change(bytes, byte => byte - 1 - random(16)),
      bytes => this.#remove(bytes),
      bytes => this.#insert(bytes, this.#noise()),
      bytes => this.#insert(bytes, new Uint8Array(1 + random(16)).fill(random(256))),
      bytes => this.#insert(bytes, this.#slice(bytes)),
      bytes => this.#overwrite(bytes, this.#slice(bytes)),
      bytes => this.#overwrite(bytes, this.#number()),
      bytes => this.#insert(bytes, this.#word()),
      bytes => this.#overwrite(bytes, this.#word()),
      (bytes, other) => this.#insert(bytes, this.#slice(other)),
      (bytes, other) => concat([bytes.subarray(0, this.#place(bytes)), other.subarray(this.#place(other))]),
    ]
  }

  /** A new input made of one old one, and perhaps of pieces of another. */
  mutate(bytes: Uint8Array, other: Uint8Array): Uint8Array {
    let result: Uint8Array = bytes.slice()
    for (let left = stacks[this.#random(stacks.length)]!; left > 0; left--) {
      result = this.#kinds[this.#random(this.#kinds.length)]!(result, other)
    }
    return result.length > this.#maxLength ? result.subarray(0, this.#maxLength) : result
  }

  #place(bytes: Uint8Array): number {
    return this.#random(bytes.length + 1)
  }

  #change(bytes: Uint8Array, change: (byte: number) => number): Uint8Array {
    if (bytes.length === 0) return Uint8Array.of(this.#random(256))
    const at = this.#random(bytes.length)
    bytes[at] = change(bytes[at]!)
    return bytes
  }

  #remove(bytes: Uint8Array): Uint8Array {
    const start = this.#place(bytes)
    const end = start + 1 + this.#random(this.#random(4) === 0 ? bytes.length + 1 : 8)
    return concat([bytes.subarray(0, start), bytes.subarray(end)])
  }

  #insert(bytes: Uint8Array, piece: Uint8Array): Uint8Array {
    const at = this.#place(bytes)
    return concat([bytes.subarray(0, at), piece, bytes.subarray(at)])
  }

  #overwrite(bytes: Uint8Array, piece: Uint8Array): Uint8Array {
    if (piece.length > bytes.length) return this.#insert(bytes, piece)
    bytes.set(piece, this.#random(bytes.length - piece.length + 1))
    return bytes
  }

  #slice(bytes: Uint8Array): Uint8Array {
    const start = this.#place(bytes)
    return bytes.slice(start, start + 1 + this.#random(32))
  }

  #noise(): Uint8Array {
    return Uint8Array.from({ length: 1 + this.#random(8) }, () => this.#random(256))
  }

  /** A number at a border, in two, four or eight bytes. */
  #number(): Uint8Array {
    const bytes = new Uint8Array(2 << this.#random(3)).fill(this.#random(2) * 0xff)
    bytes[this.#random(2) * (bytes.length - 1)] = edges[this.#random(edges.length)]!
    return bytes
  }

  #word(): Uint8Array {
    return this.#words.length > 0 ? this.#words[this.#random(this.#words.length)]! : EMPTY
  }
}
