import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Connection } from '#src/net/connection'
import { tcp } from '#src/net/tcp'
import type { Socket } from '#src/net/transport'
import { upgrade } from '#src/net/upgrade'
import { withDefaults } from '#src/protocol/limits'
import { encodeMessage, MULTISTREAM_PROTOCOL } from '#src/protocol/negotiate'
import { encodeHeader, Flag, FrameType } from '#src/protocol/yamux/header'
import type { YamuxStream } from '#src/protocol/yamux/stream'
import { concat, utf8, utf8Text } from '#src/wire/bytes'
import { Multiaddr } from '#src/wire/multiaddr'
import {
  CountingSocket,
  collect,
  dataFrame,
  echo,
  errorOf,
  keyOf,
  never,
  noiseOf,
  type PairOptions,
  proposal,
  RawPeer,
  StuckSocket,
  socketPair,
  streamPair,
  turns,
  until,
  virtualClock,
  withPair,
  withRawPeer,
} from '../support/net.ts'
import { pattern } from '../support/wire.ts'

describe('a connection', () => {
  test('knows both sides, and is told of once when it closes in good order', () =>
    withPair({}, async (a, b) => {
      assert.ok(a.connection.publicKey.equals(keyOf(2).publicKey))
      assert.ok(b.connection.publicKey.equals(keyOf(1).publicKey))
      assert.deepEqual([a.connection.direction, b.connection.direction], ['outbound', 'inbound'])
      assert.deepEqual(a.connection.muxer, { protocol: '/yamux/1.0.0', early: true })
      assert.deepEqual([a.connection.status, b.connection.status], ['open', 'open'])
      await a.connection.close()
      await b.connection.closed
      assert.deepEqual([a.connection.status, b.connection.status], ['closed', 'closed'])
      assert.deepEqual([a.closed, b.closed], [[undefined], [undefined]])
    }))

  test('sends its first frames and its first stream in one write', async () => {
    const [near, far] = await socketPair()
    const listening = upgrade(far, { direction: 'inbound', identity: noiseOf(keyOf(2)) }, never)
    const upgraded = await upgrade(near, { direction: 'outbound', identity: noiseOf(keyOf(1)) }, never)
    const socket = new CountingSocket(near)
    const connection = new Connection({
      socket,
      upgraded,
      direction: 'outbound',
      events: { accepts: () => false, stream() {}, closed() {} },
      limits: withDefaults({ negotiationTimeout: 1_000 }),
    })
    const opening = connection.open('/test', { optimistic: true }).then(stream => stream.write(pattern(10)))
    await turns(1)
    assert.equal(socket.writes, 1)
    const peer = new RawPeer(far, await listening, 'server', true)
    await until(() => peer.count('data') > 0)
    await opening
    connection.abort()
    peer.destroy()
  })

  test('measures the round trip, by itself and when asked', () =>
    withPair({}, async a => {
      await until(() => a.connection.rtt > 0)
      assert.ok((await a.connection.ping()) > 0)
      const answers = await Promise.all(Array.from({ length: 100 }, () => a.connection.ping()))
      assert.equal(answers.length, 100)
    }))

  test('ends in good order when the socket breaks and there is no stream, in an error when there is', async () => {
    for (const [streams, code] of [
      [0, undefined],
      [1, 'ERR_CONNECTION_CLOSED'],
    ] as const) {
      await withPair({}, async (a, b) => {
        for (let i = 0; i < streams; i++) await streamPair(a, b)
        a.socket.destroy()
        await b.connection.closed
        assert.deepEqual(
          b.closed.map(error => error?.code),
          [code],
        )
      })
    }
  })

  test('has delivered, when a ping behind an end is answered', () =>
    withPair({}, async (a, b) => {
      const [near, far] = await streamPair(a, b)
      near.write(pattern(200_000))
      await near.end()
      await a.connection.ping()
      a.connection.abort()
      assert.deepEqual(await collect(far), pattern(200_000))
    }))
})

