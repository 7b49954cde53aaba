/**
 * yamux 1.0: many streams over one connection, each with a window of its own.
 *
 * Specification: https://github.com/libp2p/specs/blob/master/yamux/README.md
 */
import { EMPTY } from '../../wire/bytes.ts'
import { ParleyError, remoteError } from '../../wire/errors.ts'
import { Fuse } from '../fuse.ts'
import { defaultYamuxLimits, type YamuxLimits } from '../limits.ts'
import { TokenBucket } from '../token-bucket.ts'
import { Conversation, longestMessage } from './conversation.ts'
import { decodeHeader, encodeHeader, Flag, FrameType, HEADER_LENGTH, type Header } from './header.ts'
import { Heartbeat } from './heartbeat.ts'
import { SendQueue } from './send-queue.ts'
import { YamuxStream } from './stream.ts'
import { TurnQueue } from './turn-queue.ts'
import { type GrowthLimits, growthLimits } from './window.ts'

/** The name that yamux has in negotiation. */
export const YAMUX_PROTOCOL = '/yamux/1.0.0'

/** What a session is made of. */
export interface YamuxOptions {
  /** The dialer of the connection is the client; its streams have odd IDs. */
  role: 'client' | 'server'
  /** Milliseconds on a clock that never goes back. */
  now: () => number
  /** Default: `defaultYamuxLimits`. */
  limits?: YamuxLimits
  /** Where streams and the bytes that they hold are reserved. Default: nowhere, so that only `limits` bound them. */
  allowance?: Allowance | undefined
  /** The ID of our first stream; only tests start elsewhere than at 1 or 2. */
  firstId?: number | undefined
}

/** Who keeps account of what a session takes, and says where it ends. */
export interface Allowance {
  /** Room for one more stream, or nothing where there is none; to be released when the stream is over. */
  stream(): { release(): void } | undefined
  /** Streams will hold so many bytes in all; returns whether they may. */
  hold(bytes: number): boolean
  /** Whether the other side may open streams, or begin messages that are gathered until they are whole. */
  readonly accepts: boolean
  /** Whether windows may grow. */
  readonly grows: boolean
}

/** What happened on the wire. Bytes are views of what was received; `end` means that no more will come. */
export type YamuxEvent =
  | { type: 'open'; stream: YamuxStream }
  | { type: 'data'; stream: YamuxStream; bytes: Uint8Array }
  | { type: 'end'; stream: YamuxStream }
  | { type: 'reset'; stream: YamuxStream; code: number }
  | { type: 'pong'; value: number; rtt: number }
  | { type: 'goAway'; code: number }

/** What is left of the data frame that is arriving, and whose it is; of nobody, when it is to be dropped. */
interface Body {
  stream: YamuxStream | undefined
  left: number
  fin: boolean
}

/** A record is filled up to here and no further, lest the last frame be a crumb. */
const crumb = 1024

/** Answers that may wait before the connection should stop reading, in bytes; one record can add some thousand more. */
const controlBound = 64 * HEADER_LENGTH

/** Pings that wait for their answer. Nobody asks so many at once who wants to know. */
const maxPongs = 32

/** What streams hold is reserved in blocks of so many bytes; the first one comes with the connection, for the many that hold little. */
const memoryBlock = 64 * 1024

/** A conversation has the round trip measured as often as this, in milliseconds. */
const measureInterval = 250

const unbounded: Allowance = {
  stream: () => ({ release() {} }),
  hold: () => true,
  accepts: true,
  grows: true,
}

