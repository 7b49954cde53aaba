import assert from 'node:assert/strict'
import test from 'node:test'
import { parseTarget } from '#src/cli/doctor/target'
import type { ErrorCode } from '#src/wire/errors'
import { keyOf, peerIdOf } from '../../support/net.ts'

const id = String(peerIdOf(keyOf(1)))

for (const text of [
  '/ip4/192.0.2.1/tcp/4001',
  `/ip4/192.0.2.1/tcp/4001/p2p/${id}`,
  '/ip6/2001:db8::1/tcp/4001',
  '/ip6zone/eth0/ip6/fe80::1/tcp/4001',
  '/dns/node.example/tcp/4001',
  `/dns4/node.example/tcp/4001/p2p/${id}`,
  `/dnsaddr/node.example/p2p/${id}`,
  '/dnsaddr/node.example',
]) {
  test(`${text} can be examined`, () => assert.equal(String(parseTarget(text)), text))
}

const refused: readonly [text: string, code: ErrorCode, says: RegExp][] = [
  ['node.example:4001', 'ERR_MULTIADDR', /write \/dns\/node\.example\/tcp\/4001\.$/],
  [`/p2p/${id}`, 'ERR_USAGE', /does not say where/],
  ['/ip4/192.0.2.1', 'ERR_NO_TRANSPORT', /says no port/],
  ['/dns/node.example', 'ERR_NO_TRANSPORT', /says no port/],
  ['/ip4/192.0.2.1/tcp/0', 'ERR_USAGE', /Port 0 stands for any/],
  ['/ip4/0.0.0.0/tcp/4001', 'ERR_USAGE', /every interface/],
  ['/ip6/::/tcp/4001', 'ERR_USAGE', /every interface/],
  [
    `/ip4/192.0.2.1/udp/4001/quic-v1/p2p/${id}`,
    'ERR_NO_TRANSPORT',
    new RegExp(`is on UDP.* perhaps /ip4/192\\.0\\.2\\.1/tcp/4001/p2p/${id}\\.$`),
  ],
  ['/ip4/192.0.2.1/tcp/4001/ws', 'ERR_NO_TRANSPORT', /is for WebSockets/],
  ['/dns4/node.example/tcp/443/tls/ws', 'ERR_NO_TRANSPORT', /is for WebSockets/],
  [`/ip4/192.0.2.1/tcp/4001/p2p/${id}/p2p-circuit/p2p/${id}`, 'ERR_NO_TRANSPORT', /leads through a relay/],
  ['/unix/socket', 'ERR_NO_TRANSPORT', /nowhere outside its machine/],
  ['/tcp/4001/ip4/192.0.2.1', 'ERR_NO_TRANSPORT', /parts in an order/],
]

for (const [text, code, says] of refused) {
  test(`${text} is refused with what to give instead`, () =>
    assert.throws(() => parseTarget(text), { code, message: says }))
}
