import { Multiaddr } from '#src/wire/multiaddr'
import { isPlain, must, mustEqual, outcome } from '../engine/promise.ts'

const id = '12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN'

/** Addresses of every kind. */
export const someMultiaddrs: readonly string[] = [
  `/ip4/127.0.0.1/tcp/3000/p2p/${id}`,
  '/ip6/2001:db8::1/udp/443/quic-v1/webtransport/certhash/uEiDDq4_xNyDorZBH3TlGazyJdOWSwvo4PUo5YHFMrvDE8g',
  `/ip4/1.2.3.4/tcp/1/p2p/${id}/p2p-circuit/p2p/${id}`,
  '/dns4/example.org/tcp/443/tls/sni/example.org/http/http-path/a%2Fb',
  '/ip6zone/eth0/ip6/fe80::1/tcp/80/ws',
  '/unix/%2Ftmp%2Fsocket',
  '/memory/1',
  '/dnsaddr/bootstrap.libp2p.io',
]

/** What holds of every address, wherever it came from. */
export function checkMultiaddr(address: Multiaddr): void {
  const text = address.toString()
  must(isPlain(text) && !/\s/u.test(text), 'the text is plain')
  must(address.components.length <= 16 && address.bytes.length <= 1024, 'the address is bounded')
  mustEqual(Multiaddr.fromBytes(address.bytes).bytes, address.bytes, 'the bytes lead back')
  const parsed = Multiaddr.parse(text)
  mustEqual(parsed.bytes, address.bytes, 'the text leads back')
  must(parsed.toString() === text, 'there is one text')
  checkParts(address)
}

function checkParts(address: Multiaddr): void {
  const bare = address.withoutPeerId()
  const { peerId } = address
  if (peerId) {
    const { value } = outcome(() => bare.withPeerId(peerId), 'ERR_MULTIADDR')
    must(!value || value.peerId?.equals(peerId) === true, 'an address names the peer it was given')
  }
  const { value: longer } = outcome(() => address.encapsulate('/tcp/1'), 'ERR_MULTIADDR')
  if (longer) mustEqual(longer.decapsulate('/tcp/1').bytes, address.bytes, 'what is put on comes off')
}
