import { BlockList, isIPv6 } from 'node:net'
import type { Multiaddr } from '../wire/multiaddr.ts'

/** From where an IP address can be reached: this machine, one's own network, or anywhere. */
export type Reach = 'loopback' | 'private' | 'public'

const loopback = new BlockList()
loopback.addSubnet('127.0.0.0', 8)
loopback.addAddress('::1', 'ipv6')

/** RFC 1918, 6598 (behind a provider's NAT), 3927 and 4193, and the link-local ones of RFC 4291. */
const privately = new BlockList()
privately.addSubnet('10.0.0.0', 8)
privately.addSubnet('172.16.0.0', 12)
privately.addSubnet('192.168.0.0', 16)
privately.addSubnet('100.64.0.0', 10)
privately.addSubnet('169.254.0.0', 16)
privately.addSubnet('fc00::', 7, 'ipv6')
privately.addSubnet('fe80::', 10, 'ipv6')

/** The IP address in a multiaddr, if there is one. */
export function ipOf(address: Multiaddr | undefined): string | undefined {
  return address?.value('ip4') ?? address?.value('ip6')
}

/** From where an address can be reached; `undefined` when it has no IP address. */
export function reachOf(address: Multiaddr | undefined): Reach | undefined {
  const ip = ipOf(address)
  if (ip === undefined) return undefined
  const family = isIPv6(ip) ? 'ipv6' : 'ipv4'
  if (loopback.check(ip, family)) return 'loopback'
  return privately.check(ip, family) ? 'private' : 'public'
}
