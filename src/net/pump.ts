import type { Limits } from '../protocol/limits.ts'
import type { NoiseSession } from '../protocol/noise/session.ts'
import { GoAwayCode } from '../protocol/yamux/header.ts'
import { type YamuxEvent, YamuxSession } from '../protocol/yamux/session.ts'
import { ParleyError, remoteError } from '../wire/errors.ts'
import { type Budget, BudgetAllowance } from './budget.ts'
import { Stalls } from './stalls.ts'
import type { Stream, StreamPump } from './stream.ts'
import { defer, monotonicNow, nextTurn, startTimer } from './timer.ts'
import type { Socket } from './transport.ts'
import type { Direction, Upgraded } from './upgrade.ts'

/**
 * The plaintext of a record when more waits than one holds: a multiple of 128, at which OpenSSL is 7 % faster than at the 65,519
 * that would fit. With its length and tag the record is one segment of a loopback interface (65,483) and not one and a crumb,
 * each of which would wake the other side.
 */
const fullRecord = 65_408

/** What is sealed before one write to the socket, at most. Less often is faster for both kernels; this much takes 1 ms to seal. */
const batchRecords = 16

/**
 * Chunks that come with less than this between them, in milliseconds, have kept all other connections waiting together: libuv reads a
 * socket up to 32 times in a row, and a read of 256 KiB takes 0.04 to 0.1 ms, seldom more.
 */
const breath = 0.15

/** So much is taken in between two looks at the clock, and less while that takes long: of what moves nothing, or is tiny. */
const largestStride = 256 * 1024
const smallestStride = 4 * 1024

/** Shorter chunks are taken in without a look at the clock, which takes as long: of these a turn has 32 at most. */
const shortChunk = 1024

/**
 * So many events of one chunk are told before what is answered to them leaves: with a thousand streams in one chunk the other side would
 * have nothing to do until the last of them is dealt with. More than can be told in a turn are told at once: see `#hear`.
 */
const portion = 48
const mostInPortions = 512

/** A tick that comes so much too late says that this process did not run meanwhile, in milliseconds. */
const lateness = 500

/**
 * Ticks of all connections fall on common moments, as many in an interval between two signs of life: with ten thousand connections their
 * pings leave together, where each alone would wake both processes for itself, which takes three times as long as a ping.
 */
const momentsPerInterval = 30

/** What a pump tells its connection. */
export interface PumpEvents {
  /** The other side did something. */
  happened(event: YamuxEvent): void
  /** Bytes were taken in, and all that they say has been told. */
  received(): void
  /** The other side will send no more. */
  ended(): void
  /** All has left, as `finish` asked, and our direction of the socket has ended. */
  finished(): void
  /** The other side broke the rules or fell silent. It has been told so as far as that still went. */
  broke(error: ParleyError): void
  /** The socket is gone. */
  closed(cause: Error | undefined): void
}

/** What a pump is made of. */
export interface PumpOptions {
  socket: Socket
  upgraded: Upgraded
  direction: Direction
  limits: Pick<Limits, 'writeTimeout' | 'stallTimeout' | 'turnTime' | 'yamux'>
  budget: Budget
  events: PumpEvents
}

/**
 * Moves the bytes of one connection: socket, Noise, yamux, and back. What is written in one turn leaves together, in
 * as few records and system calls as it fits into.
 */
