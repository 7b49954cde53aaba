/**
 * What a terminal would obey instead of showing, or show elsewhere than it stands: controls, separators of lines, lone
 * surrogates, marks and overrides of direction, and all that Unicode calls ignorable because it leaves no trace. The joiners
 * U+200C and U+200D stay, since Persian and family emoji need them, and so do the selectors of an emoji's colour.
 */
const unsafe = onDemand(
  String.raw`(?!\u200c|\u200d|[\ufe00-\ufe0f])[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Bidi_Control}\p{Default_Ignorable_Code_Point}\ufff9-\ufffb]`,
)

/** No script stacks more marks on a letter; a tower of them would cover the lines above. */
const towers = onDemand(String.raw`(?<=\p{M}{8})\p{M}`)

/** What most texts are, so that a program has often started before it needs either expression. */
const printable = /^[\x20-\x7e]*$/

/** A tab moves the cursor, so it is shown as what it looks like. */
const tab = '    '

/** Text from a stranger as it may be shown: whatever could move the cursor or turn the text is spelt out. */
export function escapeText(text: string): string {
  if (printable.test(text)) return text
  const visible = text.replace(unsafe(), character => (character === '\t' ? tab : spellOut(character)))
  return visible.replace(towers(), spellOut)
}

/** The same for JSON, where it stays lossless: as `\u` escapes, which any parser reads back. */
export function escapeJson(value: unknown): string {
  const json = JSON.stringify(value)
  if (printable.test(json)) return json
  return json.replace(unsafe(), character => codeUnits(character).map(escapeUnit).join(''))
}

/** An expression for all occurrences that is made when it is first asked for: the classes of Unicode take V8 3 ms, a literal even unused. */
function onDemand(source: string): () => RegExp {
  let expression: RegExp | undefined
  return () => {
    expression ??= new RegExp(source, 'gu')
    return expression
  }
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
