import { defaultYamuxLimits } from '#src/protocol/limits'
import { decodeHeader, encodeHeader, FrameType, HEADER_LENGTH } from '#src/protocol/yamux/header'
import { type Allowance, type YamuxEvent, YamuxSession } from '#src/protocol/yamux/session'
import type { YamuxStream } from '#src/protocol/yamux/stream'
import { INITIAL_WINDOW } from '#src/protocol/yamux/window'
import { concat, EMPTY } from '#src/wire/bytes'
import type { ErrorCode, ParleyError } from '#src/wire/errors'
import { feed } from '../../support/feed.ts'
import { pattern } from '../../support/wire.ts'
import { Input } from '../engine/input.ts'
import { must, mustEqual, mustMatch, outcome, staysBroken } from '../engine/promise.ts'
import type { Target } from '../engine/target.ts'

/** What a session may hold without asking: its first block comes with the connection. */
const firstBlock = 64 * 1024

const limits = {
  ...defaultYamuxLimits,
  inboundStreams: 4,
  outboundStreams: 3,
  unacknowledged: 2,
  maxWindow: 1024 * 1024,
  windowGrowth: 1024 * 1024,
  idleBurst: 20,
  idleRate: 1,
}
const ids = [0, 1, 2, 3, 4, 5, 6, 7, 9, 11, 0x7fff_ffff, 0xffff_ffff]
const flags = [0, 0, 0, 1, 2, 4, 8, 3, 5, 6, 9, 12, 15, 0xffff]
const lengths = [0, 1, 11, 200, 256 * 1024, 256 * 1024 + 1, 0x7fff_ffff, 0xffff_ffff]
const verbs: readonly Verb[] = [
  'open',
  'write',
  'end',
  'reset',
  'consume',
  'take',
  'tick',
  'ping',
  'goAway',
  'wait',
]
const codes: readonly ErrorCode[] = ['ERR_YAMUX', 'ERR_FLOOD', 'ERR_MEMORY_LIMIT']
/** What the streams of a session may hold, and how many there may be by its allowance. */
const memory = 512 * 1024
const rooms = 6

/** Bytes to cut bodies from. */
const long = pattern(256 * 1024)

type Verb = 'open' | 'write' | 'end' | 'reset' | 'consume' | 'take' | 'tick' | 'ping' | 'goAway' | 'wait'

/** Keeps account of what a session reserves. */
class Account implements Allowance {
  streams = 0
  bytes = 0

  stream(): { release(): void } | undefined {
    if (this.streams === rooms) return undefined
    this.streams++
    return { release: () => this.streams-- }
  }

  hold(bytes: number): boolean {
    if (bytes <= memory || bytes < this.bytes) this.bytes = bytes
    return this.bytes === bytes
  }

  get accepts(): boolean {
    return this.bytes < memory
  }

  get grows(): boolean {
    return this.bytes < memory / 2
  }
}

/** A session that hears its frames cut in one way, and what it told of them. */
class Side {
  readonly session: YamuxSession
  readonly account = new Account()
  readonly streams = new Map<number, YamuxStream>()
  /** What was told, but for the bytes themselves. */
  readonly events: string[] = []
  readonly out: Uint8Array[] = [EMPTY]
  readonly #ended = new Set<YamuxStream>()
  /** What came on all streams of a number, and how many such streams there were. */
  readonly received = new Map<number, number>()
  readonly opened = new Map<number, number>()
  /** What came on a stream and nobody has read. */
  readonly #unread = new Map<YamuxStream, number>()
  /** How many streams of even and of odd numbers there may be. */
  readonly #bounds: readonly [parity: number, most: number][]
  time = 1_000
  heard = 0
  delivered = 0
  error: ParleyError | undefined

