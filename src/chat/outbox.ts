/** So many lines are kept at most. */
const maxLines = 1_000

/** So many characters are kept at most, in all lines together. */
const maxCharacters = 250_000

/** Lines that wait to be sent, in order, and only so many. */
export class Outbox {
  readonly #lines: string[]
  #characters: number

  /** Begins with lines for which there is room in any case: they were accepted before. */
  constructor(lines: readonly string[] = []) {
    this.#lines = [...lines]
    this.#characters = lines.reduce((sum, { length }) => sum + length, 0)
  }

  /** The lines, the first to be sent first. */
  get lines(): readonly string[] {
    return this.#lines
  }

  /** Whether there is no room for one more line, however short. */
  get isFull(): boolean {
    return this.#lines.length >= maxLines || this.#characters >= maxCharacters
  }

  /** Puts a line behind the others. Returns false when there is no room for it. */
  add(line: string): boolean {
    if (this.isFull) return false
    this.#lines.push(line)
    this.#characters += line.length
    return true
  }
}
