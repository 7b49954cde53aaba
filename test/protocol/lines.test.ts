import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { CHAT_PROTOCOL, encodeLine, LineReader, MAX_LINE } from '#src/protocol/lines'
import { concat, utf8, utf8Text } from '#src/wire/bytes'
import { type Cutting, cuttingKinds, feed } from '../support/feed.ts'
import { anyBytes, bytesOf, cutAt, cuttings } from '../support/wire.ts'

/** All lines of the chunks, the last one too if it has no end. */
function linesOf(chunks: readonly Uint8Array[]): string[] {
  const reader = new LineReader()
  return [...chunks.flatMap(chunk => reader.receive(chunk)), ...reader.finish()]
}

const linesOfText = (text: string, cutting: Cutting) => linesOf(feed(utf8(text), cutting))

test("the chat has the name of go-libp2p's example", () => {
  assert.equal(CHAT_PROTOCOL, '/chat/1.0.0')
})

test('a line is written as its text and one newline, whatever newlines are in it', () => {
  const cases = [
    ['hello', 'hello\n'],
    ['', '\n'],
    ['a\nb\r\nc\rd', 'a b c d\n'],
    ['grüß 👋', 'grüß 👋\n'],
  ] as const
  for (const [text, written] of cases) assert.equal(utf8Text(encodeLine(text)), written)
})

test('a text that is too long for a line becomes several, each behind the prefix, cut between characters', () => {
  for (const text of [
    'x'.repeat(MAX_LINE),
    '語'.repeat(MAX_LINE),
    `${'\ufffd'.repeat(21_841)}aa[ALICE123] sold`,
  ]) {
    const lines = linesOf([encodeLine(text, '[author] ')])
    assert.ok(lines.length > 1)
    assert.equal(lines.map(line => line.replace(/^\[author\] /, '')).join(''), text)
    for (const line of lines) assert.ok(line.startsWith('[author] ') && utf8(line).length <= MAX_LINE)
  }
})

describe('LineReader', () => {
  const cases: [promise: string, text: string, lines: string[]][] = [
    ['lines', 'one\ntwo\n', ['one', 'two']],
    ['two newlines a message, as go writes them', '\none\n\ntwo\n\n', ['one', 'two']],
    ['lines ended by CRLF, and empty ones', 'one\r\n\r\ntwo\r\n', ['one', 'two']],
    ['a carriage return inside a line', 'a\rb\n', ['a\rb']],
    ['blanks, which are text', ' \n\t\n', [' ', '\t']],
    ['characters of two to four bytes', 'é\n語\n👋🏽\n', ['é', '語', '👋🏽']],
    ['a line without its end', 'one\ntwo', ['one', 'two']],
    ['a byte order mark, which is text', '\ufeffone\n', ['\ufeffone']],
    ['nothing', '', []],
  ]
  for (const [promise, text, lines] of cases) {
    test(`reads ${promise}, for every cutting`, () => {
      for (const chunks of cuttings(utf8(text))) assert.deepEqual(linesOf(chunks), lines)
    })
  }

  test('gives a line as soon as its newline is there, and the beginning of the next never', () => {
    const reader = new LineReader()
    assert.deepEqual(reader.receive(utf8('one\ntw')), ['one'])
    assert.deepEqual(reader.receive(utf8('o')), [])
    assert.deepEqual(reader.receive(utf8('\n')), ['two'])
    assert.deepEqual(reader.finish(), [])
  })

  test('shows bytes that are not UTF-8 as replacement characters', () => {
    assert.deepEqual(linesOf([bytesOf('61ff62 0a c3 0a')]), ['a\ufffdb', '\ufffd'])
  })

  test('takes a line of the longest length as one, whether its end comes with it or later', () => {
    const text = 'x'.repeat(MAX_LINE)
    for (const end of ['\n', '\r\n', '']) {
      for (const chunks of [
        [text + end],
        [text, end],
        [text.slice(1), 'x', end],
        ['x', text.slice(1) + end],
      ]) {
        assert.deepEqual(linesOf(chunks.map(utf8)), [text])
      }
    }
    const withReturn = `${'x'.repeat(MAX_LINE - 1)}\r\n`
    for (const cut of [MAX_LINE - 1, MAX_LINE, MAX_LINE + 1]) {
      assert.deepEqual(linesOf(cutAt(utf8(withReturn), [cut])), ['x'.repeat(MAX_LINE - 1)])
    }
  })

  test('cuts an over-long line between characters and loses nothing of it', () => {
    for (const character of ['x', 'é', '語', '👋']) {
      for (const offset of ['', 'x', 'xx', 'xxx']) {
        const text = offset + character.repeat(Math.ceil((2.5 * MAX_LINE) / utf8(character).length))
        for (const cutting of offset === 'x' ? cuttingKinds : (['whole', 1] as const)) {
          const lines = linesOfText(`${text}\n`, cutting)
          assert.equal(lines.join(''), text)
          for (const line of lines) assert.ok(utf8(line).length <= MAX_LINE)
          assert.ok(utf8(lines[0]!).length > MAX_LINE - utf8(character).length)
          assert.equal(lines.length, 3)
        }
      }
    }
  })

  test('keeps a carriage return that an over-long line is cut behind', () => {
    const text = `${'x'.repeat(MAX_LINE - 1)}\ry`
    for (const cut of [0, 1, MAX_LINE - 1, MAX_LINE, MAX_LINE + 1]) {
      assert.equal(linesOf(cutAt(utf8(`${text}\n`), [cut])).join(''), text)
    }
  })

  test('cuts bytes that are no characters too, and keeps no more than the longest line', () => {
    for (const byte of [0x80, 0xc3, 0xf0, 0xff]) {
      const lines = linesOf([new Uint8Array(3 * MAX_LINE).fill(byte)])
      assert.ok(lines.length >= 3 && lines.every(line => line.length <= MAX_LINE))
    }
  })

  test('gives the same lines for any bytes and any cuts', () => {
    const piece = fc.oneof(
      anyBytes(20),
      fc.constantFrom(utf8('\n'), utf8('\r\n'), utf8('👋'), utf8('x'.repeat(MAX_LINE - 2))),
    )
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 12 }),
        fc.array(fc.nat(), { maxLength: 12 }),
        (pieces, places) => {
          const bytes = concat(pieces)
          assert.deepEqual(linesOf(cutAt(bytes, places)), linesOf([bytes]))
        },
      ),
    )
  })
})
