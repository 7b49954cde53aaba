import { concat } from '#src/wire/bytes'
import { feed } from '../../support/feed.ts'

/** So many bytes may come one by one. */
const few = 4096

/** An input, read from its front as choices and as bytes. What is used up reads as zeros. */
export class Input {
  readonly #bytes: Uint8Array
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  /** Whether everything has been read. */
  get isEmpty(): boolean {
    return this.#at >= this.#bytes.length
  }

  byte(): number {
    return this.#bytes[this.#at++] ?? 0
  }

  /** Whether the next byte is odd. */
  flag(): boolean {
    return this.byte() % 2 === 1
  }

  /** One of the items. */
  pick<T>(items: readonly T[]): T {
    return items[this.byte() % items.length]!
  }

  /** Four bytes as one number, big-endian. */
  uint32(): number {
    return ((this.byte() << 24) | (this.byte() << 16) | (this.byte() << 8) | this.byte()) >>> 0
  }

  /** Up to `count` bytes. */
  take(count: number): Uint8Array {
    const bytes = this.#bytes.subarray(this.#at, this.#at + count)
    this.#at += bytes.length
    return bytes
  }

  /** All that is left. */
  rest(): Uint8Array {
    return this.take(this.#bytes.length)
  }

  /** The bytes in chunks that the next byte decides on: one, single bytes where they are few, or some of random sizes. */
  cut(bytes: Uint8Array): Uint8Array[] {
    const how = this.byte()
    if (how === 0) return feed(bytes, 'whole')
    return feed(bytes, how === 1 && bytes.length <= few ? 'bytes' : how)
  }

  /** The bytes as the next ones say: mostly untouched, or with one byte turned, cut short, or with bytes put in. */
  tamper(bytes: Uint8Array): Uint8Array {
    const how = this.byte()
    if (how < 128 || bytes.length === 0) return bytes
    const at = this.uint32() % bytes.length
    if (how < 200) return turned(bytes, at, this.byte() || 1)
    if (how < 228) return bytes.slice(0, at)
    return concat([bytes.subarray(0, at), this.take(this.byte()), bytes.subarray(at)])
  }
}

function turned(bytes: Uint8Array, at: number, bits: number): Uint8Array {
  const copy = bytes.slice()
  copy[at]! ^= bits
  return copy
}