  constructor(role: 'client' | 'server') {
    const theirs = role === 'client' ? 0 : 1
    this.#bounds = [
      [theirs, limits.inboundStreams],
      [1 - theirs, limits.outboundStreams],
    ]
    this.session = new YamuxSession({ role, now: () => this.time, limits, allowance: this.account })
  }

  hear(chunks: readonly Uint8Array[]): void {
    for (const chunk of chunks) {
      if (this.error) return
      this.heard += chunk.length
      this.session.heard()
      const { value, error } = outcome(() => this.session.receive(chunk), ...codes)
      for (const event of value ?? []) this.#note(event)
      this.error = error
      if (error) staysBroken(error, () => this.session.receive(EMPTY))
    }
    must(this.delivered <= this.heard, 'no more is delivered than came')
    this.#checkAccount()
  }

  /** When all streams are over, nothing is reserved. One who breaks the rules opens streams that nobody hears of. */
  finish(): void {
    this.#checkAccount()
    if (this.error) return
    for (const stream of this.streams.values()) stream.reset()
    must(this.session.streamCount === 0 && this.account.streams === 0, 'no stream is left')
    must(this.session.held === 0 && this.account.bytes === 0, 'no bytes are held')
  }

  do(verb: Verb, id: number, amount: number): void {
    const stream = this.streams.get(id)
    if (verb === 'wait') this.time += amount
    else if (verb === 'open') this.#open()
    else if (verb === 'write') outcome(() => stream?.write(long.subarray(0, amount)), 'ERR_MEMORY_LIMIT')
    else if (verb === 'end') stream?.end()
    else if (verb === 'reset') stream?.reset(amount)
    else if (verb === 'consume') this.#consume(stream, amount)
    else if (verb === 'take') this.take(HEADER_LENGTH + amount)
    else if (verb === 'tick') outcome(() => this.session.tick(), 'ERR_TIMEOUT')
    else if (verb === 'ping') this.session.ping()
    else this.session.goAway(amount % 3)
  }

  take(limit: number): void {
    const frames = this.session.take(limit)
    const length = frames.reduce((sum, frame) => sum + frame.length, 0)
    must(length <= limit, 'no more is taken than was asked for')
    this.out.push(...frames)
  }

  #checkAccount(): void {
    const { streamCount, held } = this.session
    for (const [parity, most] of this.#bounds) {
      const alive = [...this.streams.values()].filter(({ id, isOver }) => id % 2 === parity && !isOver)
      must(alive.length <= most, 'the streams of either side are bounded')
    }
    must(streamCount === this.account.streams, 'every stream has its room')
    must(held >= 0 && held <= this.account.bytes + firstBlock, 'what is held is reserved')
    must(this.account.bytes <= memory, 'memory is bounded')
  }

  #consume(stream: YamuxStream | undefined, amount: number): void {
    const unread = (stream && this.#unread.get(stream)) ?? 0
    if (!stream || unread === 0) return
    const count = Math.min(unread, amount)
    this.#unread.set(stream, unread - count)
    stream.consume(count)
  }

  #open(): void {
    const { canOpen } = this.session
    const { value } = outcome(() => this.session.open(), 'ERR_STREAM_LIMIT', 'ERR_CONNECTION_CLOSED')
    must(!value || canOpen, 'a stream is opened when it may be')
    if (value) this.#add(value)
  }

  #note(event: YamuxEvent): void {
    if (event.type === 'data') return this.#noteData(event)
    if (event.type === 'pong' || event.type === 'goAway') {
      this.events.push(`${event.type} ${event.type === 'pong' ? event.value : event.code}`)
      return
    }
    const { type, stream } = event
    if (type === 'open') this.#add(stream)
    else must(!this.#ended.has(stream) || type === 'reset', 'a stream ends once')
    if (type === 'end') this.#ended.add(stream)
    this.events.push(`${type} ${stream.id}`)
  }

  #add(stream: YamuxStream): void {
    this.streams.set(stream.id, stream)
    this.opened.set(stream.id, (this.opened.get(stream.id) ?? 0) + 1)
  }

  /** Bytes of one frame may come in several events. */
  #noteData({ stream, bytes }: { stream: YamuxStream; bytes: Uint8Array }): void {
    must(!this.#ended.has(stream), 'nothing comes behind the end')
    must(bytes.length > 0, 'no data is empty')
    this.delivered += bytes.length
    this.#unread.set(stream, (this.#unread.get(stream) ?? 0) + bytes.length)
    this.received.set(stream.id, (this.received.get(stream.id) ?? 0) + bytes.length)
    const last = this.events.at(-1)
    const key = `data ${stream.id} `
    const before = last?.startsWith(key) ? Number(last.slice(key.length)) : 0
    if (before > 0) this.events.pop()
    this.events.push(`${key}${before + bytes.length}`)
  }
}

/** Frames as the input has them, and verbs between them: to a session that hears them whole, and to one that hears them cut. */
function run(bytes: Uint8Array): void {
  const input = new Input(bytes)
  const role = input.pick(['server', 'client'] as const)
  const how = input.take(1)
  const whole = new Side(role)
  const cut = new Side(role)
  for (let step = 0; step < 64 && !input.isEmpty && !whole.error; step++) {
    const choice = input.byte()
    if (choice < 96) {
      const verb = verbs[choice % verbs.length]!
      const [id, amount] = [input.pick(ids), amountOf(input)]
      for (const side of [whole, cut]) side.do(verb, id, amount)
      continue
    }
    const frames = framesOf(input, choice)
    whole.hear(feed(frames, 'whole'))
    cut.hear(new Input(how).cut(frames))
    compare(whole, cut)
  }
  for (const side of [whole, cut]) drain(side)
  if (!whole.error) mustEqual(concat(whole.out), concat(cut.out), 'any cutting is answered alike')
  for (const side of [whole, cut]) {
    checkFrames(side)
    side.finish()
  }
}

