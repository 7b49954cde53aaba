import assert from 'node:assert/strict'
import { networkInterfaces } from 'node:os'
import { describe, test } from 'node:test'
import { memory } from '#src/net/memory'
import { tcp } from '#src/net/tcp'
import { type Listener, SOCKET_HIGH_WATER, type Socket, type Transport } from '#src/net/transport'
import { concat, equals } from '#src/wire/bytes'
import { ParleyError } from '#src/wire/errors'
import { Multiaddr } from '#src/wire/multiaddr'
import { Ear, errorOf, never, socketPair, turns, until } from '../support/net.ts'
import { pattern } from '../support/wire.ts'

const hasIp6 = Object.values(networkInterfaces()).some(list => list?.some(({ address }) => address === '::1'))

interface Subject {
  name: string
  transport: Transport
  any: Multiaddr
  skip?: string | false
}

const subjects: Subject[] = [
  { name: 'memory', transport: memory(), any: Multiaddr.parse('/memory/0') },
  { name: 'tcp, IPv4', transport: tcp(), any: Multiaddr.parse('/ip4/127.0.0.1/tcp/0') },
  {
    name: 'tcp, IPv6',
    transport: tcp(),
    any: Multiaddr.parse('/ip6/::1/tcp/0'),
    skip: !hasIp6 && 'there is no IPv6 here',
  },
]

/** Runs the body with a connected pair and an ear for each end, which are destroyed afterwards. */
async function withSockets(
  { transport, any }: Subject,
  body: (a: Socket, b: Socket, earA: Ear, earB: Ear) => Promise<void>,
): Promise<void> {
  const [a, b] = await socketPair(transport, any)
  const [earA, earB] = [new Ear(), new Ear()]
  try {
    await body(a, b, earA, earB)
  } finally {
    for (const [socket, ear] of [
      [a, earA],
      [b, earB],
    ] as const) {
      if (!ear.isClosed) socket.attach(ear)
      socket.destroy()
    }
    await until(() => earA.isClosed && earB.isClosed, 'both close')
    await turns()
    assert.equal(earA.closes.length, 1)
    assert.equal(earB.closes.length, 1)
    assert.equal(earA.events.at(-1), 'close')
    assert.equal(earB.events.at(-1), 'close')
  }
}

async function withListener(
  { transport, any }: Subject,
  body: (listener: Listener, accepted: Socket[]) => Promise<void>,
): Promise<void> {
  const accepted: Socket[] = []
  const listener = await transport.listen(any, socket => accepted.push(socket))
  try {
    await body(listener, accepted)
  } finally {
    await listener.close()
    for (const socket of accepted) socket.destroy()
  }
}

/** Writes until the socket says to wait; returns what was written. */
function fill(socket: Socket): Uint8Array {
  const pieces: Uint8Array[] = []
  for (let more = true; more; ) {
    assert.ok(pieces.length < 2_000, 'write never says to wait')
    const piece = pattern(64 * 1024 + pieces.length)
    pieces.push(piece)
    more = socket.write([piece])
  }
  return concat(pieces)
}

/** One of many connections, with bytes of its own each way; they are compared while they are told, and not later. */
interface Link {
  socket: Socket
  sent: Uint8Array
  ear: Ear
  checked: () => number
  wrong: () => number
}

let links = 0

async function link({ transport, any }: Subject): Promise<Link[]> {
  const pair = await socketPair(transport, any)
  const sent = pair.map(() => pattern(400_000 + links).subarray(links++))
  return pair.map((socket, side) => {
    const expected = sent[1 - side]!
    let at = 0
    let faults = 0
    const ear = new Ear()
    socket.attach({
      data: chunk => {
        if (!equals(chunk, expected.subarray(at, at + chunk.length))) faults++
        at += chunk.length
      },
      end: () => ear.end(),
      drain: () => ear.drain(),
      close: error => ear.close(error),
    })
    return { socket, sent: sent[side]!, ear, checked: () => at, wrong: () => faults }
  })
}

