import assert from 'node:assert/strict'
import test from 'node:test'
import { type Reach, reachOf } from '#src/cli/reach'
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
  '/ip6/::ffff:127.0.0.1/tcp/1': 'loopback',
  '/dns/node.example/tcp/1': undefined,
}

for (const [address, reach] of Object.entries(reaches)) {
  test(`${address} is ${reach ?? 'a name'}`, () => assert.equal(reachOf(Multiaddr.parse(address)), reach))
}
