import { Budget } from '../net/budget.ts'
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
  /** Closes the inbound connection that is worth least. */
  evict(): boolean
  /** Whether `evict` would close one. */
  canEvict(): boolean
  /** Closes the connection whose streams hold most. */
  shed(): boolean
  /** Closes the oldest connection that this peer began. */
  replace(peerId: PeerId): boolean
}

/**
 * The tree of budgets of a host: all of it, then our dials and each peer, then each connection. Strangers in their handshake have a tree
 * of their own, so that no number of them can drive out a peer that is proven.
 */
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
      relieve: resource => resource === 'bytes' && relief.shed(),
    })
    this.#pending = new Budget({ limits: { connections: limits.pendingInbound } })
    this.#dials = new Budget({ parent: this.#system })
  }

  /** A budget for one more connection that is on its way, or `undefined` when there may be no more. */
  connection(direction: Direction): Budget | undefined {
    if (direction === 'inbound' && !this.#expectsRoom()) return undefined
    const parent = direction === 'inbound' ? this.#pending : this.#dials
    const budget = new Budget({ parent, limits: { bytes: this.#limits.memoryPerConnection } })
    if (budget.reserve('connections')) return budget
    budget.close()
    return undefined
  }

  /** A connection stands, and counts among those of its peer from now on; returns false when there is no room for it. */
  settle(budget: Budget, peerId: PeerId, direction: Direction): boolean {
    if (direction === 'inbound' && this.#inboundLeft <= 0 && !this.#relief.evict()) return false
    const peer = this.#peer(peerId)
    const settled = budget.move(peer) && (direction === 'outbound' || budget.reserve('inbound') !== undefined)
    // With the connection whose place it took the peer may have been forgotten.
    if (settled) this.#peers.set(peerId.toString(), peer)
    else {
      budget.close()
      this.leave(peerId)
    }
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
    const dials = this.#dials.used.connections
    return {
      connections: connections - dials,
      inbound,
      outbound: connections - dials - inbound,
      pending: this.#pending.used.connections,
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

  get #inboundLeft(): number {
    return this.#limits.inbound - this.#system.used.inbound
  }

  /** Whether there will be room for one more stranger when all that are in their handshake are through. */
  #expectsRoom(): boolean {
    return this.#inboundLeft > this.#pending.used.connections || this.#relief.canEvict()
  }
}
