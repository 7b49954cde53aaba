import type { Stream } from '../net/stream.ts'
import { defer, startTimer } from '../net/timer.ts'
import { type Dialect, DialectReader, type Message } from '../protocol/dialect.ts'
import { Outbox } from './outbox.ts'
import { type Leftover, Receipts } from './receipts.ts'

/** So many messages may wait for the dialect before their writers must, lest each newcomer hold up all others. */
const maxWaiting = 16

/** How long it is between two questions whether what was written has arrived, in milliseconds. */
const receiptInterval = 100

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
  #waiting: { message: Message; text: string | undefined }[] = []
  #written = false
  readonly #receipts = new Receipts()
  #asksForReceipt = false
  /** What was said too late, when the stream had ended already, and how much more of it there was than is kept. */
  readonly #late = new Outbox()
  #lost = 0
  #over = false

  constructor(stream: Stream, options: ChatStreamOptions) {
    this.stream = stream
    this.#options = options
    this.#dialect = options.forced
    this.#ready = options.expected.then(expected => this.#begin(expected))
  }

  /**
   * Says a message; one that comes early waits until the dialect is known. Returns false when the writer should await
   * `drained()`. A stream that has ended takes it without a word: its reader will notice, and nobody else shall suffer. With
   * its `text` given, `leftover` tells of it unless it has arrived.
   */
  write(message: Message, text?: string): boolean {
    if (!this.#dialect) return this.#waiting.push({ message, text }) < maxWaiting
    this.#written = true
    const bytes = message.in(this.#dialect)
    try {
      const ready = this.stream.write(bytes)
      this.#receipts.wrote(bytes.length, text)
      if (text !== undefined && !this.#asksForReceipt) void this.#askForReceipt()
      return ready
    } catch {
      if (text !== undefined && !this.#late.add(text)) this.#lost++
      return true
    }
  }

  /** Takes leave of the stream: what was said and is not known to have arrived. It is sure what has not left if the stream broke. */
  leftover({ broken }: { broken: boolean }): Leftover {
    this.#over = true
    const { written } = this.#receipts
    const { unsure, unsent } = this.#receipts.leftover(broken ? written - this.stream.unsent : written)
    const waiting = this.#waiting.splice(0).flatMap(({ text = [] }) => text)
    return {
      unsure: { ...unsure, count: unsure.count + this.#lost },
      unsent: [...unsent, ...waiting, ...this.#late.lines],
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
    for (const { message, text } of this.#waiting.splice(0)) this.write(message, text)
  }

  /** As long as lines are under way, asks now and then: the answer to a ping says that all has arrived that left before it. */
  async #askForReceipt(): Promise<void> {
    this.#asksForReceipt = true
    try {
      while (this.#receipts.pending && !this.#over) {
        // What was written leaves at the end of the turn.
        await new Promise<void>(defer)
        const left = this.#receipts.written - this.stream.unsent
        await this.stream.connection.ping()
        this.#receipts.arrived(left)
        await new Promise<void>(resolve => startTimer(receiptInterval, resolve))
      }
    } catch {
      // The connection is gone; the reader tells.
    } finally {
      this.#asksForReceipt = false
    }
  }

  /** From now on writes as the peer does. */
  #heed(dialect: Dialect | undefined): void {
    if (!dialect || dialect === this.#dialect) return
    this.#dialect = dialect
    if (this.#written) this.#options.misjudged(dialect)
  }
}
