import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { setMaxListeners } from 'node:events'
import type { TestContext } from 'node:test'
import { provider } from '#src/crypto/index'
import type { Budget } from '#src/net/budget'
import { Connection, type ConnectionEvents } from '#src/net/connection'
import { memory } from '#src/net/memory'
import { SocketWrapper } from '#src/net/socket-wrapper'
import type { Stream } from '#src/net/stream'
import type { Socket, SocketHandler, Transport, WriteOptions } from '#src/net/transport'
import { type Direction, type Upgraded, upgrade } from '#src/net/upgrade'
import { defaultYamuxLimits, type LimitOptions, withDefaults, type YamuxLimits } from '#src/protocol/limits'
import { encodeMessage, MULTISTREAM_PROTOCOL } from '#src/protocol/negotiate'
import { createNoiseIdentity, type NoiseIdentity } from '#src/protocol/noise/handshake'
import type { NoiseSession } from '#src/protocol/noise/session'
import { encodeHeader, FrameType } from '#src/protocol/yamux/header'
import { YAMUX_PROTOCOL, type YamuxEvent, YamuxSession } from '#src/protocol/yamux/session'
import { concat, utf8, utf8Text } from '#src/wire/bytes'
import type { ParleyError } from '#src/wire/errors'
import { PrivateKey } from '#src/wire/keys'
import { Multiaddr } from '#src/wire/multiaddr'
import { PeerId } from '#src/wire/peer-id'

/** How long anything may take before a test gives up on it, in milliseconds: far more than it ever takes. */
const patience = 20_000

// The real ones, whatever a test puts in their place.
const { setImmediate, setTimeout } = globalThis
const { now } = Date

/** Stops all clocks. What comes back moves them on by so many milliseconds. */
export function virtualClock(t: TestContext): (ms: number) => void {
  let time = 1_000
  t.mock.timers.enable({ apis: ['setTimeout'] })
  t.mock.method(performance, 'now', () => time)
  return ms => {
    // In steps: a timer that is late says that the process stood still.
    for (let left = ms; left > 0; left -= 250) {
      time += Math.min(left, 250)
      t.mock.timers.tick(Math.min(left, 250))
    }
  }
}

/** Settles when the condition holds, which is looked at again and again; rejects when it never does. */
export async function until(condition: () => boolean, what = String(condition)): Promise<void> {
  const deadline = now() + patience
  while (!condition()) {
    if (now() > deadline) throw new Error(`never happened: ${what}`)
    await new Promise(resolve => setTimeout(resolve, 1))
  }
}

/** Lets everything that is due in this turn and the next few happen. */
export async function turns(count = 5): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise(resolve => setImmediate(resolve))
}

/** Lets so many microtasks happen, one behind the other. */
export async function microtasks(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await Promise.resolve()
}

/** A signal that never fires. */
export const never: AbortSignal = new AbortController().signal
setMaxListeners(0, never)

/** Takes down all that a socket tells. */
export class Ear implements SocketHandler {
  readonly chunks: Uint8Array[] = []
  readonly closes: (Error | undefined)[] = []
  /** What was heard, in order, without repetitions. */
  readonly events: string[] = []
  length = 0
  ends = 0
  drains = 0
  /** Called at every chunk. */
  onData = () => {}

  get bytes(): Uint8Array {
    return concat([new Uint8Array(0), ...this.chunks])
  }

  get isClosed(): boolean {
    return this.closes.length > 0
  }

  data(chunk: Uint8Array): void {
    this.chunks.push(chunk.slice())
    this.length += chunk.length
    this.#note('data')
    this.onData()
  }

  end(): void {
    this.ends++
    this.#note('end')
  }

  drain(): void {
    this.drains++
    this.#note('drain')
  }

  close(error: Error | undefined): void {
    this.closes.push(error)
    this.#note('close')
  }

  #note(event: string): void {
    if (this.events.at(-1) !== event) this.events.push(event)
  }
}

/** The two ends of a raw connection: the one that dialled, and the one that was accepted. */
export async function socketPair(
  transport: Transport = memory(),
  address = Multiaddr.parse('/memory/0'),
): Promise<[Socket, Socket]> {
  const accepted = withResolvers<Socket>()
  const listener = await transport.listen(address, accepted.resolve)
  const dialled = await transport.dial(listener.addresses[0]!, never)
  const pair: [Socket, Socket] = [dialled, await accepted.promise]
  await listener.close()
  return pair
}

