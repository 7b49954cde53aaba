import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createHost, type Host } from '#src/host/host'
import type { Target } from '#src/host/target'
import { memory } from '#src/net/memory'
import type { Socket } from '#src/net/transport'
import { Upgrade } from '#src/net/upgrade'
import { utf8 } from '#src/wire/bytes'
import { generateKey, type PrivateKey } from '#src/wire/keys'
import { Multiaddr } from '#src/wire/multiaddr'
import { allClosed, areConnected, TestTransport, withHosts, withSilence } from '../support/hosts.ts'
import { Ear, errorOf, keyOf, microtasks, noiseOf, peerIdOf, rsaKey, turns, until } from '../support/net.ts'

const stranger = peerIdOf(keyOf(99))

/** Two hosts in memory, and the transport through which the first dials. */
async function withDialer(
  limits: Record<string, number>,
  body: (a: Host, b: Host, transport: TestTransport) => Promise<void>,
): Promise<void> {
  const transport = new TestTransport()
  const options = (index: number) => ({
    listen: ['/memory/0'],
    limits,
    ...(index === 0 && { transports: [transport] }),
  })
  await withHosts(2, options, (a, b) => body(a, b, transport))
}

describe('a target may be', () => {
  const targets: Record<string, (host: Host) => Target> = {
    'an address as text': host => host.addresses[0]!.toString(),
    'an address as value': host => host.addresses[0]!,
    'an address without peer ID': host => host.addresses[0]!.withoutPeerId(),
    'an address with /ipfs': host => host.addresses[0]!.toString().replace('/p2p/', '/ipfs/'),
    'a peer ID as value': host => host.peerId,
    'a peer ID as text': host => host.peerId.toString(),
    'a peer ID as CID': host => host.peerId.toCid(),
    'a peer ID as address': host => `/p2p/${host.peerId.toString()}`,
  }

  for (const [name, target] of Object.entries(targets)) {
    test(name, () =>
      withHosts(2, {}, async (a, b) => {
        if (name.startsWith('a peer ID')) a.peers.add(b.peerId, b.addresses)
        const connection = await a.dial(target(b))
        assert.ok(connection.peerId.equals(b.peerId))
        assert.equal(connection.direction, 'outbound')
        await until(() => b.connections.length === 1)
        assert.equal(b.connections[0]!.direction, 'inbound')
        assert.equal(await a.dial(target(b)), connection, 'dialled again, it is the one that stands')
        assert.ok((await a.ping(target(b))) > 0)
        assert.ok(areConnected(a, b))
      }),
    )
  }
})