describe('streams of one connection:', () => {
  test('1,000 at once, of which 256 may wait to be accepted', () =>
    withPair({ handle: stream => void echo(stream), yamux: { outboundStreams: 1_000 } }, async a => {
      const echoes = Array.from({ length: 1_000 }, async (_, i) => {
        const stream = await a.connection.open('/echo')
        stream.write(utf8(`stream ${i}`))
        await stream.end()
        assert.equal(utf8Text(await collect(stream)), `stream ${i}`)
        await stream.closed
      })
      await Promise.all(echoes)
      await until(() => a.connection.streams.length === 0)
    }))

  test('1,000 in a row', () =>
    withPair({ handle: stream => void echo(stream) }, async a => {
      for (let i = 0; i < 1_000; i++) {
        const stream = await a.connection.open('/echo')
        stream.write(utf8(`stream ${i}`))
        await stream.end()
        assert.equal(utf8Text(await collect(stream)), `stream ${i}`)
      }
    }))

  test('those of both sides side by side', () =>
    withPair({ handle: stream => void echo(stream) }, async (a, b) => {
      const echoes = [a, b].flatMap(({ connection }) =>
        Array.from({ length: 50 }, async () => {
          const stream = await connection.open('/echo')
          stream.write(pattern(30_000))
          await stream.end()
          assert.deepEqual(await collect(stream), pattern(30_000))
        }),
      )
      await Promise.all(echoes)
    }))

  test('one may be reset by the other side and its number used again, all in one chunk', () =>
    withRawPeer({ direction: 'inbound' }, async ({ connection, streams }, peer) => {
      const hello = concat([proposal('/test'), utf8('hello')])
      peer.send(
        dataFrame(Flag.syn, 1, proposal('/test')),
        encodeHeader(FrameType.windowUpdate, Flag.rst, 1, 0),
        dataFrame(Flag.syn, 1, hello),
      )
      await until(() => streams.length >= 1)
      await turns()
      assert.equal(connection.streams.length, 1)
      peer.send(dataFrame(Flag.fin, 1, utf8(' again')))
      assert.equal(utf8Text(await collect(streams.at(-1)!)), 'hello again')
    }))
})

