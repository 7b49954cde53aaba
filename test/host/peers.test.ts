import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ADDRESS_TTL, Peers } from '#src/host/peers'
import { Multiaddr } from '#src/wire/multiaddr'
import { Clock } from '../support/clock.ts'
import { keyOf, peerIdOf } from '../support/net.ts'

const [one, two, three] = [1, 2, 3].map(number => peerIdOf(keyOf(number))) as [
  ReturnType<typeof peerIdOf>,
  ReturnType<typeof peerIdOf>,
  ReturnType<typeof peerIdOf>,
]

function addresses(...ports: number[]): Multiaddr[] {
  return ports.map(port => Multiaddr.parse(`/ip4/192.0.2.1/tcp/${port}`))
}

function portsOf(peers: Peers, peerId = one): string[] {
  return (peers.get(peerId)?.addresses ?? []).map(address => address.value('tcp')!).sort()
}

describe('the address book', () => {
  test('knows nothing of whom it has not heard of', () => {
    const peers = new Peers(10)
    assert.equal(peers.get(one), undefined)
    assert.equal(peers.seq(one), -1n)
    assert.equal(peers.size, 0)
    assert.deepEqual([...peers], [])
  })

  test('keeps each address once, without its peer ID', () => {
    const peers = new Peers(10)
    peers.add(one, [...addresses(1, 2), ...addresses(2).map(address => address.withPeerId(one))])
    assert.deepEqual(portsOf(peers), ['1', '2'])
    assert.ok(peers.get(one)!.addresses.every(address => address.peerId === undefined))
  })

  test('gives addresses in the order they came, even if the clock ticks meanwhile', () => {
    let time = 0
    const peers = new Peers(10, () => time++)
    peers.add(one, addresses(3, 1, 2))
    assert.deepEqual(
      peers.get(one)!.addresses.map(address => address.value('tcp')),
      ['3', '1', '2'],
    )
  })

  test('forgets an address after its time, an hour unless told otherwise', () => {
    const clock = new Clock()
    const peers = new Peers(10, clock.now)
    peers.add(one, addresses(1))
    peers.add(one, addresses(2), 1_000)
    peers.add(one, addresses(3), Number.POSITIVE_INFINITY)
    clock.advance(999)
    assert.deepEqual(portsOf(peers), ['1', '2', '3'])
    clock.advance(1)
    assert.deepEqual(portsOf(peers), ['1', '3'])
    clock.advance(ADDRESS_TTL - 1_001)
    assert.deepEqual(portsOf(peers), ['1', '3'])
    clock.advance(1)
    assert.deepEqual(portsOf(peers), ['3'])
    clock.advance(1_000 * ADDRESS_TTL)
    assert.deepEqual(portsOf(peers), ['3'])
  })

  test('believes an address longer when it is heard of again, and never for less', () => {
    const clock = new Clock()
    const peers = new Peers(10, clock.now)
    peers.add(one, addresses(1), 1_000)
    peers.add(one, addresses(2), Number.POSITIVE_INFINITY)
    clock.advance(500)
    peers.add(one, addresses(1, 2), 1_000)
    clock.advance(800)
    peers.add(one, addresses(1, 2), 10)
    clock.advance(199)
    assert.deepEqual(portsOf(peers), ['1', '2'])
    clock.advance(1)
    assert.deepEqual(portsOf(peers), ['2'])
  })

  test('keeps 32 addresses of a peer, those that last longest', () => {
    const clock = new Clock()
    const peers = new Peers(10, clock.now)
    for (let port = 1; port <= 50; port++) {
      clock.advance(1)
      peers.add(one, addresses(port))
    }
    assert.deepEqual(
      portsOf(peers)
        .map(Number)
        .sort((a, b) => a - b),
      Array.from({ length: 32 }, (_, i) => i + 19),
    )
    peers.add(one, addresses(...Array.from({ length: 10_000 }, (_, i) => i + 1_000)), 10)
    assert.equal(portsOf(peers).length, 32)
    assert.equal(portsOf(peers).includes('50'), true)
  })

  test('keeps a bounded number of peers, and forgets those heard of longest ago', () => {
    const peers = new Peers(2)
    peers.add(one, addresses(1))
    peers.add(two, addresses(2))
    peers.update(one, { agent: 'still here' })
    peers.add(three, addresses(3))
    assert.equal(peers.size, 2)
    assert.equal(peers.get(two), undefined)
    assert.deepEqual(
      [...peers].map(({ peerId }) => peerId),
      [one, three],
    )
    for (let i = 4; i < 100; i++) peers.update(peerIdOf(keyOf(i)), {})
    assert.equal(peers.size, 2)
  })

  test('notes what a peer says of itself, and leaves the rest as it was', () => {
    const peers = new Peers(10)
    peers.update(one, { protocols: ['/a'], agent: 'x', protocolVersion: 'ipfs/0.1.0' })
    peers.update(one, { agent: 'y', observedAddress: addresses(7)[0]!, seq: 5n })
    assert.deepEqual(peers.get(one), {
      peerId: one,
      addresses: [],
      signedAddresses: [],
      protocols: ['/a'],
      agent: 'y',
      protocolVersion: 'ipfs/0.1.0',
      observedAddress: addresses(7)[0],
    })
    assert.equal(peers.seq(one), 5n)
    peers.remove(one)
    assert.equal(peers.get(one), undefined)
    assert.equal(peers.seq(one), -1n)
  })
})
