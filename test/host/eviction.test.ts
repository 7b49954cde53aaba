import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Connections } from '#src/host/connections'
import { type Candidate, choose, Evictor } from '#src/host/eviction'
import { Multiaddr } from '#src/wire/multiaddr'
import { keyOf, peerIdOf } from '../support/net.ts'

type Known = Candidate<{ remoteAddress: Multiaddr; rtt: number; since: number; name: string }>

/** The i-th of some connections, all alike but for what is given. */
function candidate(
  i: number,
  given: { network?: number; rtt?: number; since?: number; lastUse?: number } = {},
): Known {
  const { network = 1, rtt = 100, since = 1_000 + i, lastUse = 0 } = given
  const remoteAddress = Multiaddr.parse(`/ip4/10.${network}.0.${i}/tcp/1`)
  return { connection: { remoteAddress, rtt, since, name: String(i) }, lastUse }
}

/** The names of those that go, one after the other, as long as somebody does. */
function victims(candidates: readonly Known[]): string[] {
  const left = [...candidates]
  const gone: string[] = []
  for (;;) {
    const victim = choose(left, network => network.length)
    if (!victim) return gone
    gone.push(victim.name)
    left.splice(
      left.findIndex(({ connection }) => connection === victim),
      1,
    )
  }
}

describe('a full host', () => {
  test('closes the youngest of many that are alike, but never the last sixteen and half of the rest', () => {
    const all = Array.from({ length: 40 }, (_, i) => candidate(i))
    const gone = victims(all)
    assert.equal(gone[0], '39')
    assert.ok(gone.length >= 20 && gone.length <= 24, `${gone.length} of 40 go`)
    assert.ok(!gone.includes('0'), 'not the oldest')
  })

  test('closes nobody where there are few', () => {
    assert.deepEqual(victims(Array.from({ length: 16 }, (_, i) => candidate(i))), [])
  })

  test('knows without ranking them whether it would close anyone', () => {
    for (let count = 0; count < 40; count++) {
      const candidates = Array.from({ length: count }, (_, i) => candidate(i))
      const all = candidates.map(({ connection }) => ({
        ...connection,
        direction: 'inbound',
        peerId: String(connection.name),
      }))
      const evictor = new Evictor({ all } as unknown as Connections)
      assert.equal(evictor.canEvict(), choose(candidates, () => 0) !== undefined, `of ${count}`)
    }
  })

  test('keeps the near, the useful and the old though all their neighbours go', () => {
    const near = Array.from({ length: 8 }, (_, i) => candidate(i, { rtt: 1, since: 5_000 }))
    const useful = Array.from({ length: 4 }, (_, i) => candidate(10 + i, { lastUse: 6_000, since: 5_000 }))
    const flood = Array.from({ length: 150 }, (_, i) => candidate(20 + i, { since: 4_000 + i }))
    const gone = new Set(victims([...near, ...useful, ...flood]))
    for (const { connection } of [...near, ...useful]) assert.ok(!gone.has(connection.name))
    assert.ok(gone.size > 60)
  })

  test('takes from the largest network, so that one owner of many addresses cannot drive out the others', () => {
    const diverse = Array.from({ length: 10 }, (_, i) => candidate(i, { network: 10 + i, since: 9_000 }))
    const flood = Array.from({ length: 150 }, (_, i) => candidate(20 + i, { network: 1, since: 4_000 + i }))
    const first = victims([...diverse, ...flood]).slice(0, 60)
    assert.ok(first.every(name => Number(name) >= 20))
  })

  test('asks for the secret of each network once at most, for every newcomer makes it choose', () => {
    let asked = 0
    const all = Array.from({ length: 192 }, (_, i) => candidate(i, { network: i }))
    choose(all, network => {
      asked++
      return network.length
    })
    assert.ok(asked <= all.length, `${asked} times`)
  })
})

test('of the connections that a peer began the oldest goes, wherever it stands in the table', () => {
  const gone: number[] = []
  const connection = (direction: string, since: number) => ({
    direction,
    since,
    abort: () => gone.push(since),
  })
  const list = [connection('outbound', 1), connection('inbound', 2), connection('inbound', 3)]
  const evictor = new Evictor({ of: () => list } as unknown as Connections)
  assert.equal(evictor.replace(peerIdOf(keyOf(1))), true)
  assert.deepEqual(gone, [2])
})
