import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { type Dialect, DialectReader, dialectOf, Message } from '#src/protocol/dialect'
import { encodeFramedLine } from '#src/protocol/framed-lines'
import { encodeLine, LineReader, MAX_LINE } from '#src/protocol/lines'
import { concat, utf8 } from '#src/wire/bytes'
import { encodeFrame } from '#src/wire/frame'
import { feed } from '../support/feed.ts'
import { anyBytes, bytesOf, cutAt, cuttings, refuses } from '../support/wire.ts'

const expectations = ['lines', undefined, 'frames'] as const

/** What a reader makes of the chunks, and of their end. */
function read(
  chunks: readonly Uint8Array[],
  expected?: Dialect,
): { dialect: Dialect | undefined; lines: string[] } {
  const reader = new DialectReader(expected)
  const lines = chunks.flatMap(chunk => reader.receive(chunk))
  lines.push(...reader.finish())
  return { dialect: reader.dialect, lines }
}

const framed = (...texts: string[]) => concat(texts.map(text => encodeFrame(utf8(text))))

/** A text whose first character says how much follows it, up to its newline: lines and a frame at once. */
const fits = `h${'x'.repeat(103)}\n`
/** What it says as a frame. */
const fitsFramed = 'x'.repeat(103)

test('the program decides what is expected', () => {
  const cases: [agent: string | undefined, dialect: Dialect | undefined][] = [
    ['js-libp2p/3.3.11 node/20.20.2', 'frames'],
    ['js-libp2p/0.46.0 UserAgent=v20.5.0', 'frames'],
    ['parley/0.1.0', 'lines'],
    ['github.com/libp2p/go-libp2p/examples@v0.48.0', 'lines'],
    ['go-libp2p/js-libp2p/1', 'lines'],
    ['', 'lines'],
    [undefined, undefined],
  ]
  for (const [agent, dialect] of cases) assert.equal(dialectOf(agent), dialect, agent)
})

test('a message is the same in every dialect but for its form', () => {
  const message = new Message('a\nb', '[x] ')
  assert.deepEqual(message.in('lines'), encodeLine('a b', '[x] '))
  assert.deepEqual(message.in('frames'), encodeFramedLine('a b', '[x] '))
  assert.equal(message.in('lines'), message.in('lines'), 'it is encoded once')
})

/** What is made of the bytes where lines are expected, and what else. */
type Outcome = [dialect: Dialect | undefined, lines: string[]]
const same = (dialect: Dialect, ...lines: string[]): [Outcome, Outcome] => [
  [dialect, lines],
  [dialect, lines],
]

