import type { Budget } from '../net/budget.ts'
import { Connection, type ConnectionEvents, type OpenOptions } from '../net/connection.ts'
import { memory } from '../net/memory.ts'
import { SpareKey } from '../net/spare-key.ts'
import type { Stream } from '../net/stream.ts'
import { tcp } from '../net/tcp.ts'
import {
  aborted,
  type Deadlines,
  deferred,
  monotonicNow,
  onAbort,
  startTimer,
  throwIfAborted,
} from '../net/timer.ts'
import type { Socket, Transport } from '../net/transport.ts'
import type { Direction, Upgraded } from '../net/upgrade.ts'
import { IDENTIFY_PROTOCOL, IDENTIFY_PUSH_PROTOCOL } from '../protocol/identify.ts'
import { type LimitOptions, type Limits, withDefaults } from '../protocol/limits.ts'
import { createNoiseIdentity } from '../protocol/noise/handshake.ts'
import { PING_PROTOCOL } from '../protocol/ping.ts'
import { YAMUX_PROTOCOL } from '../protocol/yamux/session.ts'
import { ParleyError } from '../wire/errors.ts'
import { generateKey, type PrivateKey } from '../wire/keys.ts'
import { Multiaddr } from '../wire/multiaddr.ts'
import { PeerId } from '../wire/peer-id.ts'
import { Connections } from './connections.ts'
import { Dialer, type DialTarget, SharedDials } from './dialer.ts'
import { Emitter } from './emitter.ts'
import { Evictor } from './eviction.ts'
import { type HandleOptions, Handlers, type StreamHandler } from './handlers.ts'
import { Inbound } from './inbound.ts'
import { type PeerInfo, Peers } from './peers.ts'
import { type Resolver, systemResolver } from './resolver.ts'
import { Resources, type Usage } from './resources.ts'
import { Identify } from './services/identify.ts'
import { idleStreams } from './services/idle.ts'
import { answerPings, ping } from './services/ping.ts'
import { type Destination, type Target, Targets } from './target.ts'

/** parley's version, as identify tells it to others. */
export const VERSION = '0.1.0'

/** Peers are told of changes no more often than this, in milliseconds. */
const pushInterval = 1_000

/** What every host speaks: a peer that asks for no more than this uses nothing. */
const services: ReadonlySet<string> = new Set([IDENTIFY_PROTOCOL, IDENTIFY_PUSH_PROTOCOL, PING_PROTOCOL])

/** What `createHost` takes; all of it is optional. */
export interface HostOptions {
  /** Who the host is. Default: a fresh Ed25519 key, and so another peer ID every time. */
  identity?: PrivateKey
  /** Where to listen, such as `/ip4/0.0.0.0/tcp/3000`; port 0 is any free one. Default: nowhere, for a host that only dials. */
  listen?: readonly (string | Multiaddr)[]
  /** Default: TCP, and the memory transport. */
  transports?: readonly Transport[]
  /** See `Limits` for each and its default. */
  limits?: LimitOptions
  /** How the host calls itself to others. Default `parley/<version>`. */
  agent?: string
  /** Where names are looked up. Default: the system's resolver. */
  resolver?: Resolver
  /** Stops the host when it fires. */
  signal?: AbortSignal
}

/** What a host tells. */
export interface HostEvents {
  /** The first connection to a peer stands. */
  connect: Connection
  /** The last connection to a peer is gone; `error` says why, unless it was closed in good order. */
  disconnect: { connection: Connection; error: ParleyError | undefined }
  /** A peer has said who it is: see `PeerInfo`. */
  identify: { connection: Connection; info: PeerInfo }
}

/**
 * Makes a host and starts it listening. Throws `ERR_MULTIADDR`, `ERR_NO_TRANSPORT`, `ERR_ADDRESS_IN_USE` or `ERR_LISTEN`
 * when it cannot listen where it should, `ERR_ABORTED` when the signal fires first; then nothing is left behind.
 */
export async function createHost(options: HostOptions = {}): Promise<Host> {
  throwIfAborted(options.signal)
  const identity = options.identity ?? (await generateKey())
  const host = new Host(identity, options)
  try {
    for (const address of options.listen ?? []) await host.listen(address)
    throwIfAborted(options.signal)
    return host
  } catch (error) {
    await host.stop()
    throw options.signal?.aborted ? aborted(options.signal) : error
  }
}

