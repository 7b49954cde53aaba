import { Emitter } from '../host/emitter.ts'
import type { Host, Target } from '../host/host.ts'
import type { Stream } from '../net/stream.ts'
import { startTimer } from '../net/timer.ts'
import type { Direction } from '../net/upgrade.ts'
import { CHAT_PROTOCOL, encodeLine, LineReader } from '../protocol/lines.ts'
import { compare } from '../wire/bytes.ts'
import { ParleyError } from '../wire/errors.ts'
import type { PeerId } from '../wire/peer-id.ts'

/** How long a newcomer's program name is waited for before he is announced without it, in milliseconds. */
const agentTimeout = 1_000

/** What happens at a table. */
export interface TableEvents {
  /** A peer sits at the table: it came to us (inbound), or we to it. `agent` is its program, as a stranger calls it. */
  join: { peer: PeerId; address: string; agent: string | undefined; direction: Direction }
  /** A peer has left; `error` says why, unless it left in good order. */
  leave: { peer: PeerId; error: ParleyError | undefined }
  /** A peer said something: text from a stranger. */
  message: { from: PeerId; text: string; protocol: string }
}

/** How a table behaves. */
export interface TableOptions {
  /** Whether a line from one inbound peer is passed on to the other inbound peers. Default true. */
  relay?: boolean
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
  streams: Stream[]
  /** Settles when the event of joining has been told: it comes before the first message, and waits for the agent. */
  announced: Promise<void>
}

/**
 * A chat: one stream to each peer, and what is said goes to all. The one who was dialled is also the hub, who passes
 * lines on among those who dialled him; never between those he dialled himself, so that no circle of hubs can echo.
 */
export class Table {
  readonly #host: Host
  readonly #relay: boolean
  readonly #stallTimeout: number
  readonly #ready: () => Promise<void> | undefined
  readonly #events = new Emitter<TableEvents>()
  readonly #seats = new Map<string, Seat>()
  /** Those we are about to sit down with, by peer. */
  readonly #going = new Map<string, Promise<void>>()
  readonly #unhandle: () => void

  /** Sits the host's user down; from now on peers may join. */
  constructor(host: Host, options: TableOptions = {}) {
    this.#host = host
    this.#relay = options.relay ?? true
    this.#stallTimeout = options.stallTimeout ?? 20_000
    this.#ready = options.ready ?? (() => undefined)
    this.#unhandle = host.handle(CHAT_PROTOCOL, stream => this.#welcome(stream), { maxInbound: 4 })
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
   * that takes nothing in is dropped: see `stallTimeout`.
   */
  async say(text: string): Promise<number> {
    const streams = [...this.#seats.values()].map(({ streams }) => streams[0]!)
    await this.#send(encodeLine(text), streams)
    return streams.length
  }

  /**
   * Gets up: ends every stream behind what was said, and makes sure that the other sides have it. Rejects when one of
   * them could not be told everything.
   */
  async leave(): Promise<void> {
    this.#unhandle()
    const streams = [...this.#seats.values()].flatMap(({ streams }) => streams)
    await Promise.all(
      streams.map(async stream => {
        await stream.end()
        await stream.connection.ping()
      }),
    )
  }

  async #goTo(peer: PeerId, signal: AbortSignal | undefined): Promise<void> {
    const stream = await this.#host.open(peer, CHAT_PROTOCOL, { signal })
    const { announced } = this.#seat(stream)
    void this.#listen(stream, announced)
    await announced
  }

  async #welcome(stream: Stream): Promise<void> {
    await this.#listen(stream, this.#seat(stream).announced)
  }

  #seat(stream: Stream): Seat {
    const { peerId: peer } = stream.connection
    const seat = this.#seats.get(peer.toString())
    if (seat) {
      this.#addStream(seat, stream)
      return seat
    }
    const fresh = { peer, streams: [stream], announced: this.#announce(stream) }
    this.#seats.set(peer.toString(), fresh)
    return fresh
  }

  async #announce({ connection: { peerId: peer, remoteAddress }, direction }: Stream): Promise<void> {
    const agent = await this.#agent(peer)
    const address = remoteAddress.withPeerId(peer).toString()
    this.#events.emit('join', { peer, address, agent, direction })
  }