/** The rows of the table of decisions, in its order. */
const rows: [what: string, bytes: Uint8Array, outcomes: [lines: Outcome, otherwise: Outcome]][] = [
  [
    'nothing',
    utf8(''),
    [
      [undefined, []],
      [undefined, []],
    ],
  ],
  ['a Chinese text', utf8('語言\n'), same('lines', '語言')],
  ['a French text', utf8('été\nà\n'), same('lines', 'été', 'à')],
  ['an emoji', utf8('👋\n'), same('lines', '👋')],
  ['a length with a superfluous byte', bytesOf('8000 0a'), same('lines', '\ufffd\0')],
  ['a length above the longest line', bytesOf('828004 78 0a'), same('lines', '\ufffd\ufffd\x04x')],
  ['a long frame', framed(`${'x'.repeat(150)}\n`, 'one\n'), same('frames', 'x'.repeat(150), 'one')],
  ['a frame of 64 KiB', framed('x'.repeat(MAX_LINE)), same('frames', 'x'.repeat(MAX_LINE))],
  ['the longest line in a frame', framed(`${'x'.repeat(MAX_LINE)}\n`), same('frames', 'x'.repeat(MAX_LINE))],
  ['a short frame', framed('hello\n', 'world\n'), same('frames', 'hello', 'world')],
  [
    'a short frame of several lines',
    framed('one\ntwo\n', 'three\n'),
    [
      ['lines', ['\bone', 'two', '\x06three']],
      ['frames', ['one', 'two', 'three']],
    ],
  ],
  [
    'a short frame, and one of several lines that begins as a text',
    framed('hello\n', `one\n${'x'.repeat(40)}\n`),
    same('frames', 'hello', 'one', 'x'.repeat(40)),
  ],
  [
    'a short frame without a newline, and one that begins as a text',
    framed('hello', 'y'.repeat(50), 'z'),
    same('frames', 'hello', 'y'.repeat(50), 'z'),
  ],
  ['short frames without newlines', framed('hello', 'world'), same('frames', 'hello', 'world')],
  [
    'a text that begins with a control character',
    utf8('\x01hello\n'),
    [
      ['lines', ['h', '\x01hello']],
      ['frames', ['h', 'llo']],
    ],
  ],
  ['a short text', utf8('hello\n'), same('lines', 'hello')],
  ['a text behind an empty line', utf8('\nhello\n'), same('lines', 'hello')],
  ['a text behind an empty line with CR', utf8('\r\nhello\n'), same('lines', 'hello')],
  [
    'a frame of several lines that begins as a text',
    framed(`one\n${'x'.repeat(40)}\n`),
    same('lines', '-one', 'x'.repeat(40)),
  ],
  [
    'a text that fits, and another',
    utf8(`${fits}hello\n`),
    [
      ['lines', [fits.trim(), 'hello']],
      ['lines', [fitsFramed, fits.trim(), 'hello']],
    ],
  ],
  [
    "a text that fits, with go's second newline",
    utf8(`${fits}\n`),
    [
      ['lines', [fits.trim()]],
      ['lines', [fitsFramed, fits.trim()]],
    ],
  ],
  [
    'frames that begin as texts',
    framed(`${'x'.repeat(40)}\n`, `${'y'.repeat(50)}\n`, 'z\n'),
    [
      ['lines', [`)${'x'.repeat(40)}`, `3${'y'.repeat(50)}`, '\x02z']],
      ['frames', ['x'.repeat(40), 'y'.repeat(50), 'z']],
    ],
  ],
  [
    'frames that begin as texts, one of them without a newline',
    framed(`${'x'.repeat(40)}\n`, 'y'.repeat(50), 'z\n'),
    [
      ['lines', [`)${'x'.repeat(40)}`, `2${'y'.repeat(50)}\x02z`]],
      ['frames', ['x'.repeat(40), 'y'.repeat(50), 'z']],
    ],
  ],
  [
    "a text that fits, go's second newline, and one that fits with that",
    utf8(`${fits}\n123456789\n\nhello\n\n`),
    [
      ['lines', [fits.trim(), '123456789', 'hello']],
      ['lines', [fitsFramed, '123456789', fits.trim(), '123456789', 'hello']],
    ],
  ],
  [
    'a frame of 127 bytes, whose length is DEL',
    framed(`${'x'.repeat(126)}\n`),
    same('frames', 'x'.repeat(126)),
  ],
  [
    'a text that is cut inside a character by what its first one says',
    utf8(`(x${'é'.repeat(30)}\n`),
    same('lines', `(x${'é'.repeat(30)}`),
  ],
  [
    'a text without a newline, longer than its first character says',
    utf8('!'.repeat(50)),
    [
      ['lines', ['!'.repeat(50)]],
      ['lines', ['!'.repeat(33), '!'.repeat(50)]],
    ],
  ],
  [
    'frames that begin as texts, without newlines',
    framed('x'.repeat(40), 'y'.repeat(50), 'z'),
    [
      ['lines', [`(${'x'.repeat(40)}2${'y'.repeat(50)}\x01z`]],
      ['frames', ['x'.repeat(40), 'y'.repeat(50), 'z']],
    ],
  ],
]

describe('DialectReader', () => {
  for (const [what, bytes, outcomes] of rows) {
    test(`takes ${what} as the table says, however it is cut`, () => {
      const pieces =
        bytes.length < 200 ? cuttings(bytes) : (['whole', 1, 2] as const).map(cutting => feed(bytes, cutting))
      for (const expected of expectations) {
        const [dialect, lines] = outcomes[expected === 'lines' ? 0 : 1]
        for (const chunks of pieces) assert.deepEqual(read(chunks, expected), { dialect, lines }, expected)
      }
    })
  }

  test('does as it is told when it is forced, whatever comes', () => {
    const asLines = new DialectReader('frames', { forced: 'lines' })
    assert.equal(asLines.dialect, 'lines')
    assert.deepEqual(asLines.receive(framed('hello\n')), ['\x06hello'])
    const asFrames = new DialectReader('lines', { forced: 'frames' })
    assert.deepEqual(asFrames.receive(utf8('!hello\n')), ['hello'])
    assert.equal(asFrames.dialect, 'frames')
    refuses('ERR_FRAME', () => new DialectReader('lines', { forced: 'frames' }).receive(utf8('語言')))
  })

  test('knows nothing before the bytes say something', () => {
    const reader = new DialectReader('frames')
    assert.deepEqual([reader.receive(utf8('hell')), reader.dialect], [[], undefined])
    assert.deepEqual([reader.receive(utf8('o\n')), reader.dialect], [['hello'], 'lines'])
  })

  test('gives up a trial that goes on for ever, and loses nothing by it', () => {
    const text = 'x'.repeat(40)
    const texts: string[] = new Array(3_000).fill(text)
    const bytes = concat([framed(...texts), utf8('hello\n')])
    assert.deepEqual(read(feed(bytes, 1), 'frames'), { dialect: 'frames', lines: [...texts, 'ello'] })
  })

  test('gives what was tried before it refuses what comes behind that, in the same chunk, too', () => {
    const text = 'x'.repeat(40)
    const reader = new DialectReader('frames')
    assert.deepEqual(reader.receive(concat([framed(`${text}\n`, ''), bytesOf('8000')])), [text])
    refuses('ERR_FRAME', () => reader.finish())
  })

  test('decides about a text in other letters at its third byte', () => {
    const reader = new DialectReader(undefined)
    assert.deepEqual([reader.receive(utf8('語')), reader.dialect], [[], 'lines'])
  })
})

