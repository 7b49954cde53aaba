import { networkInterfaces } from 'node:os'
import { ipOf, reachOf } from '../../host/reach.ts'
import type { Resolver } from '../../host/resolver.ts'
import { monotonicNow, withDeadline } from '../../net/timer.ts'
import type { Transport } from '../../net/transport.ts'
import { EMPTY } from '../../wire/bytes.ts'
import { ParleyError } from '../../wire/errors.ts'
import { generateKey } from '../../wire/keys.ts'
import type { Multiaddr } from '../../wire/multiaddr.ts'
import { diagnose, endpoint, provenAddress } from './diagnosis.ts'
import { hasName, lookUp, noting } from './lookup.ts'
import { exitCodes, type Finding, type Note, type Stage, type Summary } from './stages.ts'
import { Visit } from './visit.ts'

/** What an examination needs. */
export interface ExamineOptions {
  resolver: Resolver
  transport: Transport
  /** How long a stage may take, in milliseconds. */
  timeout: number
  /** Hears of each stage when it is over. */
  tell: (finding: Finding) => void
}

/**
 * Tries an address stage by stage, as a dial would take them. Behind a name each address is tried in turn, up to the first
 * that leads through all stages.
 */
export async function examine(target: Multiaddr, options: ExamineOptions): Promise<Summary> {
  const addresses = hasName(target) ? await resolve(target, options) : [target]
  if (!addresses) return failure('dns')
  const identity = await generateKey()
  const failed: Visit[] = []
  for (const address of addresses) {
    const visit = new Visit(address, { ...options, identity, target })
    await visit.run()
    if (visit.failed === undefined) return success(target, visit, failed)
    failed.push(visit)
  }
  return failure(failed.map(visit => visit.failed!).reduce(later))
}

async function resolve(target: Multiaddr, options: ExamineOptions): Promise<Multiaddr[] | undefined> {
  const { transport, timeout, tell } = options
  const begin = monotonicNow()
  const tried = () => ({ stage: 'dns' as const, address: target, ms: monotonicNow() - begin })
  const lookups: string[] = []
  const resolver = noting(options.resolver, lookups)
  const deadline = { delay: timeout, message: 'No DNS server answered in time.' }
  try {
    const facts = await withDeadline(deadline, signal => lookUp(target, { resolver, transport }, signal))
    tell({ ok: true, ...tried(), facts })
    return facts.addresses
  } catch (error) {
    if (!(error instanceof ParleyError)) throw error
    const unknown = { head: EMPTY, peerId: undefined, channel: undefined }
    const clues = { stage: 'dns' as const, error, target, address: target, timeout, lookups, ...unknown }
    tell({ ok: false, ...tried(), code: error.code, ...diagnose(clues) })
    return undefined
  }
}

function failure(stage: Stage): Summary {
  return { ok: false, stage, exit: exitCodes[stage], address: undefined, notes: [] }
}

function later(a: Stage, b: Stage): Stage {
  return exitCodes[b] > exitCodes[a] ? b : a
}

function success(target: Multiaddr, visit: Visit, failed: readonly Visit[]): Summary {
  const address = provenAddress({ target, address: visit.address }, visit.peerId!)
  const notes = [...anonymous(target, visit, address), ...detour(visit, failed), ...reachNotes(visit)]
  return { ok: true, stage: undefined, exit: 0, address, notes }
}

function anonymous(target: Multiaddr, visit: Visit, address: Multiaddr): Note[] {
  if (target.peerId ?? visit.address.peerId) return []
  const text = 'The address does not say whom to expect, so anyone could have answered; this one does:'
  return [{ text, addresses: [address] }]
}

function detour(visit: Visit, failed: readonly Visit[]): Note[] {
  if (failed.length === 0) return []
  const text = `It works at ${endpoint(visit)} only after ${failed.length} of its addresses did not; have these mended or removed:`
  return [{ text, addresses: failed.map(({ address }) => address) }]
}

/** What the node's own words mean for others who would reach it, or us. */
function reachNotes({ address, identified }: Visit): Note[] {
  const { addresses = [], observedAddress } = identified ?? {}
  const notes: Note[] = []
  if (addresses.length > 0 && addresses.every(one => reachOf(one) === 'loopback')) {
    const text =
      'The node listens on loopback alone, so no other machine can reach it; have it listen on /ip4/0.0.0.0 to change that.'
    notes.push({ text, addresses: [] })
  }
  const seen = ipOf(observedAddress)
  if (seen !== undefined && reachOf(address) !== 'loopback' && !ownHosts().includes(seen)) {
    const text = `The node sees you at ${seen}, which is no address of this machine: a NAT or a proxy is in between, so others cannot dial you unless it forwards a port.`
    notes.push({ text, addresses: [] })
  }
  return notes
}

function ownHosts(): string[] {
  return Object.values(networkInterfaces()).flatMap(list => (list ?? []).map(({ address }) => address))
}
