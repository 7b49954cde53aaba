import { ipOf } from '../../host/reach.ts'
import { ParleyError } from '../../wire/errors.ts'
import type { Multiaddr } from '../../wire/multiaddr.ts'
import { parseAddress } from '../address.ts'
import { usageError } from '../options.ts'

/** What can be examined: TCP on an IP address or a name, or a name whose records say the rest. */
const shapes = /^((ip4|ip6|ip6zone\/ip6|dns|dns4|dns6)\/tcp|dnsaddr(\/tcp)?)$/

/** Addresses that cannot be examined, by what they have in them, and what to do; the first that fits is said. */
const faults: readonly [has: string[], fault: (address: Multiaddr) => string][] = [
  [
    ['p2p-circuit'],
    () => 'leads through a relay, and relays are not spoken here; use an address of the node itself',
  ],
  [
    ['quic', 'quic-v1', 'webtransport', 'webrtc', 'webrtc-direct', 'udp'],
    address => `is on UDP, and only TCP is spoken here; use one of the node's with /tcp/${onTcp(address)}`,
  ],
  [
    ['ws', 'wss', 'http', 'https', 'tls'],
    () =>
      "is for WebSockets, TLS or HTTP, and only plain TCP is spoken here; use one of the node's that ends in /tcp/<port>, often another port",
  ],
  [['memory', 'unix'], () => 'leads nowhere outside its machine; use one with /tcp/<port>'],
  [
    ['tcp'],
    () => 'has its parts in an order that cannot be dialled; it should look like /ip4/192.0.2.1/tcp/4001',
  ],
  [
    ['ip4', 'ip6', 'dns', 'dns4', 'dns6'],
    () => 'says no port; put /tcp/<port> behind the host, often /tcp/4001',
  ],
]

/** The address to examine. Throws `ERR_MULTIADDR`, `ERR_USAGE` or `ERR_NO_TRANSPORT` with a sentence on what to give instead. */
export function parseTarget(text: string): Multiaddr {
  const address = parseAddress(text)
  const shape = address
    .withoutPeerId()
    .components.map(({ name }) => name)
    .join('/')
  if (!shapes.test(shape)) throw unspoken(address)
  checkEndpoint(address)
  return address
}

function unspoken(address: Multiaddr): ParleyError {
  const [, fault] = faults.find(([names]) => names.some(name => address.has(name))) ?? []
  const message = `The address ${address} ${fault?.(address) ?? 'cannot be dialled; use one with /tcp/<port>'}.`
  return new ParleyError('ERR_NO_TRANSPORT', message, { scope: 'host' })
}

/** Most nodes listen on the same port of TCP and UDP. */
function onTcp(address: Multiaddr): string {
  const host = address.components[0]
  const port = address.value('udp')
  const peer = address.peerId ? `/p2p/${address.peerId}` : ''
  return port === undefined || host?.value === undefined
    ? '<port>'
    : `${port}, perhaps /${host.name}/${host.value}/tcp/${port}${peer}`
}

function checkEndpoint(address: Multiaddr): void {
  if (address.value('tcp') === '0')
    throw usageError('Port 0 stands for any free port when listening; a running node says which one it got.')
  if (['0.0.0.0', '::'].includes(ipOf(address) ?? ''))
    throw usageError(
      `${ipOf(address)} stands for every interface when listening; to dial, use an address of one, such as /ip4/127.0.0.1.`,
    )
}
