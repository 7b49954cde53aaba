import { ParleyError } from './errors.ts'

// Declared here because the ring compiles without the DOM's and without Node's types; every platform has both.
declare class TextEncoder {
  encode(text: string): Uint8Array
}
declare class TextDecoder {
  constructor(label: string, options: { fatal: boolean; ignoreBOM: boolean })
  decode(bytes: Uint8Array): string
}

const encoder = new TextEncoder()
// `ignoreBOM` keeps a byte order mark in the text, so that text and bytes are always one to one.
const lossy = new TextDecoder('utf-8', { fatal: false, ignoreBOM: true })
const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** No bytes at all. */
export const EMPTY: Uint8Array = new Uint8Array(0)

/** Joins the pieces; `length` is the sum of theirs, where it is known already. One piece comes back as it is. */
export function concat(pieces: readonly Uint8Array[], length?: number): Uint8Array {
  if (pieces.length === 1) return pieces[0]!
  const joined = new Uint8Array(length ?? pieces.reduce((sum, piece) => sum + piece.length, 0))
  let offset = 0
  for (const piece of pieces) {
    joined.set(piece, offset)
    offset += piece.length
  }
  return joined
}

/** Whether both hold the same bytes. Not in constant time: for public values only. */
export function equals(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

/** Byte-wise order: negative when `a` comes before `b`, 0 when they are equal. A prefix comes before the whole. */
export function compare(a: Uint8Array, b: Uint8Array): number {
  const shared = Math.min(a.length, b.length)
  for (let i = 0; i < shared; i++) if (a[i] !== b[i]) return a[i]! - b[i]!
  return a.length - b.length
}

/** The text in UTF-8. Lone surrogates become U+FFFD. */
export function utf8(text: string): Uint8Array {
  return encoder.encode(text)
}

/** The text of UTF-8 bytes; whatever is not UTF-8 becomes U+FFFD. */
export function utf8Text(bytes: Uint8Array): string {
  return lossy.decode(bytes)
}

/** The text of UTF-8 bytes, or `undefined` when they are not UTF-8 throughout. */
export function utf8Strict(bytes: Uint8Array): string | undefined {
  try {
    return strict.decode(bytes)
  } catch {
    return undefined
  }
}

/** Two lower-case hexadecimal digits for each byte. */
export function hex(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += (byte < 16 ? '0' : '') + byte.toString(16)
  return text
}

/**
 * The text of bytes in Latin-1: a character each, for a map to find them by, or to look for ASCII. In one piece, where `hex` is a chain of
 * many. For heads, keys and hashes; more than some ten thousand bytes are too many arguments for a call.
 */
export function latin1Text(bytes: Uint8Array): string {
  return String.fromCharCode.apply(null, bytes as unknown as number[])
}

/** The bytes that hexadecimal digits of either case stand for. Throws `ERR_USAGE` for any other text. */
export function fromHex(text: string): Uint8Array {
  if (text.length % 2 !== 0 || /[^0-9a-f]/i.test(text)) {
    throw new ParleyError('ERR_USAGE', 'The text is not made of pairs of hexadecimal digits.')
  }
  const bytes = new Uint8Array(text.length / 2)
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(text.slice(2 * i, 2 * i + 2), 16)
  return bytes
}

// Chunks below this size are copied into blocks of the queue's own: a flood of tiny ones then costs neither an
// object each nor the memory that their views would keep alive.
const SMALL = 512
// Blocks start small, for the many queues that see little, and double up to this.
const LARGEST_BLOCK = 4096
// Taken chunks are struck off the list when there are this many, and at least as many as those left.
const STRUCK_OFF_AT = 64

/**
 * Bytes that have come in pieces and leave in other pieces. Each byte is copied at most twice, however the
 * bytes are cut. Views that were handed out stay as they are whatever is pushed later; pushed chunks must not
 * be written to afterwards, unless what waits of them is detached first and what was taken is done with.
 */
export class ByteQueue {
  #chunks: Uint8Array[] = []
  /** Where the chunks begin that are not wholly taken. */
  #head = 0
  /** How much of the first chunk is taken. */
  #taken = 0
  #length = 0
  /** The block that small chunks go to; from `#blockStart` to `#blockEnd` it holds what comes after all chunks. */
  #block = EMPTY
  #blockStart = 0
  #blockEnd = 0

  /** How many bytes wait. */
  get length(): number {
    return this.#length
  }

  /** Adds a chunk at the end. */
  push(chunk: Uint8Array): void {
    this.#length += chunk.length
    if (chunk.length < SMALL) {
      this.#append(chunk)
      return
    }
    this.#flushBlock()
    this.#chunks.push(chunk)
  }

  /** Copies what waits of the chunk pushed last, which may then be written to again. */
  detach(): void {
    const last = this.#chunks.length - 1
    if (last < this.#head || this.#blockStart < this.#blockEnd) return
    this.#chunks[last] = this.#chunks[last]!.slice(last === this.#head ? this.#taken : 0)
    if (last === this.#head) this.#taken = 0
  }

  /** The byte at `index`, which must be below `length`. Meant for the first few. */
  peek(index: number): number {
    this.#demand(index + 1)
    let offset = this.#taken + index
    let at = this.#head
    while (at < this.#chunks.length && offset >= this.#chunks[at]!.length)
      offset -= this.#chunks[at++]!.length
    return at < this.#chunks.length ? this.#chunks[at]![offset]! : this.#block[this.#blockStart + offset]!
  }

  /** Takes exactly `length` bytes, as views. Throws `ERR_USAGE` when fewer wait. */
  take(length: number): Uint8Array[] {
    this.#demand(length)
    const pieces: Uint8Array[] = []
    for (let missing = length; missing > 0; missing -= pieces.at(-1)!.length) pieces.push(this.#cut(missing))
    return pieces
  }

  /** Takes exactly `length` bytes in one piece: a view when they lie in one chunk, else a copy. */
  read(length: number): Uint8Array {
    return concat(this.take(length), length)
  }

  /** Takes what comes first in one piece, or nothing when nothing waits. */
  next(): Uint8Array | undefined {
    return this.#length === 0 ? undefined : this.#cut(this.#length)
  }

  /** Takes all that is left, in one piece. */
  clear(): Uint8Array {
    return this.read(this.#length)
  }

  #append(chunk: Uint8Array): void {
    // Mostly a small chunk is alone, and taken before the next one comes.
    if (this.#length === chunk.length) {
      this.#chunks.push(chunk.slice())
      return
    }
    if (this.#block.length - this.#blockEnd < chunk.length) {
      this.#flushBlock()
      this.#block = new Uint8Array(Math.min(LARGEST_BLOCK, Math.max(SMALL, 2 * this.#block.length)))
      this.#blockStart = this.#blockEnd = 0
    }
    this.#block.set(chunk, this.#blockEnd)
    this.#blockEnd += chunk.length
  }

  /** Makes what the block holds the last chunk; the block itself goes on behind it. */
  #flushBlock(): void {
    if (this.#blockStart === this.#blockEnd) return
    this.#chunks.push(this.#block.subarray(this.#blockStart, this.#blockEnd))
    this.#blockStart = this.#blockEnd
  }

  #demand(length: number): void {
    if (length <= this.#length) return
    throw new ParleyError('ERR_USAGE', `${length} bytes were asked for where ${this.#length} wait.`)
  }

  /** Takes up to `limit` bytes of the first chunk. */
  #cut(limit: number): Uint8Array {
    if (this.#head === this.#chunks.length) this.#flushBlock()
    const chunk = this.#chunks[this.#head]!
    const start = this.#taken
    const end = Math.min(chunk.length, start + limit)
    this.#length -= end - start
    if (end < chunk.length) this.#taken = end
    else this.#drop()
    return end - start === chunk.length ? chunk : chunk.subarray(start, end)
  }

  /** Lets go of the first chunk. The list is rebuilt only now and then, which keeps a long one linear. */
  #drop(): void {
    this.#taken = 0
    // Mostly it is alone, and to set the length of a list is a call into V8's runtime.
    if (this.#chunks.length === 1) return void this.#chunks.pop()
    this.#chunks[this.#head++] = EMPTY
    if (this.#head === this.#chunks.length) this.#chunks.length = this.#head = 0
    else if (this.#head >= STRUCK_OFF_AT && 2 * this.#head >= this.#chunks.length) {
      this.#chunks = this.#chunks.slice(this.#head)
      this.#head = 0
    }
  }
}