describe('opening a stream:', () => {
  test('takes the first protocol that the other side speaks', () =>
    withPair({ protocols: ['/b', '/c'] }, async (a, b) => {
      const stream = await a.connection.open(['/a', '/b', '/c'])
      assert.equal(stream.protocol, '/b')
      await until(() => b.streams.length === 1)
      assert.equal(b.streams[0]!.protocol, '/b')
    }))

  test('fails where it speaks none, and leaves the connection alone', () =>
    withPair({ protocols: ['/b'] }, async a => {
      for (const protocols of ['/a', ['/a', '/c']]) {
        const error = await errorOf(a.connection.open(protocols))
        assert.equal(error.code, 'ERR_PROTOCOL_UNSUPPORTED')
        assert.equal(error.scope, 'stream')
        assert.equal(error.stage, 'protocol')
      }
      await turns()
      assert.equal(a.connection.streams.length, 0)
      await a.connection.open('/b')
    }))

  test('fails without a protocol', () =>
    withPair({}, async a => assert.equal((await errorOf(a.connection.open([]))).code, 'ERR_USAGE')))

  test('with optimism gives the stream at once, and resets it where the other side disagrees', () =>
    withPair({ protocols: ['/b'] }, async (a, b) => {
      const stream = await a.connection.open('/a', { optimistic: true })
      assert.equal(stream.protocol, '/a')
      stream.write(utf8('for nobody'))
      assert.equal((await errorOf(collect(stream))).code, 'ERR_PROTOCOL_UNSUPPORTED')
      assert.equal((await errorOf(stream.closed)).code, 'ERR_PROTOCOL_UNSUPPORTED')
      await turns()
      assert.equal(b.streams.length, 0)
      assert.equal(b.connection.streams.length, 0)
    }))

  test('with optimism is told that nobody speaks it, whatever it sent at once', () =>
    withPair({ protocols: ['/b'] }, async (a, b) => {
      for (const first of [Uint8Array.of(3, 0, 0, 0), new Uint8Array(200_000), utf8('\u0003na\n')]) {
        const stream = await a.connection.open('/a', { optimistic: true })
        stream.write(first)
        stream.end().catch(() => {})
        assert.equal((await errorOf(collect(stream))).code, 'ERR_PROTOCOL_UNSUPPORTED')
      }
      await until(() => b.connection.streams.length === 0)
    }))

  test('with optimism still settles for one of several protocols', () =>
    withPair({ protocols: ['/b'] }, async a => {
      const stream = await a.connection.open(['/a', '/b'], { optimistic: true })
      assert.equal(stream.protocol, '/b')
    }))

  test('gives up when the other side ends the stream instead of an answer', () =>
    withRawPeer({}, async ({ connection }, peer) => {
      const opening = errorOf(connection.open('/test'))
      await until(() => peer.count('data') > 0)
      peer.send(encodeHeader(FrameType.windowUpdate, Flag.fin, 1, 0))
      assert.equal((await opening).code, 'ERR_UNEXPECTED_END')
    }))

  test('gives up when the other side answers with what was not asked', () =>
    withRawPeer({}, async ({ connection }, peer) => {
      const opening = errorOf(connection.open('/test'))
      await until(() => peer.count('data') > 0)
      peer.send(dataFrame(0, 1, proposal('/other')))
      assert.equal((await opening).code, 'ERR_NEGOTIATE')
      await until(() => peer.count('reset') === 1)
    }))

  test('with optimism reads an error, not an end, where a wrong answer and the end come in one chunk', () =>
    withRawPeer({}, async ({ connection }, peer) => {
      const stream = await connection.open('/test', { optimistic: true })
      await until(() => peer.count('data') > 0)
      peer.send(dataFrame(Flag.fin, 1, proposal('/other')))
      assert.equal((await errorOf(collect(stream))).code, 'ERR_NEGOTIATE')
      assert.equal((await errorOf(collect(stream))).code, 'ERR_NEGOTIATE')
    }))

  for (const optimistic of [false, true]) {
    test(`gives up at its deadline, ${optimistic ? 'optimistic' : 'or plain'}, and resets the stream`, async t => {
      const advance = virtualClock(t)
      await withRawPeer({ negotiationTimeout: 5_000 }, async ({ connection }, peer) => {
        const opening = connection.open('/test', { optimistic })
        const failing = errorOf(optimistic ? opening.then(collect) : opening)
        await until(() => peer.count('data') > 0)
        // Half an answer does not count.
        peer.send(dataFrame(0, 1, encodeMessage(MULTISTREAM_PROTOCOL)))
        await turns()
        advance(4_999)
        assert.equal(connection.streams.length, 1)
        advance(1)
        assert.equal((await failing).code, 'ERR_TIMEOUT')
        await until(() => peer.count('reset') === 1)
        assert.equal(connection.status, 'open')
      })
    })
  }

  test('a stream that the other side opens and leaves without a protocol is reset at the deadline', async t => {
    const advance = virtualClock(t)
    await withRawPeer({ direction: 'inbound', negotiationTimeout: 5_000 }, async (side, peer) => {
      peer.send(dataFrame(Flag.syn, 1, proposal('/test').subarray(0, 25)))
      peer.send(encodeHeader(FrameType.windowUpdate, Flag.syn, 3, 0))
      peer.send(dataFrame(Flag.syn | Flag.fin, 5, proposal('/test').subarray(0, 25)))
      await until(() => side.connection.streams.length === 2)
      advance(5_000)
      await until(() => side.connection.streams.length === 0)
      assert.equal(side.streams.length, 0)
    })
  })

  /** What is no message, as the first bytes of a protocol may look behind its proposal. */
  const early = Uint8Array.of(3, 0, 0, 0)
  const refusal = utf8Text(concat([encodeMessage(MULTISTREAM_PROTOCOL), encodeMessage('na')]))

  /** The peer opens a stream and sends these pieces on it, each in a record of its own. */
  function openWith(peer: RawPeer, ...pieces: Uint8Array[]): YamuxStream {
    const stream = peer.yamux.open()
    for (const piece of pieces) {
      stream.write(piece)
      peer.flush()
    }
    return stream
  }

  for (const [name, pieces] of Object.entries({
    'in the same record': [concat([proposal('/a'), early])],
    'in the next': [proposal('/a'), early],
  })) {
    test(`a stream that nobody speaks is refused in good order, though its first bytes come ${name}`, () =>
      withRawPeer({ direction: 'inbound', protocols: [] }, async ({ connection, streams }, peer) => {
        const stream = openWith(peer, ...pieces)
        await until(() => peer.count('end') === 1)
        assert.equal(connection.streams.length, 1, 'the other side has not ended')
        stream.write(early)
        stream.end()
        peer.flush()
        await until(() => connection.streams.length === 0)
        assert.equal(peer.textOf(stream.id), refusal)
        assert.deepEqual([peer.count('reset'), streams.length], [0, 0])
      }))
  }

  test('a stream that ended right behind its proposal is refused in good order', () =>
    withRawPeer({ direction: 'inbound', protocols: [] }, async ({ connection }, peer) => {
      const stream = peer.yamux.open()
      stream.write(proposal('/a'))
      stream.end()
      peer.flush()
      await until(() => peer.count('end') === 1)
      await until(() => connection.streams.length === 0)
      assert.deepEqual([peer.textOf(stream.id), peer.count('reset')], [refusal, 0])
    }))

  test('a stream whose proposals go on without end is ended, and at the deadline reset', async t => {
    const advance = virtualClock(t)
    const options: PairOptions = { protocols: [], negotiationTimeout: 5_000 }
    await withRawPeer({ direction: 'inbound', ...options }, async ({ connection }, peer) => {
      const proposals = Array.from({ length: 20 }, (_, i) => encodeMessage(`/unknown/${i}`))
      const stream = openWith(peer, encodeMessage(MULTISTREAM_PROTOCOL), ...proposals)
      await until(() => peer.count('end') === 1)
      assert.equal(peer.textOf(stream.id).match(/na\n/g)?.length, 16)
      assert.deepEqual([connection.streams.length, peer.count('reset')], [1, 0])
      advance(5_000)
      await until(() => peer.count('reset') === 1)
      await until(() => connection.streams.length === 0)
      assert.equal(connection.status, 'open')
    })
  })

  describe('where as many as may be wait to be accepted', () => {
    const yamux = { unacknowledged: 4 }

    test('waits until one is, in the order of asking', () =>
      withRawPeer({ yamux, polite: false }, async ({ connection }, peer) => {
        const opened: number[] = []
        const openings = Array.from({ length: 6 }, (_, i) =>
          connection.open(`/${i}`, { optimistic: true }).then(() => opened.push(i)),
        )
        await until(() => peer.count('open') === 4)
        await turns(20)
        assert.deepEqual(opened, [0, 1, 2, 3])
        peer.send(encodeHeader(FrameType.windowUpdate, Flag.ack, 3, 0))
        await until(() => opened.length === 5)
        await turns(20)
        assert.deepEqual(opened, [0, 1, 2, 3, 4])
        peer.send(encodeHeader(FrameType.windowUpdate, Flag.rst, 5, 0))
        await Promise.all(openings)
        assert.deepEqual(opened, [0, 1, 2, 3, 4, 5])
      }))

    test('waits until one of ours is reset here', () =>
      withRawPeer({ yamux, polite: false }, async ({ connection }) => {
        const open = () => connection.open('/test', { optimistic: true })
        const [first] = await Promise.all([open(), open(), open(), open()])
        const fifth = open()
        first.reset()
        await fifth
      }))

    test('gives up when the signal fires', () =>
      withRawPeer({ yamux, polite: false }, async ({ connection }) => {
        for (let i = 0; i < 4; i++) await connection.open('/test', { optimistic: true })
        const controller = new AbortController()
        const opening = errorOf(connection.open('/test', { signal: controller.signal }))
        await turns()
        controller.abort()
        assert.equal((await opening).code, 'ERR_ABORTED')
      }))

    test('gives up when the connection closes or breaks', async () => {
      for (const how of ['close', 'abort'] as const) {
        await withRawPeer({ yamux, polite: false }, async ({ connection }) => {
          for (let i = 0; i < 4; i++) await connection.open('/test', { optimistic: true })
          const opening = errorOf(connection.open('/test'))
          await turns()
          void connection[how]()
          assert.equal((await opening).code, 'ERR_CONNECTION_CLOSED')
        })
      }
    })
  })

  test('gives up when the signal fires, before and in the middle', () =>
    withRawPeer({}, async ({ connection }, peer) => {
      const signal = AbortSignal.abort()
      assert.equal((await errorOf(connection.open('/test', { signal }))).code, 'ERR_ABORTED')
      assert.equal(connection.streams.length, 0)
      const controller = new AbortController()
      const opening = errorOf(connection.open('/test', { signal: controller.signal }))
      await until(() => peer.count('data') > 0)
      controller.abort()
      assert.equal((await opening).code, 'ERR_ABORTED')
      await until(() => peer.count('reset') === 1)
    }))

  test('a signal that fires later does not touch the stream', () =>
    withPair({ handle: stream => void echo(stream) }, async a => {
      const controller = new AbortController()
      const stream = await a.connection.open('/echo', { signal: controller.signal })
      controller.abort()
      stream.write(utf8('still here'))
      await stream.end()
      assert.equal(utf8Text(await collect(stream)), 'still here')
    }))
})

