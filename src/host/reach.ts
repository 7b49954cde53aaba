import type { Multiaddr } from '../wire/multiaddr.ts'

/** From where an IP address can be reached: nowhere, this machine, one's own network, or anywhere. */
export type Reach = 'nowhere' | 'loopback' | 'private' | 'public'

/** IPv4 networks by what may reach them: the special ones of RFC 6890, and those of providers' NATs (RFC 6598). */
const networks: readonly [first: string, bits: number, reach: Reach][] = [
  ['0.0.0.0', 8, 'nowhere'],
  ['10.0.0.0', 8, 'private'],
  ['100.64.0.0', 10, 'private'],
  ['127.0.0.0', 8, 'loopback'],
  ['169.254.0.0', 16, 'private'],
  ['172.16.0.0', 12, 'private'],
  ['192.168.0.0', 16, 'private'],
  // Multicast, and above it what was never given out, with the broadcast address.
  ['224.0.0.0', 3, 'nowhere'],
]

/** The same as numbers, to be compared without what the mask leaves out. */
const ranges = networks.map(([first, bits, reach]) => ({ first: numberOf(first), shift: 32 - bits, reach }))

/** IPv6 addresses, as they are printed: unspecified, loopback, multicast, unique local (RFC 4193) and link-local. */
const patterns: readonly [pattern: RegExp, reach: Reach][] = [
  [/^::$/, 'nowhere'],
  [/^::1$/, 'loopback'],
  [/^ff[0-9a-f]{2}:/, 'nowhere'],
  [/^f[cd][0-9a-f]{2}:/, 'private'],
  [/^fe[89ab][0-9a-f]:/, 'private'],
]

/** The IP address in a multiaddr, if there is one. */
export function ipOf(address: Multiaddr | undefined): string | undefined {
  return address?.value('ip4') ?? address?.value('ip6')
}

/** From where an address can be reached; `undefined` when it has no IP address. */
export function reachOf(address: Multiaddr | undefined): Reach | undefined {
  const ip = ipOf(address)?.replace(/^::ffff:(?=.*\.)/, '')
  if (ip === undefined) return undefined
  return (ip.includes(':') ? reachOf6(ip) : reachOf4(ip)) ?? 'public'
}

/**
 * Whether an address that a peer has named is worth keeping. Nobody can be reached at some, whoever names them; and those of
 * loopback or of a private network mean others there than here, unless the peer itself was met in such a network.
 */
export function isWorthDialling(address: Multiaddr, metAt: Multiaddr): boolean {
  if (address.value('tcp') === '0' || address.value('udp') === '0') return false
  const met = reachOf(metAt) ?? 'loopback'
  switch (reachOf(address)) {
    case 'nowhere':
      return false
    case 'loopback':
      return met === 'loopback'
    case 'private':
      return met !== 'public'
    default:
      // What only this program can dial is for its own hosts to name, and they meet at home.
      return !address.has('unix') && (!address.has('memory') || met === 'loopback')
  }
}

function reachOf4(ip: string): Reach | undefined {
  const number = numberOf(ip)
  return ranges.find(({ first, shift }) => (number ^ first) >>> shift === 0)?.reach
}

function reachOf6(ip: string): Reach | undefined {
  return patterns.find(([pattern]) => pattern.test(ip))?.[1]
}

function numberOf(ip: string): number {
  return ip.split('.').reduce((sum, part) => (sum << 8) | Number(part), 0)
}
