import type { Multiaddr } from '../wire/multiaddr.ts'
import { protocolOfName } from '../wire/multiaddr-protocols.ts'
import { reachOf } from './reach.ts'

/** Where a connection comes from, as far as one owner may be assumed behind it. */
export interface Source {
  /** An IPv4 address, or the first 56 bits of an IPv6 one: what one customer has. */
  readonly key: string
  /** The first 48 bits of an IPv6 address: what one site has. */
  readonly site?: string
  /** The network around it, 16 bits of IPv4 or 32 of IPv6: what one provider may have many of. */
  readonly network: string
}

/** Where an address leads to; `undefined` for loopback and for what is no network, to which no rule of sources applies. */
export function sourceOf(address: Multiaddr): Source | undefined {
  if (reachOf(address) === 'loopback') return undefined
  const { name, value = '' } = address.components[0] ?? { name: 'nowhere' }
  if (name === 'ip4') return { key: value, network: firstHalf(value) }
  if (name === 'ip6') return ip6(protocolOfName('ip6')!.encode(value)!)
  // Behind a zone all machines of a link have the same prefix.
  return name === 'ip6zone' ? { key: String(address.value('ip6')), network: value } : undefined
}

function firstHalf(ip: string): string {
  return ip.split('.', 2).join('.')
}

function ip6(bytes: Uint8Array): Source {
  return { key: prefix(bytes, 7), site: prefix(bytes, 6), network: prefix(bytes, 4) }
}

/** The first so many bytes as a key; those of different lengths never meet. */
function prefix(bytes: Uint8Array, length: number): string {
  return bytes.subarray(0, length).join('.')
}
