import { EMPTY } from '../../wire/bytes.ts'
import { ParleyError } from '../../wire/errors.ts'
import { encodeHeader, Flag, FrameType, HEADER_LENGTH } from './header.ts'
import { SendQueue } from './send-queue.ts'
import type { Queued } from './turn-queue.ts'
import { type GrowthLimits, ReceiveWindow, SendWindow } from './window.ts'

/** What a stream asks of its session. */
export interface StreamOwner {
  readonly growth: GrowthLimits
  /** The shortest round-trip time so far in milliseconds, 0 when unknown. */
  readonly shortestRtt: number
  now(): number
  /** The stream has something to send and wants a turn. */
  ready(stream: YamuxStream): void
  /** A frame that goes out ahead of all turns. */
  answer(frame: Uint8Array): void
  /** Whether others than this stream converse. */
  isBesideConversation(stream: YamuxStream): boolean
  /** Whether windows may grow, and whether there is memory for anything new. */
  readonly grows: boolean
  readonly accepts: boolean
  /** The stream holds so many bytes more, or less; returns whether it may. */
  hold(bytes: number): boolean
  /** A window has changed: how far away the other side is decides whether it does again. */
  measure(): void
  /** The stream is done both ways: it gets no more turns and may be forgotten. */
  over(stream: YamuxStream): void
  /** A stream is reset here: so many bytes of it may still come. */
  stray(bytes: number): void
}

/**
 * One stream of a session. It is done when both sides have sent FIN, or either has sent RST:
 *
 * | happening | still sends | still receives |
 * |---|---|---|
 * | `end()`, once the queue is empty | no | yes |
 * | FIN received | yes | no |
 * | `reset()` or RST received | no | no |
 */
export class YamuxStream implements Queued<YamuxStream> {
  readonly id: number
  behind: YamuxStream | undefined = undefined
  readonly #owner: StreamOwner
  readonly #sendWindow = new SendWindow()
  readonly #receiveWindow: ReceiveWindow
  readonly #queue = new SendQueue()
  /** SYN or ACK, until it rides on the first frame. */
  #greeting: number
  readonly #room: { release(): void }
  #acked: boolean
  #asked = false
  #creditDue = false
  #endWanted = false
  #finSent = false
  #finReceived = false
  #over = false
  /** Bytes that came and were not consumed. */
  #unread = 0
  /** Bytes that were consumed and are not done with. */
  #kept = 0
  /** Bytes that have been taken for sending. */
  #sent = 0

  /** @param room released when the stream is over */
  constructor(owner: StreamOwner, id: number, outbound: boolean, room: { release(): void }) {
    this.#owner = owner
    this.id = id
    this.#room = room
    this.#acked = !outbound
    this.#greeting = outbound ? Flag.syn : Flag.ack
    this.#receiveWindow = new ReceiveWindow(owner.growth, owner.now())
    this.askTurn()
  }

  /** Bytes written and not yet taken for sending. */
  get queued(): number {
    return this.#queue.length
  }

  /** Whether more is written than the other side takes for now. */
  get isBeyondWindow(): boolean {
    return this.#queue.length > this.#sendWindow.credit
  }

  /** How many bytes have been taken for sending. */
  get sent(): number {
    return this.#sent
  }

  /** Whether the other side has accepted the stream. */
  get acked(): boolean {
    return this.#acked
  }

  /** Whether something was written in answer to the SYN, of which nothing has been taken for sending. */
  get isUnanswered(): boolean {
    return this.#greeting === Flag.ack && this.queued > 0
  }

  /** Whether FIN has been taken for sending. */
  get finSent(): boolean {
    return this.#finSent
  }

  /** Whether it was ended here and FIN has not been taken for sending. */
  get isEnding(): boolean {
    return this.#endWanted && !this.#finSent
  }

  /** Whether the other side has sent FIN. */
  get finReceived(): boolean {
    return this.#finReceived
  }

  /** Whether the stream is done both ways. */
  get isOver(): boolean {
    return this.#over
  }