describe('closing:', () => {
  test('what was written leaves first, however slowly the other side takes it', () =>
    withPair({}, async (a, b) => {
      const [near, far] = await streamPair(a, b)
      near.write(pattern(3_000_000))
      const closing = a.connection.close()
      assert.equal(a.connection.status, 'closing')
      assert.deepEqual(await collect(far), pattern(3_000_000))
      await Promise.all([closing, near.closed.catch(() => {}), b.connection.closed])
      assert.deepEqual([a.closed, b.closed], [[undefined], [undefined]])
    }))

  test('twice, and from both sides at once', () =>
    withPair({}, async (a, b) => {
      const [near, far] = await streamPair(a, b)
      near.write(pattern(1_000))
      await Promise.all([a, a, b, b].map(({ connection }) => connection.close()))
      assert.equal((await collect(far)).length, 1_000)
    }))

  test('takes no new streams of ours, and ends the waiting pings', () =>
    withRawPeer({ polite: false }, async ({ connection }) => {
      const ping = errorOf(connection.ping())
      const closing = connection.close()
      assert.equal((await errorOf(connection.open('/test'))).code, 'ERR_CONNECTION_CLOSED')
      connection.abort()
      await closing
      assert.equal((await ping).code, 'ERR_CONNECTION_CLOSED')
      assert.equal((await errorOf(connection.ping())).code, 'ERR_CONNECTION_CLOSED')
    }))

  test('says goodbye, and writes nothing after its end though the other side goes on', () =>
    withRawPeer({}, async ({ connection, socket }, peer) => {
      const closing = connection.close()
      await until(() => peer.ear.ends === 1)
      assert.equal(peer.count('goAway'), 1)
      const { writes } = socket
      for (let i = 0; i < 5; i++) peer.send(encodeHeader(FrameType.ping, Flag.syn, 0, i))
      await turns(20)
      assert.equal(socket.writes, writes)
      peer.end()
      await closing
    }))

  test('ends its streams and says goodbye in one write', () =>
    withPair({}, async (a, b) => {
      const [near] = await streamPair(a, b)
      await turns()
      a.socket.clear()
      near.write(pattern(1_000))
      await a.connection.close()
      assert.equal(a.socket.writes, 1)
      await b.connection.closed
      assert.deepEqual([a.closed, b.closed], [[undefined], [undefined]])
    }))

  test('says goodbye as soon as the other side has reset what could not leave', async t => {
    t.mock.timers.enable({ apis: ['setTimeout'] })
    await withRawPeer({ polite: false }, async ({ connection }, peer) => {
      const stream = await connection.open('/test', { optimistic: true })
      stream.write(pattern(1_000_000))
      const closing = connection.close()
      await turns(20)
      assert.deepEqual([peer.ear.ends, peer.count('goAway')], [0, 0])
      peer.send(encodeHeader(FrameType.windowUpdate, Flag.rst, 1, 0))
      await until(() => peer.ear.ends === 1)
      assert.equal(peer.count('goAway'), 1)
      peer.end()
      await closing
    })
  })

  test('waits until the socket takes its goodbye', async () => {
    const [near, far] = await socketPair()
    const socket = new StuckSocket(near)
    await withRawPeer({ sockets: [socket, far] }, async ({ connection }, peer) => {
      await until(() => peer.count('pong') > 0 || peer.ear.length > 0)
      socket.stuck = true
      void connection.ping()
      await turns()
      const closing = connection.close()
      await turns(20)
      assert.equal(peer.ear.ends, 0)
      socket.release()
      await until(() => peer.ear.ends === 1)
      assert.equal(peer.count('goAway'), 1)
      peer.end()
      await closing
    })
  })

  test('does not wait for ever for a peer that never closes', async t => {
    t.mock.timers.enable({ apis: ['setTimeout'] })
    await withRawPeer({}, async ({ connection, closed }, peer) => {
      const closing = connection.close()
      await until(() => peer.ear.ends === 1)
      assert.deepEqual(closed, [])
      t.mock.timers.tick(1_000)
      await closing
      assert.deepEqual(closed, [undefined])
      await until(() => peer.ear.isClosed)
    })
  })

  test('does not wait for ever for one that ended and takes nothing any more', async t => {
    t.mock.timers.enable({ apis: ['setTimeout'] })
    const [near, far] = await socketPair()
    const socket = new StuckSocket(near)
    await withRawPeer({ sockets: [socket, far] }, async ({ connection, closed }, peer) => {
      await until(() => peer.ear.length > 0)
      socket.holdsEnd = true
      peer.end()
      await until(() => connection.status === 'closing')
      await turns(20)
      assert.deepEqual(closed, [])
      t.mock.timers.tick(1_000)
      await connection.closed
    })
  })

  test('the other side’s goodbye lets streams finish, and then the connection ends by itself', () =>
    withRawPeer({}, async ({ connection, closed }, peer) => {
      const stream = await connection.open('/test', { optimistic: true })
      await until(() => peer.count('data') > 0)
      peer.send(dataFrame(0, 1, proposal('/test')), encodeHeader(FrameType.goAway, 0, 0, 0))
      await until(() => connection.status === 'closing')
      assert.equal((await errorOf(connection.open('/more'))).code, 'ERR_CONNECTION_CLOSED')
      stream.write(utf8('last words'))
      peer.send(dataFrame(Flag.fin, 1, utf8('go on')))
      assert.equal(utf8Text(await collect(stream)), 'go on')
      await turns(20)
      assert.equal(peer.ear.ends, 0)
      await stream.end()
      await until(() => peer.ear.ends === 1)
      assert.match(peer.textOf(1), /last words$/)
      peer.end()
      await connection.closed
      assert.deepEqual(closed, [undefined])
    }))

  test('the other side’s goodbye right behind the end of the last stream ends the connection', () =>
    withRawPeer({}, async ({ connection, closed }, peer) => {
      const stream = await connection.open('/test', { optimistic: true })
      await stream.end()
      await until(() => peer.count('end') === 1)
      peer.send(
        dataFrame(0, 1, proposal('/test')),
        encodeHeader(FrameType.windowUpdate, Flag.fin, 1, 0),
        encodeHeader(FrameType.goAway, 0, 0, 0),
      )
      await until(() => peer.ear.ends === 1)
      peer.end()
      await connection.closed
      assert.deepEqual(closed, [undefined])
    }))

  test('an end without goodbye is an error where streams were open, and none where there were not', async () => {
    for (const open of [true, false]) {
      await withRawPeer({}, async ({ connection, closed }, peer) => {
        if (open) await connection.open('/test', { optimistic: true })
        await until(() => peer.count('open') === Number(open))
        peer.end()
        await connection.closed
        assert.deepEqual(
          closed.map(error => error?.code),
          [open ? 'ERR_CONNECTION_CLOSED' : undefined],
        )
      })
    }
  })
})

