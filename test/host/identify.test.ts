import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Host } from '#src/host/host'
import type { Stream } from '#src/net/stream'
import {
  encodeIdentify,
  IDENTIFY_PROTOCOL,
  IDENTIFY_PUSH_PROTOCOL,
  type IdentifyMessage,
  IdentifyReader,
} from '#src/protocol/identify'
import { PING_PROTOCOL } from '#src/protocol/ping'
import { Multiaddr } from '#src/wire/multiaddr'
import { openPeerRecord, sealPeerRecord } from '#src/wire/peer-record'
import { once, TestTransport, withHosts } from '../support/hosts.ts'
import { collect, errorOf, keyOf, peerIdOf, turns, until, withResolvers } from '../support/net.ts'
import { pattern } from '../support/wire.ts'

const services = [IDENTIFY_PROTOCOL, IDENTIFY_PUSH_PROTOCOL, PING_PROTOCOL]

function knows(host: Host, other: Host): boolean {
  return host.peers.get(other.peerId)?.agent !== undefined
}

/** Two hosts that have told each other who they are. */
async function withAcquainted(
  options: Parameters<typeof withHosts>[1],
  body: (a: Host, b: Host) => Promise<void>,
): Promise<void> {
  await withHosts(2, options, async (a, b) => {
    await a.dial(b.addresses[0]!)
    await until(() => knows(a, b) && knows(b, a))
    await body(a, b)
  })
}

/** What a host says on an identify stream. */
async function ask(from: Host, to: Host): Promise<IdentifyMessage> {
  const stream = await from.open(to.addresses[0]!, IDENTIFY_PROTOCOL)
  const reader = new IdentifyReader()
  reader.receive(await collect(stream))
  await stream.end()
  return reader.finish()
}

/** Tells a host what the message says, and waits until it has been taken in, or refused. */
async function push(from: Host, to: Host, bytes: Uint8Array): Promise<Stream> {
  const stream = await from.connections[0]!.open(IDENTIFY_PUSH_PROTOCOL)
  stream.write(bytes)
  await stream.end()
  await collect(stream).catch(() => {})
  await until(() => to.connections[0]!.streams.every(({ id }) => id !== stream.id))
  return stream
}

function addressesOf(host: Host, peer: Host): string[] {
  return (host.peers.get(peer.peerId)?.addresses ?? []).map(String).sort()
}

