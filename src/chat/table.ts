import { Emitter } from '../host/emitter.ts'
import type { Host } from '../host/host.ts'
import type { Target } from '../host/target.ts'
import type { Stream } from '../net/stream.ts'
import { startTimer } from '../net/timer.ts'
import type { Direction } from '../net/upgrade.ts'
import { type Dialect, Message } from '../protocol/dialect.ts'
import { CHAT_PROTOCOLS } from '../protocol/lines.ts'
import { compare } from '../wire/bytes.ts'
import { ParleyError } from '../wire/errors.ts'
import type { PeerId } from '../wire/peer-id.ts'
import { Absent } from './absent.ts'
import { ChatStream } from './chat-stream.ts'
import { type Program, programOf } from './program.ts'
import type { Leftover } from './receipts.ts'

/** What happens at a table. */
export interface TableEvents {
  /** A peer sits at the table: it came to us (inbound), or we to it. `agent` is its program, as a stranger calls it. */
  join: { peer: PeerId; address: string; agent: string | undefined; direction: Direction }
  /** A peer has left; `error` says why, unless it left in good order. Of what was said to it all else has arrived. */
  leave: { peer: PeerId; error: ParleyError | undefined } & Leftover
  /** A peer that was expected is back, and was sent so many lines that were kept for it. */
  caughtUp: { peer: PeerId; count: number }
  /** There was no room to keep a line for a peer that is expected. */
  notKept: { peer: PeerId }
  /** A peer said something: text from a stranger. */
  message: { from: PeerId; text: string; protocol: string }
  /** A peer has turned out to speak this dialect, after it was written to in the other: it may have lost what was said. */
  misjudged: { peer: PeerId; dialect: Dialect }
}

/** How a table behaves. */
export interface TableOptions {
  /** Whether a line from one inbound peer is passed on to the other inbound peers. Default true. */
  relay?: boolean
  /** How messages are told from each other, on every stream and both ways. Default: found out for each peer. */
  framing?: Dialect | undefined
  /** A peer that takes nothing in for so many milliseconds is dropped, lest it hold up all others. Default 20,000. */
  stallTimeout?: number
  /**
   * Waited for before more is taken in from a peer: when whoever shows the messages is ready for more. Without it they must
   * be shown as fast as they come.
   */
  ready?: () => Promise<void> | undefined
}

interface Seat {
  peer: PeerId
  /** One, but for a moment when two peers have dialled each other at once; the first is the one to write to. */
  streams: ChatStream[]
  /** What may not have arrived on streams that are gone. */
  unsure: Leftover['unsure']
  /** Settles when the event of joining has been told: it comes before the first message, and waits for the agent. */
  announced: Promise<void>
}

/**
 * A chat: one stream to each peer, and what is said goes to all. The one who was dialled is also the hub, who passes
 * lines on among those who dialled him; never between those he dialled himself, so that no circle of hubs can echo.
 */
export class Table {
  /** Those who are away and expected back; what is said is kept for them, and sent before all else when they come. */
  readonly absent: Absent = new Absent()
  readonly #host: Host
  readonly #relay: boolean
  readonly #framing: Dialect | undefined
  readonly #stallTimeout: number
  readonly #ready: () => Promise<void> | undefined
  readonly #events = new Emitter<TableEvents>()
  readonly #seats = new Map<string, Seat>()
  /** Those we are about to sit down with, by peer. */
  readonly #going = new Map<string, Promise<void>>()
  readonly #unhandle: (() => void)[]

  /** Sits the host's user down; from now on peers may join. */
  constructor(host: Host, options: TableOptions = {}) {
    this.#host = host
    this.#relay = options.relay ?? true
    this.#framing = options.framing
    this.#stallTimeout = options.stallTimeout ?? 20_000
    this.#ready = options.ready ?? (() => undefined)
    this.#unhandle = CHAT_PROTOCOLS.map(protocol =>
      host.handle(protocol, stream => this.#welcome(stream), { maxInbound: 4 }),
    )
  }

