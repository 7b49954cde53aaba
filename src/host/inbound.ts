import { withDeadline } from '../net/timer.ts'
import type { Listener, Socket, Transport } from '../net/transport.ts'
import { type Upgraded, upgrade } from '../net/upgrade.ts'
import type { Limits } from '../protocol/limits.ts'
import type { NoiseIdentity } from '../protocol/noise/handshake.ts'
import { ParleyError } from '../wire/errors.ts'
import type { Multiaddr } from '../wire/multiaddr.ts'

/** What listening needs of its host. */
export interface InboundOptions {
  transports: readonly Transport[]
  identity: NoiseIdentity
  limits: Pick<Limits, 'pendingInbound' | 'upgradeTimeout'>
  /** Whether one more connection may come, beside so many that are in their handshake. */
  hasRoom(pending: number): boolean
  /** A stranger has become a peer. */
  accepted(socket: Socket, upgraded: Upgraded): void
}

/** Where a host listens, and the strangers in the middle of their handshake. */
export class Inbound {
  readonly #options: InboundOptions
  readonly #listeners: Listener[] = []
  readonly #pending = new Set<Socket>()
  #stopped = false

  constructor(options: InboundOptions) {
    this.#options = options
  }

  /** Where others can dial, with real ports. */
  get addresses(): Multiaddr[] {
    return this.#listeners.flatMap(listener => listener.addresses)
  }

  /** Listens on one more address. Throws `ERR_NO_TRANSPORT`, and what the transport throws; false when stopped meanwhile. */
  async listen(address: Multiaddr): Promise<boolean> {
    const transport = this.#options.transports.find(one => one.supports(address))
    if (!transport) {
      throw new ParleyError('ERR_NO_TRANSPORT', `No transport here can listen on ${address}.`, {
        scope: 'host',
      })
    }
    const listener = await transport.listen(address, socket => void this.#accept(socket))
    if (this.#stopped) await listener.close()
    else this.#listeners.push(listener)
    return !this.#stopped
  }

  /** Listens no more, and drops the strangers. */
  async stop(): Promise<void> {
    this.#stopped = true
    for (const socket of this.#pending) socket.destroy()
    await Promise.allSettled(this.#listeners.splice(0).map(listener => listener.close()))
  }

  async #accept(socket: Socket): Promise<void> {
    if (!this.#mayCome()) return socket.destroy()
    this.#pending.add(socket)
    const message = 'An inbound connection did not finish its handshake in time.'
    const deadline = { delay: this.#options.limits.upgradeTimeout, message }
    try {
      const options = { direction: 'inbound' as const, identity: this.#options.identity }
      const upgraded = await withDeadline(deadline, signal => upgrade(socket, options, signal))
      if (this.#stopped) socket.destroy()
      else this.#options.accepted(socket, upgraded)
    } catch {
      // A stranger who failed to connect concerns nobody.
      socket.destroy()
    } finally {
      this.#pending.delete(socket)
    }
  }

  #mayCome(): boolean {
    const { size } = this.#pending
    return !this.#stopped && size < this.#options.limits.pendingInbound && this.#options.hasRoom(size)
  }
}
