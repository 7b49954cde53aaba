import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { encodeFramedLine, FramedLineReader } from '#src/protocol/framed-lines'
import { MAX_LINE } from '#src/protocol/lines'
import { concat, hex, utf8 } from '#src/wire/bytes'
import { encodeFrame } from '#src/wire/frame'
import { cuttingKinds, feed } from '../support/feed.ts'
import { bytesOf, cutAt, cuttings, refuses } from '../support/wire.ts'

/** All lines of the chunks, the last one too if it has no end. */
function linesIn(chunks: readonly Uint8Array[]): string[] {
  const reader = new FramedLineReader()
  return [...chunks.flatMap(chunk => reader.receive(chunk)), ...reader.finish()]
}

const framed = (...texts: string[]) => concat(texts.map(text => encodeFrame(utf8(text))))

test('a message is written as its length, its text and one newline', () => {
  assert.equal(hex(encodeFramedLine('hello')), `06${hex(utf8('hello\n'))}`)
  assert.equal(hex(encodeFramedLine('a\nb', '[x] ')), hex(framed('[x] a b\n')))
  assert.deepEqual(encodeFramedLine('x'.repeat(127)).subarray(0, 2), bytesOf('80 01'))
})

test('a text that is too long for a line becomes several messages, each behind the prefix', () => {
  const text = '語'.repeat(MAX_LINE)
  const lines = linesIn([encodeFramedLine(text, '[author] ')])
  assert.equal(lines.length, 4)
  assert.equal(lines.map(line => line.replace(/^\[author\] /, '')).join(''), text)
  for (const line of lines) assert.ok(line.startsWith('[author] ') && utf8(line).length <= MAX_LINE)
})

describe('FramedLineReader', () => {
  const long = 'x'.repeat(200)
  const cases: [promise: string, texts: string[], lines: string[]][] = [
    ['lines from a terminal', ['one\n', 'two\n'], ['one', 'two']],
    ['several lines in one message', ['one\ntwo\r\n\nthree\n', 'four\n'], ['one', 'two', 'three', 'four']],
    [
      'messages without a newline, each a line',
      ['one', 'two\nthree', 'four'],
      ['one', 'two', 'three', 'four'],
    ],
    ['empty messages, which say nothing', ['', '\n', 'one\n', '\r\n', ''], ['one']],
    ['lengths of two bytes', [`${long}\n`, 'one\n', long], [long, 'one', long]],
    ['characters of two to four bytes', ['é\n語\n', '👋🏽\n'], ['é', '語', '👋🏽']],
    ['nothing', [], []],
  ]
  for (const [promise, texts, lines] of cases) {
    test(`reads ${promise}, for every cutting`, () => {
      for (const chunks of cuttings(framed(...texts))) assert.deepEqual(linesIn(chunks), lines)
    })
  }

  test('gives a line as soon as its newline is there, though the message goes on', () => {
    const reader = new FramedLineReader()
    assert.deepEqual(reader.receive(concat([Uint8Array.of(11), utf8('one\ntw')])), ['one'])
    assert.deepEqual(reader.receive(utf8('o\n')), ['two'])
    assert.deepEqual(reader.receive(utf8('the')), ['the'])
  })

  test('gives what has come of a message that breaks off', () => {
    assert.deepEqual(linesIn([bytesOf('09'), utf8('one\ntw')]), ['one', 'tw'])
    assert.deepEqual(linesIn([bytesOf('80')]), [])
  })

  test('takes a long message as several lines, and keeps no more than the longest line', () => {
    const text = 'x'.repeat(2.5 * MAX_LINE)
    for (const cutting of cuttingKinds) {
      const lines = linesIn(feed(framed(text, 'end\n'), cutting))
      assert.deepEqual(
        lines.map(line => line.length),
        [MAX_LINE, MAX_LINE, MAX_LINE / 2, 3],
      )
    }
  })

  test('refuses what is no length, or none of a message, wherever it is cut', () => {
    for (const digits of ['8000', '808000', '81808002', 'ffffffff', 'ffffffffffffffffff7f']) {
      for (const chunks of cuttings(concat([framed('one\n'), bytesOf(digits)])))
        refuses('ERR_FRAME', () => linesIn(chunks), digits)
    }
    assert.deepEqual(linesIn([bytesOf('80808002')]), [], '4 MiB are allowed')
  })

  test('takes a chunk of very many messages without ado', () => {
    const reader = new FramedLineReader()
    const start = performance.now()
    assert.equal(reader.receive(concat(new Array(200_000).fill(framed('x\n')))).length, 200_000)
    assert.ok(performance.now() - start < 5_000)
  })

  test('gives what came before that, and refuses whatever comes after', () => {
    const reader = new FramedLineReader()
    assert.deepEqual(reader.receive(concat([framed('one\n'), bytesOf('8000'), framed('two\n')])), ['one'])
    refuses('ERR_FRAME', () => reader.receive(framed('three\n')))
    refuses('ERR_FRAME', () => reader.finish())
  })

  test('gives the same lines for any messages and any cuts', () => {
    const text = fc.oneof(
      fc.string({ unit: 'grapheme' }),
      fc.constantFrom('\n', 'a\n', 'x'.repeat(127), 'x'.repeat(128), `${'x'.repeat(20_000)}\n`),
    )
    const places = fc.array(fc.nat(), { maxLength: 12 })
    fc.assert(
      fc.property(fc.array(text, { maxLength: 12 }), places, (texts, cuts) => {
        const lines = texts.flatMap(one => one.split('\n').map(line => line.replace(/\r$/, '')))
        const expected = lines.filter(line => line !== '')
        assert.deepEqual(linesIn(cutAt(framed(...texts), cuts)), expected)
      }),
    )
  })
})
