/** A buffer up to this size is cut from a block: an allocation of its own would take ten times as long. */
const longestCut = 512
const blockSize = 16 * 1024

let block = new ArrayBuffer(0)
let used = 0

/**
 * Zeroed memory for bytes that are soon done with, such as a frame or a record: up to 512 bytes it shares its buffer with others. Not for
 * what is kept, or what a program is given, who may give it away with its buffer.
 */
export function allocate(length: number): Uint8Array {
  if (length > longestCut) return new Uint8Array(length)
  if (used + length > block.byteLength) {
    block = new ArrayBuffer(blockSize)
    used = 0
  }
  used += length
  return new Uint8Array(block, used - length, length)
}
