/** Data frames up to this length, in bytes, are messages that somebody waits for; longer ones are bulk. */
export const longestMessage = 4096

/** So long after its last message a conversation counts as over, in milliseconds. */
const patience = 200

/** Who has sent messages lately: a stream that moves bulk beside them should not make them wait. */
export class Conversation {
  /** The stream that spoke last, and when; it is kept by ID, since it may be over. */
  #speaker = 0
  #spokeAt = Number.NEGATIVE_INFINITY
  /** When any other stream did. */
  #othersSpokeAt = Number.NEGATIVE_INFINITY

  /** A message came on stream `id`. */
  heard(id: number, now: number): void {
    if (id !== this.#speaker) this.#othersSpokeAt = this.#spokeAt
    this.#speaker = id
    this.#spokeAt = now
  }

  /** Whether any stream but `id` has spoken within 200 ms. */
  isAlive(now: number, id: number): boolean {
    const spokeAt = id === this.#speaker ? this.#othersSpokeAt : this.#spokeAt
    return now - spokeAt < patience
  }
}
