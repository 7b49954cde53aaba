import { HEADER_LENGTH } from '../protocol/yamux/header.ts'

/** Smaller buffers are left to the collector: to give one back takes longer. */
const smallest = 16 * 1024

/** A port that is closed: what is transferred to it is taken from here, and arrives nowhere. */
let nowhere: ReturnType<typeof closedPort> | undefined

/**
 * Frees the memory of a piece that was read from a stream, and empties it. For programs that move much and are done with a piece before
 * they ask for the next: the collector lets tens of megabytes gather before it comes, which no cache holds. Of no effect on
 * what is shorter than 16 KiB, or shares its memory with other pieces. Not for messages of `lengthPrefixed`, which may share theirs
 * with messages before them, and not for what was written to another stream, which must stay as it is until it has left.
 */
export function giveBack(bytes: Uint8Array): void {
  const { buffer, byteOffset, length } = bytes
  // A record brings the header of a frame and its body, or more of a body, or else several.
  const isFirst = byteOffset === 0 || byteOffset === HEADER_LENGTH
  const isAlone = isFirst && byteOffset + length === buffer.byteLength
  if (length >= smallest && isAlone && buffer instanceof ArrayBuffer) free([buffer])
}

/** The buffers that a piece fills from end to end, if they are large enough to be worth it; most writes have none. */
export function largeBuffers(pieces: readonly Uint8Array[]): ArrayBuffer[] | undefined {
  let large: ArrayBuffer[] | undefined
  for (const { buffer, length } of pieces) {
    if (length < smallest || length !== buffer.byteLength || !(buffer instanceof ArrayBuffer)) continue
    large ??= []
    large.push(buffer)
  }
  return large
}

/**
 * Frees the memory of buffers that nobody will look at again, and takes them off the list. The collector would come for them each 32 MiB:
 * what is sealed meanwhile would go through as much memory, and not through the little that is in the processor's cache.
 */
export function free(buffers: ArrayBuffer[]): void {
  if (buffers.length === 0) return
  nowhere ??= closedPort()
  nowhere.postMessage(undefined, buffers.splice(0))
}

function closedPort() {
  const { port1 } = new MessageChannel()
  port1.close()
  // When glibc has freed a block of this size, it keeps twice as much at the end of its heap; else each batch would be asked of the
  // system anew, and cleared page by page.
  port1.postMessage(undefined, [new ArrayBuffer(4 * 1024 * 1024)])
  return port1
}
