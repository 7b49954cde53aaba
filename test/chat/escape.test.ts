import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { escapeJson, escapeText } from '#src/chat/escape'
import { dangerous, strangeTexts } from './hostile.ts'

for (const [name, text, expected] of strangeTexts) {
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