  /** Hears of an event from now on. Returns the undo. */
  on<Name extends keyof TableEvents>(event: Name, listener: (value: TableEvents[Name]) => void): () => void {
    return this.#events.on(event, listener)
  }

  /** Who is at the table. */
  get peers(): PeerId[] {
    return [...this.#seats.values()].map(({ peer }) => peer)
  }

  /** Goes to a peer's table. Throws what `Host.open` throws. */
  async join(target: Target, { signal }: { signal?: AbortSignal | undefined } = {}): Promise<PeerId> {
    const { peerId } = await this.#host.dial(target, { signal })
    const key = peerId.toString()
    const going = this.#goTo(peerId, signal).finally(() => {
      if (this.#going.get(key) === going) this.#going.delete(key)
    })
    this.#going.set(key, going)
    await going
    return peerId
  }

  /**
   * Says one line to all. Settles with the number of peers that it was sent to, when they are ready for more; one
   * that takes nothing in is dropped: see `stallTimeout`. For those who are expected it is kept.
   */
  async say(text: string): Promise<number> {
    for (const peer of this.absent.keep(text)) this.#events.emit('notKept', { peer })
    const streams = [...this.#seats.values()].map(({ streams }) => streams[0]!)
    const message = new Message(text)
    await this.#sendAll(streams, stream => stream.write(message, text))
    return streams.length
  }

  /**
   * Gets up: ends every stream behind what was said, and makes sure that the other sides have it. Rejects when one of
   * them could not be told everything.
   */
  async leave(): Promise<void> {
    for (const unhandle of this.#unhandle) unhandle()
    const streams = [...this.#seats.values()].flatMap(({ streams }) => streams)
    await Promise.all(
      streams.map(async stream => {
        await stream.end()
        await stream.stream.connection.ping()
      }),
    )
  }

  async #goTo(peer: PeerId, signal: AbortSignal | undefined): Promise<void> {
    const { stream, announced } = this.#seat(await this.#host.open(peer, CHAT_PROTOCOLS, { signal }))
    void this.#listen(stream, announced)
    await announced
  }

  async #welcome(inbound: Stream): Promise<void> {
    const { stream, announced } = this.#seat(inbound)
    await this.#listen(stream, announced)
  }

  #seat(opened: Stream): { stream: ChatStream; announced: Promise<void> } {
    const { peerId: peer } = opened.connection
    const program = programOf(this.#host, opened.connection)
    const stream = this.#chatStream(opened, program)
    const seat = this.#seats.get(peer.toString())
    if (seat) {
      this.#addStream(seat, stream)
      return { stream, announced: seat.announced }
    }
    const kept = this.absent.take(peer)
    sayAgain(stream, kept)
    const announced = program.then(({ agent }) => this.#announce(opened, agent, kept.length))
    this.#seats.set(peer.toString(), { peer, streams: [stream], unsure: { count: 0, lines: [] }, announced })
    return { stream, announced }
  }

  #chatStream(stream: Stream, program: Promise<Program>): ChatStream {
    const { peerId: peer } = stream.connection
    return new ChatStream(stream, {
      expected: program.then(({ dialect }) => dialect),
      forced: this.#framing,
      misjudged: dialect => this.#events.emit('misjudged', { peer, dialect }),
    })
  }

  #announce(stream: Stream, agent: string | undefined, kept: number): void {
    const { peerId: peer, remoteAddress } = stream.connection
    const address = remoteAddress.withPeerId(peer).toString()
    this.#events.emit('join', { peer, address, agent, direction: stream.direction })
    if (kept > 0) this.#events.emit('caughtUp', { peer, count: kept })
  }