/** As `Promise.withResolvers`, which Node 20 lacks. */
export function withResolvers<T = void>(): {
  promise: Promise<T>
  resolve: (value: T) => void
  reject: (error: unknown) => void
} {
  let resolve!: (value: T) => void
  let reject!: (error: unknown) => void
  const promise = new Promise<T>((onResolve, onReject) => {
    resolve = onResolve
    reject = onReject
  })
  return { promise, resolve, reject }
}

/** A key that is the same for the same number. */
export function keyOf(number: number): PrivateKey {
  return PrivateKey.fromSeed(new Uint8Array(32).fill(number))
}

export function peerIdOf(key: PrivateKey): PeerId {
  return PeerId.fromPublicKey(key.publicKey)
}

/** A peer ID that is the same for the same number, of nobody: its key is not known. */
export function hashedPeer(number: number): PeerId {
  const digest = provider.sha256(utf8(String(number)))
  return PeerId.fromBytes(Uint8Array.of(0x12, digest.length, ...digest))
}

/** The Noise identity of a key; without muxers there is no early negotiation. */
export function noiseOf(key: PrivateKey, muxers: readonly string[] = [YAMUX_PROTOCOL]): NoiseIdentity {
  return createNoiseIdentity(key, muxers)
}

let rsa: PrivateKey | undefined

/** An RSA key of 2048 bits, made once, since that takes long. */
export function rsaKey(): PrivateKey {
  rsa ??= importRsa()
  return rsa
}

function importRsa(): PrivateKey {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const data = new Uint8Array(privateKey.export({ type: 'pkcs1', format: 'der' }))
  const length = Uint8Array.of((data.length & 0x7f) | 0x80, data.length >> 7)
  return PrivateKey.fromBytes(concat([Uint8Array.of(0x08, 0, 0x12), length, data]))
}

/** Counts what is written to a socket, and minds that nothing is after its end. */
export class CountingSocket extends SocketWrapper {
  /** Calls of `write`. */
  writes = 0
  /** Everything that was written. */
  readonly sent: Uint8Array[] = []
  ended = false
  faults = 0

  get bytes(): number {
    return this.sent.reduce((sum, { length }) => sum + length, 0)
  }

  /** The sizes of the Noise records written since the last `clear`. */
  get records(): number[] {
    const bytes = concat([new Uint8Array(0), ...this.sent])
    const sizes: number[] = []
    for (let at = 0; at < bytes.length; at += sizes.at(-1)! + 2) sizes.push(bytes[at]! * 256 + bytes[at + 1]!)
    return sizes
  }

  clear(): void {
    this.writes = 0
    this.sent.length = 0
  }

  override write(pieces: readonly Uint8Array[], options?: WriteOptions): boolean {
    if (this.ended) this.faults++
    this.writes++
    // Copies: what a socket was given it may free. By the constructor, which `copiedBy` does not count.
    this.sent.push(...pieces.map(piece => new Uint8Array(piece)))
    return super.write(pieces, options)
  }

  override end(): void {
    this.ended = true
    super.end()
  }
}

/** Tells every chunk in one buffer that is written over once the call is over, as a socket may; cut as it is told to. */
export class ReusingSocket extends SocketWrapper {
  readonly #cut: (chunk: Uint8Array) => readonly Uint8Array[]
  #buffer = new Uint8Array(0)

  constructor(socket: Socket, cut: (chunk: Uint8Array) => readonly Uint8Array[] = chunk => [chunk]) {
    super(socket)
    this.#cut = cut
  }

