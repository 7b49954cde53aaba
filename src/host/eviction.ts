import { provider } from '../crypto/index.ts'
import type { Connection } from '../net/connection.ts'
import { monotonicNow } from '../net/timer.ts'
import { concat, utf8 } from '../wire/bytes.ts'
import { ParleyError } from '../wire/errors.ts'
import type { PeerId } from '../wire/peer-id.ts'
import type { Connections } from './connections.ts'
import type { Relief } from './resources.ts'
import { sourceOf } from './source.ts'

/** How many are kept for each good reason. */
const keptByNetwork = 4
const keptByRtt = 8
const keptByUse = 4

/** Of fewer nobody is left when these are set aside, and then the older half of the rest. */
const fewest = keptByNetwork + keptByRtt + keptByUse + 2

type Known = Pick<Connection, 'remoteAddress' | 'rtt' | 'since'>

/** A connection that may be evicted. */
export interface Candidate<C extends Known> {
  readonly connection: C
  /** When the peer last opened a stream to a handler of the program, on the clock of `since`. */
  readonly lastUse: number
}

/**
 * Which inbound connection makes room for a newcomer, if any; Bitcoin Core's way. Some are kept for each of several reasons, none of which
 * an attacker can have all for himself: a network chosen by a secret, a short way, a recent use, and half of the rest for having
 * been here longest. Of the others the youngest in the largest network goes.
 *
 * @param secret orders networks so that nobody outside can know it
 */
export function choose<C extends Known>(
  candidates: readonly Candidate<C>[],
  secret: (network: string) => number,
): C | undefined {
  const others = without(candidates, keptByNetwork, one => secret(networkOf(one)))
  const slower = without(others, keptByRtt, ({ connection }) => -(connection.rtt || Number.POSITIVE_INFINITY))
  const idler = without(slower, keptByUse, ({ lastUse }) => lastUse)
  const younger = without(idler, Math.ceil(idler.length / 2), ({ connection }) => -connection.since)
  return youngestOfLargest(younger)
}

/** All but so many that rank highest. Each is ranked once: to know a network's rank takes a hash. */
function without<T>(list: readonly T[], count: number, by: (one: T) => number): T[] {
  const ranked = list.map(one => ({ one, rank: by(one) }))
  return ranked
    .sort((a, b) => b.rank - a.rank)
    .slice(count)
    .map(({ one }) => one)
}

function youngestOfLargest<C extends Known>(candidates: readonly Candidate<C>[]): C | undefined {
  const networks = new Map<string, Candidate<C>[]>()
  for (const one of candidates) {
    const network = networkOf(one)
    networks.set(network, [...(networks.get(network) ?? []), one])
  }
  const [largest = []] = [...networks.values()].sort((a, b) => b.length - a.length)
  return largest.toSorted((a, b) => b.connection.since - a.connection.since)[0]?.connection
}

function networkOf({ connection }: Candidate<Known>): string {
  return sourceOf(connection.remoteAddress)?.network ?? 'local'
}

/** Makes room on a full host by closing a connection. */
export class Evictor implements Relief {
  readonly #connections: Connections
  /** How often each peer is protected. */
  readonly #protected = new Map<string, number>()
  readonly #lastUse = new WeakMap<Connection, number>()
  readonly #secret = provider.randomBytes(16)

  constructor(connections: Connections) {
    this.#connections = connections
  }

  /** The peer at the other end uses a handler of the program. */
  used(connection: Connection): void {
    this.#lastUse.set(connection, monotonicNow())
  }

  /** Keeps the connections to a peer from being evicted. Returns the undo. */
  protect(peerId: PeerId): () => void {
    const key = peerId.toString()
    const count = (change: number) => (this.#protected.get(key) ?? 0) + change
    this.#protected.set(key, count(1))
    let undone = false
    return () => {
      if (undone) return
      undone = true
      if (count(-1) > 0) this.#protected.set(key, count(-1))
      else this.#protected.delete(key)
    }
  }

  evict(): boolean {
    const candidates = this.#candidates.map(connection => ({
      connection,
      lastUse: this.#lastUse.get(connection) ?? 0,
    }))
    return cut(
      choose(candidates, network => this.#rank(network)),
      roomNeeded,
    )
  }

  canEvict(): boolean {
    return this.#candidates.length >= fewest
  }

  shed(): boolean {
    const [largest] = this.#connections.all.toSorted((a, b) => b.held - a.held)
    return cut(largest?.held ? largest : undefined, memoryNeeded)
  }

  replace(peerId: PeerId): boolean {
    const inbound = this.#connections.of(peerId).filter(({ direction }) => direction === 'inbound')
    const [oldest] = inbound.sort((a, b) => a.since - b.since)
    return cut(oldest, roomNeeded)
  }

  get #candidates(): Connection[] {
    return this.#connections.all.filter(
      ({ direction, peerId }) => direction === 'inbound' && !this.#protected.has(peerId.toString()),
    )
  }

  /** A number for a network that only this host can know. */
  #rank(network: string): number {
    const [a = 0, b = 0, c = 0] = provider.sha256(concat([this.#secret, utf8(network)]))
    return a * 65_536 + b * 256 + c
  }
}

/** Closes a connection, if there is one; returns whether there was. */
function cut(connection: Connection | undefined, reason: () => ParleyError): boolean {
  connection?.abort(reason())
  return connection !== undefined
}

function roomNeeded(): ParleyError {
  return new ParleyError('ERR_CONNECTION_LIMIT', 'The connection was closed to make room for another one.')
}

function memoryNeeded(): ParleyError {
  const message = 'The connection was closed, since its streams held more memory than those of all others.'
  return new ParleyError('ERR_MEMORY_LIMIT', message)
}
