import { EMPTY } from '../../wire/bytes.ts'

/** Shorter pieces are copied together where many wait: to carry each as a view costs more than its bytes. */
const short = 512

/** So many pieces wait as views first. Short streams write no more, and a block for each would cost a third of their speed. */
const few = 4

/** Blocks begin small and double up to this. */
const largestBlock = 64 * 1024

/** What a stream is to send: views of what was written, but a flood of short writes in blocks. */
export class SendQueue {
  #pieces: Uint8Array[] = []
  /** Index of the first piece that is not yet taken. */
  #head = 0
  #length = 0
  /** Behind all pieces comes what stands in the block from `#start` to `#end`. */
  #block = EMPTY
  #start = 0
  #end = 0

  /** How many bytes wait. */
  get length(): number {
    return this.#length
  }

  /** Adds bytes, and before them a prefix, which must not change until they are taken. */
  push(bytes: Uint8Array, prefix = EMPTY): void {
    const length = prefix.length + bytes.length
    this.#length += length
    if (length < short && (this.#start < this.#end || this.#pieces.length - this.#head >= few)) {
      this.#append(prefix, bytes, length)
      return
    }
    this.#closeRun()
    if (prefix.length > 0) this.#pieces.push(prefix)
    if (bytes.length > 0) this.#pieces.push(bytes)
  }

  /** Takes `count` bytes, of which there must be as many, onto the end of `out`. */
  take(count: number, out: Uint8Array[]): void {
    this.#length -= count
    let left = count
    while (left > 0) {
      if (this.#head === this.#pieces.length) this.#closeRun()
      const piece = this.#pieces[this.#head]!
      if (piece.length > left) {
        out.push(piece.subarray(0, left))
        this.#pieces[this.#head] = piece.subarray(left)
        break
      }
      out.push(piece)
      left -= piece.length
      this.#head++
    }
    // An idle stream keeps no block.
    if (this.#length === 0) this.clear()
    else this.#tidy()
  }

  /** Drops all that waits. */
  clear(): void {
    this.#pieces = []
    this.#block = EMPTY
    this.#head = this.#length = this.#start = this.#end = 0
  }

  #append(prefix: Uint8Array, bytes: Uint8Array, length: number): void {
    if (this.#block.length - this.#end < length) {
      this.#closeRun()
      this.#block = new Uint8Array(Math.min(largestBlock, Math.max(2 * short, 2 * this.#block.length)))
      this.#start = this.#end = 0
    }
    // A call for a byte or two would take longer than the loop.
    for (let i = 0; i < prefix.length; i++) this.#block[this.#end + i] = prefix[i]!
    this.#block.set(bytes, this.#end + prefix.length)
    this.#end += length
  }

  /** Makes what the block holds the last piece; the block itself goes on behind it. */
  #closeRun(): void {
    if (this.#start === this.#end) return
    this.#pieces.push(this.#block.subarray(this.#start, this.#end))
    this.#start = this.#end
  }

  /** Lets go of the taken pieces once they are half of the list, so that the cost per piece stays constant. */
  #tidy(): void {
    if (2 * this.#head < this.#pieces.length) return
    this.#pieces = this.#pieces.slice(this.#head)
    this.#head = 0
  }
}
