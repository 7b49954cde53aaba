import type { Connection } from '../net/connection.ts'
import { sourceOf } from './source.ts'

/** How many are kept for each good reason. */
const keptByNetwork = 4
const keptByRtt = 8
const keptByUse = 4

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
  const without = (list: readonly Candidate<C>[], count: number, by: (one: Candidate<C>) => number) =>
    list.toSorted((a, b) => by(b) - by(a)).slice(count)
  const others = without(candidates, keptByNetwork, one => secret(networkOf(one)))
  const slower = without(others, keptByRtt, ({ connection }) => -(connection.rtt || Number.POSITIVE_INFINITY))
  const idler = without(slower, keptByUse, ({ lastUse }) => lastUse)
  const younger = without(idler, Math.ceil(idler.length / 2), ({ connection }) => -connection.since)
  return youngestOfLargest(younger)
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
