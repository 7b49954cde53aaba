/**
 * `/chat/1.0.0` names two protocols: lines (go, py, parley) and frames (js-libp2p's example). Nothing on the wire says
 * which; it follows from what identify tells of the other side's program, and from the bytes that come.
 *
 * What is written at first follows from the program alone: `dialectOf`. What is read is decided by the bytes, and from then
 * on what is written follows that. A message decides by its last byte at the latest, mostly the first one:
 *
 * | it begins with                           | and a newline is | lines expected | else   |
 * |------------------------------------------|------------------|----------------|--------|
 * | no length up to that of the longest line |                  | lines          | lines  |
 * | a length of two or three bytes: no text  |                  | frames         | frames |
 * | a length that is a control character     | before its end   | lines          | frames |
 * |                                          | at its end       | frames         | frames |
 * |                                          | not in it        | trial          | frames |
 * | a length that is a character of a text   | before its end   | lines          | lines  |
 * |                                          | at its end       | lines          | trial  |
 * |                                          | not in it        | lines          | trial  |
 *
 * "Its end" is where the length says. A trial takes this one message as a frame and lets the next one decide; behind a
 * control character frames are then expected. If it was lines after all, everything so far is given once more, as lines.
 * Lines cannot be taken back like that: so whose program is not known is read as if it spoke frames.
 *
 * So a wrong guess may show a text twice, or a length as a character in front of it; and the user is told when the other
 * side was written to by one. Characters of a text are lost to it, where lengths would stand, when it begins with a control
 * character and its program is not known to speak lines; and the first one of a text that is all that was ever said, when
 * that is as long as its first character says.
 */
import { ByteQueue, concat, EMPTY, utf8Strict } from '../wire/bytes.ts'
import { INCOMPLETE, MALFORMED, varintEnd, varintNumber } from '../wire/varint.ts'
import { encodeFramedLine, FramedLineReader } from './framed-lines.ts'
import { encodeLine, LineReader, MAX_LINE } from './lines.ts'

/** How the messages of a chat are told from each other: by newlines, or by lengths in front. */
export type Dialect = 'lines' | 'frames'

/** The dialect of a program that does not speak identify: js-libp2p's example leaves it out, all others have it unasked. */
export const DIALECT_WITHOUT_IDENTIFY: Dialect = 'frames'

/** The dialect of the program with that name in identify, if it gives one. */
export function dialectOf(agent: string | undefined): Dialect | undefined {
  if (agent === undefined) return undefined
  return agent.startsWith('js-libp2p/') ? 'frames' : 'lines'
}

/** One message, to be written in either dialect; see `linesOf` for what becomes of a long one. */
export class Message {
  readonly #text: string
  readonly #prefix: string
  readonly #encoded: { [dialect in Dialect]?: Uint8Array } = {}

  constructor(text: string, prefix = '') {
    this.#text = text
    this.#prefix = prefix
  }

  /** The message on the wire; it is encoded once, for however many streams. */
  in(dialect: Dialect): Uint8Array {
    const encode = dialect === 'lines' ? encodeLine : encodeFramedLine
    this.#encoded[dialect] ??= encode(this.#text, this.#prefix)
    return this.#encoded[dialect]
  }
}

/** Where the first newline of a message stands: before the end that its length gives, there, or not in it. */
type Fit = 'before' | 'there' | 'nowhere'

type Verdict = Dialect | 'trial'

/** The table above, for lengths of one byte. */
const verdicts: Record<Dialect, Record<'control' | 'text', Verdict | Record<Fit, Verdict>>> = {
  lines: { control: { before: 'lines', there: 'frames', nowhere: 'trial' }, text: 'lines' },
  frames: { control: 'frames', text: { before: 'lines', there: 'trial', nowhere: 'trial' } },
}

/** The longest line with its newline; js reads its input in pieces of no more than 64 KiB. */
const longestFirst = MAX_LINE + 1

/** How many bytes its length may have. */
const longestPrefix = 3

const newline = 0x0a
const textControls: readonly number[] = [0x09, newline, 0x0d, 0x1b]

