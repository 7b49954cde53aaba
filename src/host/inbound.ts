import type { Budget } from '../net/budget.ts'
import type { Connection } from '../net/connection.ts'
import type { SpareKey } from '../net/spare-key.ts'
import { Deadlines, monotonicNow } from '../net/timer.ts'
import type { Listener, Socket, Transport } from '../net/transport.ts'
import { type Upgraded, upgrade } from '../net/upgrade.ts'
import type { Limits } from '../protocol/limits.ts'
import type { NoiseIdentity } from '../protocol/noise/handshake.ts'
import { ParleyError, remoteError } from '../wire/errors.ts'
import type { Multiaddr } from '../wire/multiaddr.ts'
import { Admission, type Crowd } from './admission.ts'

/** What listening needs of its host. */
export interface InboundOptions {
  transports: readonly Transport[]
  identity: NoiseIdentity
  spareKey: SpareKey
  limits: Limits
  /** A budget for one more connection, if there may be one. */
  budget(): Budget | undefined
  /** A stranger is proven: it becomes a connection, unless there is a reason why not. */
  accepted(socket: Socket, upgraded: Upgraded, budget: Budget): Connection | undefined
  /** Settles when the peer has said who it is, or that it will not. */
  identified(connection: Connection): Promise<void>
}

/** Someone who has connected and has not yet said who it is. */
interface Stranger {
  readonly socket: Socket
  readonly budget: Budget
  readonly since: number
  connection?: Connection
}

/** Where a host listens, and the strangers in the middle of their handshake. */
export class Inbound implements Crowd {
  readonly #options: InboundOptions
  readonly #listeners: Listener[] = []
  readonly #admission: Admission
  /** In their handshake, the slowest first. */
  readonly #pending = new Set<Stranger>()
  /** By when each must be a peer that has said who it is. */
  readonly #deadlines: Deadlines<Stranger>
  #stopped = false

  constructor(options: InboundOptions) {
    const { limits } = options
    this.#options = options
    this.#admission = new Admission({ limits, now: monotonicNow, random: Math.random })
    this.#deadlines = new Deadlines(limits.upgradeTimeout, stranger => expire(stranger))
  }

  /** Where others can dial, with real ports. */
  get addresses(): Multiaddr[] {
    return this.#listeners.flatMap(listener => listener.addresses)
  }

  /** How many are in their handshake. */
  get size(): number {
    return this.#pending.size
  }

  /** Listens on one more address. Throws `ERR_NO_TRANSPORT`, and what the transport throws; false when stopped meanwhile. */
  async listen(address: Multiaddr): Promise<boolean> {
    const transport = this.#options.transports.find(one => one.supports(address))
    if (!transport) {
      throw new ParleyError('ERR_NO_TRANSPORT', `No transport here can listen on ${address}.`, {
        scope: 'host',
      })
    }
    const listener = await transport.listen(address, socket => this.#accept(socket))
    if (this.#stopped) await listener.close()
    else this.#listeners.push(listener)
    return !this.#stopped
  }

  /** Listens no more, and drops the strangers. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#deadlines.clear()
    for (const stranger of this.#pending) this.#drop(stranger)
    await Promise.allSettled(this.#listeners.splice(0).map(listener => listener.close()))
  }

  /** For admission: drops the stranger that has been in its handshake longest, if an honest one would be through. */
  dropSlowest(): boolean {
    const [slowest] = this.#pending
    if (!slowest || monotonicNow() - slowest.since < this.#options.limits.pendingGrace) return false
    this.#drop(slowest)
    return true
  }

  /** An inbound connection is gone; `error` says why, unless it was closed in good order. */
  left({ remoteAddress }: Connection, error: ParleyError | undefined): void {
    this.#admission.leave(remoteAddress)
    if (error?.code === 'ERR_FLOOD') this.#admission.punish(remoteAddress, 'flood')
    if (error?.code === 'ERR_YAMUX' || error?.code === 'ERR_NOISE') {
      this.#admission.punish(remoteAddress, 'fault')
    }
  }

  /** Everything that costs more than a look into a table comes after admission. */
  #accept(socket: Socket): void {
    if (this.#stopped || this.#admission.enter(socket.remoteAddress, this)) return socket.destroy()
    const budget = this.#options.budget()
    if (budget) return void this.#welcome({ socket, budget, since: monotonicNow() })
    this.#admission.leave(socket.remoteAddress)
    socket.destroy()
  }

  async #welcome(stranger: Stranger): Promise<void> {
    this.#pending.add(stranger)
    this.#deadlines.add(stranger)
    const connection = await this.#upgrade(stranger).catch(() => undefined)
    if (connection) {
      stranger.connection = connection
      await this.#options.identified(connection)
      this.#deadlines.delete(stranger)
    } else this.#drop(stranger)
  }

  async #upgrade(stranger: Stranger): Promise<Connection | undefined> {
    const { socket, budget } = stranger
    const { identity, spareKey } = this.#options
    const upgraded = await upgrade(socket, { direction: 'inbound', identity, spareKey })
    if (!this.#pending.has(stranger)) return undefined
    this.#admission.forgive(socket.remoteAddress)
    const connection = this.#options.accepted(socket, upgraded, budget)
    if (connection) this.#pending.delete(stranger)
    return connection
  }

  /** A stranger who failed to connect concerns nobody; but one who fails again and again is shut out. */
  #drop(stranger: Stranger): void {
    if (!this.#pending.delete(stranger)) return
    const { socket, budget } = stranger
    this.#deadlines.delete(stranger)
    socket.destroy()
    budget.close()
    this.#admission.leave(socket.remoteAddress)
    this.#admission.punish(socket.remoteAddress, 'failure')
  }
}

function expire({ socket, connection }: Stranger): void {
  if (!connection) return socket.destroy()
  const message = 'An inbound connection did not say in time who it is.'
  connection.abort(remoteError('ERR_TIMEOUT', message))
}