/** A line as people type it: it begins with no control character. */
const anyLine = fc
  .oneof(
    fc.string({ unit: 'grapheme', minLength: 1, maxLength: 200 }),
    fc.constantFrom(...[32, 65, 104, 126].map(code => String.fromCharCode(code).repeat(code + 1))),
    fc.nat({ max: 130 }).map(length => 'hello'.padEnd(length, 'o')),
  )
  .filter(text => !/[\r\n]/.test(text) && !/^\p{Cc}/u.test(text))

const places = fc.array(fc.nat(), { maxLength: 8 })
const anyExpectation = fc.constantFrom(...expectations)

/** Whether a line is as long as its first character would say as the length of a frame. */
const seemsFramed = (line: string) => utf8(line)[0] === utf8(line).length

/** Whether it is longer than that, so that its newline comes too late to decide. */
const exceedsFrame = (line: string) => utf8(line).length > utf8(line)[0]!

describe('whatever comes', () => {
  const anyStream = fc.oneof(
    anyBytes(300),
    fc.array(anyLine, { maxLength: 6 }).map(texts => framed(...texts.map(text => `${text}\n`))),
    fc.array(anyLine, { maxLength: 6 }).map(texts => framed(...texts)),
    fc.array(anyLine, { maxLength: 6 }).map(texts => utf8(texts.map(text => `${text}\n\n`).join(''))),
  )

  /** The same, or the same error. */
  const outcome = (chunks: readonly Uint8Array[], expected: Dialect | undefined) => {
    try {
      return read(chunks, expected)
    } catch (error) {
      return String(error)
    }
  }

  test('the cuts do not matter', () => {
    fc.assert(
      fc.property(anyStream, places, anyExpectation, (bytes, cuts, expected) => {
        assert.deepEqual(outcome(cutAt(bytes, cuts), expected), outcome([bytes], expected))
      }),
      { numRuns: 1_000 },
    )
  })

  test('a line is given when its newline comes', () => {
    fc.assert(
      fc.property(fc.array(anyLine, { minLength: 1, maxLength: 4 }), anyExpectation, (texts, expected) => {
        fc.pre(expected === 'lines' || !seemsFramed(texts[0]!))
        fc.pre(expected === 'lines' || !exceedsFrame(texts[0]!))
        const reader = new DialectReader(expected)
        for (const text of texts) {
          const given = feed(utf8(`${text}\n`), 'bytes').flatMap(byte => reader.receive(byte))
          assert.equal(given.at(-1), text)
        }
        assert.equal(reader.dialect, 'lines')
      }),
      { numRuns: 1_000 },
    )
  })

  test('a message is given when its last byte comes, where lines are not expected', () => {
    const messages = fc.array(anyLine, { minLength: 1, maxLength: 4 })
    fc.assert(
      fc.property(messages, fc.boolean(), fc.constantFrom(undefined, 'frames'), (texts, ended, expected) => {
        const reader = new DialectReader(expected)
        for (const text of texts) {
          const bytes = framed(ended ? `${text}\n` : text)
          assert.deepEqual(
            feed(bytes, 'bytes').flatMap(byte => reader.receive(byte)),
            [text],
          )
        }
        assert.equal(reader.dialect, 'frames')
      }),
      { numRuns: 1_000 },
    )
  })

  test('a wrong guess drops nothing that was said in lines', () => {
    fc.assert(
      fc.property(
        fc.array(anyLine, { minLength: 1, maxLength: 4 }),
        places,
        anyExpectation,
        (texts, cuts, expected) => {
          const bytes = utf8(texts.map(text => `${text}\n\n`).join(''))
          const { lines } = read(cutAt(bytes, cuts), expected)
          assert.deepEqual(lines.slice(-texts.length), texts)
        },
      ),
      { numRuns: 1_000 },
    )
  })

  test('a wrong guess drops nothing that was said in frames', () => {
    const messages = fc.array(fc.tuple(anyLine, fc.constantFrom('', '\n', '\nmore\n')), { maxLength: 5 })
    fc.assert(
      fc.property(messages, places, anyExpectation, (texts, cuts, expected) => {
        const bytes = framed(...texts.map(parts => parts.join('')))
        const { lines } = read(cutAt(bytes, cuts), expected)
        const shown = lines.join('\n')
        for (const [text] of texts) assert.ok(shown.includes(text), text)
      }),
      { numRuns: 1_000 },
    )
  })

  test('what is no frame at all is read as lines are', () => {
    fc.assert(
      fc.property(anyBytes(200), bytes => {
        const { dialect, lines } = outcome([bytes], 'lines') as ReturnType<typeof read>
        fc.pre(dialect === 'lines')
        const reader = new LineReader()
        const plain = [...reader.receive(bytes), ...reader.finish()]
        assert.deepEqual(lines.slice(-plain.length), plain)
      }),
    )
  })
})
