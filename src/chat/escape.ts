/**
 * What a terminal would obey instead of showing, or show elsewhere than it stands: C0 and C1 controls, DEL, marks and
 * overrides of direction, invisible spaces, line and paragraph separators, tags. The joiners U+200C and U+200D stay,
 * since Persian and family emoji need them.
 */
const unsafe =
  /[\p{Cc}\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}\ud800-\udfff]/gu

/** A tab moves the cursor, so it is shown as what it looks like. */
const tab = '    '

/** Text from a stranger as it may be shown: whatever could move the cursor or turn the text is spelt out. */
export function escapeText(text: string): string {
  return text.replace(unsafe, character => (character === '\t' ? tab : spellOut(character)))
}

/** The same for JSON, where it stays lossless: as `\u` escapes, which any parser reads back. */
export function escapeJson(value: unknown): string {
  return JSON.stringify(value).replace(unsafe, character => codeUnits(character).map(escapeUnit).join(''))
}

function spellOut(character: string): string {
  const code = character.codePointAt(0) ?? 0
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`
}

function codeUnits(character: string): number[] {
  return Array.from({ length: character.length }, (_, index) => character.charCodeAt(index))
}

function escapeUnit(unit: number): string {
  return `\\u${unit.toString(16).padStart(4, '0')}`
}
