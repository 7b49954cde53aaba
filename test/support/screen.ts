import { Writable } from 'node:stream'

/** A command, a line's end, or a character. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: commands begin with one.
const pieces = /\x1b\[(?<count>\d*)(?<command>[A-Za-z])|./gsu

/** What stands in one place on a screen; the second place of a wide character is empty. */
export interface Cell {
  text: string
  /** The number of its SGR colour; 0 for none. */
  colour: number
}

/** What a terminal shows: as much of one as readline and a chat need. Anything else written to it is an error. */
export class Screen extends Writable {
  readonly isTTY = true
  readonly columns: number
  /** Everything that was written. */
  written = ''
  readonly #rows: Cell[][] = [[]]
  #row = 0
  #column = 0
  #colour = 0

  constructor(columns: number) {
    super({ decodeStrings: false })
    this.columns = columns
  }

  /** The rows down to the cursor's or the last that isn't empty, without blanks at their ends. */
  get rows(): string[] {
    const rows = this.#rows.map(cells => textOf(cells).trimEnd())
    while (rows.length > this.#row + 1 && rows.at(-1) === '') rows.pop()
    return rows
  }

  /** The same rows with their colours. */
  get colouredRows(): Cell[][] {
    return this.#rows.slice(0, this.rows.length)
  }

  /** Row and column, from 0. */
  get cursor(): [row: number, column: number] {
    return [this.#row, this.#column]
  }

  override _write(text: string, _encoding: string, done: () => void): void {
    this.written += text
    for (const { 0: piece, groups } of text.matchAll(pieces)) {
      if (groups?.command) this.#obey(groups.command, groups.count ?? '')
      else this.#show(piece)
    }
    done()
  }

  #obey(command: string, digits: string): void {
    const count = Number(digits || 1)
    // A character in the last column leaves the cursor beyond it, until the next one moves on to the next row.
    this.#column = Math.min(this.#column, this.columns - 1)
    if (command === 'A') this.#row = Math.max(0, this.#row - count)
    else if (command === 'B') this.#moveTo(this.#row + count)
    else if (command === 'C') this.#column = Math.min(this.columns - 1, this.#column + count)
    else if (command === 'D') this.#column = Math.max(0, this.#column - count)
    else if (command === 'G') this.#column = count - 1
    else if (command === 'J' && digits !== '2') this.#wipeBelow()
    else if (command === 'm') this.#colour = Number(digits)
    else throw new Error(`The screen does not know ${digits}${command}.`)
  }

  #show(character: string): void {
    if (character === '\r') this.#column = 0
    else if (character === '\n') this.#newLine()
    else if (character >= ' ' && character !== '\x7f') this.#put(character)
    else throw new Error(`The screen does not know ${JSON.stringify(character)}.`)
  }

  /** As a terminal's driver does it: back to the margin as well. */
  #newLine(): void {
    this.#moveTo(this.#row + 1)
    this.#column = 0
  }

  /** A wide character has two cells, the second one empty. */
  #put(character: string): void {
    const cells = /\p{Script=Han}|\p{Emoji_Presentation}/u.test(character) ? [character, ''] : [character]
    if (this.#column + cells.length > this.columns) this.#newLine()
    for (const text of cells) this.#cells[this.#column++] = { text, colour: this.#colour }
  }

  #wipeBelow(): void {
    this.#rows.length = this.#row + 1
    this.#cells.length = Math.min(this.#cells.length, this.#column)
  }

  #moveTo(row: number): void {
    this.#row = row
    while (this.#rows.length <= row) this.#rows.push([])
  }

  get #cells(): Cell[] {
    const cells = this.#rows[this.#row]!
    while (cells.length < this.#column) cells.push({ text: ' ', colour: 0 })
    return cells
  }
}

function textOf(cells: readonly Cell[]): string {
  return cells.map(({ text }) => text).join('')
}
