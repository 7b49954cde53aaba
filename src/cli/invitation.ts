import { basename, relative } from 'node:path'
import { reachOf } from '../host/reach.ts'
import type { Multiaddr } from '../wire/multiaddr.ts'

/** A line to paste into another terminal, and where that may be. */
export interface Invitation {
  text: string
  command: string
}

/** IPv4 before IPv6 and the network before the machine itself: what one gives to others comes first. */
export function forPeople(addresses: readonly Multiaddr[]): Multiaddr[] {
  const rank = (address: Multiaddr) => (address.has('ip6') ? 2 : 0) + (isLoopback(address) ? 1 : 0)
  return addresses.toSorted((a, b) => rank(a) - rank(b))
}

/** How others join: from the same machine and, when it is on a network, from there. */
export function invitations(addresses: readonly Multiaddr[]): Invitation[] {
  const texts: [string, Multiaddr | undefined][] = [
    ['To join from another terminal on this computer, run:', addresses.find(isLoopback)],
    ['From another computer on your network:', addresses.find(address => !isLoopback(address))],
  ]
  return texts.flatMap(([text, address]) =>
    address ? [{ text, command: commandLine(`--dial ${address}`) }] : [],
  )
}

function isLoopback(address: Multiaddr): boolean {
  return reachOf(address) === 'loopback'
}

/** What starts this program, in the way the user did, with other arguments. */
export function commandLine(args: string): string {
  return `${program()} ${args}`
}

function program(): string {
  const script = process.argv[1] ?? 'parley'
  if (basename(script) !== 'cli.js') return 'parley'
  const path = relative(process.cwd(), script) || script
  return `node ${/\s/.test(path) ? `"${path}"` : path}`
}