describe('identify', () => {
  test('tells both sides who the other is', () =>
    withHosts(
      2,
      index => ({ agent: `program ${index}` }),
      async (a, b) => {
        b.handle('/b', () => {})
        const heard = Promise.all([once(a, 'identify'), once(b, 'identify')])
        const connection = await a.dial(b.addresses[0]!)
        const [{ info, connection: over }] = await heard
        assert.equal(over, connection)
        assert.ok(info.peerId.equals(b.peerId))
        assert.equal(info.agent, 'program 1')
        assert.deepEqual([...info.protocols].sort(), [...services, '/b'].sort())
        assert.deepEqual(
          addressesOf(a, b),
          b.addresses.map(address => address.withoutPeerId().toString()),
        )
        assert.equal(info.observedAddress?.toString(), b.connections[0]!.remoteAddress.toString())
        const other = b.peers.get(a.peerId)!
        assert.equal(other.agent, 'program 0')
        assert.equal(other.observedAddress?.toString(), b.addresses[0]!.withoutPeerId().toString())
        assert.deepEqual(
          addressesOf(b, a),
          a.addresses.map(address => address.withoutPeerId().toString()),
        )
      },
    ))

  test('lets the one who was dialled dial back', () =>
    withAcquainted({}, async (a, b) => {
      await a.connections[0]!.close()
      await until(() => a.connections.length === 0 && b.connections.length === 0)
      assert.ok((await b.dial(a.peerId)).peerId.equals(a.peerId))
    }))

  test('tells those who are connected what has changed', () =>
    withAcquainted({}, async (a, b) => {
      const undo = b.handle('/new', () => {})
      await until(() => a.peers.get(b.peerId)!.protocols.includes('/new'))
      undo()
      await until(() => !a.peers.get(b.peerId)!.protocols.includes('/new'))
      await b.listen('/ip4/127.0.0.1/tcp/0')
      await until(() => addressesOf(a, b).length === 2)
      await until(() => [...a.connections, ...b.connections].every(({ streams }) => streams.length === 0))
    }))

  test('tells of several changes of one turn once', () =>
    withAcquainted({}, async (a, b) => {
      let count = 0
      a.on('identify', () => count++)
      for (const protocol of ['/1', '/2', '/3']) b.handle(protocol, () => {})
      await until(() => a.peers.get(b.peerId)!.protocols.includes('/3'))
      await turns(20)
      assert.equal(count, 1)
    }))

  test('tells of a change that comes before it is known whether the other side cares', () =>
    withHosts(2, {}, async (a, b) => {
      const asked = withResolvers()
      a.handle(IDENTIFY_PROTOCOL, async stream => {
        await asked.promise
        stream.write(encodeIdentify({ protocols: [IDENTIFY_PUSH_PROTOCOL] }))
        await stream.end()
      })
      await a.dial(b.addresses[0]!)
      await until(() => knows(a, b))
      b.handle('/new', () => {})
      await turns(20)
      asked.resolve()
      await until(() => a.peers.get(b.peerId)!.protocols.includes('/new'))
    }))

  test('does not push to a peer that does not take it', () =>
    withHosts(2, {}, async (a, b) => {
      let pushes = 0
      a.handle(IDENTIFY_PUSH_PROTOCOL, () => {
        pushes++
      })
      a.handle(IDENTIFY_PROTOCOL, async stream => {
        stream.write(encodeIdentify({ protocols: [], agent: 'plain' }))
        await stream.end()
      })
      await a.dial(b.addresses[0]!)
      await until(() => knows(b, a))
      b.handle('/new', () => {})
      await turns(30)
      assert.equal(pushes, 0)
    }))

  test('gives up on a peer that is silent, and on one that trickles', async () => {
    await withHosts(2, { limits: { serviceTimeout: 30 } }, async (a, b) => {
      const reset: string[] = []
      b.handle(IDENTIFY_PROTOCOL, async stream => {
        // Bytes that come one by one do not prolong it.
        const timer = setInterval(() => stream.write(pattern(1)), 5)
        stream.write(Uint8Array.of(0xff, 0x1f))
        await errorOf(stream.closed).then(({ code }) => reset.push(code))
        clearInterval(timer)
      })
      await a.dial(b.addresses[0]!)
      await until(() => reset.length === 1)
      assert.deepEqual(reset, ['ERR_STREAM_RESET'])
      assert.equal(a.connections.length, 1)
    })
  })
})

describe('what a host says of itself', () => {
  test('is one message with its key, addresses, protocols and a signed record', () =>
    withHosts(
      2,
      index => ({ identity: keyOf(index + 1) }),
      async (a, b) => {
        const message = await ask(a, b)
        assert.deepEqual(message.publicKey, keyOf(2).publicKey.bytes)
        assert.equal(message.protocolVersion, 'ipfs/0.1.0')
        assert.match(message.agent!, /^parley\/\d/)
        assert.deepEqual(
          message.addresses!.map(String),
          b.addresses.map(one => one.withoutPeerId().toString()),
        )
        const record = openPeerRecord(message.signedPeerRecord!)
        assert.ok(record.peerId.equals(b.peerId))
        assert.deepEqual(record.addresses.map(String), message.addresses!.map(String))
        const same = openPeerRecord((await ask(a, b)).signedPeerRecord!)
        assert.equal(same.seq, record.seq, 'nothing has changed')
        await b.listen('/memory/0')
        const later = openPeerRecord((await ask(a, b)).signedPeerRecord!)
        assert.equal(later.addresses.length, record.addresses.length + 1)
        assert.ok(later.seq > record.seq, 'a record that says something else is newer')
      },
    ))

  test('comes in several messages rather than grow beyond what everyone reads', () =>
    withHosts(2, { listen: Array(20).fill('/memory/0') }, async (a, b) => {
      for (let i = 0; i < 100; i++) b.handle(`/protocol/with/a/rather/long/name/${i}`, () => {})
      const message = await ask(a, b)
      assert.equal(openPeerRecord(message.signedPeerRecord!).addresses.length, 16)
      assert.equal(message.addresses!.length, 16)
      assert.equal(message.protocols!.length, 103)
    }))
})

