/**
 * The chat's protocol as go and py speak it: UTF-8 lines, each ended by a newline. go-libp2p's example sends two
 * newlines a message, so empty lines say nothing. For the other dialect see framed-lines.ts.
 */
import { ByteQueue, concat, utf8, utf8Text } from '../wire/bytes.ts'

/** The name of the protocol, as go-libp2p's chat example has it. */
export const CHAT_PROTOCOL = '/chat/1.0.0'

/** The names it goes by, the one to propose first in front; go's examples that find peers by themselves have the other. */
export const CHAT_PROTOCOLS: readonly string[] = [CHAT_PROTOCOL, '/chat/1.1.0']

/** A longer line, in bytes, is taken as several: nothing is lost, and nobody can make us keep more. */
export const MAX_LINE = 64 * 1024

const newline = 0x0a
const carriageReturn = 0x0d

/**
 * One message as lines, each behind a prefix and with its newline. Newlines inside become spaces. A text that is too long
 * for a line becomes several, cut between characters as the reader would cut it, each behind the prefix: what follows a
 * cut must not pass for another's words.
 */
export function linesOf(text: string, prefix: string): Uint8Array[] {
  const head = utf8(prefix)
  const body = utf8(text.replace(/[\r\n]+/g, ' '))
  const room = MAX_LINE - head.length
  const lines: Uint8Array[] = []
  let start = 0
  do {
    const piece = body.subarray(start, start + room)
    const end = start + piece.length < body.length ? characterEnd(piece) : piece.length
    lines.push(concat([head, piece.subarray(0, end), Uint8Array.of(newline)]))
    start += end
  } while (start < body.length)
  return lines
}

/** One message on the wire, behind a prefix: see `linesOf`. */
export function encodeLine(text: string, prefix = ''): Uint8Array {
  return concat(linesOf(text, prefix))
}

/** Cuts the bytes of a chat stream into lines, however they are cut on the way. */
export class LineReader {
  /** The beginning of a line whose end has not come. */
  readonly #partial = new ByteQueue()

  /** Takes in bytes; returns `lines` with those added that they complete, without their ends and without empty ones. */
  receive(chunk: Uint8Array, lines: string[] = []): string[] {
    let start = 0
    while (start < chunk.length) {
      const rest = chunk.subarray(start)
      const room = MAX_LINE - this.#partial.length
      const end = rest.subarray(0, room + 1).indexOf(newline)
      if (end >= 0) {
        add(lines, this.#join(rest.subarray(0, end)))
        start += end + 1
      } else {
        this.#partial.push(rest.subarray(0, room))
        // Only a byte too many shows that the line is too long: the next one might be its end.
        if (rest.length > room) this.#cut(lines)
        start += room
      }
    }
    return lines
  }

  /** Returns `lines` with the one added that the stream ended in the middle of, if there is one. */
  finish(lines: string[] = []): string[] {
    add(lines, this.#partial.clear())
    return lines
  }

  #join(end: Uint8Array): Uint8Array {
    return this.#partial.length === 0 ? end : concat([this.#partial.clear(), end])
  }

  /** A line that is too long ends between two characters; what is left of the last one begins the next. */
  #cut(lines: string[]): void {
    const bytes = this.#partial.clear()
    const end = characterEnd(bytes)
    lines.push(utf8Text(bytes.subarray(0, end)))
    this.#partial.push(bytes.slice(end))
  }
}

function add(lines: string[], line: Uint8Array): void {
  const end = line.at(-1) === carriageReturn ? line.length - 1 : line.length
  if (end > 0) lines.push(utf8Text(line.subarray(0, end)))
}

/** Where the last whole character ends; a UTF-8 character is at most four bytes long. */
function characterEnd(bytes: Uint8Array): number {
  for (let back = 1; back <= 3; back++) {
    const byte = bytes[bytes.length - back] ?? 0
    if (byte >= 0xc0) return lengthOf(byte) > back ? bytes.length - back : bytes.length
    if (byte < 0x80) return bytes.length
  }
  return bytes.length
}

function lengthOf(leadByte: number): number {
  if (leadByte >= 0xf0) return 4
  return leadByte >= 0xe0 ? 3 : 2
}
