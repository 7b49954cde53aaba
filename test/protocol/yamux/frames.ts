import { defaultYamuxLimits, type YamuxLimits } from '#src/protocol/limits'
import { decodeHeader, encodeHeader, Flag, FrameType, HEADER_LENGTH } from '#src/protocol/yamux/header'
import { type YamuxEvent, YamuxSession } from '#src/protocol/yamux/session'
import type { YamuxStream } from '#src/protocol/yamux/stream'
import { concat, hex } from '#src/wire/bytes'
import { Clock } from '../../support/clock.ts'

export const { syn: SYN, ack: ACK, fin: FIN, rst: RST } = Flag

/** What one Noise record holds: the limit that `take` is called with in earnest. */
export const RECORD = 65_519

export const data = (id: number, body: Uint8Array, flags = 0): Uint8Array =>
  concat([encodeHeader(FrameType.data, flags, id, body.length), body])
export const update = (id: number, delta: number, flags = 0): Uint8Array =>
  encodeHeader(FrameType.windowUpdate, flags, id, delta)
export const ping = (value: number, flags: number, id = 0): Uint8Array =>
  encodeHeader(FrameType.ping, flags, id, value)
export const goAway = (code: number): Uint8Array => encodeHeader(FrameType.goAway, 0, 0, code)

/** One frame of those that bytes hold. */
export interface Frame {
  type: number
  flags: number
  id: number
  length: number
  body: Uint8Array
}

/** The frames that the bytes hold; the last must be whole. */
export function framesOf(bytes: Uint8Array): Frame[] {
  const frames: Frame[] = []
  for (let at = 0; at < bytes.length; ) {
    const { version: _, ...header } = decodeHeader(bytes, at)
    const start = at + HEADER_LENGTH
    at = start + (header.type === FrameType.data ? header.length : 0)
    if (at > bytes.length) throw new Error('A frame is cut short.')
    frames.push({ ...header, body: bytes.subarray(start, at) })
  }
  return frames
}

const typeNames = ['data', 'update', 'ping', 'goAway']
const flagNames: [flag: number, name: string][] = [
  [SYN, 'SYN'],
  [ACK, 'ACK'],
  [FIN, 'FIN'],
  [RST, 'RST'],
]

/** Short bodies as digits, long ones by their length. */
const shown = (bytes: Uint8Array) => (bytes.length <= 16 ? hex(bytes) : `${bytes.length} bytes`)

/** A frame in words, such as `data 1 SYN 6869`, `update 2 ACK 0`, `ping SYN 1`. */
function frameText({ type, flags, id, length, body }: Frame): string {
  const names = flagNames.filter(([flag]) => flags & flag).map(([, name]) => name)
  const value = type === FrameType.data ? shown(body) : String(length)
  return [
    typeNames[type],
    ...(id === 0 ? [] : [id]),
    ...(names.length > 0 ? [names.join('+')] : []),
    value,
  ].join(' ')
}

/** Events in words, such as `open 1`, `data 1 6869`, `reset 1 0`; what comes of one stream in a row is one. */
export function told(events: readonly YamuxEvent[]): string[] {
  const words: string[] = []
  let run: Uint8Array[] = []
  for (const [i, event] of events.entries()) {
    if (event.type === 'data') {
      run.push(event.bytes)
      const next = events[i + 1]
      if (next?.type === 'data' && next.stream === event.stream) continue
      words.push(`data ${event.stream.id} ${shown(concat(run))}`)
      run = []
    } else words.push(eventText(event))
  }
  return words
}

function eventText(event: Exclude<YamuxEvent, { type: 'data' }>): string {
  if (event.type === 'pong') return `pong ${event.value} ${event.rtt}`
  if (event.type === 'goAway') return `goAway ${event.code}`
  return `${event.type} ${event.stream.id}${event.type === 'reset' ? ` ${event.code}` : ''}`
}

/** How a session differs from others. */
export interface SideOptions {
  limits?: Partial<YamuxLimits>
  firstId?: number | undefined
}

/** A session under a clock of its own, spoken to in frames and answering in words. */
export class Yamux {
  readonly clock = new Clock()
  readonly session: YamuxSession
  readonly #accepted = new Map<number, YamuxStream>()

  constructor(role: 'client' | 'server', { limits, firstId }: SideOptions = {}) {
    this.session = new YamuxSession({
      role,
      now: this.clock.now,
      limits: { ...defaultYamuxLimits, ...limits },
      firstId,
    })
  }

  /** The stream that the other side opened under this ID last. */
  accepted(id: number): YamuxStream {
    return this.#accepted.get(id)!
  }

  /** Takes in frames, joined to one chunk; gives what they say. */
  hear(...frames: Uint8Array[]): string[] {
    return told(this.hearChunks([concat(frames)]))
  }

  hearChunks(chunks: readonly Uint8Array[]): YamuxEvent[] {
    this.session.heard()
    const events = chunks.flatMap(chunk => this.session.receive(chunk))
    for (const event of events) if (event.type === 'open') this.#accepted.set(event.stream.id, event.stream)
    return events
  }

  /** All that is to be sent, as bytes. */
  takeAll(): Uint8Array {
    const pieces: Uint8Array[] = []
    while (this.session.wantsTurn) pieces.push(...this.session.take(RECORD))
    return concat(pieces)
  }

  /** All frames that are to be sent. */
  say(): string[] {
    return framesOf(this.takeAll()).map(frameText)
  }
}

/** A server, and a stream that its client opened on it as ID 1, answered already. */
export function withAccepted(options?: SideOptions): { side: Yamux; stream: YamuxStream } {
  const side = new Yamux('server', options)
  side.hear(update(1, 0, SYN))
  side.say()
  return { side, stream: side.accepted(1) }
}

/** A client, and a stream that it opened as ID 1, accepted already. */
export function withOpened(options?: SideOptions): { side: Yamux; stream: YamuxStream } {
  const side = new Yamux('client', options)
  const stream = side.session.open()
  side.say()
  side.hear(update(1, 0, ACK))
  return { side, stream }
}