  /** Of two streams both sides write to the same one; the other is read until it ends, so that nothing is lost. */
  #addStream(seat: Seat, stream: Stream): void {
    const current = seat.streams[0]!
    const [kept, surplus] = this.#prefers(current, stream) ? [current, stream] : [stream, current]
    seat.streams = [kept, surplus, ...seat.streams.slice(1)]
    // On another connection the end of the one could overtake the other, and look as if we had left.
    kept.negotiated.then(() => surplus.end()).catch(() => {})
  }

  /** The rule by which both sides choose alike: the stream that the smaller peer ID opened; of one side's two, the newer. */
  #prefers(older: Stream, newer: Stream): boolean {
    if (older.direction === newer.direction) return false
    const ours = compare(this.#host.peerId.bytes, older.connection.peerId.bytes) < 0
    return (older.direction === 'outbound') === ours
  }

  async #listen(stream: Stream, announced: Promise<void>): Promise<void> {
    await announced
    let error: ParleyError | undefined
    try {
      const reader = new LineReader()
      for await (const chunk of stream) {
        await this.#hear(reader.receive(chunk), stream)
        await this.#ready()
      }
      await this.#hear(reader.finish(), stream)
      // It may have ended this stream in favour of the one that we are about to open: then it has not left.
      await this.#going.get(stream.connection.peerId.toString())?.catch(() => {})
      // The other side has left in good order, whether or not it still waits to hear the same from us.
      stream.end().catch(() => {})
    } catch (cause) {
      error = cause instanceof ParleyError ? cause : undefined
      stream.reset(cause)
    }
    this.#vacate(stream, error)
  }

  async #hear(lines: string[], stream: Stream): Promise<void> {
    const from = stream.connection.peerId
    for (const text of lines) {
      this.#events.emit('message', { from, text, protocol: stream.protocol })
      if (this.#relay && stream.direction === 'inbound') await this.#passOn(from, text)
    }
  }

  async #passOn(from: PeerId, text: string): Promise<void> {
    const streams = [...this.#seats.values()].flatMap(({ peer, streams: [first] }) =>
      first?.direction === 'inbound' && !peer.equals(from) ? [first] : [],
    )
    await this.#send(encodeLine(text, `[${from.short}] `), streams)
  }

  /** Writes to all; waits for those that are behind, and drops the ones that stay there. */
  async #send(line: Uint8Array, streams: readonly Stream[]): Promise<void> {
    const behind = streams.filter(stream => !write(stream, line))
    if (behind.length > 0) await Promise.all(behind.map(stream => this.#catchUp(stream)))
  }

  async #catchUp(stream: Stream): Promise<void> {
    const cancelTimer = startTimer(this.#stallTimeout, () =>
      stream.reset(new Error('The peer takes nothing in any more.')),
    )
    try {
      await stream.drained()
    } catch {
      // It has ended; its reader tells.
    } finally {
      cancelTimer()
    }
  }

  #vacate(stream: Stream, error: ParleyError | undefined): void {
    const { peerId: peer } = stream.connection
    const seat = this.#seats.get(peer.toString())
    if (!seat) return
    seat.streams = seat.streams.filter(other => other !== stream)
    if (seat.streams.length > 0) return
    this.#seats.delete(peer.toString())
    this.#events.emit('leave', { peer, error })
  }

  #agent(peer: PeerId): Promise<string | undefined> | string | undefined {
    const known = this.#host.peers.get(peer)?.agent
    if (known !== undefined) return known
    return new Promise(resolve => {
      const settle = () => {
        undo()
        cancelTimer()
        resolve(this.#host.peers.get(peer)?.agent)
      }
      const undo = this.#host.on('identify', ({ info }) => {
        if (info.peerId.equals(peer)) settle()
      })
      const cancelTimer = startTimer(agentTimeout, settle)
    })
  }
}

/** A stream that has just ended will be noticed by its reader; it must not keep the line from others. */
function write(stream: Stream, line: Uint8Array): boolean {
  try {
    return stream.write(line)
  } catch {
    return true
  }
}
