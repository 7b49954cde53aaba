import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Connections } from '#src/host/connections'
import type { Host } from '#src/host/host'
import type { Connection } from '#src/net/connection'
import type { Direction } from '#src/net/upgrade'
import { utf8, utf8Text } from '#src/wire/bytes'
import { ParleyError } from '#src/wire/errors'
import { Multiaddr } from '#src/wire/multiaddr'
import { areConnected, journal, serveEcho, withHosts } from '../support/hosts.ts'
import { collect, keyOf, peerIdOf, turns, until, withResolvers } from '../support/net.ts'

const ids = [1, 2].map(number => peerIdOf(keyOf(number)))
const [smaller, larger] = ids.sort((a, b) => Buffer.compare(a.bytes, b.bytes))

/** What the table sees of a connection. */
class FakeConnection {
  status: Connection['status'] = 'open'
  streams: unknown[] = []
  readonly peerId = larger!
  readonly direction: Direction
  readonly remoteAddress: Multiaddr
  readonly #closed = withResolvers()
  #table: Connections | undefined

  constructor(direction: Direction, address = '/memory/1') {
    this.direction = direction
    this.remoteAddress = Multiaddr.parse(address)
  }

  get closed(): Promise<void> {
    return this.#closed.promise
  }

  addTo(table: Connections): this {
    this.#table = table
    table.add(this as unknown as Connection)
    return this
  }

  async close(error?: ParleyError): Promise<void> {
    if (this.status === 'closed') return
    this.status = 'closed'
    this.#table?.remove(this as unknown as Connection, error)
    this.#closed.resolve()
  }
}

function newTable(self = smaller!): { table: Connections; events: string[] } {
  const events: string[] = []
  const table = new Connections(self, {
    connect: () => events.push('connect'),
    disconnect: (_connection, error) => events.push(error ? error.code : 'disconnect'),
  })
  return { table, events }
}

describe('the table of connections', () => {
  test('tells of the first connection to a peer, and of the last one’s end', () => {
    const { table, events } = newTable()
    assert.equal(table.to(larger!), undefined)
    const first = new FakeConnection('inbound').addTo(table)
    const second = new FakeConnection('inbound').addTo(table)
    assert.deepEqual(events, ['connect'])
    assert.equal(table.size, 2)
    assert.equal(table.to(larger!), second)
    void second.close()
    assert.equal(table.to(larger!), first)
    void first.close(new ParleyError('ERR_TIMEOUT', 'Gone.'))
    assert.deepEqual(events, ['connect', 'ERR_TIMEOUT'])
    assert.equal(table.size, 0)
    table.remove(first as unknown as Connection, undefined)
    assert.deepEqual(events, ['connect', 'ERR_TIMEOUT'])
  })

  test('uses a new connection beside one that is closing, and tells of no break between', () => {
    const { table, events } = newTable()
    const old = new FakeConnection('inbound').addTo(table)
    old.status = 'closing'
    assert.equal(table.to(larger!), undefined)
    const fresh = new FakeConnection('outbound').addTo(table)
    assert.equal(table.to(larger!), fresh)
    void old.close()
    assert.deepEqual(events, ['connect'])
  })

  test('finds the connection that was dialled to an address', () => {
    const { table } = newTable()
    new FakeConnection('inbound', '/memory/7').addTo(table)
    assert.equal(table.at(Multiaddr.parse('/memory/7')), undefined)
    const dialled = new FakeConnection('outbound', '/memory/7').addTo(table)
    assert.equal(table.at(Multiaddr.parse('/memory/7')), dialled)
    dialled.status = 'closing'
    assert.equal(table.at(Multiaddr.parse('/memory/7')), undefined)
  })

  const pairs: [string, boolean, Direction, Direction, 'first' | 'second', boolean][] = [
    // The peer with the smaller ID: what it dialled itself stays.
    ['ours, then theirs; ours is the smaller ID', true, 'outbound', 'inbound', 'first', true],
    ['theirs, then ours; ours is the smaller ID', true, 'inbound', 'outbound', 'second', true],
    ['ours, then theirs; theirs is the smaller ID', false, 'outbound', 'inbound', 'second', true],
    ['theirs, then ours; theirs is the smaller ID', false, 'inbound', 'outbound', 'first', true],
    ['ours twice', true, 'outbound', 'outbound', 'second', true],
    // Which of these stays is for the dialer to say.
    ['theirs twice', true, 'inbound', 'inbound', 'second', false],
  ]

  for (const [name, small, one, two, kept, retires] of pairs) {
    test(`of two connections, ${name}, uses the ${kept}`, async t => {
      t.mock.timers.enable({ apis: ['setTimeout'] })
      // The fakes are all to the larger ID, so a table of the smaller one sees itself as the smaller, and reversed.
      const { table, events } = newTable(small ? smaller! : peerIdOfLast())
      const first = new FakeConnection(one).addTo(table)
      const second = new FakeConnection(two).addTo(table)
      const [better, surplus] = kept === 'first' ? [first, second] : [second, first]
      assert.equal(table.to(larger!), better)
      surplus.streams = ['busy']
      t.mock.timers.tick(10_000)
      assert.equal(surplus.status, 'open', 'not while it is used')
      surplus.streams = []
      t.mock.timers.tick(1_000)
      assert.equal(surplus.status, retires ? 'closed' : 'open')
      assert.equal(better.status, 'open')
      assert.deepEqual(events, ['connect'])
      await turns()
    })
  }

  test('does not close a surplus connection that has become the only one', t => {
    t.mock.timers.enable({ apis: ['setTimeout'] })
    const { table } = newTable()
    const first = new FakeConnection('outbound').addTo(table)
    const second = new FakeConnection('inbound').addTo(table)
    second.streams = ['busy']
    t.mock.timers.tick(5_000)
    void first.close()
    second.streams = []
    t.mock.timers.tick(5_000)
    assert.equal(second.status, 'open')
    assert.equal(table.to(larger!), second)
  })

  /** An ID that is larger than that of every fake. */
  function peerIdOfLast(): typeof larger & {} {
    for (let number = 3; ; number++) {
      const id = peerIdOf(keyOf(number))
      if (Buffer.compare(id.bytes, larger!.bytes) > 0) return id
    }
  }
})

