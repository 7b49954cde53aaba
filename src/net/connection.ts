import type { Limits } from '../protocol/limits.ts'
import { checkProtocol, NegotiationDialer, NegotiationListener } from '../protocol/negotiate.ts'
import { GoAwayCode } from '../protocol/yamux/header.ts'
import type { YamuxEvent, YamuxSession } from '../protocol/yamux/session.ts'
import type { YamuxStream } from '../protocol/yamux/stream.ts'
import { ParleyError, remoteError } from '../wire/errors.ts'
import type { PublicKey } from '../wire/keys.ts'
import type { Multiaddr } from '../wire/multiaddr.ts'
import type { PeerId } from '../wire/peer-id.ts'
import { Budget } from './budget.ts'
import { Negotiations } from './negotiations.ts'
import { Pump, type PumpEvents } from './pump.ts'
import { Stream, type StreamEvents, type StreamOptions } from './stream.ts'
import {
  aborted,
  type Deferred,
  deferred,
  monotonicNow,
  onAbort,
  startTimer,
  throwIfAborted,
} from './timer.ts'
import type { Socket } from './transport.ts'
import type { Direction, Muxer, Upgraded } from './upgrade.ts'

/** How long a closing connection waits for its last bytes to leave and for the other side to close, in milliseconds. */
const closeTimeout = 1_000

/** Pings under way at once; the other side may keep no more than 32 answers. */
const mostPings = 16

/** What a connection tells the host. */
export interface ConnectionEvents {
  /** Whether a protocol proposed on an inbound stream is spoken here. */
  accepts(protocol: string): boolean
  /** An inbound stream has agreed on its protocol. */
  stream(stream: Stream): void
  /** The connection is gone; `error` says why, unless it was closed in good order. */
  closed(connection: Connection, error: ParleyError | undefined): void
}

/** What a connection is made of. */
export interface ConnectionOptions {
  socket: Socket
  upgraded: Upgraded
  direction: Direction
  events: ConnectionEvents
  limits: Limits
  /** What the connection may use; it is closed with it. Default: no bounds but `limits`. */
  budget?: Budget | undefined
}

/** What `open` takes beside the protocols. */
export interface OpenOptions {
  /** Gives up, and resets the stream if it was opened, when it fires. */
  signal?: AbortSignal | undefined
  /**
   * Returns the stream before the other side has agreed, for a single protocol that it is known to speak: the first
   * bytes travel with the proposal. If it disagrees after all, the stream is reset.
   */
  optimistic?: boolean | undefined
}

type NewStream = Pick<StreamOptions, 'muxed' | 'direction' | 'negotiation' | 'optimistic'>

