import type { Negotiation } from '../protocol/negotiate.ts'
import type { YamuxStream } from '../protocol/yamux/stream.ts'
import { ByteQueue, EMPTY } from '../wire/bytes.ts'
import { ParleyError, remoteError } from '../wire/errors.ts'
import type { Connection } from './connection.ts'
import { type Deferred, deferred, monotonicNow, Outcome, soon } from './timer.ts'
import type { Direction } from './upgrade.ts'

/** Above this many bytes waiting to be sent, `write` says to wait: a batch of the pump's. */
const highWater = 1024 * 1024

/** Down to this many, `drained` settles; not zero, so that the line never runs dry. */
const lowWater = 256 * 1024

/** What a stream asks of its connection. */
export interface StreamPump {
  /** Bytes or frames wait to be sent. `bytes` were just added. */
  wake(bytes: number): void
  /** Sends what waits, and does not wait for the end of the turn. */
  flush(): void
  /** The stream waits for its queue to empty: call `settle` after each flush. */
  watch(stream: Stream): void
}

/** What a stream tells its connection. */
export interface StreamEvents {
  /** The negotiation is over; told at once, so that no more streams than may be are in theirs. */
  negotiated(stream: Stream): void
  /** The protocol is agreed on; told in a turn of its own. */
  agreed(stream: Stream): void
  /** The stream is over, in whichever way; told in a turn of its own. */
  closed(stream: Stream): void
}

/** How a stream comes to be. */
export interface StreamOptions {
  connection: Connection
  pump: StreamPump
  events: StreamEvents
  muxed: YamuxStream
  direction: Direction
  negotiation: Negotiation
  /** The protocol, when it is used before the other side has agreed. */
  optimistic?: string | undefined
}

/**
 * A stream of bytes to a handler on another machine, encrypted, ordered, and as slow as its reader.
 *
 * Read it with `for await`; leaving the loop early keeps the stream, and a later loop goes on where the first
 * stopped. Its two directions end one by one: `end()` ends ours, the loop ends with theirs.
 *
 * Errors: reading throws, and `closed` rejects, with `ERR_STREAM_RESET` when either side reset the stream and
 * `ERR_CONNECTION_CLOSED` when the connection broke; what arrived before is read first.
 */
export class Stream implements AsyncIterable<Uint8Array> {
  readonly connection: Connection
  readonly direction: Direction
  /** Since when it is there: milliseconds on a clock that never goes back. */
  readonly since = monotonicNow()
  readonly #pump: StreamPump
  readonly #muxed: YamuxStream
  readonly #events: StreamEvents
  readonly #negotiated = new Outcome<Stream>()
  readonly #closed = new Outcome()
  #negotiation: Negotiation | undefined
  #protocol: string | undefined
  /** What nobody has read; small pieces are joined, so that many cost no more than their bytes. */
  #incoming = new ByteQueue()
  #reader: Deferred<IteratorResult<Uint8Array>> | undefined
  #remoteEnded = false
  #ended = false
  /** Whether the pump calls `settle` after each flush. */
  #watched = false
  #error: ParleyError | undefined
  /** What had not left when the stream broke. */
  #stranded: number | undefined
  #drained: Deferred<void> | undefined
  #flushed: Deferred<void> | undefined

  constructor({ connection, pump, events, muxed, direction, negotiation, optimistic }: StreamOptions) {
    this.connection = connection
    this.direction = direction
    this.#pump = pump
    this.#events = events
    this.#muxed = muxed
    this.#negotiation = negotiation
    this.#protocol = optimistic
    this.#send(negotiation.take())
  }

  /** The stream's number on its connection. */
  get id(): number {
    return this.#muxed.id
  }

  /** The protocol spoken on it, as agreed with the other side. */
  get protocol(): string {
    return this.#protocol ?? ''
  }

  /** Bytes written that have not been handed to the network; of a stream that broke, those that never will be. */
  get unsent(): number {
    return this.#stranded ?? this.#muxed.queued
  }

  /** Settles when both directions have ended; rejects when the stream was reset or the connection broke. */
  get closed(): Promise<void> {
    return this.#closed.promise
  }

  /** Settles when the protocol is agreed on, which for an optimistic stream is later than its first use; rejects when it is not. */
  get negotiated(): Promise<Stream> {
    return this.#negotiated.promise
  }

  /**
   * Sends bytes. They are kept as they are, not copied: do not change them before they have left. Returns false
   * when so much waits that the writer should `await stream.drained()`; nothing is lost if it does not.
   * Throws `ERR_STREAM_ENDED` after `end()`, what ended the stream if it was reset, `ERR_MEMORY_LIMIT` when more would wait than
   * may, of which nothing is sent then, and `ERR_USAGE` for what is no Uint8Array.
   */
  write(bytes: Uint8Array): boolean {
    return this.writeFrame(EMPTY, bytes)
  }

