/** A clock that stands still until a test moves it, in milliseconds. */
export class Clock {
  #time: number

  constructor(time = 1_000) {
    this.#time = time
  }

  /** To be handed on as it is. */
  readonly now = (): number => this.#time

  advance(ms: number): void {
    this.#time += ms
  }
}