for (const subject of subjects) {
  const { name, transport, any, skip = false } = subject

  describe(`transport contract: ${name}`, { skip }, () => {
    test('carries bytes both ways, in order and whole', () =>
      withSockets(subject, async (a, b, earA, earB) => {
        a.attach(earA)
        b.attach(earB)
        const bytes = pattern(3_000_000)
        for (let at = 0; at < bytes.length; at += 100_000) {
          a.write([bytes.subarray(at, at + 1), new Uint8Array(0), bytes.subarray(at + 1, at + 100_000)])
          b.write([bytes.subarray(at, at + 100_000)])
        }
        await until(() => earA.length >= bytes.length && earB.length >= bytes.length)
        assert.deepEqual(earA.bytes, bytes)
        assert.deepEqual(earB.bytes, bytes)
      }))

    test('tells each of many sockets its own bytes, though all are read in turn', async () => {
      const pairs = await Promise.all(Array.from({ length: 12 }, () => link(subject)))
      const links = pairs.flat()
      const size = 400_000
      for (let at = 0; at < size; at += 20_000) {
        for (const { socket, sent } of links) socket.write([sent.subarray(at, at + 20_000)])
        if (at % 100_000 === 0) await turns(1)
      }
      await until(() => links.every(({ checked }) => checked() === size))
      assert.ok(links.every(({ wrong }) => wrong() === 0))
      for (const { socket } of links) socket.destroy()
      await until(() => links.every(({ ear }) => ear.isClosed))
    })

    test('keeps what comes before a handler is attached', () =>
      withSockets(subject, async (a, b, _earA, earB) => {
        a.write([pattern(10)])
        await turns(20)
        b.attach(earB)
        await until(() => earB.length === 10)
      }))

    test('says to wait when much is queued, and when to go on', () =>
      withSockets(subject, async (a, b, earA, earB) => {
        a.attach(earA)
        const sent = fill(a)
        assert.ok(sent.length >= SOCKET_HIGH_WATER)
        await turns(20)
        assert.equal(earA.drains, 0)
        b.attach(earB)
        await until(() => earB.length === sent.length && earA.drains > 0)
        assert.deepEqual(earB.bytes, sent)
        assert.ok(a.write([pattern(1)]), 'there is room again')
      }))

    test('delivers nothing while paused, and the rest in order afterwards', () =>
      withSockets(subject, async (a, b, earA, earB) => {
        a.attach(earA)
        earB.onData = () => b.pause()
        b.attach(earB)
        const bytes = pattern(500_000)
        for (let at = 0; at < bytes.length; at += 10_000) a.write([bytes.subarray(at, at + 10_000)])
        await until(() => earB.chunks.length === 1)
        await turns(20)
        assert.equal(earB.chunks.length, 1)
        earB.onData = () => {}
        b.resume()
        await until(() => earB.length === bytes.length)
        assert.deepEqual(earB.bytes, bytes)
      }))

    for (const [first, order] of [
      ['the dialer', 0],
      ['the listener', 1],
    ] as const) {
      test(`half-closes, ${first} first: the other side may go on`, () =>
        withSockets(subject, async (a, b, earA, earB) => {
          const [one, other] = order === 0 ? [a, b] : [b, a]
          const [earOne, earOther] = order === 0 ? [earA, earB] : [earB, earA]
          one.attach(earOne)
          other.attach(earOther)
          one.write([pattern(5)])
          one.end()
          await until(() => earOther.ends === 1)
          assert.deepEqual(earOther.bytes, pattern(5))
          other.write([pattern(700)])
          await until(() => earOne.length === 700)
          assert.equal(earOne.isClosed, false)
          other.end()
          await until(() => earOne.isClosed && earOther.isClosed)
          assert.deepEqual(earOne.events, ['data', 'end', 'close'])
          assert.deepEqual(earOther.events, ['data', 'end', 'close'])
          assert.deepEqual([...earOne.closes, ...earOther.closes], [undefined, undefined])
        }))
    }

    test('ends behind what was written, however much that is', () =>
      withSockets(subject, async (a, b, earA, earB) => {
        a.attach(earA)
        const sent = fill(a)
        a.end()
        b.attach(earB)
        await until(() => earB.ends === 1)
        assert.deepEqual(earB.bytes, sent)
      }))

    test('tells nothing after its close, though the other side has yet to read', () =>
      withSockets(subject, async (a, b, earA, earB) => {
        b.end()
        a.attach(earA)
        await until(() => earA.ends === 1)
        const sent = fill(a)
        a.end()
        await turns(20)
        b.attach(earB)
        await until(() => earB.length === sent.length && earA.isClosed && earB.isClosed)
        await turns(20)
        assert.equal(earA.events.at(-1), 'close')
      }))

    test('lets the other side notice that an end was destroyed', () =>
      withSockets(subject, async (a, b, earA, earB) => {
        a.attach(earA)
        b.attach(earB)
        a.destroy()
        await until(() => earA.isClosed && earB.ends + earB.closes.length > 0)
        assert.deepEqual(earA.events, ['close'])
      }))

    test('tells nothing but its close once it is destroyed, though more has come', () =>
      withSockets(subject, async (a, b, earA, earB) => {
        a.attach(earA)
        earB.onData = () => b.pause()
        b.attach(earB)
        // One by one, so that several pieces wait.
        for (let i = 0; i < 5; i++) {
          a.write([pattern(100)])
          await turns(3)
        }
        a.end()
        await until(() => earB.chunks.length === 1)
        await turns(20)
        earB.onData = () => b.destroy()
        b.resume()
        await until(() => earB.isClosed)
        await turns(20)
        assert.equal(earB.chunks.length, 2)
        assert.deepEqual(earB.events, ['data', 'close'])
      }))

    test('takes writes to a socket that is gone, to no effect', () =>
      withSockets(subject, async (a, _b, earA) => {
        a.attach(earA)
        a.destroy()
        a.write([pattern(10)])
        await until(() => earA.isClosed)
        a.write([pattern(10)])
        a.end()
        a.pause()
        a.resume()
        a.destroy()
        await turns(20)
      }))

    test('tells a handler that is attached too late of the close, later in that turn', () =>
      withSockets(subject, async (a, _b, earA) => {
        a.attach(earA)
        a.destroy()
        await until(() => earA.isClosed)
        const late = new Ear()
        a.attach(late)
        assert.equal(late.isClosed, false)
        await turns()
        assert.deepEqual(late.events, ['close'])
        assert.equal(earA.closes.length, 1)
      }))

    test('hands over from one handler to the next without losing a byte', () =>
      withSockets(subject, async (a, b, _earA, earB) => {
        const first = new Ear()
        first.onData = () => {
          b.pause()
          setImmediate(() => b.attach(earB))
        }
        b.attach(first)
        const bytes = pattern(300_000)
        for (let at = 0; at < bytes.length; at += 1_000) a.write([bytes.subarray(at, at + 1_000)])
        await until(() => first.length + earB.length === bytes.length)
        assert.equal(first.chunks.length, 1)
        assert.deepEqual(concat([first.bytes, earB.bytes]), bytes)
      }))

    test('says that nobody listens', async () => {
      const listener = await transport.listen(any, () => {})
      const [address] = listener.addresses
      await listener.close()
      const error = await errorOf(transport.dial(address!, never))
      assert.equal(error.code, 'ERR_CONNECTION_REFUSED')
      assert.equal(error.stage, 'tcp')
    })

    test('gives up a dial whose signal has fired already', () =>
      withListener(subject, async (listener, accepted) => {
        const error = await errorOf(transport.dial(listener.addresses[0]!, AbortSignal.abort()))
        assert.equal(error.code, 'ERR_ABORTED')
        await turns(20)
        assert.equal(accepted.length, 0)
      }))

    test('listens where it was told, once', () =>
      withListener(subject, async listener => {
        const [address] = listener.addresses
        assert.ok(transport.supports(address!))
        assert.doesNotMatch(address!.toString(), /\/0$/)
        const error = await errorOf(transport.listen(address!, () => {}))
        assert.equal(error.code, 'ERR_ADDRESS_IN_USE')
        assert.equal(error.scope, 'host')
        assert.ok(error.message.includes(address!.toString()))
      }))

    test('chooses another free place every time', () =>
      withListener(subject, one =>
        withListener(subject, async other => {
          assert.notDeepEqual(one.addresses.map(String), other.addresses.map(String))
        }),
      ))

    test('stops listening without touching the connections that stand', async () => {
      const accepted: Socket[] = []
      const listener = await transport.listen(any, socket => accepted.push(socket))
      const [address] = listener.addresses
      const a = await transport.dial(address!, never)
      await until(() => accepted.length === 1)
      await listener.close()
      const again = await transport.listen(address!, () => {})
      await listener.close()
      const refused = await errorOf(transport.listen(address!, () => {}))
      assert.equal(refused.code, 'ERR_ADDRESS_IN_USE', 'closing twice closes nobody else')
      await again.close()
      const [earA, earB] = [new Ear(), new Ear()]
      a.attach(earA)
      accepted[0]!.attach(earB)
      a.write([pattern(9)])
      await until(() => earB.length === 9)
      a.end()
      accepted[0]!.end()
      await until(() => earA.isClosed && earB.isClosed)
    })

    test('names the other end as a multiaddr that it could dial', () =>
      withListener(subject, async (listener, accepted) => {
        const [address] = listener.addresses
        const peer = '/p2p/12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN'
        const a = await transport.dial(address!.encapsulate(peer), never)
        await until(() => accepted.length === 1)
        assert.equal(a.remoteAddress.toString(), address!.toString())
        assert.ok(transport.supports(accepted[0]!.remoteAddress))
        a.destroy()
      }))
  })
}