export class Pump implements StreamPump {
  readonly yamux: YamuxSession
  readonly #socket: Socket
  readonly #noise: NoiseSession
  readonly #events: PumpEvents
  /** Streams that wait for their queues to empty. */
  #watched: Stream[] = []
  readonly #stalledWriting: Stalls<Pump>
  readonly #stalledStreams: Stalls<Stream>
  /** How long a turn may last, in milliseconds. */
  readonly #turnTime: number
  /** Milliseconds between the moments at which ticks may fall. */
  readonly #tickStep: number
  #turnBegan = 0
  #turnEnded = 0
  #stride = largestStride
  /** Bytes written since the last flush, and at how many of them to look whether a batch is full: at each record. */
  #waiting = 0
  #nextLook = fullRecord
  #scheduled = false
  #blocked = false
  /** Bytes that the socket was given. */
  #written = 0
  /** What came and is not told yet. */
  #happened: YamuxEvent[] = []
  #telling = false
  /** The turn has lasted too long; what came is taken in later. */
  #resting = false
  #paused = false
  /** Nothing more is to come from us: once all has left, our direction of the socket ends. */
  #finishing = false
  /** Before that a goodbye is to leave, behind the ends of all streams. */
  #goodbyeDue = false
  /** Nothing can be sent any more. */
  #mute = false
  #stopped = false
  /** When the next tick is due. */
  #due = Number.POSITIVE_INFINITY
  #cancelTimer = () => {}

