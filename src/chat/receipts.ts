/** The texts of so many lines are remembered, or of twice as many; of older ones only that there were some. */
const maxLines = 1_000

/** What was written to a peer that is gone, and is not known to have arrived. */
export interface Leftover {
  /** What may have arrived or not: how many lines, and the text of the last of them. */
  unsure: { count: number; lines: readonly string[] }
  /** What certainly has not, in order. */
  unsent: readonly string[]
}

interface Line {
  text: string
  /** The place of its first byte among all that were written, and of the first byte behind it. */
  begin: number
  end: number
}

/** Of the lines written to a stream, those not known to have arrived. A place is a number of bytes since the stream began. */
export class Receipts {
  #lines: Line[] = []
  /** Older lines, whose texts are not remembered, and where the last of them ended. */
  #older = { count: 0, end: 0 }
  #written = 0

  /** Whether anything is not known to have arrived. */
  get pending(): boolean {
    return this.#lines.length > 0
  }

  /** How much was written. */
  get written(): number {
    return this.#written
  }

  /** So many bytes were written; those of a line, unless nobody wants to know of them. */
  wrote(bytes: number, text?: string): void {
    const begin = this.#written
    this.#written += bytes
    if (text === undefined) return
    this.#lines.push({ text, begin, end: this.#written })
    if (this.#lines.length === 2 * maxLines) this.#forgetTexts()
  }

  /** All up to this place has arrived. */
  arrived(place: number): void {
    if (this.#older.end <= place) this.#older.count = 0
    this.#lines = this.#lines.filter(({ end }) => end > place)
  }

  /** What is left when no more can be written, and nothing from this place on has left. */
  leftover(place: number): Leftover {
    const text = ({ text }: Line) => text
    const unsent = this.#lines.filter(({ begin }) => begin >= place).map(text)
    const lines = this.#lines.filter(({ begin }) => begin < place).map(text)
    return { unsure: { count: this.#older.count + lines.length, lines }, unsent }
  }

  #forgetTexts(): void {
    const older = this.#lines.splice(0, maxLines)
    this.#older = { count: this.#older.count + older.length, end: older.at(-1)!.end }
  }
}