describe('tcp', () => {
  const transport = tcp()

  for (const [address, supported] of [
    ['/ip4/1.2.3.4/tcp/80', true],
    ['/ip4/1.2.3.4/tcp/80/p2p/12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN', true],
    ['/ip6/::1/tcp/80', true],
    ['/ip6zone/eth0/ip6/fe80::1/tcp/80', true],
    ['/ip4/1.2.3.4/tcp/80/ws', false],
    ['/ip4/1.2.3.4/udp/80', false],
    ['/ip4/1.2.3.4', false],
    ['/dns4/example.com/tcp/80', false],
    ['/memory/1', false],
  ] as const) {
    test(`${supported ? 'supports' : 'does not support'} ${address}`, async () => {
      assert.equal(transport.supports(Multiaddr.parse(address)), supported)
      if (supported) return
      assert.equal((await errorOf(transport.dial(Multiaddr.parse(address), never))).code, 'ERR_NO_TRANSPORT')
      assert.equal(
        (await errorOf(transport.listen(Multiaddr.parse(address), () => {}))).code,
        'ERR_NO_TRANSPORT',
      )
    })
  }

  for (const [family, unspecified] of [
    ['IPv4', '/ip4/0.0.0.0/tcp/0'],
    ['IPv6', '/ip6/::/tcp/0'],
  ] as const) {
    const skip = family === 'IPv6' && !hasIp6 && 'there is no IPv6 here'

    test(`names every interface where it listens on all of ${family}`, { skip }, async () => {
      const listener = await transport.listen(Multiaddr.parse(unspecified), socket => socket.destroy())
      const hosts = listener.addresses.map(address => address.components[0]?.value)
      const interfaces = Object.values(networkInterfaces()).flatMap(list => list ?? [])
      const expected = interfaces.filter(
        one => one.family === family && !one.address.startsWith('fe80') && !one.address.includes('%'),
      )
      assert.deepEqual(
        hosts,
        expected.map(({ address }) => address),
      )
      assert.ok(hosts.every(host => host !== '0.0.0.0' && host !== '::'))
      const ports = new Set(listener.addresses.map(address => address.value('tcp')))
      assert.equal(ports.size, 1)
      await listener.close()
      assert.deepEqual(listener.addresses, [])
    })
  }

  test('frees a long piece that is given away and all of its buffer, once it has left', () =>
    withSockets(subjects[1]!, async (a, b, earA, earB) => {
      a.attach(earA)
      b.attach(earB)
      const [long, short, view] = [pattern(16_384), pattern(16_383), pattern(20_001).subarray(1)]
      const expected = concat([long, short, view, long, short, view])
      a.write([long, short, view])
      a.write([long, short, view], { givenAway: true })
      await until(() => earB.length === expected.length)
      assert.deepEqual(earB.bytes, expected)
      assert.deepEqual([long.length, short.length, view.length], [0, 16_383, 20_000])
    }))

  test('frees what has left while more and more waits behind it', () =>
    withSockets(subjects[1]!, async (a, b, earA, earB) => {
      a.attach(earA)
      fill(a)
      const long = pattern(20_000)
      a.write([long], { givenAway: true })
      earB.onData = () => {
        if (long.length > 0) a.write([pattern(SOCKET_HIGH_WATER)])
      }
      b.attach(earB)
      await until(() => long.length === 0)
      assert.equal(earA.drains, 0)
    }))

  test('keeps what has not left', () =>
    withSockets(subjects[1]!, async (a, b, earA, earB) => {
      a.attach(earA)
      fill(a)
      const [long, expected] = [pattern(20_000), pattern(20_000)]
      a.write([long], { givenAway: true })
      await turns(20)
      assert.deepEqual(long, expected)
      b.attach(earB)
      await until(() => earA.drains > 0)
      assert.equal(long.length, 0)
    }))

  test('gives up a dial in its middle, and leaves no connection behind', async () => {
    const accepted: Socket[] = []
    const ear = new Ear()
    const listener = await transport.listen(Multiaddr.parse('/ip4/127.0.0.1/tcp/0'), socket => {
      accepted.push(socket)
      socket.attach(ear)
    })
    for (const reason of [undefined, new ParleyError('ERR_TIMEOUT', 'Too late.')]) {
      const controller = new AbortController()
      const dial = transport.dial(listener.addresses[0]!, controller.signal)
      controller.abort(reason)
      const error = await errorOf(dial)
      assert.equal(error.code, reason?.code ?? 'ERR_ABORTED')
      assert.equal(error.stage, 'tcp')
    }
    await turns(50)
    assert.equal(accepted.length, ear.ends + ear.closes.length)
    await listener.close()
    for (const socket of accepted) socket.destroy()
  })

  test('says that an address is not one of this machine', async () => {
    const error = await errorOf(transport.listen(Multiaddr.parse('/ip4/192.0.2.77/tcp/0'), () => {}))
    assert.equal(error.code, 'ERR_LISTEN')
  })

  test('says that an address cannot be reached', async () => {
    const error = await errorOf(transport.dial(Multiaddr.parse('/ip4/127.0.0.1/tcp/0'), never))
    assert.ok(['ERR_UNREACHABLE', 'ERR_CONNECTION_REFUSED'].includes(error.code))
    assert.equal(error.stage, 'tcp')
  })
})

describe('memory', () => {
  test('copies what is written, as a network does', async () => {
    const [a, b] = await socketPair()
    const bytes = pattern(10)
    a.write([bytes])
    bytes.fill(0)
    const ear = new Ear()
    b.attach(ear)
    await until(() => ear.length === 10)
    assert.deepEqual(ear.bytes, pattern(10))
    a.destroy()
    await until(() => ear.isClosed)
  })

  test('supports names and nothing else', () => {
    assert.ok(memory().supports(Multiaddr.parse('/memory/7')))
    assert.equal(memory().supports(Multiaddr.parse('/ip4/127.0.0.1/tcp/1')), false)
  })
})
