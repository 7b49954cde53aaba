import type { Stream } from '../net/stream.ts'
import { type Dialect, DialectReader, type Message } from '../protocol/dialect.ts'

/** So many messages may wait for the dialect before their writers must, lest each newcomer hold up all others. */
const maxWaiting = 16

/** What a chat stream must be told. */
export interface ChatStreamOptions {
  /** What the peer's program is expected to speak, as soon as that is known. */
  expected: Promise<Dialect | undefined>
  /** Spoken whatever is expected and whatever comes. */
  forced: Dialect | undefined
  /** The peer has turned out to speak this dialect, after it was written to in the other. */
  misjudged(dialect: Dialect): void
}

/** A stream of messages to and from one peer, in that peer's dialect. */
export class ChatStream implements AsyncIterable<string[]> {
  readonly stream: Stream
  readonly #options: ChatStreamOptions
  readonly #ready: Promise<void>
  /** What is written in; nothing is written before it is known. */
  #dialect: Dialect | undefined
  #waiting: Message[] = []
  #written = false

  constructor(stream: Stream, options: ChatStreamOptions) {
    this.stream = stream
    this.#options = options
    this.#dialect = options.forced
    this.#ready = options.expected.then(expected => this.#begin(expected))
  }

  /**
   * Says a message; one that comes early waits until the dialect is known. Returns false when the writer should await
   * `drained()`. A stream that has ended takes it without a word: its reader will notice, and nobody else shall suffer.
   */
  write(message: Message): boolean {
    if (!this.#dialect) return this.#waiting.push(message) < maxWaiting
    this.#written = true
    try {
      return this.stream.write(message.in(this.#dialect))
    } catch {
      return true
    }
  }

  /** As `Stream.drained`. */
  async drained(): Promise<void> {
    if (!this.#dialect) await this.#ready
    await this.stream.drained()
  }

  /** As `Stream.end`. */
  async end(): Promise<void> {
    if (!this.#dialect) await this.#ready
    await this.stream.end()
  }

  /** The lines that come, as many at a time as come together. */
  async *[Symbol.asyncIterator](): AsyncGenerator<string[]> {
    const { expected, forced } = this.#options
    const reader = new DialectReader(await expected, { forced })
    for await (const chunk of this.stream) {
      const lines = reader.receive(chunk)
      this.#heed(reader.dialect)
      yield lines
    }
    yield reader.finish()
  }

  #begin(expected: Dialect | undefined): void {
    this.#dialect ??= expected ?? 'lines'
    for (const message of this.#waiting.splice(0)) this.write(message)
  }

  /** From now on writes as the peer does. */
  #heed(dialect: Dialect | undefined): void {
    if (!dialect || dialect === this.#dialect) return
    this.#dialect = dialect
    if (this.#written) this.#options.misjudged(dialect)
  }
}
