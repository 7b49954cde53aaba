import { connect, createServer, Socket as NodeSocket, type OnReadOpts, type Server } from 'node:net'
import { networkInterfaces } from 'node:os'
import { type ErrorCode, ParleyError } from '../wire/errors.ts'
import { Multiaddr } from '../wire/multiaddr.ts'
import { free, largeBuffers } from './spent-buffers.ts'
import { aborted, defer, deferred, monotonicNow, onAbort } from './timer.ts'
import {
  type Listener,
  SOCKET_HIGH_WATER,
  type Socket,
  type SocketHandler,
  type Transport,
  type WriteOptions,
} from './transport.ts'

/** When the kernel begins to ask whether an idle peer still lives; yamux's own pings come sooner. */
const keepAliveDelay = 60_000

/** What interfaces there are is looked up no more often than this, in milliseconds: everyone who connects asks. */
const freshness = 1_000

const serverOptions = {
  noDelay: true,
  keepAlive: true,
  keepAliveInitialDelay: keepAliveDelay,
  allowHalfOpen: true,
  pauseOnConnect: true,
}

/**
 * What a socket is made from, in one literal, and with what node:net would add by itself: to copy and extend what was put together by
 * spreading takes Node 20 some 10 us a socket, and leaves hidden classes that are never used again.
 */
const dialOptions = ({ host, port }: Endpoint, onread: OnReadOpts) => ({
  host,
  port,
  onread,
  noDelay: true,
  keepAlive: true,
  keepAliveInitialDelay: keepAliveDelay,
  allowHalfOpen: true,
  emitClose: false,
  autoDestroy: true,
  decodeStrings: false,
})

/** The same for a socket that the system has accepted. */
const acceptOptions = (handle: object, onread: OnReadOpts) => ({
  handle,
  onread,
  pauseOnCreate: true,
  allowHalfOpen: true,
  emitClose: false,
  autoDestroy: true,
  decodeStrings: false,
})

/** TCP over node:net, for `/ip4/…/tcp/…` and `/ip6/…/tcp/…`. */
export function tcp(): Transport {
  return { name: 'tcp', supports: address => endpointOf(address) !== undefined, dial, listen }
}

interface Endpoint {
  host: string
  port: number
}

function endpointOf(address: Multiaddr): Endpoint | undefined {
  const names = address.withoutPeerId().components.map(({ name }) => name)
  const shape = names.join('/')
  if (!['ip4/tcp', 'ip6/tcp', 'ip6zone/ip6/tcp'].includes(shape)) return undefined
  const zone = address.value('ip6zone')
  const host = address.value('ip4') ?? address.value('ip6') ?? ''
  return { host: zone ? `${host}%${zone}` : host, port: Number(address.value('tcp')) }
}

async function dial(address: Multiaddr, signal: AbortSignal): Promise<Socket> {
  const endpoint = endpointOf(address)
  if (!endpoint) throw new ParleyError('ERR_NO_TRANSPORT', `TCP cannot dial ${address}.`)
  const { promise, resolve, reject } = deferred<Socket>()
  const landing = new Landing()
  const socket = connect(dialOptions(endpoint, landing))
  const undo = onAbort(signal, () => {
    socket.destroy()
    reject(aborted(signal, 'tcp'))
  })
  socket.once('connect', () => resolve(new TcpSocket(socket, landing, address.withoutPeerId())))
  socket.once('error', error => reject(dialError(error, address)))
  return promise.finally(undo)
}