/** A peer of the network: it listens, dials, and hands streams to the handlers of their protocols. See `createHost`. */
export class Host implements AsyncDisposable {
  readonly peerId: PeerId
  /** The address book. */
  readonly peers: Peers
  /** The bounds that hold. */
  readonly limits: Limits
  readonly #spareKey = new SpareKey()
  readonly #dialer: Dialer
  readonly #dials: SharedDials<Connection>
  readonly #targets = new Targets()
  readonly #connections: Connections
  readonly #events = new Emitter<HostEvents>()
  readonly #handlers = new Handlers(() => this.#announce())
  readonly #identify: Identify
  /** Streams on which pings are answered. */
  readonly #idle: Deadlines<Stream>
  readonly #inbound: Inbound
  readonly #resources: Resources
  readonly #evictor: Evictor
  readonly #undoSignal: () => void
  #pushScheduled = false
  #lastPush = Number.NEGATIVE_INFINITY
  #stopped: Promise<void> | undefined

  /** Use `createHost`, which also starts to listen. */
  constructor(identity: PrivateKey, options: Omit<HostOptions, 'identity' | 'listen'>) {
    this.peerId = PeerId.fromPublicKey(identity.publicKey)
    this.limits = withDefaults(options.limits)
    this.peers = new Peers(this.limits.peers)
    const transports = options.transports ?? [tcp(), memory()]
    const noise = createNoiseIdentity(identity, [YAMUX_PROTOCOL])
    const resolver = options.resolver ?? systemResolver()
    this.#dials = new SharedDials(this.limits.dialTimeout)
    const spareKey = this.#spareKey
    this.#dialer = new Dialer({ transports, identity: noise, spareKey, resolver, limits: this.limits })
    this.#connections = new Connections(this.peerId, {
      connect: connection => this.#events.emit('connect', connection),
      disconnect: (connection, error) => this.#events.emit('disconnect', { connection, error }),
    })
    this.#evictor = new Evictor(this.#connections)
    this.#resources = new Resources(this.limits, this.#evictor)
    this.#inbound = new Inbound({
      transports,
      identity: noise,
      spareKey,
      limits: this.limits,
      budget: () => this.#resources.connection('inbound'),
      accepted: (socket, upgraded, budget) => this.#accept(socket, upgraded, budget),
      identified: connection => this.#identify.settled(connection),
    })
    this.#identify = new Identify({
      identity,
      agent: options.agent ?? `parley/${VERSION}`,
      peers: this.peers,
      limits: this.limits,
      addresses: () => this.#inbound.addresses,
      protocols: () => this.#handlers.protocols,
      identified: (connection, info) => this.#events.emit('identify', { connection, info }),
    })
    this.#idle = idleStreams(this.limits)
    this.#addServices()
    this.#undoSignal = onAbort(options.signal, () => void this.stop())
  }

  /** Where others can dial this host, each address with `/p2p/<id>` at its end. */
  get addresses(): Multiaddr[] {
    return this.#inbound.addresses.map(address => address.withPeerId(this.peerId))
  }

  /** The connections that stand. */
  get connections(): Connection[] {
    return this.#connections.all
  }

  /** Listens on one more address. Throws as `createHost` does. */
  async listen(address: string | Multiaddr): Promise<void> {
    this.#throwIfStopped()
    if (!(await this.#inbound.listen(Multiaddr.from(address)))) throw hostStopped()
    this.#announce()
  }

  /** Handles inbound streams of a protocol, in place of any handler before. Returns the undo. */
  handle(protocol: string, handler: StreamHandler, options: HandleOptions = {}): () => void {
    return this.#handlers.add(protocol, handler, options)
  }

  /**
   * Connects to a target, or returns the connection that stands. Throws `ERR_DIAL_SELF`, `ERR_NO_ADDRESS` for a peer ID
   * without known addresses, `ERR_PEER_MISMATCH` when another peer answers, `ERR_CONNECTION_LIMIT`, `ERR_TIMEOUT`,
   * `ERR_ABORTED`, `ERR_HOST_STOPPED`, and what names and transports throw; `stage` says how far it came.
   */
  async dial(target: Target, { signal }: { signal?: AbortSignal | undefined } = {}): Promise<Connection> {
    this.#throwIfStopped()
    throwIfAborted(signal)
    const destination = this.#targets.read(target)
    const standing = this.#standing(destination)
    if (standing) return standing
    const { peerId, address } = destination
    if (peerId?.equals(this.peerId)) throw dialSelf()
    const key = peerId && !address ? peerId.toString() : String(address)
    return this.#dials.join(key, signal, stop => this.#dial(peerId, address, stop))
  }

  /**
   * Opens a stream to a target, dialling if need be, for the first of the protocols that it speaks. With `optimistic`, an
   * answer is one round trip nearer: see `OpenOptions`; without it that is so for a protocol that the peer has said it
   * speaks. Throws what `dial` and `Connection.open` throw.
   */
  async open(
    target: Target,
    protocols: string | readonly string[],
    options: OpenOptions = {},
  ): Promise<Stream> {
    this.#throwIfStopped()
    const connection =
      this.#standing(this.#targets.read(target)) ?? (await this.dial(target, { signal: options.signal }))
    try {
      return await this.#open(connection, protocols, options)
    } catch (error) {
      // Of two simultaneous connections one was given up under us: use the other.
      const other = this.#connections.to(connection.peerId)
      if (!isClosed(error) || !other || other === connection) throw error
      return this.#open(other, protocols, options)
    }
  }

  /** Round trip to a target in milliseconds, by the ping protocol. Throws what `open` throws. */
  async ping(target: Target, { signal }: { signal?: AbortSignal | undefined } = {}): Promise<number> {
    const connection = await this.dial(target, { signal })
    return ping(connection, { timeout: this.limits.serviceTimeout, signal })
  }

  /**
   * Waits until the peer at the other end of a connection has said who it is, and returns what is known of it then. Throws
   * `ERR_PROTOCOL_UNSUPPORTED` when it does not speak identify, `ERR_TIMEOUT`, and what a stream throws that breaks.
   */
  async identified(connection: Connection): Promise<PeerInfo | undefined> {
    await this.#identify.answered(connection)
    return this.peers.get(connection.peerId)
  }

  /** What the host uses at this moment: all of it counts against `Limits`, and is zero when nothing is open. */
  usage(): Usage {
    return this.#resources.usage
  }

  /** From now on no connection to a peer is closed to make room for others. Returns the undo. */
  protect(peerId: PeerId): () => void {
    return this.#evictor.protect(peerId)
  }

  /** Hears of an event from now on. Returns the undo. */
  on<Name extends keyof HostEvents>(event: Name, listener: (value: HostEvents[Name]) => void): () => void {
    return this.#events.on(event, listener)
  }

  /** Stops listening, closes every connection in good order, and cuts what is not closed by the deadline. Never rejects. */
  stop(): Promise<void> {
    // A turn later, so that whatever ends by it finds the host stopped.
    this.#stopped ??= Promise.resolve().then(() => this.#stop())
    return this.#stopped
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  #addServices(): void {
    this.handle(IDENTIFY_PROTOCOL, stream => this.#identify.answer(stream), { maxInbound: 2 })
    this.handle(IDENTIFY_PUSH_PROTOCOL, stream => this.#identify.receivePush(stream), { maxInbound: 2 })
    // Two, as the specification says: one for whoever asks, and one that is not over yet.
    this.handle(PING_PROTOCOL, stream => answerPings(stream, this.#idle), { maxInbound: 2 })
  }

  #standing({ peerId, address }: Destination): Connection | undefined {
    return peerId ? this.#connections.to(peerId) : address && this.#connections.at(address)
  }

  async #dial(
    peerId: PeerId | undefined,
    address: Multiaddr | undefined,
    signal: AbortSignal,
  ): Promise<Connection> {
    const addresses = address ? [address] : (this.peers.get(peerId!)?.addresses ?? [])
    if (addresses.length === 0) {
      throw new ParleyError('ERR_NO_ADDRESS', `No address is known for ${peerId}; dial a full address first.`)
    }
    const budget = this.#resources.connection('outbound')
    if (!budget) throw tooMany()
    try {
      return await this.#connect({ peerId, addresses }, budget, signal)
    } catch (error) {
      budget.close()
      throw error
    }
  }

  async #connect(target: DialTarget, budget: Budget, signal: AbortSignal): Promise<Connection> {
    const { socket, upgraded } = await this.#dialer.dial(target, signal)
    try {
      // This may have changed meanwhile, the signal in this very turn.
      throwIfAborted(signal)
      if (upgraded.peerId.equals(this.peerId)) throw dialSelf()
      if (!this.#resources.settle(budget, upgraded.peerId, 'outbound')) throw tooMany()
    } catch (error) {
      socket.destroy()
      throw error
    }
    this.peers.add(upgraded.peerId, [socket.remoteAddress])
    const connection = this.#adopt(socket, upgraded, budget, 'outbound')
    return this.#connections.to(connection.peerId) ?? connection
  }

  #accept(socket: Socket, upgraded: Upgraded, budget: Budget): Connection | undefined {
    const { peerId } = upgraded
    if (peerId.equals(this.peerId) || !this.#resources.settle(budget, peerId, 'inbound')) return undefined
    return this.#adopt(socket, upgraded, budget, 'inbound')
  }

  #adopt(socket: Socket, upgraded: Upgraded, budget: Budget, direction: Direction): Connection {
    const events: ConnectionEvents = {
      accepts: protocol => this.#handlers.has(protocol),
      stream: stream => this.#serve(stream),
      closed: (closed, error) => this.#forget(closed, error),
    }
    const connection = new Connection({ socket, upgraded, direction, events, budget, limits: this.limits })
    this.#connections.add(connection)
    this.#identify.ask(connection).catch(() => {})
    return connection
  }

  #serve(stream: Stream): void {
    if (!services.has(stream.protocol)) this.#evictor.used(stream.connection)
    this.#handlers.serve(stream)
  }

  #forget(connection: Connection, error: ParleyError | undefined): void {
    this.#resources.leave(connection.peerId)
    if (connection.direction === 'inbound') this.#inbound.left(connection, error)
    this.#connections.remove(connection, error)
  }

  #open(
    connection: Connection,
    protocols: string | readonly string[],
    options: OpenOptions,
  ): Promise<Stream> {
    const known = typeof protocols === 'string' && this.peers.speaks(connection.peerId, protocols)
    return connection.open(protocols, { signal: options.signal, optimistic: options.optimistic ?? known })
  }

  /** Tells every peer what has changed, once a second at most. */
  #announce(): void {
    if (this.#pushScheduled || this.#connections.size === 0) return
    this.#pushScheduled = true
    startTimer(Math.max(this.#lastPush + pushInterval - monotonicNow(), 0), () => {
      this.#pushScheduled = false
      this.#lastPush = monotonicNow()
      for (const connection of this.connections) this.#identify.push(connection).catch(() => {})
    })
  }

  async #stop(): Promise<void> {
    this.#undoSignal()
    this.#dials.abort(hostStopped)
    const closing = [this.#inbound.stop(), ...this.connections.map(connection => connection.close())]
    const deadline = deferred()
    const cancel = startTimer(this.limits.stopTimeout, deadline.resolve, { keepsRunning: true })
    await Promise.race([Promise.allSettled(closing), deadline.promise])
    cancel()
    for (const connection of this.connections) connection.abort()
    this.#identify.stop()
    this.#spareKey.clear()
    this.#idle.clear()
  }

  #throwIfStopped(): void {
    if (this.#stopped) throw hostStopped()
  }
}

function hostStopped(): ParleyError {
  return new ParleyError('ERR_HOST_STOPPED', 'The host was stopped.', { scope: 'host' })
}

function isClosed(error: unknown): boolean {
  return error instanceof ParleyError && error.code === 'ERR_CONNECTION_CLOSED'
}

function dialSelf(): ParleyError {
  return new ParleyError('ERR_DIAL_SELF', 'That is the address of this very host; dial another peer.', {
    scope: 'host',
  })
}

function tooMany(): ParleyError {
  return new ParleyError('ERR_CONNECTION_LIMIT', 'This host has as many connections as it may have.', {
    scope: 'host',
  })
}