describe('a peer that breaks the rules loses the connection:', () => {
  const breaches: [string, (peer: RawPeer, late: Uint8Array) => void, string, boolean][] = [
    ['another version', (peer, late) => peer.send(new Uint8Array(12).fill(1), late), 'ERR_YAMUX', true],
    ['an unknown frame', (peer, late) => peer.send(encodeHeader(9, 0, 0, 0), late), 'ERR_YAMUX', true],
    ['too much data', (peer, late) => peer.send(encodeHeader(0, 1, 2, 262_145), late), 'ERR_YAMUX', true],
    ['a record that is not genuine', peer => peer.tamper(), 'ERR_NOISE', false],
    [
      'a goodbye with an error',
      (peer, late) => peer.send(encodeHeader(3, 0, 0, 1), late),
      'ERR_CONNECTION_CLOSED',
      false,
    ],
  ]

  for (const [name, breach, code, told] of breaches) {
    test(name, async () => {
      const sockets = await socketPair(tcp(), Multiaddr.parse('/ip4/127.0.0.1/tcp/0'))
      await withRawPeer({ sockets, polite: false }, async ({ connection, closed, streams }, peer) => {
        const stream = await connection.open('/test', { optimistic: true })
        await until(() => peer.count('open') === 1)
        breach(peer, dataFrame(Flag.syn, 4, proposal('/late')))
        await connection.closed
        assert.deepEqual(
          closed.map(error => error?.code),
          [code],
        )
        assert.ok(closed[0]!.remote)
        assert.equal((await errorOf(collect(stream))).code, code)
        await until(() => peer.ear.ends + peer.ear.closes.length > 0)
        const goodbyes = peer.events.flatMap(event => (event.type === 'goAway' ? [event.code] : []))
        assert.deepEqual(goodbyes, told ? [1] : [])
        assert.equal(streams.length, 0, 'what came behind it is not looked at')
      })
    })
  }

  test('and its streams are refused no faster than it reads the refusals', async () => {
    const [near, far] = await socketPair()
    const socket = new StuckSocket(near)
    const options = {
      sockets: [socket, far] as [Socket, Socket],
      polite: false,
      yamux: { inboundStreams: 0 },
    }
    await withRawPeer(options, async (_side, peer) => {
      await until(() => peer.ear.length > 0)
      peer.deaf = true
      socket.stuck = true
      const opens = (first: number) =>
        Array.from({ length: 1_000 }, (_, i) =>
          encodeHeader(FrameType.windowUpdate, Flag.syn, first + 2 * i, 0),
        )
      peer.send(...opens(2))
      await turns(20)
      peer.send(...opens(2_002))
      await until(() => socket.paused)
      peer.send(...opens(4_002))
      await turns(20)
      assert.ok(peer.ear.length < 2_000 * 12)
      socket.release()
      await until(() => !socket.paused)
      await until(() => peer.ear.length > 3_000 * 12)
    })
  })
})