describe('a dial is refused:', () => {
  const failures: [string, (host: Host) => Target, string, string?][] = [
    ['of what is no address', () => '/ip4/1.2.3/tcp/1', 'ERR_MULTIADDR'],
    ['of what is no peer ID', () => 'nobody', 'ERR_PEER_ID'],
    ['of a peer without addresses', () => stranger, 'ERR_NO_ADDRESS'],
    ['of a peer without addresses, as address', () => `/p2p/${stranger.toString()}`, 'ERR_NO_ADDRESS'],
    ['of an address that no transport knows', () => '/ip4/127.0.0.1/udp/1', 'ERR_NO_TRANSPORT'],
    ['of an address where nobody listens', () => '/memory/nobody', 'ERR_CONNECTION_REFUSED', 'tcp'],
    ['of a name that stands for nothing', () => '/dns4/nowhere.invalid/tcp/1', 'ERR_RESOLVE', 'dns'],
    ['of this host by peer ID', host => host.peerId, 'ERR_DIAL_SELF'],
    ['of this host by address', host => host.addresses[0]!, 'ERR_DIAL_SELF'],
    ['of this host without saying so', host => host.addresses[0]!.withoutPeerId(), 'ERR_DIAL_SELF'],
    [
      'of this host under another name',
      host => host.addresses[0]!.withPeerId(stranger),
      'ERR_PEER_MISMATCH',
      'identity',
    ],
  ]
  const resolver = { ip4: async () => [], ip6: async () => [], txt: async () => [] }

  for (const [name, target, code, stage] of failures) {
    test(name, () =>
      withHosts(1, { resolver }, async host => {
        const error = await errorOf(host.dial(target(host)))
        assert.equal(error.code, code)
        assert.equal(error.stage, stage)
        await turns(20)
        assert.deepEqual(host.connections, [])
      }),
    )
  }

  const keys: [string, () => PrivateKey | Promise<PrivateKey>][] = [
    ['Ed25519', () => keyOf(5)],
    ['secp256k1', () => generateKey('secp256k1')],
    ['ECDSA', () => generateKey('ecdsa')],
    ['RSA', () => rsaKey()],
  ]

  for (const [type, make] of keys) {
    test(`where another peer than the one asked for answers, ${type}`, async () => {
      const [asked, answers] = [await make(), keyOf(6)]
      await withHosts(
        3,
        index => ({ identity: [asked, answers, keyOf(7)][index]! }),
        async (right, wrong, a) => {
          const [address] = wrong.addresses
          for (const target of [address!.withPeerId(right.peerId), right.peerId]) {
            a.peers.add(right.peerId, [address!])
            const error = await errorOf(a.dial(target))
            assert.equal(error.code, 'ERR_PEER_MISMATCH')
            assert.equal(error.stage, 'identity')
            assert.ok(error.remote)
          }
          const other = await errorOf(a.dial(right.addresses[0]!.withPeerId(wrong.peerId)))
          assert.equal(other.code, 'ERR_PEER_MISMATCH')
          await turns(20)
          for (const host of [right, wrong, a]) assert.deepEqual(host.connections, [])
          await a.dial(right.addresses[0]!)
        },
      )
    })
  }
})

describe('several addresses of one peer', () => {
  test('are tried one after another: silence costs no more than the head start', () =>
    withSilence(silent =>
      withDialer({ dialStagger: 20 }, async (a, b, transport) => {
        a.peers.add(b.peerId, [silent, ...b.addresses])
        await a.dial(b.peerId)
        assert.deepEqual(transport.dialled, [silent, b.addresses[0]!.withoutPeerId()].map(String))
        await until(() => areConnected(a, b))
      }),
    ))

  test('are tried at once when the one before fails', () =>
    withDialer({ dialStagger: 1_000_000 }, async (a, b, transport) => {
      a.peers.add(b.peerId, [...['/memory/dead-1', '/memory/dead-2'].map(Multiaddr.parse), ...b.addresses])
      await a.dial(b.peerId)
      assert.equal(transport.dialled.length, 3)
    }))

  test('of which another peer answers at one, lead to the right one', () =>
    withHosts(3, { limits: { dialStagger: 20 } }, async (a, b, wrong) => {
      a.peers.add(b.peerId, [...wrong.addresses, ...b.addresses])
      assert.ok((await a.dial(b.peerId)).peerId.equals(b.peerId))
      await turns(20)
      assert.deepEqual(wrong.connections, [])
    }))

  test('that all fail give the error of the one that came furthest, and all as its cause', () =>
    withHosts(2, {}, async (a, wrong) => {
      a.peers.add(stranger, ['/memory/dead-1', '/memory/dead-2'].map(Multiaddr.parse))
      a.peers.add(stranger, wrong.addresses)
      const error = await errorOf(a.dial(stranger))
      assert.equal(error.code, 'ERR_PEER_MISMATCH')
      assert.equal(error.stage, 'identity')
      assert.match(error.message, /^None of the 3 addresses worked; the nearest miss: /)
      assert.equal((error.cause as AggregateError).errors.length, 3)
    }))

  test('are all tried in the end, though there may not be more than so many at once', () =>
    withSilence((silent, accepted) =>
      withDialer({ dialStagger: 1, parallelDials: 2, dialTimeout: 300 }, async (a, _b, transport) => {
        a.peers.add(stranger, [silent])
        const others = Array.from({ length: 5 }, () =>
          memory().listen(Multiaddr.parse('/memory/0'), socket => accepted.push(socket)),
        )
        const listeners = await Promise.all(others)
        a.peers.add(
          stranger,
          listeners.flatMap(({ addresses }) => addresses),
        )
        assert.equal((await errorOf(a.dial(stranger))).code, 'ERR_TIMEOUT')
        assert.equal(transport.dialled.length, 6)
        assert.ok(await allClosed(transport.sockets))
        await Promise.all(listeners.map(listener => listener.close()))
      }),
    ))

  test('that no transport knows are passed over', () =>
    withDialer({}, async (a, b, transport) => {
      a.peers.add(b.peerId, ['/ip4/127.0.0.1/udp/1', '/ip4/127.0.0.1/tcp/1'].map(Multiaddr.parse))
      a.peers.add(b.peerId, b.addresses)
      await a.dial(b.peerId)
      assert.equal(transport.dialled.length, 1)
    }))
})

