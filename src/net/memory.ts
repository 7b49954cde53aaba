import { ParleyError } from '../wire/errors.ts'
import { Multiaddr } from '../wire/multiaddr.ts'
import { defer, nextTurn, throwIfAborted } from './timer.ts'
import {
  type Listener,
  SOCKET_HIGH_WATER,
  type Socket,
  type SocketHandler,
  type Transport,
} from './transport.ts'

const listeners = new Map<string, (socket: Socket) => void>()
let nextName = 1

/**
 * A transport inside one process, for `/memory/<name>`: for tests, and for examples without a network. To listen
 * on `/memory/0` chooses a free name.
 */
export function memory(): Transport {
  return { name: 'memory', supports: address => nameOf(address) !== undefined, dial, listen }
}

function nameOf(address: Multiaddr): string | undefined {
  const { components } = address.withoutPeerId()
  return components.length === 1 ? address.value('memory') : undefined
}

async function dial(address: Multiaddr, signal: AbortSignal): Promise<Socket> {
  throwIfAborted(signal)
  const accept = listeners.get(nameOf(address) ?? '')
  if (!accept) {
    throw new ParleyError('ERR_CONNECTION_REFUSED', `Nobody is listening on ${address.withoutPeerId()}.`, {
      stage: 'tcp',
    })
  }
  const near = new MemorySocket(address.withoutPeerId())
  const far = new MemorySocket(Multiaddr.parse(`/memory/${freeName()}`))
  near.join(far)
  far.join(near)
  accept(far)
  return near
}

async function listen(address: Multiaddr, accept: (socket: Socket) => void): Promise<Listener> {
  const asked = nameOf(address)
  const name = asked === '0' || asked === undefined ? freeName() : asked
  if (listeners.has(name)) {
    throw new ParleyError('ERR_ADDRESS_IN_USE', `Could not listen on ${address}: it is taken.`, {
      scope: 'host',
    })
  }
  listeners.set(name, accept)
  return {
    addresses: [Multiaddr.parse(`/memory/${name}`)],
    close: async () => {
      if (listeners.get(name) === accept) listeners.delete(name)
    },
  }
}

function freeName(): string {
  while (listeners.has(String(nextName))) nextName++
  return String(nextName++)
}

/** One end of a pair. What one end writes the other hears a turn later, as it would over a network. */
class MemorySocket implements Socket {
  readonly remoteAddress: Multiaddr
  #peer!: MemorySocket
  #handler: SocketHandler | undefined
  /** What the other end wrote and this one has not heard yet; `undefined` is the end of it. */
  #inbox: (Uint8Array | undefined)[] = []
  #waiting = 0
  #scheduled = false
  #paused = true
  #ended = false
  #blocked = false
  #peerEnded = false
  #closed = false

  constructor(remoteAddress: Multiaddr) {
    this.remoteAddress = remoteAddress
  }

  get unsent(): number {
    return this.#peer.#waiting
  }

  join(peer: MemorySocket): void {
    this.#peer = peer
  }

  attach(handler: SocketHandler): void {
    this.#handler = handler
    if (this.#closed) defer(() => handler.close(undefined))
    else this.resume()
  }

  write(pieces: readonly Uint8Array[]): boolean {
    if (this.#closed || this.#ended) return false
    // Copied, since a network would copy too, and the writer may use its buffer again.
    const peer = this.#peer
    for (const piece of pieces) peer.#deliver(piece.slice())
    this.#blocked = peer.#waiting >= SOCKET_HIGH_WATER
    return !this.#blocked
  }

  pause(): void {
    this.#paused = true
  }

  resume(): void {
    this.#paused = false
    this.#schedule()
  }

  end(): void {
    if (this.#ended || this.#closed) return
    this.#ended = true
    this.#peer.#deliver(undefined)
  }

  destroy(): void {
    if (this.#closed) return
    this.#close()
    defer(() => this.#peer.#reset())
  }

  #deliver(chunk: Uint8Array | undefined): void {
    this.#inbox.push(chunk)
    this.#waiting += chunk?.length ?? 0
    this.#schedule()
  }

  #schedule(): void {
    if (this.#scheduled || this.#paused || this.#inbox.length === 0) return
    this.#scheduled = true
    nextTurn(() => this.#drain())
  }

  #drain(): void {
    this.#scheduled = false
    const inbox = this.#inbox
    this.#inbox = []
    for (const [index, chunk] of inbox.entries()) {
      if (this.#paused || this.#closed) {
        this.#inbox = [...inbox.slice(index), ...this.#inbox]
        return
      }
      this.#hear(chunk)
    }
    this.#peer.#unblock()
  }

  #hear(chunk: Uint8Array | undefined): void {
    if (chunk) {
      this.#waiting -= chunk.length
      this.#handler?.data(chunk)
      return
    }
    this.#handler?.end()
    this.#peerEnded = true
    this.#closeWhenBothEnded()
    this.#peer.#closeWhenBothEnded()
  }

  #closeWhenBothEnded(): void {
    if (this.#ended && this.#peerEnded) this.#close()
  }

  #unblock(): void {
    if (this.#closed || !this.#blocked || this.#peer.#waiting >= SOCKET_HIGH_WATER) return
    this.#blocked = false
    this.#handler?.drain()
  }

  #reset(): void {
    if (this.#closed) return
    this.#close(new Error('the other end was destroyed'))
  }

  #close(error?: Error): void {
    if (this.#closed) return
    this.#closed = true
    this.#inbox = []
    const handler = this.#handler
    if (handler) defer(() => handler.close(error))
  }
}