describe('what a peer says of itself', () => {
  const claimed = Multiaddr.parse('/ip4/192.0.2.1/tcp/1')
  const signed = Multiaddr.parse('/ip4/192.0.2.2/tcp/2')

  /** A host that is told something by a peer whose key the test has. */
  function withPush(
    body: (tell: (message: IdentifyMessage) => Promise<string[]>, b: Host, a: Host) => Promise<void>,
  ) {
    return withAcquainted(
      index => ({ identity: keyOf(index + 1), listen: index === 0 ? [] : ['/ip4/127.0.0.1/tcp/0'] }),
      (a, b) =>
        body(
          async message => {
            await push(a, b, encodeIdentify(message))
            return addressesOf(b, a)
          },
          b,
          a,
        ),
    )
  }

  const now = () => BigInt(Date.now() + 60_000)
  const record = (key: number, seq: bigint) => sealPeerRecord(keyOf(key), { seq, addresses: [signed] })

  test('in a signed record counts more than what it says besides', () =>
    withPush(async tell => {
      const addresses = await tell({ addresses: [claimed], signedPeerRecord: record(1, now()) })
      assert.deepEqual(addresses, [signed.toString()])
    }))

  for (const [name, make] of [
    ['of another peer', () => record(3, now())],
    ['that is older than the last', () => record(1, 1n)],
    ['that is damaged', () => record(1, now()).map((byte, i) => (i === 60 ? byte ^ 1 : byte))],
    ['that is none', () => pattern(50)],
    ['signed for another peer than it is about', () => forged()],
  ] as [string, () => Uint8Array][]) {
    test(`in a record ${name} does not count`, () =>
      withPush(async (tell, b) => {
        const { size } = b.peers
        assert.deepEqual(await tell({ addresses: [claimed], signedPeerRecord: make() }), [claimed.toString()])
        assert.equal(b.peers.size, size)
        assert.equal(b.peers.get(peerIdOf(keyOf(3))), undefined)
      }))
  }

  /** The record of peer 1 with the key of peer 3 in its envelope. */
  function forged(): Uint8Array {
    const [genuine, key] = [record(1, now()), keyOf(3).publicKey.bytes]
    const bytes = genuine.slice()
    bytes.set(key, 2)
    return bytes
  }

  test('never changes what the handshake proved', () =>
    withPush(async (tell, b, a) => {
      await tell({ publicKey: keyOf(3).publicKey.bytes, agent: 'liar' })
      assert.ok(b.connections[0]!.publicKey.equals(keyOf(1).publicKey))
      assert.equal(b.peers.get(a.peerId)?.agent, 'liar')
      assert.equal(b.peers.get(peerIdOf(keyOf(3))), undefined)
    }))

  test('changes nothing where it is silent', () =>
    withPush(async (tell, b, a) => {
      const before = b.peers.get(a.peerId)!
      await tell({})
      assert.deepEqual(b.peers.get(a.peerId), before)
      await tell({ protocols: ['/only'] })
      assert.deepEqual(b.peers.get(a.peerId)!.protocols, ['/only'])
      assert.equal(b.peers.get(a.peerId)!.agent, before.agent)
    }))

  test('is kept within bounds', () =>
    withPush(async (tell, b, a) => {
      const addresses = Array.from({ length: 60 }, (_, i) => Multiaddr.parse(`/ip4/192.0.2.1/tcp/${i + 1}`))
      assert.equal((await tell({ addresses })).length, 32)
      await tell({ agent: 'x'.repeat(1_000), protocols: Array.from({ length: 400 }, (_, i) => `/p/${i}`) })
      const info = b.peers.get(a.peerId)!
      assert.equal(info.agent?.length, 128)
      assert.equal(info.protocols.length, 256)
    }))

  for (const [name, bytes] of [
    ['nothing', new Uint8Array(0)],
    ['half a message', encodeIdentify({ agent: 'half' }).subarray(0, 4)],
    ['more than 8 KiB', Uint8Array.of(0x81, 0x40)],
    ['what is no message', Uint8Array.of(3, 255, 255, 255)],
  ] as const) {
    test(`is refused where it is ${name}, and the connection stands`, () =>
      withPush(async (_tell, b, a) => {
        const before = b.peers.get(a.peerId)
        const stream = await push(a, b, bytes)
        assert.equal((await errorOf(stream.closed)).code, 'ERR_STREAM_RESET')
        assert.deepEqual(b.peers.get(a.peerId), before)
        assert.equal(b.connections.length, 1)
      }))
  }
})

test('a third identify stream at once is refused', async () => {
  const transport = new TestTransport()
  await withHosts(2, { transports: [transport], listen: ['/memory/0'] }, async (a, b) => {
    const connection = await a.dial(b.addresses[0]!)
    await until(() => knows(a, b) && knows(b, a))
    const streams = await Promise.all([1, 2, 3].map(() => connection.open(IDENTIFY_PROTOCOL)))
    const answers = await Promise.allSettled(streams.map(stream => collect(stream)))
    assert.deepEqual(
      answers.map(({ status }) => status),
      ['fulfilled', 'fulfilled', 'rejected'],
    )
  })
})