  /**
   * Queues bytes as a view, and before them a prefix: they must not change until they are sent. Ignored after `end()` or
   * `reset()`. Throws `ERR_MEMORY_LIMIT`, and nothing is queued, when more may not wait.
   */
  write(bytes: Uint8Array, prefix = EMPTY): void {
    const length = prefix.length + bytes.length
    if (this.#over || this.#endWanted || length === 0) return
    if (!this.#owner.hold(length)) throw tooMuch()
    this.#queue.push(bytes, prefix)
    if (this.#sendWindow.credit > 0) this.askTurn()
  }

  /** Sends FIN behind what is queued. */
  end(): void {
    if (this.#over || this.#endWanted) return
    this.#endWanted = true
    if (this.#queue.length === 0) this.askTurn()
  }

  /** Ends the stream at once, both ways; what is queued is dropped. */
  reset(code = 0): void {
    if (this.#over) return
    // A stream whose SYN never left needs no RST: nobody knows of it.
    if (this.#greeting !== Flag.syn) {
      this.#owner.answer(encodeHeader(FrameType.windowUpdate, Flag.rst, this.id, code))
      this.#owner.stray(this.#finReceived ? 0 : this.#receiveWindow.open)
    }
    this.#finish()
  }

  /** `count` bytes came for the reader; returns whether there is memory for them. */
  deliver(count: number): boolean {
    const fits = this.#owner.hold(count)
    if (fits) this.#unread += count
    return fits
  }

  /** The reader has taken `count` bytes; credit goes back in quarters of the window. */
  consume(count: number): void {
    if (this.#over) return
    this.#unread -= count
    this.#owner.hold(-count)
    if (!this.#receiveWindow.consume(count) || this.#finReceived) return
    this.#creditDue = true
    this.askTurn()
  }

  /** The reader still has so many of the bytes that it took, to make something whole of them; returns whether it may. */
  keep(count: number): boolean {
    const more = count - this.#kept
    if (this.#over || more === 0) return true
    // Only the last tenth is left for bytes that come where they may: without it they would end the connection.
    const fits = (more < 0 || this.#owner.accepts) && this.#owner.hold(more)
    if (fits) this.#kept = count
    return fits
  }

  /** Asks the session for a turn, once until it comes: most writes find that another has asked. */
  askTurn(): void {
    if (this.#asked) return
    this.#asked = true
    this.#owner.ready(this)
  }

  /** Whether it waits for the turn that it asked for. */
  get hasAsked(): boolean {
    return this.#asked
  }

  /** Whether `turn` has something to send. */
  get wantsTurn(): boolean {
    if (this.#over) return false
    return this.#greeting !== 0 || this.#creditDue || this.#sendable() > 0 || this.#finDue()
  }

  /** Appends the stream's next frame, of at most `limit` bytes in all, and returns its size; 0 for none. */
  turn(limit: number, out: Uint8Array[]): number {
    this.#asked = false
    if (this.#creditDue && this.#sendCredit(out)) return HEADER_LENGTH
    const count = Math.min(this.#sendable(), limit - HEADER_LENGTH)
    if (count > 0) return this.#sendData(count, out)
    if (this.#greeting !== 0) return this.#sendWindowUpdate(0, 0, out)
    return this.#finDue() ? this.#sendFin(out) : 0
  }

  /** The other side accepted the stream. Returns whether that is news. */
  acknowledge(): boolean {
    const news = !this.#acked
    this.#acked = true
    return news
  }

  /** A data frame of `count` bytes begins; see `ReceiveWindow.receive`. Returns false when it comes after FIN. */
  receiveData(count: number): boolean {
    if (this.#finReceived) return count === 0
    this.#receiveWindow.receive(count)
    return true
  }

  /** The other side granted `delta` more bytes. */
  receiveCredit(delta: number): void {
    this.#sendWindow.grant(delta)
    if (this.#sendable() > 0) this.askTurn()
  }

  /** The other side sent FIN. Returns whether that is news. */
  receiveFin(): boolean {
    if (this.#finReceived) return false
    this.#finReceived = true
    if (this.#finSent) this.#finish()
    return true
  }

  /** The other side sent RST. */
  receiveReset(): void {
    this.#finish()
  }

  #sendable(): number {
    return Math.min(this.#queue.length, this.#sendWindow.credit)
  }

  #finDue(): boolean {
    return this.#endWanted && !this.#finSent && this.#queue.length === 0
  }

  /** Returns whether there was any to send. */
  #sendCredit(out: Uint8Array[]): boolean {
    this.#creditDue = false
    const { size } = this.#receiveWindow
    const { shortestRtt, grows } = this.#owner
    const isBesideConversation = this.#owner.isBesideConversation(this)
    const delta = this.#receiveWindow.grant(this.#owner.now(), shortestRtt, { grows, isBesideConversation })
    if (this.#receiveWindow.size !== size) this.#owner.measure()
    if (delta > 0) this.#sendWindowUpdate(0, delta, out)
    return delta > 0
  }

  /** FIN travels on a frame of its own: js-libp2p can lose bytes that share a frame with it. */
  #sendFin(out: Uint8Array[]): number {
    this.#finSent = true
    const size = this.#sendWindowUpdate(Flag.fin, 0, out)
    if (this.#finReceived) this.#finish()
    return size
  }

  #sendWindowUpdate(flags: number, delta: number, out: Uint8Array[]): number {
    out.push(encodeHeader(FrameType.windowUpdate, flags | this.#takeGreeting(), this.id, delta))
    return HEADER_LENGTH
  }

  #sendData(count: number, out: Uint8Array[]): number {
    out.push(encodeHeader(FrameType.data, this.#takeGreeting(), this.id, count))
    this.#sendWindow.spend(count)
    this.#sent += count
    this.#owner.hold(-count)
    this.#queue.take(count, out)
    return HEADER_LENGTH + count
  }

  #takeGreeting(): number {
    const greeting = this.#greeting
    this.#greeting = 0
    return greeting
  }

  #finish(): void {
    if (this.#over) return
    this.#over = true
    this.#owner.hold(-this.#queue.length - this.#unread - this.#kept)
    this.#queue.clear()
    this.#receiveWindow.release()
    this.#room.release()
    this.#owner.over(this)
  }
}

function tooMuch(): ParleyError {
  const message = 'More waits to be sent than may; write less at a time, and wait for `drained()` in between.'
  return new ParleyError('ERR_MEMORY_LIMIT', message, { scope: 'stream' })
}
