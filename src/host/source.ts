import type { Multiaddr } from '../wire/multiaddr.ts'
import { protocolOfName } from '../wire/multiaddr-protocols.ts'

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
  const { name, value = '' } = address.components[0] ?? { name: 'nowhere' }
  // Behind a zone all machines of a link have the same prefix.
  if (name === 'ip6zone') return { key: String(address.value('ip6')), network: value }
  if (name !== 'ip4' && name !== 'ip6') return undefined
  const bytes = protocolOfName(name)!.encode(value)!
  return name === 'ip4' ? ip4(bytes) : ip6(bytes)
}

function ip4(bytes: Uint8Array): Source | undefined {
  return bytes[0] === 127 ? undefined : { key: prefix(bytes, 4), network: prefix(bytes, 2) }
}

function ip6(bytes: Uint8Array): Source | undefined {
  if (bytes[15] === 1 && bytes.subarray(0, 15).every(byte => byte === 0)) return undefined
  return { key: prefix(bytes, 7), site: prefix(bytes, 6), network: prefix(bytes, 4) }
}

/** The first so many bytes as a key; those of different lengths never meet. */
function prefix(bytes: Uint8Array, length: number): string {
  return bytes.subarray(0, length).join('.')
}
