import { Resolver as DnsResolver, lookup } from 'node:dns/promises'
import { ParleyError } from '../wire/errors.ts'
import { componentText, Multiaddr } from '../wire/multiaddr.ts'

/** Where names are looked up. An unknown name gives an empty list or throws; both mean that there is nothing. */
export interface Resolver {
  /** IPv4 addresses. */
  ip4(name: string): Promise<string[]>
  /** IPv6 addresses. */
  ip6(name: string): Promise<string[]>
  /** TXT records. */
  txt(name: string): Promise<string[]>
}

/**
 * What a dnsaddr may lead to: four steps deep, as in go, and a hundred addresses. The number of look-ups is bounded too,
 * since every step could name a hundred more.
 */
const maxDepth = 4
const maxAddresses = 100
const maxLookups = 32

/** So many records fit into the longest answer of a name server; no more are looked at. */
const maxRecords = 1_000

/** The system's own resolver, hosts file included. */
export function systemResolver(): Resolver {
  const host = async (name: string, family: 4 | 6) =>
    (await lookup(name, { family, all: true })).map(({ address }) => address)
  return {
    ip4: name => host(name, 4),
    ip6: name => host(name, 6),
    txt: async name => (await new DnsResolver().resolveTxt(name)).map(pieces => pieces.join('')),
  }
}

/**
 * Replaces the first name in an address by what it stands for; an address without names comes back as it is. `/dns`
 * gives IPv6 first. `/dnsaddr/<name>` gives the multiaddrs in the TXT records of `_dnsaddr.<name>` that end as the
 * address does. Throws `ERR_RESOLVE` when nothing is found.
 */
export async function resolveAddress(address: Multiaddr, resolver: Resolver): Promise<Multiaddr[]> {
  const found = await resolveNames(address, { resolver, lookups: 0 }, 0)
  if (found.length > 0) return found.slice(0, maxAddresses)
  const name = nameOf(address)?.value ?? ''
  throw new ParleyError(
    'ERR_RESOLVE',
    `The name ${name} does not resolve; check its spelling and your connection.`,
    {
      stage: 'dns',
    },
  )
}

/** One resolution: whom it asks, and how often it has. */
interface Search {
  readonly resolver: Resolver
  lookups: number
}

type Lookup = (address: Multiaddr, name: string, search: Search, depth: number) => Promise<Multiaddr[]>

/** How each kind of name is looked up. */
const lookups: Record<string, Lookup> = {
  dns4: async (address, name, search) => replaceName(address, 'ip4', await ask(search, 'ip4', name)),
  dns6: async (address, name, search) => replaceName(address, 'ip6', await ask(search, 'ip6', name)),
  dns: async (address, name, search) => {
    const [v6, v4] = await Promise.all([ask(search, 'ip6', name), ask(search, 'ip4', name)])
    return [...replaceName(address, 'ip6', v6), ...replaceName(address, 'ip4', v4)]
  },
  dnsaddr: async (address, name, search, depth) => {
    const records = await ask(search, 'txt', `_dnsaddr.${name}`)
    const targets = matching(records, behindName(address))
    const resolved = await Promise.all(targets.map(target => resolveNames(target, search, depth + 1)))
    return resolved.flat()
  },
}

async function resolveNames(address: Multiaddr, search: Search, depth: number): Promise<Multiaddr[]> {
  const name = nameOf(address)
  if (!name) return [address]
  if (depth >= maxDepth) return []
  return lookups[name.protocol]?.(address, name.value, search, depth) ?? []
}

async function ask(search: Search, kind: keyof Resolver, name: string): Promise<string[]> {
  if (search.lookups >= maxLookups) return []
  search.lookups++
  try {
    return await search.resolver[kind](name)
  } catch {
    return []
  }
}

/** Whether the address holds a name that stands for others. */
export function hasName(address: Multiaddr): boolean {
  return nameOf(address) !== undefined
}

function nameOf(address: Multiaddr): { protocol: string; value: string } | undefined {
  const found = address.components.find(({ name }) => name in lookups)
  return found && { protocol: found.name, value: found.value ?? '' }
}

function replaceName(address: Multiaddr, protocol: 'ip4' | 'ip6', hosts: string[]): Multiaddr[] {
  return hosts.slice(0, maxAddresses).flatMap(host => {
    let replaced = false
    const parts = address.components.map(component => {
      if (replaced || !(component.name in lookups)) return componentText(component)
      replaced = true
      return `/${protocol}/${host}`
    })
    return parse(parts.join('')) ?? []
  })
}

/** What stands behind the name, as text; usually `/p2p/<id>`. */
function behindName(address: Multiaddr): string {
  const at = address.components.findIndex(({ name }) => name === 'dnsaddr')
  return address.components
    .slice(at + 1)
    .map(componentText)
    .join('')
}

function matching(records: string[], suffix: string): Multiaddr[] {
  const found: Multiaddr[] = []
  for (const record of records.slice(0, maxRecords)) {
    if (found.length === maxAddresses) break
    const target = record.startsWith('dnsaddr=') ? parse(record.slice('dnsaddr='.length)) : undefined
    if (target?.toString().endsWith(suffix)) found.push(target)
  }
  return found
}

/** An answer is a stranger's text: one that does not parse is passed over. */
function parse(text: string): Multiaddr | undefined {
  try {
    return Multiaddr.parse(text)
  } catch {
    return undefined
  }
}