/** An echo of one word over an existing connection. */
async function talk(from: Host, to: Host, connection: Connection): Promise<void> {
  const stream = await connection.open('/echo')
  const word = `from ${from.peerId.short} to ${to.peerId.short}`
  stream.write(utf8(word))
  await stream.end()
  assert.equal(utf8Text(await collect(stream)), word)
}

describe('two hosts that dial each other at once', () => {
  const rounds = 12

  test('end with one connection between them, the same on both sides, and streams on either work', async () => {
    // All pairs at the same time, for each waits a second until the surplus connection is closed.
    await Promise.all(
      Array.from({ length: rounds }, (_, round) =>
        withHosts(2, {}, async (a, b) => {
          const journals = [journal(a), journal(b)]
          serveEcho(a)
          serveEcho(b)
          const delay = turns(round % 4)
          const [ab, ba] = await Promise.all([
            a.dial(b.addresses[0]!),
            delay.then(() => b.dial(a.addresses[0]!)),
          ])
          await Promise.all([talk(a, b, ab), talk(b, a, ba)])
          await until(() => areConnected(a, b))
          await Promise.all([talk(a, b, a.connections[0]!), talk(b, a, b.connections[0]!)])
          assert.notEqual(a.connections[0]!.direction, b.connections[0]!.direction)
          assert.deepEqual(journals, [[`connect ${b.peerId.toString()}`], [`connect ${a.peerId.toString()}`]])
        }),
      ),
    )
  })

  test('keep a stream on the surplus connection until it ends', async t => {
    t.mock.timers.enable({ apis: ['setTimeout'] })
    await withHosts(2, {}, async (a, b) => {
      for (const host of [a, b]) serveEcho(host)
      const [ab, ba] = await Promise.all([a.dial(b.addresses[0]!), b.dial(a.addresses[0]!)])
      const streams = await Promise.all([ab.open('/echo'), ba.open('/echo')])
      for (let i = 0; i < 3; i++) {
        t.mock.timers.tick(1_000)
        await turns(20)
      }
      for (const stream of streams) {
        stream.write(utf8('still here'))
        await stream.end()
        assert.equal(utf8Text(await collect(stream)), 'still here')
      }
      await until(() => [...a.connections, ...b.connections].every(({ streams: left }) => left.length === 0))
      t.mock.timers.tick(1_000)
      await until(() => areConnected(a, b))
    })
  })

  test('with open() get streams that work, whichever connection they are on', async () => {
    await Promise.all(
      Array.from({ length: rounds }, () =>
        withHosts(2, {}, async (a, b) => {
          for (const host of [a, b]) serveEcho(host)
          const opens = [
            [a, b],
            [b, a],
          ].flatMap(([from, to]) =>
            Array.from({ length: 10 }, async (_, i) => {
              await turns(i)
              const stream = await from!.open(to!.addresses[0]!, '/echo')
              stream.write(utf8(`${i}`))
              await stream.end()
              assert.equal(utf8Text(await collect(stream)), `${i}`)
            }),
          )
          await Promise.all(opens)
          await until(() => areConnected(a, b))
        }),
      ),
    )
  })
})

test('two dials of one side at once end with one connection on both sides', async () => {
  await Promise.all(
    Array.from({ length: 12 }, () =>
      withHosts(
        2,
        index => (index === 1 ? { listen: ['/ip4/127.0.0.1/tcp/0', '/memory/0'] } : {}),
        async (a, b) => {
          serveEcho(b)
          const [one, two] = await Promise.all(b.addresses.map(address => a.dial(address)))
          assert.ok(one && two)
          await until(() => areConnected(a, b))
          await talk(a, b, a.connections[0]!)
          await talk(a, b, await a.dial(b.peerId))
        },
      ),
    ),
  )
})