/** What breaks the rules gives nothing of its chunk, so that smaller chunks tell more. */
function compare(whole: Side, cut: Side): void {
  must(whole.error?.code === cut.error?.code, 'any cutting is refused alike')
  const told = whole.error ? cut.events.slice(0, whole.events.length) : cut.events
  if (!whole.error) mustMatch(told, whole.events, 'any cutting tells the same')
}

function amountOf(input: Input): number {
  const choice = input.byte()
  if (choice < 200) return choice
  return [1024, 64 * 1024, 256 * 1024, 40_000, 10_001][choice % 5]!
}

/** One to four frames, mostly sound ones; or any bytes. */
function framesOf(input: Input, choice: number): Uint8Array {
  if (choice >= 250) return input.take(input.byte() % 64)
  const frames: Uint8Array[] = [EMPTY]
  for (let count = 1 + (choice % 4); count > 0; count--) frames.push(frameOf(input))
  return concat(frames)
}

function frameOf(input: Input): Uint8Array {
  const choice = input.byte()
  const type = choice < 250 ? choice % 4 : choice
  const flag = input.pick(flags)
  const id = input.pick(ids)
  if (type !== 0) return encodeHeader(type, flag & 0xff, id, lengthOf(input))
  const body = bodyOf(input)
  const header = encodeHeader(type, flag & 0xff, id, input.byte() < 240 ? body.length : lengthOf(input))
  if (flag === 0xffff) header[2] = 0xff
  return concat([header, body])
}

function lengthOf(input: Input): number {
  const choice = input.byte()
  return choice < 224 ? lengths[choice % lengths.length]! : input.uint32()
}

/** Short, but for one in many that fills the window. */
function bodyOf(input: Input): Uint8Array {
  const choice = input.byte()
  if (choice < 250) return input.take(choice % 32)
  return long.subarray(0, choice < 253 ? 64 * 1024 : 256 * 1024)
}

/** Whatever was heard, the session says what it has to say, and then is silent. */
function drain(side: Side): void {
  for (let turn = 0; side.session.wantsTurn; turn++) {
    must(turn < 10_000, 'what is to be said comes to an end')
    side.take(64 * 1024)
  }
}

/** What is sent are frames from the first byte to the last; and no more was taken in than they allow. */
function checkFrames({ out, received, opened }: Side): void {
  const granted = new Map<number, number>()
  const bytes = concat(out)
  for (let at = 0; at < bytes.length; ) {
    must(bytes.length - at >= HEADER_LENGTH, 'a header is sent whole')
    const { version, type, flags: flag, id, length } = decodeHeader(bytes, at)
    must(version === 0 && type <= 3 && flag <= 15, 'what is sent are frames')
    if (type === FrameType.windowUpdate && flag < 8) granted.set(id, (granted.get(id) ?? 0) + length)
    at += HEADER_LENGTH + (type === FrameType.data ? length : 0)
    must(at <= bytes.length, 'a body is sent whole')
  }
  for (const [id, count] of received) {
    const allowed = opened.get(id)! * INITIAL_WINDOW + (granted.get(id) ?? 0)
    must(count <= allowed, 'no more is taken in than was granted')
  }
}

const target: Target = {
  run,
  maxLength: 600,
  seeds: () => [
    Uint8Array.of(0, 1, 96, 1, 3, 1, 0, 97, 0, 0, 1, 5, 1, 2, 3, 4, 5, 0, 5, 0, 255),
    Uint8Array.of(0, 0, 96, 0, 3, 1, 3, 7, 8, 9, 0, 1, 1, 10, 2, 1, 3, 5, 5, 10),
    Uint8Array.of(1, 9, 0, 0, 0, 1, 1, 200, 5, 0, 204, 96, 1, 4, 1, 2, 2, 1, 0),
    Uint8Array.of(0, 5, 96, 2, 3, 0, 5, 96, 3, 0, 0, 1, 7, 0, 0, 6, 0, 255),
    Uint8Array.of(
      0,
      4,
      99,
      1,
      3,
      1,
      0,
      1,
      3,
      3,
      0,
      1,
      3,
      5,
      0,
      1,
      3,
      7,
      0,
      96,
      1,
      3,
      8,
      0,
      97,
      1,
      6,
      1,
      0,
      1,
      8,
      3,
      0,
    ),
    Uint8Array.of(0, 1, 96, 0, 3, 1, 255, 0, 4, 1, 201, 5, 1, 203, 96, 0, 0, 1, 255, 0, 4, 1, 202),
    Uint8Array.of(0, 3, 250, 12, 0, 1, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0),
    Uint8Array.of(1, 1, 7, 0, 0, 9, 0, 204, 6, 0, 0, 96, 2, 4, 0, 1),
  ],
}

export default target