describe('a silent peer', () => {
  const yamux = { keepAliveInterval: 30_000, keepAliveTimeout: 10_000 }

  test('is asked every thirty seconds, and lives while it answers', async t => {
    const advance = virtualClock(t)
    await withRawPeer({ yamux }, async ({ connection }, peer) => {
      const pings = () => peer.ear.chunks.length
      await turns(20)
      const before = pings()
      for (let i = 1; i <= 10; i++) {
        advance(30_000)
        await turns(20)
        assert.equal(pings(), before + i)
      }
      assert.equal(connection.status, 'open')
    })
  })

  test('is asked when others are: at the next of thirty moments that an interval has', async t => {
    const advance = virtualClock(t)
    advance(250)
    await withRawPeer({ yamux }, async (_side, peer) => {
      const pings = () => peer.ear.chunks.length
      await turns(20)
      const before = pings()
      advance(30_500)
      await turns(20)
      assert.equal(pings(), before)
      advance(250)
      await turns(20)
      assert.equal(pings(), before + 1)
    })
  })

  test('is given up ten seconds after a question without an answer', async t => {
    const advance = virtualClock(t)
    await withRawPeer({ yamux }, async ({ connection, closed }, peer) => {
      await turns(20)
      peer.polite = false
      advance(30_000)
      await turns(20)
      advance(9_999)
      assert.equal(connection.status, 'open')
      advance(1)
      await connection.closed
      assert.equal(closed[0]?.code, 'ERR_TIMEOUT')
      assert.ok(closed[0].remote)
    })
  })

  test('is alive as long as it says anything at all', async t => {
    const advance = virtualClock(t)
    await withRawPeer({ yamux }, async ({ connection }, peer) => {
      await turns(20)
      peer.polite = false
      advance(30_000)
      for (let i = 0; i < 10; i++) {
        await turns(20)
        advance(9_000)
        peer.send(encodeHeader(FrameType.ping, Flag.syn, 0, i))
      }
      await turns(20)
      assert.equal(connection.status, 'open')
    })
  })
})