async function listen(address: Multiaddr, accept: (socket: Socket) => void): Promise<Listener> {
  const endpoint = endpointOf(address)
  if (!endpoint) throw new ParleyError('ERR_NO_TRANSPORT', `TCP cannot listen on ${address}.`)
  const server = createServer(serverOptions, accepted => {
    const landing = new Landing()
    const socket = withLanding(accepted, landing)
    socket.on('error', () => {})
    // A socket that was reset while it waited to be accepted has no address any more.
    if (socket.remoteAddress === undefined) socket.destroy()
    else accept(new TcpSocket(socket, landing, addressOf(socket.remoteAddress, socket.remotePort)))
  })
  await startServer(server, endpoint, address)
  let known = { at: Number.NEGATIVE_INFINITY, addresses: [] as Multiaddr[] }
  return {
    get addresses() {
      if (!server.listening) return []
      const now = monotonicNow()
      if (now - known.at > freshness) known = { at: now, addresses: boundAddresses(server) }
      return known.addresses
    },
    // The port is free at once; the server's own word that it is closed would wait for every connection to end.
    close: async () => void server.close(),
  }
}

function startServer(server: Server, { host, port }: Endpoint, address: Multiaddr): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', error => reject(listenError(error, address)))
    server.listen({ host, port, ipv6Only: true }, () => {
      server.removeAllListeners('error')
      // Failures to accept one connection, such as running out of descriptors, do not end the listener.
      server.on('error', () => {})
      resolve()
    })
  })
}

/** Where others can reach the server: one bound to every interface is reachable at each of them. */
function boundAddresses(server: Server): Multiaddr[] {
  const bound = server.address()
  if (bound === null || typeof bound === 'string') return []
  const hosts = isUnspecified(bound.address) ? interfaceHosts(isV6(bound.address)) : [bound.address]
  return hosts.map(host => addressOf(host, bound.port))
}

/** Of an address that comes from the system; the expression of `net.isIPv6` for all texts takes milliseconds to compile. */
function isV6(host: string): boolean {
  return host.includes(':')
}

function isUnspecified(host: string): boolean {
  return host === '0.0.0.0' || host === '::'
}

/** Link-local IPv6 addresses are left out: they mean nothing without the name of a local interface. */
function interfaceHosts(v6: boolean): string[] {
  const family = v6 ? 'IPv6' : 'IPv4'
  const all = Object.values(networkInterfaces()).flatMap(list => list ?? [])
  return all.filter(one => one.family === family && !one.address.startsWith('fe80')).map(one => one.address)
}

function addressOf(host: string, port: number | undefined): Multiaddr {
  const plain = host.startsWith('::ffff:') && host.includes('.') ? host.slice('::ffff:'.length) : host
  if (!isV6(plain)) return Multiaddr.parse(`/ip4/${plain}/tcp/${port ?? 0}`)
  const [ip, zone] = plain.split('%')
  return Multiaddr.parse(`${zone ? `/ip6zone/${zone}` : ''}/ip6/${ip}/tcp/${port ?? 0}`)
}

const dialErrors: Record<string, [ErrorCode, string]> = {
  ECONNREFUSED: ['ERR_CONNECTION_REFUSED', 'nobody is listening there; check that the other side runs'],
  ECONNRESET: ['ERR_CONNECTION_REFUSED', 'the connection was refused'],
  ETIMEDOUT: ['ERR_UNREACHABLE', 'there was no answer; check the address and any firewall'],
  EHOSTUNREACH: ['ERR_UNREACHABLE', 'that machine cannot be reached from here'],
  ENETUNREACH: ['ERR_UNREACHABLE', 'that network cannot be reached from here'],
  EMFILE: [
    'ERR_UNREACHABLE',
    'this program has as many files open as it may; close some, or raise that limit',
  ],
}

function dialError(cause: NodeJS.ErrnoException, address: Multiaddr): ParleyError {
  const [code, hint] = dialErrors[cause.code ?? ''] ?? ['ERR_UNREACHABLE', cause.message]
  return new ParleyError(code, `Could not connect to ${address.withoutPeerId()}: ${hint}.`, {
    stage: 'tcp',
    cause,
  })
}

const listenErrors: Record<string, [ErrorCode, string]> = {
  EADDRINUSE: ['ERR_ADDRESS_IN_USE', 'another program is using it; choose another port'],
  EACCES: ['ERR_LISTEN', 'the system does not allow it; ports below 1024 are often reserved'],
  EADDRNOTAVAIL: ['ERR_LISTEN', 'this machine has no such address'],
}

