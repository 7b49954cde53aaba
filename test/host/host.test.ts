import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createHost, type Host } from '#src/host/host'
import { PING_PROTOCOL } from '#src/protocol/ping'
import { utf8, utf8Text } from '#src/wire/bytes'
import { type ErrorCode, ParleyError } from '#src/wire/errors'
import { generateKey } from '#src/wire/keys'
import type { PeerId } from '#src/wire/peer-id'
import {
  areConnected,
  journal,
  once,
  openSockets,
  runModule,
  serveEcho,
  TestTransport,
  withHosts,
} from '../support/hosts.ts'
import { collect, errorOf, keyOf, peerIdOf, turns, until, withResolvers } from '../support/net.ts'

/** Whether the handler of `/echo` still answers. */
async function assertEcho(from: Host, to: Host): Promise<void> {
  const stream = await from.open(to.addresses[0]!, '/echo')
  stream.write(utf8('hello'))
  await stream.end()
  assert.equal(utf8Text(await collect(stream)), 'hello')
}

describe('createHost', () => {
  test('listens on every address it is given, and names them with its peer ID', () =>
    withHosts(1, { listen: ['/ip4/127.0.0.1/tcp/0', '/memory/0', '/ip4/127.0.0.1/tcp/0'] }, async host => {
      assert.equal(host.addresses.length, 3)
      assert.equal(new Set(host.addresses.map(String)).size, 3)
      for (const address of host.addresses) {
        assert.ok(address.peerId?.equals(host.peerId))
        assert.doesNotMatch(address.toString(), /tcp\/0\//)
      }
    }))

  test('refuses limits that are no numbers of zero or more', async () => {
    const wrong = [{ connections: -1 }, { dialTimeout: Number.NaN }, { yamux: { maxWindow: -5 } }]
    for (const limits of wrong) assert.equal((await errorOf(createHost({ limits }))).code, 'ERR_USAGE')
  })

  test('refuses names of protocols that cannot be spoken', () =>
    withHosts(2, {}, async (near, far) => {
      for (const name of ['', '/a\nb', `/${'x'.repeat(1023)}`]) {
        assert.throws(() => far.handle(name, () => {}), { code: 'ERR_USAGE' })
        assert.equal((await errorOf(near.open(far.addresses[0]!, name))).code, 'ERR_USAGE')
      }
      const longest = `/${'x'.repeat(1022)}`
      far.handle(longest, stream => stream.end())
      assert.equal((await near.open(far.addresses[0]!, longest)).protocol, longest)
    }))

  test('may listen nowhere, or later', () =>
    withHosts(2, { listen: [] }, async (a, b) => {
      assert.deepEqual(b.addresses, [])
      await b.listen('/ip4/127.0.0.1/tcp/0')
      serveEcho(b)
      await assertEcho(a, b)
    }))

  test('names every interface, and none of them 0.0.0.0', () =>
    withHosts(
      2,
      index => ({ listen: index === 0 ? ['/ip4/0.0.0.0/tcp/0'] : [] }),
      async (a, b) => {
        assert.ok(a.addresses.length > 0)
        for (const address of a.addresses) {
          assert.notEqual(address.value('ip4'), '0.0.0.0')
          assert.equal((await b.dial(address)).peerId.toString(), a.peerId.toString())
        }
        assert.equal(b.connections.length, 1)
      },
    ))

  test('is who its key says, and someone new without one', () =>
    withHosts(
      2,
      index => (index === 0 ? { identity: keyOf(7) } : {}),
      async (a, b) => {
        assert.ok(a.peerId.equals(peerIdOf(keyOf(7))))
        assert.ok(!b.peerId.equals(a.peerId))
      },
    ))

  for (const [name, listen, code] of [
    ['what is no address', 'tcp/80', 'ERR_MULTIADDR'],
    ['an address that no transport knows', '/ip4/127.0.0.1/udp/80', 'ERR_NO_TRANSPORT'],
    ['an address of another machine', '/ip4/192.0.2.77/tcp/0', 'ERR_LISTEN'],
  ] as [string, string, ErrorCode][]) {
    test(`refuses ${name}, and leaves nothing behind`, async () => {
      const before = openSockets()
      const error = await errorOf(createHost({ listen: ['/ip4/127.0.0.1/tcp/0', listen] }))
      assert.equal(error.code, code)
      await until(() => openSockets() === before)
    })
  }

  test('says that a port is in use', () =>
    withHosts(1, {}, async host => {
      const error = await errorOf(createHost({ listen: [host.addresses[0]!] }))
      assert.equal(error.code, 'ERR_ADDRESS_IN_USE')
    }))

  test('gives up when its signal fires, before and while it begins to listen', async () => {
    assert.equal((await errorOf(createHost({ signal: AbortSignal.abort() }))).code, 'ERR_ABORTED')
    const controller = new AbortController()
    const transport = new TestTransport()
    transport.onListening = () => controller.abort()
    const options = { transports: [transport], listen: ['/memory/late-1', '/memory/late-2'] }
    const error = await errorOf(createHost({ ...options, signal: controller.signal }))
    assert.equal(error.code, 'ERR_ABORTED')
    await withHosts(1, { ...options, transports: [new TestTransport()] }, async host => {
      assert.equal(host.addresses.length, 2, 'the addresses are free again')
    })
  })

  test('stops the host when its signal fires later', async () => {
    const controller = new AbortController()
    await withHosts(
      2,
      index => (index === 0 ? { signal: controller.signal } : {}),
      async (a, b) => {
        await b.dial(a.addresses[0]!)
        controller.abort()
        await until(() => a.connections.length === 0 && b.connections.length === 0)
        assert.equal((await errorOf(a.dial(b.addresses[0]!))).code, 'ERR_HOST_STOPPED')
      },
    )
  })
})

describe('a handler', () => {
  test('hears of each stream of its protocol, with who opened it', () =>
    withHosts(2, {}, async (a, b) => {
      const heard = withResolvers<PeerId>()
      b.handle('/hello', stream => {
        heard.resolve(stream.connection.peerId)
        return stream.end()
      })
      await a.open(b.addresses[0]!, '/hello')
      assert.ok((await heard.promise).equals(a.peerId))
    }))

  test('is chosen by the opener’s order of preference', () =>
    withHosts(2, {}, async (a, b) => {
      for (const protocol of ['/v1', '/v2']) {
        b.handle(protocol, async stream => {
          stream.write(utf8(protocol))
          await stream.end()
        })
      }
      const stream = await a.open(b.addresses[0]!, ['/v3', '/v2', '/v1'])
      assert.equal(stream.protocol, '/v2')
      assert.equal(utf8Text(await collect(stream)), '/v2')
    }))

  test('answers an optimistic opener, who wrote before it was known that the protocol is spoken', () =>
    withHosts(2, {}, async (a, b) => {
      serveEcho(b)
      const stream = await a.open(b.addresses[0]!, '/echo', { optimistic: true })
      assert.equal(stream.protocol, '/echo')
      stream.write(utf8('early'))
      await stream.end()
      assert.equal(utf8Text(await collect(stream)), 'early')
    }))

  test('that is not there is an error of the stream for an optimistic opener, not of opening it', () =>
    withHosts(2, {}, async (a, b) => {
      const stream = await a.open(b.addresses[0]!, '/nobody', { optimistic: true })
      assert.equal((await errorOf(collect(stream))).code, 'ERR_PROTOCOL_UNSUPPORTED')
      assert.equal((await errorOf(a.open(b.addresses[0]!, '/nobody'))).code, 'ERR_PROTOCOL_UNSUPPORTED')
    }))

  for (const [name, handler] of [
    [
      'throws at once',
      () => {
        throw new Error('oh no')
      },
    ],
    ['rejects', () => Promise.reject(new Error('oh no'))],
    [
      'throws while it reads',
      async (stream: AsyncIterable<Uint8Array>) => {
        for await (const _ of stream) throw new Error('oh no')
      },
    ],
  ] as const) {
    test(`that ${name} loses its stream, and nothing else`, () =>
      withHosts(2, {}, async (a, b) => {
        b.handle('/bad', handler)
        serveEcho(b)
        const standing = await a.open(b.addresses[0]!, '/echo')
        const stream = await a.open(b.addresses[0]!, '/bad')
        if (name === 'throws while it reads') stream.write(utf8('go'))
        assert.equal((await errorOf(collect(stream))).code, 'ERR_STREAM_RESET')
        standing.write(utf8('still here'))
        await standing.end()
        assert.equal(utf8Text(await collect(standing)), 'still here')
        assert.ok(areConnected(a, b))
      }))
  }

  test('that is taken away is no longer offered; streams that stand go on', () =>
    withHosts(2, {}, async (a, b) => {
      const undo = b.handle('/hello', async stream => {
        for await (const chunk of stream) stream.write(chunk)
        await stream.end()
      })
      const standing = await a.open(b.addresses[0]!, '/hello')
      undo()
      await until(() => a.peers.get(b.peerId)?.protocols.includes('/hello') === false)
      const error = await errorOf(a.open(b.peerId, '/hello'))
      assert.equal(error.code, 'ERR_PROTOCOL_UNSUPPORTED')
      standing.write(utf8('on'))
      await standing.end()
      assert.equal(utf8Text(await collect(standing)), 'on')
    }))

  test('takes the place of the one before, whose undo then does nothing', () =>
    withHosts(2, {}, async (a, b) => {
      const undo = b.handle('/echo', stream => stream.reset())
      serveEcho(b)
      undo()
      await assertEcho(a, b)
    }))

  test('may bound how many streams one connection has open to it', () =>
    withHosts(3, {}, async (a, b, c) => {
      let open = 0
      b.handle(
        '/few',
        async stream => {
          open++
          await collect(stream)
          await stream.end()
        },
        { maxInbound: 2 },
      )
      const first = await a.open(b.addresses[0]!, '/few')
      await a.open(b.peerId, '/few')
      await until(() => open === 2)
      const third = await a.open(b.peerId, '/few')
      assert.equal((await errorOf(collect(third))).code, 'ERR_STREAM_RESET')
      await c.open(b.addresses[0]!, '/few')
      await until(() => open === 3)
      await first.end()
      await collect(first)
      await until(() => a.connections[0]!.streams.length === 1)
      await a.open(b.peerId, '/few')
      await until(() => open === 4)
    }))
})

describe('events', () => {
  test('tell once of each peer that comes and goes, on both sides', () =>
    withHosts(2, {}, async (a, b) => {
      const journals = [journal(a), journal(b)]
      for (let i = 0; i < 3; i++) {
        const connection = await a.dial(b.addresses[0]!)
        await Promise.all([1, 2, 3].map(() => a.dial(b.peerId)))
        await until(() => b.connections.length === 1)
        await connection.close()
        await until(() => b.connections.length === 0 && a.connections.length === 0)
      }
      const expected = (peer: Host) =>
        [1, 2, 3].flatMap(() => [`connect ${peer.peerId.toString()}`, `disconnect ${peer.peerId.toString()}`])
      assert.deepEqual(journals, [expected(b), expected(a)])
    }))

  test('say why a connection went, unless it was closed in good order', () =>
    withHosts(2, {}, async (a, b) => {
      for (const bad of [false, true]) {
        const connection = await a.dial(b.addresses[0]!)
        const [here, there] = [once(a, 'disconnect'), once(b, 'disconnect')]
        await once(b, 'identify')
        const stream = await a.open(b.peerId, PING_PROTOCOL)
        await until(() =>
          b.connections.some(({ streams }) => streams.some(one => one.protocol === PING_PROTOCOL)),
        )
        if (bad) connection.abort(new ParleyError('ERR_PROTOCOL', 'No.'))
        else await connection.close()
        stream.closed.catch(() => {})
        assert.equal((await here).error?.code, bad ? 'ERR_PROTOCOL' : undefined)
        assert.equal((await there).error?.code, bad ? 'ERR_CONNECTION_CLOSED' : undefined)
      }
    }))

  test('are heard until the undo, which concerns that one listener', () =>
    withHosts(2, {}, async (a, b) => {
      let count = 0
      const listener = () => count++
      const undo = a.on('connect', listener)
      a.on('connect', listener)
      undo()
      undo()
      await a.dial(b.addresses[0]!)
      assert.equal(count, 1)
    }))

  test('are heard by all though one listener throws, which comes up as an uncaught error of its own', async () => {
    const { code, stdout, stderr } = await runModule(`
      import { createHost } from '#src/index'
      process.on('uncaughtException', error => console.log('uncaught', error.message))
      const options = { listen: ['/memory/0'] }
      const [a, b] = await Promise.all([createHost(options), createHost(options)])
      for (const event of ['connect', 'disconnect', 'identify']) {
        a.on(event, () => { throw new Error(event) })
        a.on(event, () => console.log('heard', event))
      }
      const identified = new Promise(resolve => a.on('identify', resolve))
      const connection = await a.dial(b.addresses[0])
      await identified
      await connection.close()
      console.log('left', a.connections.length)
      await Promise.all([a.stop(), b.stop()])
    `)
    assert.deepEqual([code, stderr], [0, ''])
    const lines = stdout.trim().split('\n').sort()
    const events = ['connect', 'disconnect', 'identify']
    assert.deepEqual(lines, [
      ...events.map(event => `heard ${event}`),
      'left 0',
      ...events.map(event => `uncaught ${event}`),
    ])
  })
})

describe('limits:', () => {
  test('connections beyond the bound are refused, and taken again when there is room', () =>
    withHosts(
      4,
      index => (index === 0 ? { limits: { connections: 2 } } : {}),
      async (full, ...others) => {
        const [one, two, three] = others
        const first = await one!.dial(full.addresses[0]!)
        await two!.dial(full.addresses[0]!)
        await until(() => full.connections.length === 2)
        const refused = await errorOf(three!.dial(full.addresses[0]!))
        assert.equal(refused.code, 'ERR_CONNECTION_CLOSED')
        assert.equal(refused.stage, 'negotiate')
        assert.equal((await errorOf(full.dial(three!.addresses[0]!))).code, 'ERR_CONNECTION_LIMIT')
        await first.close()
        await until(() => full.connections.length === 1)
        await three!.dial(full.addresses[0]!)
        await until(() => full.connections.length === 2)
      },
    ))

  test('dials under way at once do not go beyond it either', () =>
    withHosts(
      5,
      index => (index === 0 ? { limits: { connections: 2 } } : {}),
      async (full, ...others) => {
        const dials = await Promise.allSettled(others.map(other => full.dial(other.addresses[0]!)))
        const failed = dials.flatMap(dial => (dial.status === 'rejected' ? [dial.reason.code] : []))
        assert.deepEqual(failed, ['ERR_CONNECTION_LIMIT', 'ERR_CONNECTION_LIMIT'])
        assert.equal(full.connections.length, 2)
        await until(() => others.filter(({ connections }) => connections.length > 0).length === 2)
      },
    ))

  test('handshakes beyond the bound are refused, and each is cut off at its deadline', async () => {
    const transport = new TestTransport()
    const limits = { pendingInbound: 3, upgradeTimeout: 50 }
    await withHosts(2, { transports: [transport], listen: ['/memory/0'], limits }, async (a, b) => {
      const [address] = a.addresses
      const dial = () => transport.dial(address!, new AbortController().signal)
      const silent = await Promise.all(Array.from({ length: 5 }, dial))
      const closed = silent.map(() => false)
      for (const [i, socket] of silent.entries()) {
        socket.attach({ data() {}, end() {}, drain() {}, close: () => (closed[i] = true) })
      }
      await turns()
      assert.deepEqual(closed, [false, false, false, true, true])
      await until(() => closed.every(Boolean))
      await b.dial(address!)
    })
  })
})

test('a host speaks through every kind of key', async () => {
  const keys = await Promise.all([generateKey('secp256k1'), generateKey('ecdsa'), generateKey('ed25519')])
  await withHosts(
    3,
    index => ({ identity: keys[index]! }),
    async (...hosts) => {
      for (const host of hosts) serveEcho(host)
      for (const from of hosts) for (const to of hosts) if (from !== to) await assertEcho(from, to)
    },
  )
})