  override attach(handler: SocketHandler): void {
    super.attach({
      data: chunk => {
        for (const piece of this.#cut(chunk)) this.#tell(piece, handler)
      },
      end: () => handler.end(),
      drain: () => handler.drain(),
      close: error => handler.close(error),
    })
  }

  #tell(piece: Uint8Array, handler: SocketHandler): void {
    if (this.#buffer.length < piece.length) this.#buffer = new Uint8Array(2 * piece.length)
    this.#buffer.set(piece)
    handler.data(this.#buffer.subarray(0, piece.length))
    this.#buffer.fill(0xee)
  }
}

/** A socket that takes nothing more while it is stuck. */
export class StuckSocket extends CountingSocket {
  stuck = false
  holdsEnd = false
  paused = false
  #handler: { drain(): void } | undefined

  override attach(handler: Parameters<CountingSocket['attach']>[0]): void {
    this.#handler = handler
    this.paused = false
    super.attach(handler)
  }

  override write(pieces: readonly Uint8Array[]): boolean {
    return super.write(pieces) && !this.stuck
  }

  override pause(): void {
    this.paused = true
    super.pause()
  }

  override resume(): void {
    this.paused = false
    super.resume()
  }

  override end(): void {
    if (!this.holdsEnd) super.end()
  }

  release(): void {
    this.stuck = false
    this.#handler?.drain()
  }
}

/** One side of a pair of connections, and all that it told. */
export interface Side {
  connection: Connection
  socket: CountingSocket
  /** Inbound streams, in the order in which they agreed on a protocol. */
  streams: Stream[]
  closed: (ParleyError | undefined)[]
}

/** How a pair of connections is made. */
export interface PairOptions {
  /** Protocols that both sides accept. Default: all. */
  protocols?: string[]
  negotiationTimeout?: number
  yamux?: Partial<YamuxLimits>
  limits?: LimitOptions
  /** For each side, the dialer's first. */
  budgets?: [Budget, Budget]
  /** What is done with inbound streams, on either side. */
  handle?: (stream: Stream) => void
  sockets?: [Socket, Socket]
}

/** Two connections that talk to each other, dialer first. */
export async function connectionPair(options: PairOptions = {}): Promise<[Side, Side]> {
  const [near, far] = options.sockets ?? (await socketPair())
  return Promise.all([side(near, 'outbound', options), side(far, 'inbound', options)])
}

async function side(socket: Socket, direction: Direction, options: PairOptions): Promise<Side> {
  return attach(socket, direction, await upgradeOf(socket, direction), options)
}

function upgradeOf(socket: Socket, direction: Direction): Promise<Upgraded> {
  const identity = noiseOf(keyOf(direction === 'outbound' ? 1 : 2))
  return upgrade(socket, { direction, identity }, never)
}

function attach(
  raw: Socket,
  direction: Direction,
  upgraded: Upgraded,
  { protocols, negotiationTimeout = 10_000, yamux = {}, limits, budgets, handle = () => {} }: PairOptions,
): Side {
  const socket = new CountingSocket(raw)
  const streams: Stream[] = []
  const closed: (ParleyError | undefined)[] = []
  const events: ConnectionEvents = {
    accepts: protocol => protocols?.includes(protocol) ?? true,
    stream: stream => {
      streams.push(stream)
      handle(stream)
    },
    closed: (_connection, error) => closed.push(error),
  }
  const budget = budgets?.[direction === 'outbound' ? 0 : 1]
  const all = withDefaults({ ...limits, negotiationTimeout, yamux })
  return {
    connection: new Connection({ socket, upgraded, direction, events, budget, limits: all }),
    socket,
    streams,
    closed,
  }
}

/** Runs the body with a pair of connections, which are closed afterwards; nothing may be left of them. */
export async function withPair(
  options: PairOptions,
  body: (a: Side, b: Side) => Promise<void>,
): Promise<void> {
  const [a, b] = await connectionPair(options)
  try {
    await body(a, b)
  } finally {
    await Promise.all([a.connection.close(), b.connection.close()])
    await until(() => a.connection.streams.length + b.connection.streams.length === 0, 'all streams end')
  }
  for (const { closed, socket } of [a, b]) {
    assert.equal(closed.length, 1, 'the end is told once')
    assert.equal(socket.faults, 0, 'nothing is written after the end')
  }
}

/** What an opener sends first to speak a protocol. */
export function proposal(protocol: string): Uint8Array {
  return concat([encodeMessage(MULTISTREAM_PROTOCOL), encodeMessage(protocol)])
}

/** A data frame, whole. */
export function dataFrame(flags: number, id: number, bytes: Uint8Array): Uint8Array {
  return concat([encodeHeader(FrameType.data, flags, id, bytes.length), bytes])
}

/** A peer that does by hand what a test tells it: a yamux session on an upgraded socket. */
export class RawPeer {
  readonly #socket: Socket
  readonly #noise: NoiseSession
  readonly yamux: YamuxSession
  readonly ear = new Ear()
  readonly events: YamuxEvent[] = []
  /** Whether it answers pings, accepts streams and grants credit as it should. */
  polite: boolean
  /** Whether it leaves unread what comes. */
  deaf = false
  /** Called with each piece of what came, once it is opened. */
  onHeard: (piece: Uint8Array) => void = () => {}

  constructor(socket: Socket, upgraded: Upgraded, role: 'client' | 'server', polite: boolean) {
    this.#socket = socket
    this.#noise = upgraded.session
    // Who does as he is told needs no limits of his own.
    const limits = { ...defaultYamuxLimits, outboundStreams: 1e6, unacknowledged: 1e6 }
    this.yamux = new YamuxSession({ role, now: () => performance.now(), limits })
    this.polite = polite
    this.#hear(upgraded.rest)
    this.ear.onData = () => {
      if (!this.deaf) this.#hear(this.#noise.receive(this.ear.chunks.at(-1)!))
    }
    socket.attach(this.ear)
  }

  /** Sends frames as they are, in one record. */
  send(...frames: Uint8Array[]): void {
    this.write(this.seal(...frames))
  }

  /** The record that frames make. */
  seal(...frames: Uint8Array[]): Uint8Array {
    return concat(this.#noise.seal(frames))
  }

  /** Sends bytes that need be no record. */
  write(bytes: Uint8Array): boolean {
    return this.#socket.write([bytes])
  }

  /** Sends a record that is not genuine. */
  tamper(): void {
    this.write(concat([Uint8Array.of(0, 20), new Uint8Array(20)]))
  }

  /** Sends what the session has to say. */
  flush(): void {
    while (this.yamux.wantsTurn) {
      const frames = this.yamux.take(60_000)
      if (frames.length === 0) return
      this.send(...frames)
    }
  }

  /** What came on the stream, negotiation included. */
  textOf(id: number): string {
    const chunks = this.events.flatMap(event =>
      event.type === 'data' && event.stream.id === id ? [event.bytes] : [],
    )
    return utf8Text(concat([new Uint8Array(0), ...chunks]))
  }

  count(type: YamuxEvent['type']): number {
    return this.events.filter(event => event.type === type).length
  }

  /** Takes in nothing more, so that what is sent to it piles up on its way. */
  pause(): void {
    this.#socket.pause()
  }

  end(): void {
    this.#socket.end()
  }

  destroy(): void {
    this.#socket.destroy()
  }

  #hear(pieces: readonly Uint8Array[]): void {
    for (const piece of pieces) {
      this.onHeard(piece)
      this.yamux.heard()
      this.events.push(...this.yamux.receive(piece))
    }
    if (this.polite) this.flush()
  }
}

/** Runs the body with a connection whose other end is a `RawPeer`. The connection dials, unless it is `inbound`. */
export async function withRawPeer(
  {
    direction = 'outbound',
    polite = true,
    ...options
  }: PairOptions & {
    direction?: Direction
    polite?: boolean
  },
  body: (side: Side, peer: RawPeer) => Promise<void>,
): Promise<void> {
  const [near, far] = options.sockets ?? (await socketPair())
  const [ours, theirs] = direction === 'outbound' ? [near, far] : [far, near]
  const [role, theirDirection] =
    direction === 'outbound' ? (['server', 'inbound'] as const) : (['client', 'outbound'] as const)
  const their = upgradeOf(theirs, theirDirection).then(
    upgraded => new RawPeer(theirs, upgraded, role, polite),
  )
  const us = await side(ours, direction, options)
  const peer = await their
  try {
    await body(us, peer)
  } finally {
    us.connection.abort()
    peer.destroy()
  }
  await until(() => us.connection.streams.length === 0, 'all streams end')
  assert.equal(us.closed.length, 1, 'the end is told once')
  assert.equal(us.socket.faults, 0, 'nothing is written after the end')
}

/** A stream from a to b, and its other end. */
export async function streamPair(a: Side, b: Side, protocol = '/test'): Promise<[Stream, Stream]> {
  const before = b.streams.length
  const stream = await a.connection.open(protocol)
  await until(() => b.streams.length > before, 'the stream arrives')
  return [stream, b.streams[before]!]
}

/** Gives back what it reads, and ends when the other side does. */
export async function echo(stream: Stream): Promise<void> {
  for await (const chunk of stream) if (!stream.write(chunk)) await stream.drained()
  await stream.end()
}

/** All that is read until the end. */
export async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const all: Uint8Array[] = [new Uint8Array(0)]
  for await (const chunk of chunks) all.push(chunk)
  return concat(all)
}

/** Reads until the error that ends the stream. */
export async function errorOf(work: Promise<unknown>): Promise<ParleyError> {
  return work.then(
    value => {
      throw new Error(`it succeeded, with ${String(value)}`)
    },
    (error: ParleyError) => error,
  )
}
