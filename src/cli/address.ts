import { isIPv4, isIPv6 } from 'node:net'
import { attempt, unlessThrown } from '../wire/attempt.ts'
import { ParleyError } from '../wire/errors.ts'
import { Multiaddr } from '../wire/multiaddr.ts'
import { protocolOfName } from '../wire/multiaddr-protocols.ts'
import { PeerId } from '../wire/peer-id.ts'
import { quoted } from '../wire/text.ts'
import { usageError } from './options.ts'

/** The address that a user gave. Throws `ERR_MULTIADDR` or `ERR_USAGE` with a sentence on what to write instead. */
export function parseAddress(text: string): Multiaddr {
  const typed = text.trim()
  const address = attempt(
    () => Multiaddr.parse(typed),
    cause => notOne(typed, cause as Error),
  )
  if (hasPlace(address)) return address
  throw usageError(
    `The address ${address} does not say where that peer is; it must begin with /ip4 or the like.`,
  )
}

/** Whether an address says where its peer is, and not only who. */
export function hasPlace(address: Multiaddr): boolean {
  return address.withoutPeerId().components.length > 0
}

/** The address without a place of a peer that the user named by its ID, with /p2p/ before it or without. */
export function parsePeer(text: string): Multiaddr | undefined {
  const id = text.trim().replace(/^\/(p2p|ipfs)\//, '')
  return unlessThrown(() => Multiaddr.parse(`/p2p/${PeerId.parse(id)}`))
}

/**
 * What `<host>:<port>` is as a multiaddr, whose parser then looks closer; `undefined` for anything else. An IPv6 address
 * stands in brackets.
 */
export function endpointAddress(text: string): string | undefined {
  const [, bracketed, plain = '', port = ''] = /^(?:\[([^/]+)\]|([^/:[\]]+)):(\d+)$/.exec(text) ?? []
  const host = bracketed ?? plain
  return host === '' ? undefined : placeOf(host, port)
}

function placeOf(host: string, port: string): string {
  const kind = isIPv4(host) ? 'ip4' : isIPv6(host) ? 'ip6' : 'dns'
  return `/${kind}/${host}/tcp/${port}`
}

function notOne(text: string, cause: Error): ParleyError {
  const meant = text.startsWith('/') ? undefined : rewritten(text)
  const message =
    meant === undefined
      ? `${cause.message.replace(/\.$/, '')}; it should look like /ip4/192.0.2.1/tcp/4001/p2p/<peer id>.`
      : `${quoted(text)} is not a multiaddr; write ${meant}.`
  return new ParleyError('ERR_MULTIADDR', message, { scope: 'host', cause })
}

/** How one writes here what one writes otherwise elsewhere: a peer ID, a URL, a host and a port. */
function rewritten(text: string): string | undefined {
  if (unlessThrown(() => PeerId.parse(text))) return `/ip4/<host>/tcp/<port>/p2p/${text}`
  const [first = ''] = text.split('/')
  if (protocolOfName(first)) return unlessThrown(() => String(Multiaddr.parse(`/${text}`)))
  const place = text.replace(/^\w+:\/\//, '').replace(/\/.*$/s, '')
  if (!/^[\w.:[\]-]+$/.test(place)) return undefined
  return (
    endpointAddress(place) ??
    (/^[\w.-]+$/.test(place) || isIPv6(place) ? placeOf(place, '<port>') : undefined)
  )
}
