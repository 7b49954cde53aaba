/** How far the rows below the first are moved in. */
const usualIndent = '  '

/** A colour, or a character. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: the sequences are our own.
const pieces = /\x1b\[\d+m|./gsu

/** A word and the blanks before it. */
const words = / *[^ ]+/g

/** Of all white space the one kind that a row may lose: others belong to the word. */
const blanks = /^ +/

/**
 * Breaks a line before the terminal does, between words where it can, so that no row but the first begins at the margin: there
 * a peer could write what looks like another's line. Whatever may be two columns wide counts as two: rather a row too short
 * than one too long.
 */
export function rowsOf(line: string, columns: number, indent = usualIndent): string[] {
  if (!(columns > 2 * indent.length) || line.length * 2 <= columns) return [line]
  const rows: string[] = []
  let row = ''
  let room = columns
  const breakRow = () => {
    rows.push(row)
    row = indent
    room = columns - indent.length
  }
  const add = (piece: string) => {
    const width = widthOf(piece)
    if (width > room) breakRow()
    row += piece
    room -= width
  }
  for (const [word] of line.matchAll(words)) {
    const bare = word.replace(blanks, '')
    const moves = widthOf(word) > room && widthOf(bare) <= columns - indent.length
    if (moves) breakRow()
    for (const [piece] of (moves ? bare : word).matchAll(pieces)) add(piece)
  }
  return [...rows, row]
}

/** The columns that a text takes. Nothing before U+1100 is wide. */
function widthOf(text: string): number {
  let width = 0
  for (const [piece] of text.matchAll(pieces)) {
    if (piece.length <= 2) width += piece.codePointAt(0)! < 0x1100 ? 1 : 2
  }
  return width
}
