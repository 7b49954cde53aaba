import { type Dialect, DialectReader, Message } from '#src/protocol/dialect'
import { encodeFramedLine, FramedLineReader } from '#src/protocol/framed-lines'
import { encodeLine, LineReader, MAX_LINE } from '#src/protocol/lines'
import { concat, EMPTY, utf8, utf8Text } from '#src/wire/bytes'
import type { ErrorCode } from '#src/wire/errors'
import { Input } from '../engine/input.ts'
import { must, mustMatch, outcome } from '../engine/promise.ts'
import type { Target } from '../engine/target.ts'

interface Reader {
  receive(chunk: Uint8Array): string[]
  finish(): string[]
}

const filler = new Uint8Array(512).fill(0xc3)

const dialects: readonly (Dialect | undefined)[] = [undefined, 'lines', 'frames']

/** The bytes of a chat, to each of its readers; and as a text, to each of its writers. */
function run(bytes: Uint8Array): void {
  const input = new Input(bytes)
  const expected = input.pick(dialects)
  const forced = input.pick([undefined, undefined, ...dialects])
  const how = input.take(1)
  // So that the bound of a line comes within reach.
  const isLong = input.byte() === 255
  const body = isLong ? longOf(input.take(32)) : input.rest()
  readTwice(() => new DialectReader(expected, { forced }), how, body)
  if (isLong) return
  readTwice(() => new LineReader(), how, body)
  readTwice(() => new FramedLineReader(), how, body)
  write(utf8Text(body), how)
}

/** The bytes again and again, with filling between them: a line and a half of the longest. */
function longOf(bytes: Uint8Array): Uint8Array {
  const once = concat([EMPTY, bytes, filler])
  return concat(Array.from({ length: Math.ceil((1.5 * MAX_LINE) / once.length) }, () => once))
}

/** What a reader makes of the bytes does not depend on how they are cut. */
function readTwice(make: () => Reader, how: Uint8Array, body: Uint8Array): void {
  const whole = read(make(), [body])
  const pieces = read(make(), new Input(how).cut(body))
  must(whole.code === pieces.code, 'any cutting is refused alike')
  mustMatch(pieces.lines, whole.lines, 'any cutting gives the same lines')
  for (const line of whole.lines) {
    must(line !== '' && !line.includes('\n'), 'a line is one line')
    must(line.length <= MAX_LINE, 'a line is bounded')
  }
}

function read(
  reader: Reader,
  chunks: readonly Uint8Array[],
): { lines: string[]; code: ErrorCode | undefined } {
  const lines: string[] = []
  for (const chunk of chunks) {
    const { value, error } = outcome(() => reader.receive(chunk), 'ERR_FRAME')
    if (error) return { lines, code: error.code }
    lines.push(...value!)
  }
  const { value, error } = outcome(() => reader.finish(), 'ERR_FRAME')
  return { lines: [...lines, ...(value ?? [])], code: error?.code }
}

/** What is written is read again, in either dialect, but for its newlines. */
function write(text: string, how: Uint8Array): void {
  const prefix = text.length % 3 === 0 ? '> ' : ''
  const line = `${prefix}${text.replace(/[\r\n]+/g, ' ')}`
  if (utf8(line).length > MAX_LINE) return
  const expected = line === '' ? [] : [line]
  mustMatch(
    read(new LineReader(), new Input(how).cut(encodeLine(text, prefix))).lines,
    expected,
    'a line is kept',
  )
  const framed = encodeFramedLine(text, prefix)
  mustMatch(read(new FramedLineReader(), new Input(how).cut(framed)).lines, expected, 'a message is kept')
  for (const dialect of ['lines', 'frames'] as const) {
    const reader = new DialectReader(dialect, { forced: dialect })
    const bytes = new Message(text, prefix).in(dialect)
    mustMatch(read(reader, new Input(how).cut(bytes)).lines, expected, 'a message is kept in its dialect')
  }
}

const behind = (choices: readonly number[], ...pieces: Uint8Array[]) =>
  concat([Uint8Array.from(choices), ...pieces])

const target: Target = {
  run,
  seeds: () => [
    behind([0, 0, 0, 0], encodeLine('hello'), encodeLine('world')),
    behind([1, 0, 1, 0], encodeLine('hello', '> '), utf8('\n\r\nx\r')),
    behind([2, 0, 9, 0], encodeFramedLine('hello'), encodeFramedLine('a\nb')),
    behind([0, 0, 9, 0], encodeFramedLine('x'.repeat(200)), utf8('lines\n')),
    behind([0, 3, 3, 0], utf8('\u{1f600}é\n')),
    behind([0, 0, 5, 255], utf8('é'.repeat(120)), utf8('\n')),
    behind([0, 0, 5, 255], utf8('é'.repeat(120))),
    behind([2, 0, 0, 0], Uint8Array.of(0x80, 0x80, 0x80, 0x80, 0x08)),
  ],
  words: [
    utf8('\n'),
    utf8('\r\n'),
    utf8('\n\n'),
    Uint8Array.of(0x80, 0x80, 0x04),
    Uint8Array.of(0x82, 0x80, 0x04),
    utf8('é'),
  ],
}

export default target
