import { Budget, type Resource } from '../net/budget.ts'
import type { Direction } from '../net/upgrade.ts'
import type { Limits } from '../protocol/limits.ts'
import type { PeerId } from '../wire/peer-id.ts'

/** What a host uses at this moment; all zero when nothing is open. */
export interface Usage {
  /** Connections that stand, and those of them that others began and that we did. */
  connections: number
  inbound: number
  outbound: number
  /** Inbound connections in their handshake. */
  pending: number
  /** Dials of ours under way. */
  dials: number
  /** Peers that are connected. */
  peers: number
  /** Streams on all connections. */
  streams: number
  /** What streams hold, unread and unsent, in blocks of 64 KiB a connection; the first of each is not counted. */
  bytes: number
}

/** What a host does when something is used up: each returns whether it gave something back. */
export interface Relief {
  /** Closes an inbound connection that is worth least. */
  evict(): boolean
  /** Closes the connection whose streams hold most. */
  shed(): boolean
  /** Closes the oldest connection that this peer began. */
  replace(peerId: PeerId): boolean
}

/** The tree of budgets of a host: all of it, then those on their way and each peer, then each connection. */
export class Resources {
  readonly #limits: Limits
  readonly #relief: Relief
  readonly #system: Budget
  readonly #pending: Budget
  readonly #dials: Budget
  readonly #peers = new Map<string, Budget>()

  constructor(limits: Limits, relief: Relief) {
    const { connections, inbound, streams, memory: bytes } = limits
    this.#limits = limits
    this.#relief = relief
    this.#system = new Budget({
      limits: { connections, inbound, streams, bytes },
      relieve: resource => this.#relieve(resource),
    })
    this.#pending = new Budget({ parent: this.#system, limits: { connections: limits.pendingInbound } })
    this.#dials = new Budget({ parent: this.#system })
  }

  /** A budget for one more connection that is on its way, or `undefined` when there may be no more. */
  connection(direction: Direction): Budget | undefined {
    const parent = direction === 'inbound' ? this.#pending : this.#dials
    const budget = new Budget({ parent, limits: { bytes: this.#limits.memoryPerConnection } })
    const fits = direction === 'outbound' || budget.reserve('inbound')
    if (fits && budget.reserve('connections')) return budget
    budget.close()
    return undefined
  }

  /** A connection stands, and counts among those of its peer from now on; returns false when that peer has too many. */
  settle(budget: Budget, peerId: PeerId): boolean {
    const peer = this.#peer(peerId)
    const settled = budget.move(peer)
    // With the connection whose place it took the peer may have been forgotten.
    if (settled) this.#peers.set(peerId.toString(), peer)
    else this.leave(peerId)
    return settled
  }

  /** A connection to a peer has closed its budget: with the last of them the peer is forgotten. */
  leave(peerId: PeerId): void {
    const key = peerId.toString()
    if (this.#peers.get(key)?.used.connections === 0) this.#peers.delete(key)
  }

  /** See `Usage`. */
  get usage(): Usage {
    const { connections, inbound, streams, bytes } = this.#system.used
    const pending = this.#pending.used.connections
    const dials = this.#dials.used.connections
    const standing = connections - pending - dials
    return {
      connections: standing,
      inbound: inbound - pending,
      outbound: standing - (inbound - pending),
      pending,
      dials,
      peers: this.#peers.size,
      streams,
      bytes,
    }
  }

  #peer(peerId: PeerId): Budget {
    const key = peerId.toString()
    const known = this.#peers.get(key)
    if (known) return known
    const budget = new Budget({
      parent: this.#system,
      limits: { connections: this.#limits.connectionsPerPeer },
      relieve: () => this.#relief.replace(peerId),
    })
    this.#peers.set(key, budget)
    return budget
  }

  #relieve(resource: Resource): boolean {
    if (resource === 'bytes') return this.#relief.shed()
    return resource === 'inbound' && this.#relief.evict()
  }
}
