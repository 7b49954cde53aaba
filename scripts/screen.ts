/** One character on the screen, and its colour. */
export interface Cell {
  text: string
  /** The number of the SGR colour; 0 for none. */
  colour: number
}

/** What a terminal shows: as much of one as the chat program asks for. */
export class Screen {
  readonly rows: Cell[][] = [[]]
  readonly #columns: number
  #row = 0
  #column = 0
  #colour = 0

  constructor(columns: number) {
    this.#columns = columns
  }

  /** Takes in what the program wrote. */
  write(output: string): void {
    const pieces = output.matchAll(
      /\x1b\[(?<args>[\d;?]*)(?<verb>[A-Za-z])|(?<control>[\r\n\x07])|(?<text>.)/gsu,
    )
    for (const { groups } of pieces) {
      if (groups?.verb) this.#obey(groups.verb, Number.parseInt(groups.args || '0', 10) || 0)
      else if (groups?.control) this.#control(groups.control)
      else this.#put(groups?.text ?? '')
    }
  }

  #obey(verb: string, count: number): void {
    if (verb === 'A') this.#row = Math.max(0, this.#row - Math.max(count, 1))
    if (verb === 'G') this.#column = Math.max(count, 1) - 1
    if (verb === 'C') this.#column += Math.max(count, 1)
    if (verb === 'J') this.#clearBelow()
    if (verb === 'K') this.#line().length = Math.min(this.#line().length, this.#column)
    if (verb === 'm') this.#colour = count
  }

  #clearBelow(): void {
    this.#line().length = Math.min(this.#line().length, this.#column)
    this.rows.length = this.#row + 1
  }

  #control(control: string): void {
    if (control === '\r') this.#column = 0
    if (control === '\n') this.#row++
  }

  #put(text: string): void {
    if (this.#column >= this.#columns) {
      this.#row++
      this.#column = 0
    }
    const line = this.#line()
    while (line.length < this.#column) line.push({ text: ' ', colour: 0 })
    line[this.#column] = { text, colour: this.#colour }
    this.#column++
  }

  #line(): Cell[] {
    while (this.rows.length <= this.#row) this.rows.push([])
    return this.rows[this.#row]!
  }
}
