import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Targets } from '#src/host/target'
import { Multiaddr } from '#src/wire/multiaddr'
import { keyOf, peerIdOf } from '../support/net.ts'
import { refuses } from '../support/wire.ts'

const id = peerIdOf(keyOf(1)).toString()

test('a target is a peer ID, an address or both, as text or as value', () => {
  const targets = new Targets()
  const address = `/ip4/127.0.0.1/tcp/3000/p2p/${id}`
  const cases = [
    [peerIdOf(keyOf(1)), id, undefined],
    [id, id, undefined],
    [`/p2p/${id}`, id, undefined],
    [address, id, address],
    [Multiaddr.parse(address), id, address],
    ['/ip4/127.0.0.1/tcp/3000', undefined, '/ip4/127.0.0.1/tcp/3000'],
  ] as const
  for (const [target, peerId, at] of [...cases, ...cases]) {
    const found = targets.read(target)
    assert.deepEqual([found.peerId?.toString(), found.address?.toString()], [peerId, at])
  }
})

test('what a text said is remembered, and a text that says nothing is refused each time', () => {
  const targets = new Targets()
  const first = targets.read(`/ip4/127.0.0.1/tcp/1/p2p/${id}`)
  assert.equal(targets.read(`/ip4/127.0.0.1/tcp/1/p2p/${id}`), first)
  for (let port = 2; port < 300; port++) {
    assert.equal(targets.read(`/ip4/127.0.0.1/tcp/${port}`).address?.value('tcp'), String(port))
  }
  for (let i = 0; i < 2; i++) {
    refuses('ERR_MULTIADDR', () => targets.read('/nonsense'))
    refuses('ERR_PEER_ID', () => targets.read('nonsense'))
  }
})
