import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { escapeJson, escapeText } from '#src/chat/escape'
import { utf8Text } from '#src/wire/bytes'
import { bytesOf } from '../support/wire.ts'

/** Whatever a terminal obeys, and whatever turns, hides or splits the text that it stands in. */
const dangerous = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Bidi_Control}\u200b\u2060-\u206f\ufeff\u{e0000}-\u{e007f}]/u

/** Texts from strangers, and how they are shown. */
const shown: readonly [name: string, text: string, shown: string][] = [
  ['writing the clipboard', '\x1b]52;c;aGk=\x07', '\\x1b]52;c;aGk=\\x07'],
  ['setting the title', '\x1b]0;x\x07', '\\x1b]0;x\\x07'],
  ['a link', '\x1b]8;;http://x\x1b\\y', '\\x1b]8;;http://x\\x1b\\y'],
  ['wiping the screen', '\x1b[2J', '\\x1b[2J'],
  ['moving the cursor', '\x1b[10A', '\\x1b[10A'],
  ['a report into the input', '\x1b[6n', '\\x1b[6n'],
  ['the mouse', '\x1b[?1000h', '\\x1b[?1000h'],
  ['a reset', '\x1bc', '\\x1bc'],
  ['device control', '\x1bPq\x1b\\', '\\x1bPq\\x1b\\'],
  ['an application command', '\x1b_x\x9c', '\\x1b_x\\x9c'],
  ['a command that never ends', '\x1b]', '\\x1b]'],
  ['8-bit controls', '\x9b2J\x9d0;x\x9c\x85', '\\x9b2J\\x9d0;x\\x9c\\x85'],
  ['DEL and NUL', 'a\x7fb\0c', 'a\\x7fb\\x00c'],
  ['going back over the name', 'me\rhim: hi\b\b', 'me\\x0dhim: hi\\x08\\x08'],
  ['lines within a line', 'a\nb\u2028c\u2029d\ve\ff', 'a\\x0ab\\u{2028}c\\u{2029}d\\x0be\\x0cf'],
  ['turned text', '\u202egnp.\u202c\u2066x\u2069', '\\u{202e}gnp.\\u{202c}\\u{2066}x\\u{2069}'],
  ['marks of direction', '\u061ca\u200eb\u200f', '\\u{61c}a\\u{200e}b\\u{200f}'],
  ['what is not seen', 'a\u200bb\u00adc\u2060d\u3164e', 'a\\u{200b}b\\xadc\\u{2060}d\\u{3164}e'],
  ['tags', 'a\u{e0041}\u{e007f}', 'a\\u{e0041}\\u{e007f}'],
  ['lone surrogates', 'a\ud800b\udc00', 'a\\u{d800}b\\u{dc00}'],
  ['a byte order mark', utf8Text(bytesOf('efbbbf 61')), '\\u{feff}a'],
  ['what is not UTF-8', utf8Text(bytesOf('61 c0af ff eda080')), `a${'\ufffd'.repeat(6)}`],
  ['a tower of marks', `a${'\u0301'.repeat(10)}`, `a${'\u0301'.repeat(8)}\\u{301}\\u{301}`],
  ['a tab', 'a\tb', 'a    b'],
]

for (const [name, text, expected] of shown) {
  test(`shows ${name} instead of doing it`, () => {
    assert.equal(escapeText(text), expected)
    assert.doesNotMatch(expected, dangerous)
  })
}

const untouched: readonly [name: string, text: string][] = [
  ['plain text', 'Hello, world! ~`\\"'],
  ['many scripts', 'Grüße, здравствуйте, 你好, こんにちは, नमस्ते, สวัสดี, שלום, مرحبا'],
  ['Persian with its joiner', 'می\u200cخواهم'],
  ['emoji, joined and coloured', '👨\u200d👩\u200d👧 ❤\ufe0f 👍🏽 🇪🇺'],
]

for (const [name, text] of untouched) {
  test(`leaves ${name} alone`, () => {
    assert.equal(escapeText(text), text)
    assert.equal(escapeJson(text), JSON.stringify(text))
  })
}

/** Any characters, the ones that matter among them more often than not. */
const anyText = fc
  .array(
    fc.oneof(
      fc.integer({ min: 0, max: 0xff }),
      fc.integer({ min: 0x2000, max: 0x206f }),
      fc.integer({ min: 0xd7ff, max: 0xe000 }),
      fc.integer({ min: 0xe0000, max: 0xe01ff }),
      fc.integer({ min: 0, max: 0x10ffff }),
    ),
  )
  .map(codes => codes.map(code => String.fromCodePoint(code)).join(''))

test('whatever a stranger sends, nothing in it is obeyed', () => {
  fc.assert(fc.property(anyText, text => !dangerous.test(escapeText(text))))
})

test('whatever a stranger sends, JSON holds it without a loss and without a control', () => {
  fc.assert(
    fc.property(anyText, text => {
      const json = escapeJson({ text })
      assert.doesNotMatch(json, dangerous)
      assert.deepEqual(JSON.parse(json), { text })
    }),
  )
})