/** A session as a machine: bytes in, events out; verbs in, bytes out. */
export class YamuxSession {
  readonly growth: GrowthLimits
  readonly now: () => number
  readonly #limits: YamuxLimits
  readonly #streams = new Map<number, YamuxStream>()
  readonly #ready = new TurnQueue<YamuxStream>()
  readonly #fuse = new Fuse()
  readonly #heartbeat: Heartbeat
  readonly #conversation = new Conversation()
  readonly #parity: number
  readonly #allowance: Allowance
  /** Answers, which do not wait for a turn. */
  readonly #control = new SendQueue()
  /** How much the other side may make us do that moves nothing. */
  #patience: TokenBucket | undefined
  /** The stream that sent more than a message last, by ID; 0 before. */
  #bulkSender = 0
  #pongs = 0
  /** Bytes of streams that were reset here which may still be on their way. */
  #strays = 0
  /** Bytes that streams hold, and how many blocks are reserved for them. */
  #held = 0
  #blocks = 0
  #nextId: number
  #inbound = 0
  #outbound = 0
  #unacknowledged = 0
  /** A header of which a chunk held the beginning. */
  #partialHeader = EMPTY
  #headerLength = 0
  #body: Body | undefined
  #goAwaySent = false
  #goAwayReceived = false

  constructor({
    role,
    now,
    limits = defaultYamuxLimits,
    allowance = unbounded,
    firstId = role === 'client' ? 1 : 2,
  }: YamuxOptions) {
    this.now = now
    this.#limits = limits
    this.#allowance = allowance
    this.growth = growthLimits(this.#limits.maxWindow, this.#limits.windowGrowth)
    this.#heartbeat = new Heartbeat(this.#limits, role, now())
    this.#parity = role === 'client' ? 1 : 0
    this.#nextId = firstId
  }

  /** How long the other side may be silent before it is asked for a sign of life, in milliseconds. */
  get keepAliveInterval(): number {
    return this.#limits.keepAliveInterval
  }

  /** The latest round-trip time in milliseconds, 0 before the first answer. */
  get rtt(): number {
    return this.#heartbeat.rtt
  }

  /** For streams: the shortest round-trip time so far in milliseconds, 0 before the first answer. */
  get shortestRtt(): number {
    return this.#heartbeat.shortestRtt
  }

  /** Streams alive, of both sides. */
  get streamCount(): number {
    return this.#streams.size
  }

  /** Bytes that streams hold: what was written and has not left, and what came and was not read. */
  get held(): number {
    return this.#held
  }

  /** Whether `take()` would give anything. */
  get wantsTurn(): boolean {
    return this.#control.length > 0 || !this.#ready.isEmpty
  }

  /** Whether all streams that were ended here have sent their FIN. */
  get hasEnded(): boolean {
    for (const stream of this.#streams.values()) if (stream.isEnding) return false
    return true
  }

  /** Whether so many answers wait that the connection should stop reading until they have left. */
  get congested(): boolean {
    return this.#control.length > controlBound
  }

  /** Whether what is sent should leave in small portions, because other streams than the one that sends bulk converse. */
  get wantsSmallBatches(): boolean {
    return this.#bulkSender > 0 && this.#conversation.isAlive(this.#heartbeat.lastReceived, this.#bulkSender)
  }

  /** Whether a stream may be opened now, or must wait for others to be accepted or to end. */
  get canOpen(): boolean {
    return this.#unacknowledged < this.#limits.unacknowledged && this.#outbound < this.#limits.outboundStreams
  }

  /**
   * Opens a stream; nothing is sent before `take()`. Throws `ERR_STREAM_LIMIT` when there may be no more, here or
   * by the allowance, and `ERR_CONNECTION_CLOSED` after a GoAway of either side.
   */
  open(): YamuxStream {
    if (this.#goAwayReceived || this.#goAwaySent) {
      throw new ParleyError('ERR_CONNECTION_CLOSED', 'The connection is closing and takes no new streams.')
    }
    const room = this.canOpen && this.#nextId <= 0xffff_ffff ? this.#allowance.stream() : undefined
    if (!room) throw new ParleyError('ERR_STREAM_LIMIT', 'This connection has no room for another stream.')
    const stream = new YamuxStream(this, this.#nextId, true, room)
    this.#nextId += 2
    this.#outbound++
    this.#unacknowledged++
    this.#streams.set(stream.id, stream)
    return stream
  }

  /** Asks the other side for a sign of life; the `pong` event carries the same value. */
  ping(): number {
    const value = this.#heartbeat.ping(this.now())
    this.answer(encodeHeader(FrameType.ping, Flag.syn, 0, value))
    return value
  }

  /** Says that no new streams are wanted, once. */
  goAway(code: number): void {
    if (this.#goAwaySent) return
    this.#goAwaySent = true
    this.answer(encodeHeader(FrameType.goAway, 0, 0, code))
  }

  /**
   * Does what time asks for and returns when to call again. Throws `ERR_TIMEOUT` when the other side has
   * given no sign of life since a ping.
   */
  tick(): number {
    const now = this.now()
    const due = this.#heartbeat.due(now)
    if (now < due) return due
    this.ping()
    return this.#heartbeat.due(now)
  }

  /**
   * The next frames to send, at most `limit` bytes of them: answers first, then the streams in turn. Streams get no
   * turn where less than 1 KiB is left.
   */
  take(limit: number): Uint8Array[] {
    const out: Uint8Array[] = []
    const answers = Math.min(this.#control.length, limit - (limit % HEADER_LENGTH))
    if (answers > 0) this.#takeAnswers(answers, out)
    let left = limit - answers
    while (left >= crumb) {
      const stream = this.#ready.shift()
      if (!stream) break
      const size = stream.turn(left, out)
      left -= size
      if (size > longestMessage) this.#bulkSender = stream.id
      if (stream.wantsTurn) stream.askTurn()
    }
    return out
  }

  /**
   * Takes in bytes and returns what they say, appended to `events`; of a stream that is reset while one goes through the events,
   * later ones may still follow. Throws `ERR_YAMUX`, and goes on throwing, when the bytes break the rules.
   */
  receive(chunk: Uint8Array, events: YamuxEvent[] = []): YamuxEvent[] {
    return this.#fuse.run(() => this.#receive(chunk, events))
  }

  /** Bytes have come, and be they the beginning of a record: the other side lives. */
  heard(now = this.now()): void {
    this.#heartbeat.heard(now)
  }

  /** For streams: this one has something to send. */
  ready(stream: YamuxStream): void {
    this.#ready.add(stream)
  }

  /** For streams too: a frame that does not wait for a turn. */
  answer(frame: Uint8Array): void {
    this.#control.push(frame)
  }

  /** For streams: this one holds so many bytes more, or less. Returns false, and nothing has changed, where that may not be. */
  hold(bytes: number): boolean {
    // Before room is made: what happens then may make streams hold more, or less.
    this.#held += bytes
    const inLastBlock = this.#held - this.#blocks * memoryBlock
    if (inLastBlock <= memoryBlock && (inLastBlock > 0 || this.#blocks === 0)) return true
    const more = Math.max(Math.ceil(this.#held / memoryBlock) - 1, 0) - this.#blocks
    this.#blocks += more
    if (this.#allowance.hold(this.#blocks * memoryBlock)) return true
    this.#blocks -= more
    this.#held -= bytes
    return false
  }

  /** For streams: so many bytes may still come for one that was reset. */
  stray(bytes: number): void {
    this.#strays = Math.min(this.#strays + bytes, this.growth.maxWindow)
  }

  /** For streams: whether windows may grow. */
  get grows(): boolean {
    return this.#allowance.grows
  }

  /** For streams: whether there is memory for anything new. */
  get accepts(): boolean {
    return this.#allowance.accepts
  }

  /** For streams: whether others than this one converse. */
  isBesideConversation(stream: YamuxStream): boolean {
    return this.#conversation.isAlive(this.now(), stream.id)
  }

  /** For streams: the round trip is measured once more, unless it is being measured. */
  measure(): void {
    if (!this.#heartbeat.asking) this.ping()
  }

  /** For streams: this one is done. */
  over(stream: YamuxStream): void {
    this.#streams.delete(stream.id)
    if (stream.hasAsked) this.#ready.delete(stream)
    if (!this.#isOurs(stream.id)) {
      this.#inbound--
      return
    }
    this.#outbound--
    if (!stream.acked) this.#unacknowledged--
  }

  #takeAnswers(count: number, out: Uint8Array[]): void {
    this.#control.take(count, out)
    if (this.#control.length === 0) this.#pongs = 0
  }

  #receive(chunk: Uint8Array, events: YamuxEvent[]): YamuxEvent[] {
    let offset = 0
    while (offset < chunk.length) {
      offset = this.#body
        ? this.#receiveBody(this.#body, chunk, offset, events)
        : this.#receiveHeader(chunk, offset, events)
    }
    return events
  }

  #receiveHeader(chunk: Uint8Array, offset: number, events: YamuxEvent[]): number {
    if (this.#headerLength === 0 && chunk.length - offset >= HEADER_LENGTH) {
      this.#receiveFrame(decodeHeader(chunk, offset), events)
      return offset + HEADER_LENGTH
    }
    const count = Math.min(HEADER_LENGTH - this.#headerLength, chunk.length - offset)
    if (this.#headerLength === 0) this.#partialHeader = new Uint8Array(HEADER_LENGTH)
    this.#partialHeader.set(chunk.subarray(offset, offset + count), this.#headerLength)
    this.#headerLength += count
    if (this.#headerLength === HEADER_LENGTH) {
      this.#headerLength = 0
      this.#receiveFrame(decodeHeader(this.#partialHeader, 0), events)
      this.#partialHeader = EMPTY
    }
    return offset + count
  }

  #receiveBody(body: Body, chunk: Uint8Array, offset: number, events: YamuxEvent[]): number {
    const end = Math.min(offset + body.left, chunk.length)
    const { stream } = body
    if (stream && !stream.isOver) this.#deliver(stream, chunk.subarray(offset, end), events)
    body.left -= end - offset
    if (body.left === 0) this.#endBody(body, events)
    return end
  }

  #deliver(stream: YamuxStream, bytes: Uint8Array, events: YamuxEvent[]): void {
    if (!stream.deliver(bytes.length)) {
      throw new ParleyError('ERR_MEMORY_LIMIT', 'There is no memory left for what the other side sends.')
    }
    events.push({ type: 'data', stream, bytes })
  }

  #endBody({ stream, fin }: Body, events: YamuxEvent[]): void {
    this.#body = undefined
    if (stream && fin) this.#receiveFin(stream, events)
  }

  #receiveFrame(header: Header, events: YamuxEvent[]): void {
    if (header.version !== 0) throw broken('The other side speaks another version of yamux.')
    switch (header.type) {
      case FrameType.data:
      case FrameType.windowUpdate:
        return this.#receiveStreamFrame(header, events)
      case FrameType.ping:
        return this.#receivePing(header, events)
      case FrameType.goAway:
        if (this.#goAwayReceived) this.#endure()
        this.#goAwayReceived = true
        events.push({ type: 'goAway', code: header.length })
        return
      default:
        throw broken('The other side sent a frame of an unknown type.')
    }
  }

  #receiveStreamFrame(header: Header, events: YamuxEvent[]): void {
    const { type, flags, id, length } = header
    if (id === 0) throw broken('The other side sent stream data without a stream.')
    const stream = this.#streamOf(header, events)
    if (stream ? movesNothing(header, stream) : !this.#isStray(header)) this.#endure()
    if (stream && flags & Flag.ack && stream.acknowledge()) this.#unacknowledged--
    if (type === FrameType.data) return this.#beginBody(stream, header, events)
    if (!stream) return
    // The length of a reset is an error code, not credit.
    if (flags & Flag.rst) return this.#receiveReset(stream, length, events)
    stream.receiveCredit(length)
    if (flags & Flag.fin) this.#receiveFin(stream, events)
  }

  /** Whether a frame of a stream that is not there was on its way when the stream was reset. */
  #isStray({ type, length }: Header): boolean {
    if (type !== FrameType.data || length === 0 || length > this.#strays) return false
    this.#strays -= length
    return true
  }

  /** The stream that a frame belongs to: a new one on SYN, none when it is over or refused. */
  #streamOf({ flags, id }: Header, events: YamuxEvent[]): YamuxStream | undefined {
    const stream = this.#streams.get(id)
    if (!(flags & Flag.syn)) return stream
    if (stream || this.#isOurs(id)) {
      throw broken('The other side opened a stream under an ID that is not free.')
    }
    if (flags & Flag.rst) return undefined
    return this.#accept(id, events)
  }

  #accept(id: number, events: YamuxEvent[]): YamuxStream | undefined {
    const room = this.#mayAccept ? this.#allowance.stream() : undefined
    if (!room) {
      this.answer(encodeHeader(FrameType.windowUpdate, Flag.rst, id, 0))
      return undefined
    }
    const stream = new YamuxStream(this, id, false, room)
    this.#inbound++
    this.#streams.set(id, stream)
    events.push({ type: 'open', stream })
    return stream
  }

  get #mayAccept(): boolean {
    return !this.#goAwaySent && this.#inbound < this.#limits.inboundStreams && this.#allowance.accepts
  }

  /** One more frame that moves nothing. Throws `ERR_FLOOD` when there are too many. */
  #endure(): void {
    const { idleBurst: burst, idleRate: rate } = this.#limits
    const now = this.now()
    this.#patience ??= new TokenBucket({ burst, rate }, now)
    if (this.#patience.take(now)) return
    throw remoteError('ERR_FLOOD', 'The other side keeps sending what moves nothing.')
  }

  /**
   * Checks a data frame's length before a byte of it is taken in. Frames of unknown streams are drained, as
   * all implementations do: they were on their way when the stream ended here.
   */
  #beginBody(stream: YamuxStream | undefined, { flags, length }: Header, events: YamuxEvent[]): void {
    const wanted = stream?.receiveData(length) ?? false
    if (stream && wanted && length > 0 && length <= longestMessage) this.#hearMessage(stream)
    if (!wanted && length > this.growth.maxWindow) {
      throw broken('The other side sent a frame beyond all bounds.')
    }
    if (stream && !wanted) this.#rejectData(stream, events)
    if (stream && flags & Flag.rst) this.#receiveReset(stream, 0, events)
    const body = { stream: wanted ? stream : undefined, left: length, fin: (flags & Flag.fin) !== 0 }
    if (length > 0) this.#body = body
    else this.#endBody(body, events)
  }

  /** How long the way is shows best while only messages are on it. */
  #hearMessage(stream: YamuxStream): void {
    const { lastPing, lastReceived } = this.#heartbeat
    this.#conversation.heard(stream.id, lastReceived)
    if (lastReceived - lastPing > measureInterval) this.measure()
  }

  /** Data after FIN is the stream's fault alone. */
  #rejectData(stream: YamuxStream, events: YamuxEvent[]): void {
    stream.reset()
    events.push({ type: 'reset', stream, code: 0 })
  }

  #receiveFin(stream: YamuxStream, events: YamuxEvent[]): void {
    if (!stream.isOver && stream.receiveFin()) events.push({ type: 'end', stream })
  }

  #receiveReset(stream: YamuxStream, code: number, events: YamuxEvent[]): void {
    if (stream.isOver) return
    stream.receiveReset()
    events.push({ type: 'reset', stream, code })
  }

