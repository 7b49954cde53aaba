import type { Connection } from '../net/connection.ts'
import { startTimer } from '../net/timer.ts'
import { compare } from '../wire/bytes.ts'
import type { ParleyError } from '../wire/errors.ts'
import type { Multiaddr } from '../wire/multiaddr.ts'
import type { PeerId } from '../wire/peer-id.ts'

/** How often a surplus connection is looked at: it is closed once nothing happens on it, in milliseconds. */
const retireInterval = 1_000

/** What the table of connections reports. */
export interface ConnectionsEvents {
  /** The first connection to a peer stands. */
  connect(connection: Connection): void
  /** The last connection to a peer is gone. */
  disconnect(connection: Connection, error: ParleyError | undefined): void
}

/**
 * The connections of a host. When two peers dial each other at once there are two; both sides keep the one that the
 * peer with the smaller ID dialled. Of two that the same side dialled the newer is used, and that side alone closes the
 * older: the other may have seen them come in another order. A surplus connection is closed only when the streams on it
 * have ended, so that nothing is lost.
 */
export class Connections {
  readonly #self: PeerId
  readonly #events: ConnectionsEvents
  /** By peer; the one to use comes first, surplus ones after it. */
  readonly #byPeer = new Map<string, Connection[]>()
  #size = 0

  constructor(self: PeerId, events: ConnectionsEvents) {
    this.#self = self
    this.#events = events
  }

  /** All of them, surplus ones included. */
  get all(): Connection[] {
    return [...this.#byPeer.values()].flat()
  }

  /** How many there are. */
  get size(): number {
    return this.#size
  }

  /** Those to one peer; the one to use comes first. */
  of(peerId: PeerId): readonly Connection[] {
    return this.#byPeer.get(peerId.toString()) ?? []
  }

  /** The connection to use for a peer, if there is one. */
  to(peerId: PeerId): Connection | undefined {
    return this.#byPeer.get(peerId.toString())?.find(({ status }) => status === 'open')
  }

  /** The connection that we dialled to this very address, if it stands. */
  at(address: Multiaddr): Connection | undefined {
    const leadsThere = ({ direction, status, remoteAddress }: Connection) =>
      direction === 'outbound' && status === 'open' && remoteAddress.equals(address)
    return this.all.find(leadsThere)
  }

  /** Takes in a new connection. */
  add(connection: Connection): void {
    const key = connection.peerId.toString()
    const list = this.#byPeer.get(key) ?? []
    this.#byPeer.set(key, list)
    this.#size++
    const current = this.to(connection.peerId)
    if (current && this.#prefers(current, connection)) {
      list.push(connection)
      this.#retire(connection)
      return
    }
    list.unshift(connection)
    if (current && !(current.direction === 'inbound' && connection.direction === 'inbound'))
      this.#retire(current)
    if (list.length === 1) this.#events.connect(connection)
  }

  /** Takes note that a connection is gone. */
  remove(connection: Connection, error: ParleyError | undefined): void {
    const key = connection.peerId.toString()
    const before = this.#byPeer.get(key)
    if (!before?.includes(connection)) return
    const list = before.filter(other => other !== connection)
    this.#size--
    if (list.length > 0) {
      this.#byPeer.set(key, list)
      return
    }
    this.#byPeer.delete(key)
    this.#events.disconnect(connection, error)
  }

  /** Whether the older of two goes on. Of two that the same side dialled it does not: that side may have lost it. */
  #prefers(older: Connection, newer: Connection): boolean {
    if (older.direction === newer.direction) return false
    const ours = compare(this.#self.bytes, older.peerId.bytes) < 0
    return (older.direction === 'outbound') === ours
  }

  /** Closes a connection as soon as it is idle, unless the better one goes first. */
  #retire(connection: Connection): void {
    let cancel = () => {}
    const look = () => {
      if (this.to(connection.peerId) === connection) return
      if (connection.streams.length === 0) void connection.close()
      else wait()
    }
    const wait = () => {
      cancel = startTimer(retireInterval, look)
    }
    wait()
    void connection.closed.then(() => cancel())
  }
}