  /** Of two streams both sides write to the same one; the other is read until it ends, so that nothing is lost. */
  #addStream(seat: Seat, stream: ChatStream): void {
    const current = seat.streams[0]!
    const [kept, surplus] = this.#prefers(current, stream) ? [current, stream] : [stream, current]
    seat.streams = [kept, surplus, ...seat.streams.slice(1)]
    // On another connection the end of the one could overtake the other, and look as if we had left.
    kept.stream.negotiated.then(() => surplus.end()).catch(() => {})
  }

  /** The rule by which both sides choose alike: the stream that the smaller peer ID opened; of one side's two, the newer. */
  #prefers({ stream: older }: ChatStream, { stream: newer }: ChatStream): boolean {
    if (older.direction === newer.direction) return false
    const ours = compare(this.#host.peerId.bytes, older.connection.peerId.bytes) < 0
    return (older.direction === 'outbound') === ours
  }

  async #listen(chat: ChatStream, announced: Promise<void>): Promise<void> {
    await announced
    const { stream } = chat
    let error: ParleyError | undefined
    try {
      for await (const lines of chat) {
        await this.#hear(lines, stream)
        await this.#ready()
      }
      // It may have ended this stream in favour of the one that we are about to open: then it has not left.
      await this.#going.get(stream.connection.peerId.toString())?.catch(() => {})
      // The other side has left in good order, whether or not it still waits to hear the same from us.
      chat.end().catch(() => {})
    } catch (cause) {
      error = cause instanceof ParleyError ? cause : undefined
      stream.reset(cause)
    }
    this.#vacate(chat, error)
  }

  async #hear(lines: string[], { connection, protocol, direction }: Stream): Promise<void> {
    const from = connection.peerId
    for (const text of lines) {
      this.#events.emit('message', { from, text, protocol })
      if (this.#relay && direction === 'inbound') await this.#passOn(from, text)
    }
  }

  async #passOn(from: PeerId, text: string): Promise<void> {
    const streams = [...this.#seats.values()].flatMap(({ peer, streams: [first] }) =>
      first?.stream.direction === 'inbound' && !peer.equals(from) ? [first] : [],
    )
    const message = new Message(text, `[${from.short}] `)
    await this.#sendAll(streams, stream => stream.write(message))
  }

  /** Writes to all; waits for those that are behind, and drops the ones that stay there. */
  async #sendAll(streams: readonly ChatStream[], write: (stream: ChatStream) => boolean): Promise<void> {
    const behind = streams.filter(stream => !write(stream))
    if (behind.length > 0) await Promise.all(behind.map(stream => this.#catchUp(stream)))
  }

  async #catchUp(chat: ChatStream): Promise<void> {
    const cancelTimer = startTimer(this.#stallTimeout, () =>
      chat.stream.reset(new Error('The peer takes nothing in any more.')),
    )
    try {
      await chat.drained()
    } catch {
      // It has ended; its reader tells.
    } finally {
      cancelTimer()
    }
  }

  #vacate(chat: ChatStream, error: ParleyError | undefined): void {
    const { peerId: peer } = chat.stream.connection
    const seat = this.#seats.get(peer.toString())
    if (!seat) return
    seat.streams = seat.streams.filter(other => other !== chat)
    const [other] = seat.streams
    const { unsure, unsent } = chat.leftover({ broken: error !== undefined })
    // A stream that was given up for another has been read to its end, unless it broke.
    if (!other || error) seat.unsure = both(seat.unsure, unsure)
    if (other) return sayAgain(other, unsent)
    this.#seats.delete(peer.toString())
    this.#events.emit('leave', { peer, error, unsure: seat.unsure, unsent })
  }
}

/** Says lines to one peer that have not reached it. */
function sayAgain(stream: ChatStream, lines: readonly string[]): void {
  for (const line of lines) stream.write(new Message(line), line)
}

function both(a: Leftover['unsure'], b: Leftover['unsure']): Leftover['unsure'] {
  return { count: a.count + b.count, lines: [...a.lines, ...b.lines] }
}