/** Reads the messages of a chat as lines, in whichever dialect they turn out to come. */
export class DialectReader {
  #expected: Dialect
  #dialect: Dialect | undefined
  #reader: LineReader | FramedLineReader | undefined
  /** The beginning of a message that has decided nothing yet; of at most 128 bytes. */
  #head = EMPTY
  /** What was taken as frames on trial. */
  readonly #tried = new ByteQueue()

  /** @param expected what the other side's program is known to speak; `forced` leaves the bytes no say */
  constructor(expected: Dialect | undefined, { forced }: { forced?: Dialect | undefined } = {}) {
    this.#expected = expected ?? 'frames'
    if (forced) this.#settle(forced, [])
  }

  /** What the bytes so far are taken for; `undefined` before they say anything. */
  get dialect(): Dialect | undefined {
    return this.#dialect
  }

  /** As `LineReader.receive`. Throws `ERR_FRAME` for frames that turn out to be none. */
  receive(chunk: Uint8Array): string[] {
    if (this.#reader) return this.#reader.receive(chunk)
    this.#head = concat([this.#head, chunk])
    return this.#decide()
  }

  /** The line that the stream ended in the middle of, if there is one. What is undecided by then are lines. */
  finish(): string[] {
    const lines = this.#head.length > 0 ? this.#settle('lines', []) : []
    return this.#reader?.finish(lines) ?? lines
  }

  #decide(): string[] {
    const lines: string[] = []
    for (;;) {
      // No line is as long as that: what has fitted so often are frames.
      const verdict = this.#tried.length > MAX_LINE ? 'frames' : judge(this.#head, this.#expected)
      if (verdict === undefined) {
        // A copy of the few bytes: what they came in may be large.
        this.#head = this.#head.slice()
        return lines
      }
      if (verdict !== 'trial') return this.#settle(verdict, lines)
      this.#try(lines)
    }
  }

  #settle(dialect: Dialect, lines: string[]): string[] {
    const tried = this.#tried.clear()
    const bytes = dialect === 'lines' ? concat([tried, this.#head]) : this.#head
    this.#head = EMPTY
    this.#dialect = dialect
    this.#reader = dialect === 'lines' ? new LineReader() : new FramedLineReader()
    return this.#reader.receive(bytes, lines)
  }

  /** Takes one message as a frame. */
  #try(lines: string[]): void {
    const length = this.#head[0]!
    const end = 1 + length
    const message = this.#head.subarray(0, end)
    this.#dialect = 'frames'
    if (!isText(length)) this.#expected = 'frames'
    this.#tried.push(message)
    this.#head = this.#head.subarray(end)
    new FramedLineReader().receive(message, lines)
  }
}

/** What the beginning of a message says of its dialect; `undefined` when more of it must come first. */
function judge(bytes: Uint8Array, expected: Dialect): Verdict | undefined {
  const end = varintEnd(bytes, 0, Math.min(bytes.length, longestPrefix))
  if (end === INCOMPLETE && bytes.length < longestPrefix) return undefined
  if (end === INCOMPLETE || end === MALFORMED) return 'lines'
  const length = varintNumber(bytes, 0, end)
  if (length > longestFirst) return 'lines'
  if (end > 1) return 'frames'
  const verdict = verdicts[expected][isText(length) ? 'text' : 'control']
  if (typeof verdict === 'string') return verdict
  const fit = fitOf(bytes, length)
  return fit && verdict[fit]
}

/** Whether a text may begin with that byte below 0x80. */
function isText(byte: number): boolean {
  return (byte >= 0x20 && byte < 0x7f) || textControls.includes(byte)
}

function fitOf(bytes: Uint8Array, length: number): Fit | undefined {
  const message = bytes.subarray(1, 1 + length)
  const at = message.indexOf(newline)
  if (at >= 0) return at === length - 1 ? 'there' : 'before'
  if (message.length < length) return undefined
  // What ends inside a character goes on: its newline is yet to come, and no length stands behind it.
  return utf8Strict(message) === undefined ? 'before' : 'nowhere'
}