  /** For framing: `write` of a prefix and of the bytes that it announces, both or neither. */
  writeFrame(prefix: Uint8Array, bytes: Uint8Array): boolean {
    checkBytes(bytes)
    if (this.#error) throw this.#error
    if (this.#ended)
      throw new ParleyError('ERR_STREAM_ENDED', 'The stream was written to after its end.', {
        scope: 'stream',
      })
    this.#send(bytes, prefix)
    if (this.#muxed.isBeyondWindow) this.#watch()
    return this.#hasRoom
  }

  /** Settles when the writer may go on; rejects if the stream ends in an error first. */
  drained(): Promise<void> {
    if (this.#error) return Promise.reject(this.#error)
    if (this.#hasRoom) return Promise.resolve()
    this.#drained ??= deferred()
    this.#watch()
    return this.#drained.promise
  }

  /**
   * Ends our direction behind what was written; theirs stays open. Settles when all of it has been handed to the
   * network, for which the other side must take it in: whoever sends and receives much reads meanwhile. Rejects if the
   * stream ends in an error first.
   */
  end(): Promise<void> {
    if (this.#error) return Promise.reject(this.#error)
    this.#ended = true
    this.#flushed ??= deferred()
    this.#muxed.end()
    this.#watch()
    this.#pump.wake(0)
    return this.#flushed.promise
  }

  /** Ends both directions at once; what has not left or was not read is dropped. */
  reset(reason?: unknown): void {
    if (this.#error || this.#isDone()) return
    this.#incoming = new ByteQueue()
    this.#remoteEnded = false
    const message = reason instanceof Error ? reason.message : 'The stream was reset on this side.'
    this.fail(new ParleyError('ERR_STREAM_RESET', message, { scope: 'stream', cause: reason }))
  }

  /** The other side's bytes, as they come. One reader at a time. */
  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    return {
      next: () => this.#read(),
      return: async () => ({ done: true, value: undefined }),
    }
  }

  /**
   * For readers that put messages together: so many of the bytes that were read are still kept, and count like those that
   * nobody has read. Throws `ERR_MEMORY_LIMIT` where there may be no more.
   */
  keep(count: number): void {
    if (this.#muxed.keep(count)) return
    const message = 'The other side has begun more messages than there is memory for.'
    throw remoteError('ERR_MEMORY_LIMIT', message, { scope: 'stream' })
  }

  /** For the connection: how much has left, or `undefined` when nothing waits. */
  get progress(): number | undefined {
    return this.#muxed.queued > 0 ? this.#muxed.sent : undefined
  }

  /** For the connection: bytes arrived. */
  deliver(bytes: Uint8Array): void {
    if (this.#error) return
    if (this.#negotiation) this.#negotiate(this.#negotiation, bytes)
    else this.#hand(bytes)
  }

  /** For the connection: no more bytes will arrive. */
  finish(): void {
    if (this.#negotiation) this.#giveUp(endedEarly())
    if (this.#error) return this.#forsake(this.#error)
    this.#remoteEnded = true
    this.#answer()
    this.#tellWaiting()
  }

  /** For the connection: the stream is over. The other side is told, unless it is the one who said so. */
  fail(error: ParleyError): void {
    if (this.#isDone()) return
    this.#break(error)
    // Who opened the stream shall hear first that its protocol is spoken here.
    if (this.direction === 'inbound' && !this.#negotiation && this.#muxed.isUnanswered) this.#pump.flush()
    this.#stranded = this.#muxed.queued
    this.#muxed.reset()
    this.#pump.wake(0)
    this.#forsake(error)
  }

  /** For the connection: settles what waits for the queue. Returns whether anything is still in it. */
  settle(): boolean {
    this.#tellWaiting()
    this.#watched = !this.#error && (this.#muxed.queued > 0 || (this.#ended && !this.#muxed.finSent))
    return this.#watched
  }

  /** For the connection: whether no protocol is agreed on, be it that none ever will be. */
  get isNegotiating(): boolean {
    return this.#negotiation !== undefined
  }

  /** For the connection: the time for the negotiation is over. */
  expire(): void {
    this.fail(negotiationTimeout())
  }

  /** Whether the other side has reset the stream, which the event of it has yet to tell: what is written goes nowhere. */
  get #isCutOff(): boolean {
    return this.#muxed.isOver && !this.#muxed.finSent
  }

  /** Whether the writer may go on. Without the look at a reset, one who writes until he is told to wait would go on for ever. */
  get #hasRoom(): boolean {
    return this.#muxed.queued < highWater && !this.#isCutOff
  }

  #tellWaiting(): void {
    if (this.#drained && this.#muxed.queued <= lowWater && !this.#isCutOff) {
      this.#drained.resolve()
      this.#drained = undefined
    }
    if (this.#muxed.finSent) this.#flushed?.resolve()
    if (this.#isDone() && this.#closed.resolve()) this.#over()
  }

  #watch(): void {
    if (this.#watched) return
    this.#watched = true
    this.#pump.watch(this)
  }

  #isDone(): boolean {
    return this.#remoteEnded && this.#muxed.finSent
  }

  #send(bytes: Uint8Array, prefix = EMPTY): void {
    this.#muxed.write(bytes, prefix)
    this.#pump.wake(prefix.length + bytes.length)
  }

  #negotiate(negotiation: Negotiation, bytes: Uint8Array): void {
    try {
      const agreed = negotiation.receive(bytes)
      this.#send(negotiation.take())
      this.#consume(bytes.length - (agreed?.rest.length ?? 0))
      if (agreed) this.#agree(agreed.protocol, agreed.rest)
    } catch (error) {
      this.#send(negotiation.take())
      this.#giveUp(error instanceof ParleyError ? error : endedEarly())
    }
  }

  /**
   * Nothing was agreed on. Whoever listens ends in good order: a reset could overtake the refusal that the other side has yet
   * to read. What it still sends is ignored; the deadline of the negotiation resets it if it has not ended by then.
   */
  #giveUp(error: ParleyError): void {
    if (this.direction === 'outbound') return this.fail(error)
    this.#break(error)
    this.#muxed.end()
    this.#pump.wake(0)
  }

  /** Tells everyone here who waits, once. */
  #break(error: ParleyError): void {
    if (this.#error) return
    this.#error = error
    this.#drained?.reject(error)
    this.#flushed?.reject(error)
    this.#negotiated.reject(error)
    this.#answer()
  }

  /** Nothing more will be heard of the stream. */
  #forsake(error: ParleyError): void {
    if (this.#closed.reject(error)) this.#over()
  }

  #over(): void {
    soon(() => this.#events.closed(this))
  }

  #agree(protocol: string, rest: Uint8Array): void {
    this.#negotiation = undefined
    this.#protocol = protocol
    this.#negotiated.resolve(this)
    this.#events.negotiated(this)
    soon(() => this.#events.agreed(this))
    if (rest.length > 0) this.#hand(rest)
  }

  /** By way of the queue, which copies what is small: a program's bytes shall share their buffer with nobody else's. */
  #hand(bytes: Uint8Array): void {
    this.#incoming.push(bytes)
    const reader = this.#reader
    if (!reader) return
    this.#reader = undefined
    this.#consume(bytes.length)
    reader.resolve({ done: false, value: this.#incoming.next()! })
  }

  #read(): Promise<IteratorResult<Uint8Array>> {
    const bytes = this.#incoming.next()
    if (bytes) {
      this.#consume(bytes.length)
      return Promise.resolve({ done: false, value: bytes })
    }
    if (this.#remoteEnded) return Promise.resolve({ done: true, value: undefined })
    if (this.#error) return Promise.reject(this.#error)
    if (this.#reader) {
      const message = 'The stream already has a reader that waits; read from one place at a time.'
      return Promise.reject(new ParleyError('ERR_USAGE', message, { scope: 'stream' }))
    }
    this.#reader = deferred()
    return this.#reader.promise
  }

  #consume(count: number): void {
    this.#muxed.consume(count)
    if (this.#muxed.wantsTurn) this.#pump.wake(0)
  }

  /** Tells a waiting reader that no more will come. */
  #answer(): void {
    if (this.#error) this.#reader?.reject(this.#error)
    else this.#reader?.resolve({ done: true, value: undefined })
    this.#reader = undefined
  }
}

/** Throws `ERR_USAGE` for text and other arrays: they have a length too, and would be sent as something else without a word. */
export function checkBytes(bytes: unknown): void {
  if (bytes instanceof Uint8Array) return
  throw new ParleyError('ERR_USAGE', 'A stream takes a Uint8Array; encode text with TextEncoder first.', {
    scope: 'stream',
  })
}

function negotiationTimeout(): ParleyError {
  return remoteError('ERR_TIMEOUT', 'The other side did not agree on a protocol in time.', {
    scope: 'stream',
    stage: 'protocol',
  })
}

function endedEarly(): ParleyError {
  return remoteError(
    'ERR_UNEXPECTED_END',
    'The other side ended the stream before a protocol was agreed on.',
    {
      scope: 'stream',
      stage: 'protocol',
    },
  )
}