  #receivePing({ flags, id, length: value }: Header, events: YamuxEvent[]): void {
    if (id !== 0) throw broken('The other side sent a ping on a stream.')
    if (flags & Flag.syn) this.#answerPing(value)
    else if (flags & Flag.ack) this.#receivePong(value, events)
  }

  #answerPing(value: number): void {
    this.#endure()
    if (this.#pongs >= maxPongs) return
    this.#pongs++
    this.answer(encodeHeader(FrameType.ping, Flag.ack, 0, value))
  }

  #receivePong(value: number, events: YamuxEvent[]): void {
    const rtt = this.#heartbeat.pong(value, this.now())
    if (rtt !== undefined) events.push({ type: 'pong', value, rtt })
  }

  #isOurs(id: number): boolean {
    return id % 2 === this.#parity
  }
}

/** Neither bytes nor credit, neither a beginning nor an end in good order that was not known before. */
function movesNothing({ flags, length }: Header, stream: YamuxStream): boolean {
  if (flags & Flag.rst) return true
  if (length > 0 || flags & Flag.syn) return false
  return !(flags & Flag.ack && !stream.acked) && !(flags & Flag.fin && !stream.finReceived)
}

function broken(message: string): ParleyError {
  return remoteError('ERR_YAMUX', message)
}