function listenError(cause: NodeJS.ErrnoException, address: Multiaddr): ParleyError {
  const [code, hint] = listenErrors[cause.code ?? ''] ?? ['ERR_LISTEN', cause.message]
  return new ParleyError(code, `Could not listen on ${address}: ${hint}.`, { scope: 'host', cause })
}

/** Where every socket reads to: what one of them brings is dealt with before the next one is read. */
const shore = new Uint8Array(256 * 1024)

/** Where the bytes of one socket land, for `onread` of node:net: no read makes a buffer of its own. */
class Landing implements OnReadOpts {
  readonly buffer = shore
  /** Who takes the bytes, before the call is over. */
  taker: ((chunk: Uint8Array) => void) | undefined

  readonly callback = (count: number): boolean => {
    this.taker?.(shore.subarray(0, count))
    return true
  }
}

/**
 * Only who dials may tell node:net where to read to; what was accepted moves into a second socket that knows. Its handle has
 * no public name: without one the socket stays as it is, and a buffer is made for each read.
 */
function withLanding(accepted: NodeSocket, landing: Landing): NodeSocket {
  const holder = accepted as unknown as { _handle: object | null }
  const handle = holder._handle
  if (!handle) {
    accepted.on('data', chunk => landing.taker?.(chunk))
    return accepted
  }
  holder._handle = null
  return new NodeSocket(acceptOptions(handle, landing))
}

interface WriteState {
  bytesWritten: number
  writeQueueSize: number
}

/** node:net's socket under the transport contract. */
class TcpSocket implements Socket {
  readonly remoteAddress: Multiaddr
  readonly #socket: NodeSocket
  #handler: SocketHandler | undefined
  #error: Error | undefined

  constructor(socket: NodeSocket, landing: Landing, remoteAddress: Multiaddr) {
    this.#socket = socket
    this.remoteAddress = remoteAddress
    socket.pause()
    landing.taker = chunk => this.#listening?.data(chunk)
    socket.on('end', () => this.#listening?.end())
    socket.on('drain', () => this.#listening?.drain())
    socket.on('error', error => {
      this.#error = error
    })
    socket.on('close', () => this.#handler?.close(this.#error))
  }

  /** What node:net has not given to libuv, and what the kernel has not taken of the rest, which only the nameless handle tells. */
  get unsent(): number {
    const { bytesWritten } = this.#socket
    const { _handle: handle } = this.#socket as unknown as { _handle?: WriteState | null }
    return handle ? bytesWritten - handle.bytesWritten + handle.writeQueueSize : this.#socket.writableLength
  }

  attach(handler: SocketHandler): void {
    this.#handler = handler
    if (this.#socket.closed) defer(() => handler.close(this.#error))
    else this.#socket.resume()
  }

  /** The handler, as long as the socket stands: node:net gives out what it has buffered even after `destroy`. */
  get #listening(): SocketHandler | undefined {
    return this.#socket.destroyed ? undefined : this.#handler
  }

  write(pieces: readonly Uint8Array[], { givenAway = false }: WriteOptions = {}): boolean {
    const last = pieces.length - 1
    const spent = givenAway ? largeBuffers(pieces) : undefined
    const left = spent && ((error?: Error | null) => void (error ?? free(spent)))
    if (last > 0) this.#socket.cork()
    for (let i = 0; i <= last; i++) this.#socket.write(pieces[i]!, i === last ? left : undefined)
    if (last > 0) this.#socket.uncork()
    // Mostly the kernel has taken it all by now. node:net says so a turn later, when a window's worth has been sealed into fresh memory.
    if (spent && this.#socket.writableLength === 0) free(spent)
    return this.#socket.writableLength < SOCKET_HIGH_WATER
  }

  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  end(): void {
    this.#socket.end()
  }

  destroy(): void {
    this.#socket.destroy()
  }
}