/** A secured connection to one peer, and the streams on it. */
export class Connection {
  readonly peerId: PeerId
  readonly publicKey: PublicKey
  readonly remoteAddress: Multiaddr
  readonly direction: Direction
  readonly muxer: Muxer
  /** Since when it stands: milliseconds on a clock that never goes back. */
  readonly since = monotonicNow()
  readonly #pump: Pump
  readonly #yamux: YamuxSession
  readonly #events: ConnectionEvents
  readonly #budget: Budget
  readonly #mostNegotiating: number
  readonly #streams = new Map<number, Stream>()
  readonly #negotiations: Negotiations
  readonly #streamEvents: StreamEvents = {
    negotiated: stream => this.#negotiations.ended(stream),
    agreed: stream => this.#agreed(stream),
    closed: stream => this.#forget(stream),
  }
  readonly #pings = new Map<number, Deferred<number>>()
  readonly #closed = deferred()
  #openers: Deferred<void>[] = []
  #status: 'open' | 'closing' | 'closed' = 'open'
  /** The other side has said goodbye: what stands goes on, and when it is over so is the connection. */
  #dismissed = false
  #error: ParleyError | undefined
  #cancelDeadline: (() => void) | undefined

  constructor({ socket, upgraded, direction, events, limits, budget = new Budget() }: ConnectionOptions) {
    this.peerId = upgraded.peerId
    this.publicKey = upgraded.publicKey
    this.remoteAddress = socket.remoteAddress
    this.direction = direction
    this.muxer = upgraded.muxer
    this.#events = events
    this.#negotiations = new Negotiations(limits.negotiationTimeout, this.#streams)
    this.#mostNegotiating = limits.negotiating
    this.#budget = budget
    this.#pump = new Pump({ socket, upgraded, direction, limits, budget, events: this.#pumpEvents() })
    this.#yamux = this.#pump.yamux
    this.#pump.start(upgraded.rest)
  }

  /** The streams that are alive. */
  get streams(): Stream[] {
    return [...this.#streams.values()]
  }

  /** The latest round-trip time in milliseconds; 0 before it was first measured. */
  get rtt(): number {
    return this.#yamux.rtt
  }

  /** Bytes that the streams hold: what was written and has not left, and what came and was not read. */
  get held(): number {
    return this.#yamux.held
  }

  /** Whether new streams may be opened, or the connection is on its way out. */
  get status(): 'open' | 'closing' | 'closed' {
    return this.#status
  }

  /** Settles when the connection is gone; it never rejects. */
  get closed(): Promise<void> {
    return this.#closed.promise
  }

  /**
   * Opens a stream for the first of the protocols that the other side speaks. Throws
   * `ERR_PROTOCOL_UNSUPPORTED` when it speaks none, `ERR_CONNECTION_CLOSED`, `ERR_STREAM_LIMIT`, `ERR_TIMEOUT`,
   * and `ERR_ABORTED` when the signal fires.
   */
  async open(protocols: string | readonly string[], options: OpenOptions = {}): Promise<Stream> {
    const proposals = typeof protocols === 'string' ? [protocols] : protocols
    if (proposals.length === 0) throw new ParleyError('ERR_USAGE', 'Name at least one protocol to open.')
    for (const proposal of proposals) checkProtocol(proposal)
    throwIfAborted(options.signal)
    while (this.#status === 'open' && !this.#yamux.canOpen) await this.#room(options.signal)
    if (this.#status !== 'open') throw closedError()
    const optimistic = options.optimistic && proposals.length === 1 ? proposals[0] : undefined
    const negotiation = new NegotiationDialer(proposals)
    const stream = this.#addStream({
      muxed: this.#yamux.open(),
      direction: 'outbound',
      negotiation,
      optimistic,
    })
    if (optimistic !== undefined) return stream
    const { signal } = options
    if (!signal) return stream.negotiated
    const undo = onAbort(signal, () => stream.fail(aborted(signal)))
    return stream.negotiated.finally(undo)
  }

  /** Measures the round trip in milliseconds; by then the other side has read all that was sent before. */
  async ping(): Promise<number> {
    while (this.#pings.size >= mostPings) await this.#oldestPing().catch(() => {})
    if (this.#status === 'closed') throw closedError()
    const answer = deferred<number>()
    this.#pings.set(this.#yamux.ping(), answer)
    this.#pump.wake(0)
    return answer.promise
  }

  async #oldestPing(): Promise<void> {
    for (const { promise } of this.#pings.values()) return void (await promise)
  }

  /** Lets what was written leave, says goodbye and closes; what the other side still sends is lost. */
  async close(): Promise<void> {
    if (this.#status === 'open') this.#sayGoodbye()
    return this.#closed.promise
  }

  /** Closes at once. Streams end with `error`, or with `ERR_CONNECTION_CLOSED`. */
  abort(error?: ParleyError): void {
    this.#shut(error)
  }

  #pumpEvents(): PumpEvents {
    return {
      happened: event => this.#handle(event),
      received: () => this.#admitIfRoom(),
      ended: () => this.#ended(),
      finished: () => this.#leave(),
      broke: error => this.#shut(error),
      closed: cause => this.#shut(this.#isIdle ? this.#error : closedError(cause)),
    }
  }

  #handle(event: YamuxEvent): void {
    switch (event.type) {
      case 'data':
        return this.#streams.get(event.stream.id)?.deliver(event.bytes)
      case 'open':
        return this.#accept(event.stream)
      case 'end':
        return this.#finishStream(event.stream.id)
      case 'reset':
        return this.#resetStream(event.stream.id)
      case 'pong':
        this.#pings.get(event.value)?.resolve(event.rtt)
        this.#pings.delete(event.value)
        return
      case 'goAway':
        return this.#heardGoodbye(event.code)
    }
  }

  #accept(muxed: YamuxStream): void {
    if (this.#negotiations.count('inbound') >= this.#mostNegotiating) return muxed.reset()
    const negotiation = new NegotiationListener(protocol => this.#events.accepts(protocol))
    this.#addStream({ muxed, direction: 'inbound', negotiation, optimistic: undefined })
  }

  #agreed(stream: Stream): void {
    if (stream.direction === 'inbound') this.#events.stream(stream)
  }

  #addStream(options: NewStream): Stream {
    const stream = this.#newStream(options)
    this.#streams.set(stream.id, stream)
    this.#negotiations.began(stream)
    return stream
  }

  #newStream(options: NewStream): Stream {
    try {
      const { muxed, direction, negotiation, optimistic } = options
      const events = this.#streamEvents
      return new Stream({
        connection: this,
        pump: this.#pump,
        events,
        muxed,
        direction,
        negotiation,
        optimistic,
      })
    } catch (error) {
      // There was no memory left for its first bytes.
      options.muxed.reset()
      throw error
    }
  }

  #forget(stream: Stream): void {
    // Its number may have been taken by the next stream already.
    if (this.#streams.get(stream.id) === stream) this.#streams.delete(stream.id)
    this.#pump.forget(stream)
    if (stream.isNegotiating) this.#negotiations.ended(stream)
    this.#admitIfRoom()
    this.#finishIfIdle()
  }

  #finishStream(id: number): void {
    this.#streams.get(id)?.finish()
  }

  #resetStream(id: number): void {
    const message = 'The other side reset the stream.'
    this.#streams.get(id)?.fail(remoteError('ERR_STREAM_RESET', message, { scope: 'stream' }))
  }

  #heardGoodbye(code: number): void {
    if (this.#status === 'open') this.#status = 'closing'
    this.#admit()
    if (code !== GoAwayCode.normal) throw closedError()
    this.#dismissed = true
    this.#finishIfIdle()
  }

  #finishIfIdle(): void {
    if (this.#dismissed && this.#streams.size === 0) this.#pump.finish()
  }

  /** Waits until a stream of ours is accepted or ends. */
  async #room(signal: AbortSignal | undefined): Promise<void> {
    const opener = deferred()
    this.#openers.push(opener)
    const undo = onAbort(signal, () => opener.reject(aborted(signal!)))
    await opener.promise.finally(undo)
  }

  #admitIfRoom(): void {
    if (this.#openers.length > 0 && this.#yamux.canOpen) this.#admit()
  }

  #admit(): void {
    const openers = this.#openers
    this.#openers = []
    for (const opener of openers) opener.resolve()
  }

  /** Nothing is lost when the socket goes: we are leaving, or there is no stream. go closes with TCP's reset, always. */
  get #isIdle(): boolean {
    return this.#status !== 'open' || this.#streams.size === 0
  }

  /** TCP's end is not authenticated: streams that the peer has not finished end in an error. */
  #ended(): void {
    if (!this.#isIdle) this.#error = closedError()
    this.#leave()
    this.#failStreams(this.#error)
    this.#pump.end()
  }

  #sayGoodbye(): void {
    this.#leave()
    for (const stream of this.#streams.values()) stream.end().catch(() => {})
    this.#pump.sayGoodbye()
  }

  /** Takes no more streams, and waits only so long for the other side to close. */
  #leave(): void {
    if (this.#status === 'open') this.#status = 'closing'
    this.#admit()
    this.#cancelDeadline ??= startTimer(closeTimeout, () => this.abort(this.#error))
  }

  /** An error takes its time to make, and mostly there is nobody to hear of it. */
  #failStreams(error: ParleyError | undefined): void {
    if (this.#streams.size === 0) return
    const reason = error ?? closedError()
    for (const stream of this.#streams.values()) stream.fail(reason)
  }

  #failPings(error: ParleyError | undefined): void {
    if (this.#pings.size === 0) return
    const reason = error ?? closedError()
    for (const answer of this.#pings.values()) answer.reject(reason)
    this.#pings.clear()
  }

  #shut(error: ParleyError | undefined): void {
    if (this.#status === 'closed') return
    this.#status = 'closed'
    this.#cancelDeadline?.()
    this.#failStreams(error)
    this.#negotiations.clear()
    this.#pump.stop()
    this.#failPings(error)
    this.#admit()
    this.#budget.close()
    this.#closed.resolve()
    this.#events.closed(this, error)
  }
}

function closedError(cause?: unknown): ParleyError {
  return remoteError('ERR_CONNECTION_CLOSED', 'The connection was closed.', { cause })
}