describe('a dial that takes too long', () => {
  test('is given up at its deadline, with the stage that it was at', () =>
    withSilence((silent, accepted) =>
      withDialer({ dialTimeout: 30 }, async a => {
        const error = await errorOf(a.dial(silent))
        assert.equal(error.code, 'ERR_TIMEOUT')
        assert.equal(error.stage, 'negotiate')
        assert.ok(await allClosed(accepted))
      }),
    ))

  test('because of a name says so', async () => {
    const never = () => new Promise<string[]>(() => {})
    const options = { resolver: { ip4: never, ip6: never, txt: never }, limits: { dialTimeout: 30 } }
    await withHosts(1, options, async host => {
      const error = await errorOf(host.dial('/dns4/example.com/tcp/1'))
      assert.equal(error.code, 'ERR_TIMEOUT')
      assert.equal(error.stage, 'dns')
    })
  })

  test('can be given up by a signal, before and in the middle', () =>
    withSilence((silent, accepted) =>
      withDialer({}, async (a, _b, transport) => {
        assert.equal((await errorOf(a.dial(silent, { signal: AbortSignal.abort() }))).code, 'ERR_ABORTED')
        assert.deepEqual(transport.dialled, [])
        const controller = new AbortController()
        const dial = errorOf(a.dial(silent, { signal: controller.signal }))
        await until(() => accepted.length === 1)
        controller.abort()
        assert.equal((await dial).code, 'ERR_ABORTED')
        await turns()
        assert.ok(await allClosed(accepted))
      }),
    ))
})

describe('simultaneous dials of one target', () => {
  test('share one connection', () =>
    withDialer({}, async (a, b, transport) => {
      const connections = await Promise.all(Array.from({ length: 20 }, () => a.dial(b.addresses[0]!)))
      assert.equal(new Set(connections).size, 1)
      assert.equal(transport.dialled.length, 1)
    }))

  test('share one error', () =>
    withDialer({}, async a => {
      const errors = await Promise.all([1, 2, 3].map(() => errorOf(a.dial('/memory/nobody'))))
      assert.deepEqual(
        errors.map(({ code }) => code),
        Array(3).fill('ERR_CONNECTION_REFUSED'),
      )
      assert.equal((await errorOf(a.dial('/memory/nobody'))).code, 'ERR_CONNECTION_REFUSED')
    }))

  test('go on when one of the callers gives up', () =>
    withDialer({}, async (a, b, transport) => {
      const controller = new AbortController()
      transport.onDialled = () => controller.abort()
      const [first, second] = await Promise.allSettled([
        a.dial(b.addresses[0]!, { signal: controller.signal }),
        a.dial(b.addresses[0]!),
      ])
      assert.equal(first.status === 'rejected' && first.reason.code, 'ERR_ABORTED')
      assert.ok(second.status === 'fulfilled')
      assert.equal(transport.dialled.length, 1)
      assert.equal(second.value.status, 'open')
    }))

  test('end when all of them have given up; whoever comes then dials anew', () =>
    withSilence((silent, accepted) =>
      withDialer({}, async (a, _b, transport) => {
        const controllers = [new AbortController(), new AbortController()]
        const dials = controllers.map(({ signal }) => errorOf(a.dial(silent, { signal })))
        await until(() => accepted.length === 1)
        for (const controller of controllers) controller.abort()
        for (const dial of dials) assert.equal((await dial).code, 'ERR_ABORTED')
        await turns()
        assert.ok(await allClosed(accepted))
        const later = new AbortController()
        const again = errorOf(a.dial(silent, { signal: later.signal }))
        await until(() => transport.dialled.length === 2)
        later.abort()
        await again
      }),
    ))
})

