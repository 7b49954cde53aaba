import { escapeJson, escapeText } from '#src/chat/escape'
import { rowsOf } from '#src/chat/rows'
import { utf8, utf8Text } from '#src/wire/bytes'
import { quoted } from '#src/wire/text'
import { isPlain, must } from '../engine/promise.ts'
import type { Target } from '../engine/target.ts'

/** The input is taken for UTF-8, and for UTF-16 with its lone surrogates. */
function run(input: Uint8Array): void {
  const columns = input[0] ?? 0
  const body = input.subarray(1)
  show(utf8Text(body), columns)
  show(utf16(body), columns)
}

function show(text: string, columns: number): void {
  const shown = escapeText(text)
  must(isPlain(shown), 'no terminal obeys what is shown')
  must(escapeText(shown) === shown, 'what is fit to be shown stays as it is')
  must(!/\p{M}{9}/u.test(shown), 'no letter carries a tower')
  must(shown.length <= 10 * text.length, 'what is shown is bounded')
  const json = escapeJson({ text })
  must(isPlain(json), 'no terminal obeys what JSON shows')
  must((JSON.parse(json) as { text: string }).text === text, 'JSON loses nothing')
  const name = quoted(text)
  must(isPlain(name) && name.length <= 10 * 66, 'what is quoted is plain and short')
  breakRows(shown, columns)
}

function breakRows(line: string, columns: number): void {
  const rows = rowsOf(line, columns)
  const bare = (text: string) => text.replaceAll(' ', '')
  must(bare(rows.join('')) === bare(line), 'no character is lost')
  if (columns <= 4) return must(rows.length === 1, 'what is too narrow is not broken')
  must(
    rows.every(row => widthOf(row) <= columns),
    'no row is wider than the terminal',
  )
  must(
    rows.slice(1).every(row => row.startsWith('  ')),
    'no row but the first begins at the margin',
  )
}

/** What a terminal takes at most. */
function widthOf(row: string): number {
  let width = 0
  for (const character of row) width += character.codePointAt(0)! < 0x1100 ? 1 : 2
  return width
}

function utf16(bytes: Uint8Array): string {
  let text = ''
  for (let at = 0; at + 1 < bytes.length; at += 2)
    text += String.fromCharCode(bytes[at]! * 256 + bytes[at + 1]!)
  return text
}

const words = [
  '\u202e',
  '\u2066',
  '\u200b',
  '\ufeff',
  '\u0301',
  '\u200d',
  '\ufe0f',
  '\u{e0041}',
  '\u{1f468}',
  '\x1b[2J',
  '\x9b',
  '\u2028',
  '\t',
  '漢',
  '    ',
]

const target: Target = {
  run,
  maxLength: 400,
  seeds: () => [
    Uint8Array.of(20, ...utf8('a\x1b]52;c;aGk=\x07b\x9b2J \u202eabc\u2028')),
    Uint8Array.of(10, ...utf8(`a${'\u0301'.repeat(20)} b`)),
    Uint8Array.of(12, ...utf8('words and words 漢字漢字 verylongwordwithoutend   x')),
    Uint8Array.of(80, 0xd8, 0x3d, 0xde, 0, 0xd8, 0, 0, 0x41, 0x20, 0x2e),
    Uint8Array.of(5, ...utf8('\u{1f468}\u200d\u{1f469} \u{e0041}\ufe0f')),
  ],
  words: words.map(utf8),
}

export default target
