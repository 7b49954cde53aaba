import assert from 'node:assert/strict'
import test from 'node:test'
import { isWorthDialling, type Reach, reachOf } from '#src/host/reach'
import { Multiaddr } from '#src/wire/multiaddr'

const reaches: Record<string, Reach | undefined> = {
  '/ip4/127.0.0.1/tcp/1': 'loopback',
  '/ip4/127.255.0.1/tcp/1': 'loopback',
  '/ip6/::1/tcp/1': 'loopback',
  '/ip4/10.255.0.1/tcp/1': 'private',
  '/ip4/172.16.0.1/tcp/1': 'private',
  '/ip4/172.31.255.255/tcp/1': 'private',
  '/ip4/172.32.0.1/tcp/1': 'public',
  '/ip4/192.168.1.1/tcp/1': 'private',
  '/ip4/192.169.1.1/tcp/1': 'public',
  '/ip4/100.64.0.1/tcp/1': 'private',
  '/ip4/100.128.0.1/tcp/1': 'public',
  '/ip4/169.254.1.1/tcp/1': 'private',
  '/ip6/fd00::1/tcp/1': 'private',
  '/ip6/fe80::1/tcp/1': 'private',
  '/ip6/2001:db8::1/tcp/1': 'public',
  '/ip4/0.0.0.0/tcp/1': 'nowhere',
  '/ip4/0.1.2.3/tcp/1': 'nowhere',
  '/ip4/223.255.255.255/tcp/1': 'public',
  '/ip4/224.0.0.1/tcp/1': 'nowhere',
  '/ip4/255.255.255.255/tcp/1': 'nowhere',
  '/ip6/::/tcp/1': 'nowhere',
  '/ip6/ff02::1/tcp/1': 'nowhere',
  '/ip6/ff::1/tcp/1': 'public',
  '/ip6/::ffff:224.0.0.1/tcp/1': 'nowhere',
  '/ip6/::ffff:127.0.0.1/tcp/1': 'loopback',
  '/dns/node.example/tcp/1': undefined,
}

for (const [address, reach] of Object.entries(reaches)) {
  test(`${address} is ${reach ?? 'a name'}`, () => assert.equal(reachOf(Multiaddr.parse(address)), reach))
}

const here = '/ip4/127.0.0.1/tcp/4001'
const near = '/ip4/192.168.7.1/tcp/4001'
const far = '/ip4/198.51.100.7/tcp/4001'
const hidden = '/memory/1'

const metBy: [address: string, places: string[]][] = [
  [far, [here, near, far, hidden]],
  ['/dns4/node.example/tcp/1', [here, near, far, hidden]],
  [near, [here, near, hidden]],
  [here, [here, hidden]],
  ['/ip4/0.0.0.0/tcp/1', []],
  ['/ip4/224.0.0.1/tcp/1', []],
  ['/ip4/198.51.100.7/tcp/0', []],
  ['/ip4/198.51.100.7/udp/0/quic-v1', []],
  ['/unix/%2Fsocket', []],
  ['/memory/7', [here, hidden]],
]

for (const [address, places] of metBy) {
  test(`${address} is worth dialling to whoever was met at ${places.join(', ') || 'no place'}`, () => {
    for (const place of [here, near, far, hidden]) {
      const worth = isWorthDialling(Multiaddr.parse(address), Multiaddr.parse(place))
      assert.equal(worth, places.includes(place), place)
    }
  })
}