describe('a dial that is given up just as it succeeds leaves no connection behind:', () => {
  test('while the transport hands its socket over', () =>
    withDialer({}, async (a, b, transport) => {
      const controller = new AbortController()
      transport.onDialled = () => controller.abort()
      assert.equal(
        (await errorOf(a.dial(b.addresses[0]!, { signal: controller.signal }))).code,
        'ERR_ABORTED',
      )
      await turns(20)
      assert.deepEqual([a.connections, b.connections], [[], []])
      assert.ok(await allClosed(transport.sockets))
    }))

  test('in any microtask behind the handshake', async () => {
    let outcomes = ''
    for (let count = 0; count < 24; count++) {
      await withDialer({}, async (a, b, transport) => {
        const controller = new AbortController()
        transport.onUpgraded = () => void microtasks(count).then(() => controller.abort())
        const outcome = await a.dial(b.addresses[0]!, { signal: controller.signal }).then(
          () => '+',
          ({ code }) => (code === 'ERR_ABORTED' ? '-' : code),
        )
        outcomes += outcome
        await turns(10)
        // Where only the caller has given up, the connection is sound, and closes with the host.
        assert.equal(a.connections.length, b.connections.length, outcomes)
      })
    }
    assert.match(outcomes, /^-+\++$/)
  })

  test('at any turn of the handshake', async () => {
    let outcomes = ''
    for (let turn = 0; turn < 14; turn++) {
      await withDialer({}, async (a, b) => {
        const controller = new AbortController()
        const dial = a.dial(b.addresses[0]!, { signal: controller.signal }).then(
          () => '+',
          error => (error.code === 'ERR_ABORTED' ? '-' : error.code),
        )
        await turns(turn)
        controller.abort()
        const outcome = await dial
        outcomes += outcome
        await turns(10)
        const count = outcome === '+' ? 1 : 0
        assert.deepEqual([a.connections.length, b.connections.length], [count, count], outcomes)
      })
    }
    assert.match(outcomes, /^-+\++$/)
  })
})

describe('a listener that stumbles over the optimistic form', () => {
  for (const [name, stumble] of [
    ['by closing', (socket: Socket) => socket.destroy()],
    [
      'by answering nonsense',
      (socket: Socket) => socket.write([utf8(`HTTP/1.1 400 Bad Request\r\n${' '.repeat(80)}`)]),
    ],
  ] as const) {
    test(`${name} is dialled again in the plain one`, async () => {
      const key = keyOf(8)
      let count = 0
      const listener = await memory().listen(Multiaddr.parse('/memory/0'), socket => {
        count++
        const machine = new Upgrade({ direction: 'inbound', identity: noiseOf(key) })
        const ear = new Ear()
        ear.onData = () => {
          // Header and proposal are 28 bytes; what comes with them was sent too soon.
          if (ear.chunks.length === 1 && ear.length > 28) return stumble(socket)
          machine.receive(ear.chunks.at(-1)!)
          const out = machine.take()
          if (out.length > 0) socket.write([out])
        }
        socket.attach(ear)
      })
      const host = await createHost()
      const connection = await host.dial(listener.addresses[0]!)
      assert.ok(connection.peerId.equals(peerIdOf(key)))
      assert.equal(count, 2)
      connection.abort()
      await host.stop()
      await listener.close()
    })
  }

  test('in any other way is not dialled again', async () => {
    let count = 0
    const listener = await memory().listen(Multiaddr.parse('/memory/0'), socket => {
      count++
      socket.attach(new Ear())
      socket.write([utf8('\u0013/multistream/1.0.0\n\u0003na\n')])
    })
    const host = await createHost()
    const error = await errorOf(host.dial(listener.addresses[0]!))
    assert.equal(error.code, 'ERR_PROTOCOL_UNSUPPORTED')
    assert.equal(error.stage, 'negotiate')
    assert.equal(count, 1)
    await host.stop()
    await listener.close()
  })
})
