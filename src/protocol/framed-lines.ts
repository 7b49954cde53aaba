/**
 * The chat's protocol as js-libp2p's example speaks it: each message behind its length as an unsigned varint. There a
 * message is what one read of the terminal gave, newline included: a line, or several of a pipe, or a part of one.
 */
import { concat, EMPTY } from '../wire/bytes.ts'
import { remoteError } from '../wire/errors.ts'
import { encodeFrame } from '../wire/frame.ts'
import { INCOMPLETE, varintEnd, varintLength, varintNumber } from '../wire/varint.ts'
import { LineReader, linesOf } from './lines.ts'

/** More than this is no message but something else that was taken for one. js-libp2p's own readers stop here, too. */
const maxFrame = 4 * 1024 * 1024
const longestPrefix = varintLength(maxFrame)

/** One message on the wire, behind a prefix: a frame for each of its lines (see `linesOf`), newline included. */
export function encodeFramedLine(text: string, prefix = ''): Uint8Array {
  return concat(linesOf(text, prefix).map(encodeFrame))
}

/** Cuts the bytes of framed messages into lines. A message ends a line, whether or not it ends in a newline. */
export class FramedLineReader {
  readonly #lines = new LineReader()
  /** The beginning of a length that is not all there. */
  #prefix = EMPTY
  /** How much of the current message is still to come. */
  #missing = 0
  #broken = false

  /**
   * As `LineReader.receive`. Throws `ERR_FRAME` for what is no length, or none of a message; if there are `lines` by then, they
   * are given first, and the next call throws.
   */
  receive(chunk: Uint8Array, lines: string[] = []): string[] {
    let rest = chunk
    while (rest.length > 0 && !this.#broken) {
      if (this.#missing === 0) rest = this.#readLength(rest)
      const part = rest.subarray(0, this.#missing)
      rest = rest.subarray(part.length)
      this.#missing -= part.length
      this.#lines.receive(part, lines)
      if (this.#missing === 0) this.#lines.finish(lines)
    }
    if (this.#broken && lines.length === 0) throw notFramed()
    return lines
  }

  /** As `LineReader.finish`. Throws as `receive` does. */
  finish(lines: string[] = []): string[] {
    if (this.#broken) throw notFramed()
    return this.#lines.finish(lines)
  }

  /** Returns what stands behind the length, or nothing when there is no whole length. */
  #readLength(chunk: Uint8Array): Uint8Array {
    const known = this.#prefix.length
    const head = concat([this.#prefix, chunk.subarray(0, longestPrefix - known)])
    const end = varintEnd(head, 0)
    const isPart = end === INCOMPLETE && head.length < longestPrefix
    this.#prefix = isPart ? head : EMPTY
    if (isPart) return EMPTY
    const length = end > 0 ? varintNumber(head, 0, end) : Number.POSITIVE_INFINITY
    this.#broken = length > maxFrame
    if (this.#broken) return EMPTY
    this.#missing = length
    return chunk.subarray(end - known)
  }
}

function notFramed(): Error {
  const message = 'What the other side sends are no messages behind their lengths; read it as lines.'
  return remoteError('ERR_FRAME', message, { scope: 'stream' })
}
