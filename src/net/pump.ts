import type { NoiseSession } from '../protocol/noise/session.ts'
import { GoAwayCode } from '../protocol/yamux/header.ts'
import type { YamuxLimits } from '../protocol/yamux/limits.ts'
import { type YamuxEvent, YamuxSession } from '../protocol/yamux/session.ts'
import { ParleyError } from '../wire/errors.ts'
import type { Stream, StreamPump } from './stream.ts'
import { defer, monotonicNow, startTimer } from './timer.ts'
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
  limits: Partial<YamuxLimits> | undefined
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
  readonly #watched = new Set<Stream>()
  /** What the upgrade left to be sent before all else. */
  #pending: Uint8Array | undefined
  /** Bytes written since the last flush. */
  #waiting = 0
  #scheduled = false
  #blocked = false
  #paused = false
  /** Nothing more is to come from us: once all has left, our direction of the socket ends. */
  #finishing = false
  /** Nothing can be sent any more. */
  #mute = false
  #stopped = false
  #cancelTimer = () => {}

  constructor({ socket, upgraded, direction, limits = {}, events }: PumpOptions) {
    this.#socket = socket
    this.#noise = upgraded.session
    this.#events = events
    this.#pending = upgraded.pending.length > 0 ? upgraded.pending : undefined
    const role = direction === 'outbound' ? 'client' : 'server'
    this.yamux = new YamuxSession({ role, now: monotonicNow, limits })
  }

  /** Begins with the plaintext that came behind the upgrade; a turn later, so that the host knows the connection first. */
  start(rest: readonly Uint8Array[]): void {
    this.yamux.ping()
    this.wake(0)
    this.#tick()
    defer(() => {
      if (this.#stopped) return
      this.#guard(() => this.#receive(rest))
      this.#socket.attach({
        data: chunk => this.#guard(() => this.#receive(this.#noise.receive(chunk))),
        end: () => this.#events.ended(),
        drain: () => this.#drained(),
        close: cause => this.#events.closed(cause),
      })
    })
  }

  /** Something waits to be sent, `bytes` of it new. A full batch leaves at once, the rest at the end of the turn. */
  wake(bytes: number): void {
    this.#waiting += bytes
    if (this.#blocked || this.#mute) return
    if (this.#waiting >= batchRecords * fullRecord) this.#sendFull()
    if (this.#scheduled) return
    this.#scheduled = true
    defer(() => {
      this.#scheduled = false
      this.#flush()
    })
  }

  /** Sends what waits, now. */
  flush(): void {
    if (!this.#blocked) this.#flush()
  }

  /** Settles what waits on a stream after each flush, until nothing does. */
  watch(stream: Stream): void {
    this.#watched.add(stream)
  }

  /** A stream is over. */
  forget(stream: Stream): void {
    this.#watched.delete(stream)
  }

  /** Ends our direction of the socket when all that waits has left. */
  finish(): void {
    this.#finishing = true
    this.#flush()
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
    this.#socket.destroy()
  }

  #tick(): void {
    this.#guard(() => {
      const due = this.yamux.tick()
      if (this.yamux.wantsTurn) this.wake(0)
      this.#cancelTimer = startTimer(Math.max(due - monotonicNow(), 1), () => this.#tick())
    })
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
    const error = cause instanceof ParleyError ? cause : unexpected(cause)
    if (error.code === 'ERR_YAMUX' && !this.#blocked && !this.#mute) {
      this.yamux.goAway(GoAwayCode.protocolError)
      this.#send(1)
    }
    this.#events.broke(error)
  }

  #receive(pieces: readonly Uint8Array[]): void {
    for (const piece of pieces) {
      for (const event of this.yamux.receive(piece)) this.#events.happened(event)
    }
    if (this.yamux.wantsTurn) this.wake(0)
    if (this.yamux.congested && this.#blocked) this.#pause()
    this.#events.received()
  }

  /** Full records only: what is left over would make a record of some bytes, which costs the cipher as much as a full one. */
  #sendFull(): void {
    const records = Math.floor(this.#waiting / fullRecord)
    this.#waiting -= records * fullRecord
    this.#guard(() => this.#send(records))
    this.#settle()
  }

  #flush(): void {
    if (this.#mute) return
    this.#waiting = 0
    this.#guard(() => this.#send(Number.POSITIVE_INFINITY))
    this.#settle()
    if (this.#blocked || this.#mute) return
    if (this.#paused) this.#resume()
    if (this.#finishing) this.end()
  }

  /** Sends as many records, or until the socket is full or nothing waits. */
  #send(records: number): void {
    let left = records
    while (left > 0 && !this.#blocked && (this.#pending || this.yamux.wantsTurn)) {
      const batch = this.#batch(Math.min(left, batchRecords))
      if (batch.length === 0) return
      left -= batchRecords
      this.#blocked = !this.#socket.write(batch)
    }
  }

  /** The next records for the socket. */
  #batch(records: number): Uint8Array[] {
    const batch = this.#pending ? [this.#pending] : []
    this.#pending = undefined
    for (let sealed = 0; sealed < records && this.yamux.wantsTurn; sealed++) {
      const frames = this.yamux.take(fullRecord)
      if (frames.length === 0) break
      batch.push(...this.#noise.seal(frames))
    }
    return batch
  }

  #settle(): void {
    for (const stream of this.#watched) if (!stream.settle()) this.#watched.delete(stream)
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
    this.#socket.resume()
  }
}

function unexpected(cause: unknown): ParleyError {
  return new ParleyError('ERR_CONNECTION_CLOSED', 'The connection was closed.', { cause, remote: true })
}