  constructor({ socket, upgraded, direction, limits, budget, events }: PumpOptions) {
    this.#socket = socket
    this.#noise = upgraded.session
    this.#events = events
    const role = direction === 'outbound' ? 'client' : 'server'
    const allowance = new BudgetAllowance(budget)
    this.yamux = new YamuxSession({ role, now: monotonicNow, limits: limits.yamux, allowance })
    this.#turnTime = limits.turnTime
    this.#tickStep = this.yamux.keepAliveInterval / momentsPerInterval
    this.#stalledWriting = new Stalls({
      timeout: limits.writeTimeout,
      progress: () => (this.#blocked ? this.#written - socket.unsent : undefined),
      stalled: () => events.broke(takesNothing()),
    })
    this.#stalledStreams = new Stalls({
      timeout: limits.stallTimeout,
      progress: stream => stream.progress,
      stalled: stream => stream.fail(readsNothing()),
    })
  }

  /**
   * Begins with the plaintext that came behind the upgrade; a turn later, so that the host knows the connection first. Until then
   * nothing leaves: what there is to answer travels with the first frames.
   */
  start(rest: readonly Uint8Array[]): void {
    this.#blocked = true
    this.yamux.ping()
    this.#tick()
    defer(() => {
      if (this.#stopped) return
      this.#blocked = false
      this.#guard(() => this.#receive(rest))
      this.wake(0)
      this.#socket.attach({
        data: chunk => this.#guard(() => this.#hear(chunk)),
        end: () => this.#tellAll(() => this.#events.ended()),
        drain: () => this.#drained(),
        close: cause => this.#tellAll(() => this.#events.closed(cause)),
      })
    })
  }

  /** Something waits to be sent, `bytes` of it new. A full batch leaves at once, the rest at the end of the turn. */
  wake(bytes: number): void {
    this.#waiting += bytes
    if (this.#blocked || this.#mute) return
    if (this.#waiting >= this.#nextLook) this.#sendIfFull()
    if (this.#scheduled) return
    this.#scheduled = true
    defer(() => {
      this.#scheduled = false
      this.#flush()
    })
  }

  /** Beside a conversation each record leaves by itself: the other side opens it while the next is sealed, and none waits for a batch. */
  get #recordsAtOnce(): number {
    return this.yamux.wantsSmallBatches ? 1 : batchRecords
  }

  /** Sends what waits, now. */
  flush(): void {
    if (!this.#blocked) this.#flush()
  }

  /** Settles what waits on a stream after each flush, until nothing does; asked for once until then. */
  watch(stream: Stream): void {
    this.#watched.push(stream)
  }

  /** A stream is over. */
  forget(stream: Stream): void {
    this.#stalledStreams.delete(stream)
  }

  /** Ends our direction of the socket when all that waits has left. */
  finish(): void {
    this.#finishing = true
    this.#flush()
  }

  /** The same with a goodbye, which leaves in one write with the last of the streams that were ended. */
  sayGoodbye(): void {
    this.#goodbyeDue = true
    this.wake(0)
  }

  /** Ends our direction of the socket now; what waits stays here. */
  end(): void {
    if (this.#mute) return
    this.#mute = true
    this.#socket.end()
    this.#events.finished()
  }

  /** Sends and hears nothing more, and drops the socket unless it is already gone. */
  stop(): void {
    this.#stopped = true
    this.#mute = true
    this.#cancelTimer()
    this.#stalledWriting.clear()
    this.#stalledStreams.clear()
    this.#socket.destroy()
  }

  #tick(): void {
    // Who stood still, such as a suspended process, cannot say that the other side was silent: what it sent waits to be read.
    if (monotonicNow() - this.#due > lateness) this.yamux.heard()
    this.#guard(() => {
      this.#due = this.#nextMoment(this.yamux.tick())
      if (this.yamux.wantsTurn) this.wake(0)
      this.#cancelTimer = startTimer(Math.max(this.#due - monotonicNow(), 1), () => this.#tick())
    })
  }

  /** The next moment for ticks from `time` on; that itself where there are no moments, such as without keep-alive. */
  #nextMoment(time: number): number {
    const moment = Math.ceil(time / this.#tickStep) * this.#tickStep
    return Number.isFinite(moment) ? moment : time
  }

  /** Whatever goes wrong while handling remote bytes ends the connection, and nothing else. */
  #guard(work: () => void): void {
    try {
      work()
    } catch (cause) {
      if (!this.#stopped) this.#break(cause)
    }
  }

  #break(cause: unknown): void {
    // What comes behind the breach is not looked at.
    this.#happened = []
    const error = cause instanceof ParleyError ? cause : unexpected(cause)
    if (error.code === 'ERR_YAMUX' && !this.#blocked && !this.#mute) {
      this.yamux.goAway(GoAwayCode.protocolError)
      this.#send(1)
    }
    this.#events.broke(error)
  }

  /**
   * Takes in what came. Of a flood of tiny records one chunk can take longer than all other connections should wait: what is left
   * then rests until they have had a turn.
   */
  #hear(chunk: Uint8Array): void {
    let begin = monotonicNow()
    // On a slow line a record takes longer than the answer to a ping may.
    this.yamux.heard(begin)
    if (chunk.length < shortChunk) return this.#receive(this.#noise.receive(chunk))
    if (begin - this.#turnEnded > breath) this.#turnBegan = begin
    for (let offset = 0; offset < chunk.length && !this.#stopped; ) {
      const end = Math.min(offset + this.#stride, chunk.length)
      const piece = end - offset < chunk.length ? chunk.subarray(offset, end) : chunk
      this.#receive(this.#noise.receive(piece))
      this.#turnEnded = monotonicNow()
      this.#adapt(this.#turnEnded - begin)
      begin = this.#turnEnded
      offset = end
      if (begin - this.#turnBegan > this.#turnTime) return this.#rest(chunk.slice(offset))
    }
  }

  #adapt(took: number): void {
    if (took > this.#turnTime) this.#stride = Math.max(this.#stride / 8, smallestStride)
    else if (took < this.#turnTime / 4) this.#stride = Math.min(this.#stride * 2, largestStride)
  }

  /** Lets others have their turn before the rest is taken in, and anything behind it is read. */
  #rest(rest: Uint8Array): void {
    this.#resting = true
    this.#socket.pause()
    nextTurn(() => {
      if (this.#stopped) return
      this.#resting = false
      this.#turnBegan = monotonicNow()
      this.#guard(() => this.#hear(rest))
      if (!this.#resting && !this.#paused) this.#socket.resume()
    })
  }

  #receive(pieces: readonly Uint8Array[]): void {
    let whole = true
    try {
      for (const piece of pieces) this.yamux.receive(piece, this.#happened)
      whole = this.#happened.length > mostInPortions
    } finally {
      // Of bytes that break the rules those before them are told, too.
      this.#tell(whole ? this.#happened.length : portion)
    }
  }

  /** Tells so many of the events; the others are told when what is answered to these has left. */
  #tell(count: number): void {
    for (const event of this.#takeEvents(count)) this.#events.happened(event)
    if (this.#happened.length > 0) this.#tellMore()
    if (this.yamux.wantsTurn || this.#goodbyeDue) this.wake(0)
    if (this.yamux.congested && this.#blocked) this.#pause()
    this.#events.received()
  }

  #takeEvents(count: number): YamuxEvent[] {
    if (count < this.#happened.length) return this.#happened.splice(0, count)
    const all = this.#happened
    this.#happened = []
    return all
  }

  /** Nothing comes behind what is left to be told. */
  #tellAll(then: () => void): void {
    if (this.#happened.length > 0) this.#guard(() => this.#tell(this.#happened.length))
    then()
  }

  #tellMore(): void {
    if (this.#telling) return
    this.#telling = true
    defer(() => {
      this.#telling = false
      if (!this.#stopped) this.#guard(() => this.#tell(portion))
    })
  }

  /** Full records only: what is left over would make a record of some bytes, which costs the cipher as much as a full one. */
  #sendIfFull(): void {
    const records = Math.floor(this.#waiting / fullRecord)
    const isDue = records >= this.#recordsAtOnce
    this.#nextLook = isDue ? fullRecord : (records + 1) * fullRecord
    if (!isDue) return
    this.#waiting -= records * fullRecord
    this.#guard(() => this.#send(records))
    this.#settle()
  }

  #flush(): void {
    if (this.#mute) return
    this.#waiting = 0
    this.#nextLook = fullRecord
    this.#guard(() => this.#send(Number.POSITIVE_INFINITY))
    this.#settle()
    if (this.#blocked || this.#mute) return
    if (this.#paused) this.#resume()
    if (this.#finishing) this.end()
  }

  /** Sends as many records, or until the socket is full or nothing waits. */
  #send(records: number): void {
    let left = records
    while (left > 0 && !this.#blocked && (this.yamux.wantsTurn || this.#goodbyeDue)) {
      const atOnce = this.#recordsAtOnce
      const batch = this.#batch(Math.min(left, atOnce))
      if (batch.length === 0) return
      left -= atOnce
      this.#write(batch)
    }
  }

  #write(batch: readonly Uint8Array[]): void {
    for (const { length } of batch) this.#written += length
    this.#blocked = !this.#socket.write(batch, { givenAway: true })
    if (this.#blocked) this.#stalledWriting.watch(this)
  }

  /** The next records for the socket. */
  #batch(records: number): Uint8Array[] {
    const batch: Uint8Array[] = []
    for (let sealed = 0; sealed < records && this.yamux.wantsTurn; sealed++) {
      const frames = this.yamux.take(fullRecord)
      if (frames.length === 0) break
      batch.push(...this.#noise.seal(frames))
    }
    if (this.#goodbyeDue && this.yamux.hasEnded) batch.push(...this.#goodbye())
    return batch
  }

  #goodbye(): Uint8Array[] {
    this.#goodbyeDue = false
    this.#finishing = true
    this.yamux.goAway(GoAwayCode.normal)
    return this.#noise.seal(this.yamux.take(fullRecord))
  }

  #settle(): void {
    if (this.#watched.length === 0) return
    this.#watched = this.#watched.filter(stream => stream.settle())
    for (const stream of this.#watched) this.#stalledStreams.watch(stream)
  }

  #drained(): void {
    this.#blocked = false
    this.#flush()
  }

  #pause(): void {
    this.#paused = true
    this.#socket.pause()
  }

  #resume(): void {
    this.#paused = false
    if (!this.#resting) this.#socket.resume()
  }
}

function takesNothing(): ParleyError {
  return remoteError('ERR_TIMEOUT', 'The other side no longer takes in what is sent to it.')
}

function readsNothing(): ParleyError {
  return remoteError('ERR_TIMEOUT', 'The other side has not read from the stream for too long.', {
    scope: 'stream',
  })
}

function unexpected(cause: unknown): ParleyError {
  return remoteError('ERR_CONNECTION_CLOSED', 'The connection was closed.', { cause })
}
