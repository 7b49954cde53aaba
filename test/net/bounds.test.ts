import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Budget } from '#src/net/budget'
import { lengthPrefixed } from '#src/net/length-prefixed'
import type { Stream } from '#src/net/stream'
import { tcp } from '#src/net/tcp'
import type { Socket } from '#src/net/transport'
import { encodeHeader, Flag, FrameType } from '#src/protocol/yamux/header'
import { INITIAL_WINDOW } from '#src/protocol/yamux/window'
import { concat } from '#src/wire/bytes'
import { encodeFrame } from '#src/wire/frame'
import { Multiaddr } from '#src/wire/multiaddr'
import {
  collect,
  errorOf,
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

const ping = (value: number) => encodeHeader(FrameType.ping, Flag.syn, 0, value)

describe('a socket that takes in nothing more', () => {
  const limits = { writeTimeout: 20_000 }

  /** A connection whose socket is stuck, with something to send. */
  async function withStuck(
    body: (side: {
      socket: StuckSocket
      ping: () => void
      status: () => string
      error: () => string | undefined
    }) => Promise<void>,
  ): Promise<void> {
    const [near, far] = await socketPair()
    const socket = new StuckSocket(near)
    const sockets: [Socket, Socket] = [socket, far]
    await withRawPeer({ sockets, limits, polite: false }, async ({ connection, closed }, peer) => {
      await turns()
      socket.stuck = true
      let pings = 0
      const stuck = {
        socket,
        ping: () => peer.send(ping(pings++)),
        status: () => connection.status,
        error: () => closed[0]?.code,
      }
      stuck.ping()
      await turns()
      await body(stuck)
    })
  }

  test('ends the connection after twenty seconds, though bytes come all the while', async t => {
    const advance = virtualClock(t)
    await withStuck(async ({ ping, status, error }) => {
      for (let time = 0; time <= 25_000; time += 5_000) {
        if (time <= 20_000) assert.equal(status(), 'open')
        ping()
        await turns()
        advance(5_000)
      }
      assert.deepEqual([status(), error()], ['closed', 'ERR_TIMEOUT'])
    })
  })

  test('may take it up again before that, as often as it likes', async t => {
    const advance = virtualClock(t)
    await withStuck(async ({ socket, ping, status }) => {
      for (let round = 0; round < 20; round++) {
        advance(5_000)
        ping()
        await turns()
        if (round % 3 < 2) continue
        socket.release()
        await turns()
        socket.stuck = true
      }
      assert.equal(status(), 'open')
    })
  })
})

test('TCP tells how much of what was written the kernel has not taken', async () => {
  const [near, far] = await socketPair(tcp(), Multiaddr.parse('/ip4/127.0.0.1/tcp/0'))
  const quiet = { data() {}, end() {}, drain() {}, close() {} }
  near.attach(quiet)
  assert.equal(near.unsent, 0)
  const piece = pattern(1024 * 1024)
  for (let i = 0; i < 64; i++) near.write([piece])
  await turns()
  const before = near.unsent
  assert.ok(before > 32 * piece.length, `${before} bytes wait`)
  far.attach(quiet)
  await until(() => near.unsent === 0)
  near.destroy()
  far.destroy()
})

describe('a stream whose other side reads nothing', () => {
  test('is reset after five minutes though nobody waits for it', async t => {
    const advance = virtualClock(t)
    await withPair({}, async (a, b) => {
      const [near, far] = await streamPair(a, b)
      near.write(pattern(2 * INITIAL_WINDOW))
      const reading = errorOf(readAll(near))
      for (let time = 0; time < 400_000; time += 5_000) {
        await turns(10)
        advance(5_000)
      }
      assert.equal((await reading).code, 'ERR_TIMEOUT')
      assert.equal(a.connection.held, 0)
      assert.equal((await errorOf(readAll(far))).code, 'ERR_STREAM_RESET')
    })
  })

  test('is reset after five minutes, alone, if somebody waits for it', async t => {
    const advance = virtualClock(t)
    await withPair({}, async (a, b) => {
      const [near, far] = await streamPair(a, b)
      const [other, otherFar] = await streamPair(a, b)
      near.write(pattern(2 * INITIAL_WINDOW))
      const ended = errorOf(near.end())
      for (let time = 0; time < 300_000; time += 5_000) {
        await turns(10)
        assert.equal(a.connection.streams.length, 2)
        advance(5_000)
      }
      assert.equal((await ended).code, 'ERR_TIMEOUT')
      assert.equal((await errorOf(readAll(far))).code, 'ERR_STREAM_RESET')
      other.write(pattern(10))
      await other.end()
      assert.equal((await collect(otherFar)).length, 10)
    })
  })

  test('goes on however slowly it reads, and when nobody waits', async t => {
    const advance = virtualClock(t)
    await withPair({}, async (a, b) => {
      const [near, far] = await streamPair(a, b)
      near.write(pattern(8 * INITIAL_WINDOW))
      const ended = near.end()
      const reader = far[Symbol.asyncIterator]()
      let read = 0
      while (read < 8 * INITIAL_WINDOW) {
        read += (await reader.next()).value?.length ?? 0
        for (let i = 0; i < 12; i++) {
          advance(5_000)
          await turns(10)
        }
      }
      await ended
    })
  })
})

async function readAll(stream: Stream): Promise<void> {
  for await (const _ of stream);
}

describe('memory', () => {
  test('is reserved for what nobody has read and for what has not left, and given back with it', async () => {
    const budgets: [Budget, Budget] = [new Budget(), new Budget()]
    await withPair({ budgets }, async (a, b) => {
      const [near, far] = await streamPair(a, b)
      near.write(pattern(INITIAL_WINDOW + 100_000))
      // What agreed on the protocol came out of the window too.
      await until(() => b.connection.held > INITIAL_WINDOW - 100)
      assert.equal(a.connection.held, INITIAL_WINDOW + 100_000 - b.connection.held)
      assert.deepEqual(
        budgets.map(({ used }) => [used.streams, used.bytes]),
        [
          [1, 65_536],
          [1, 196_608],
        ],
      )
      await Promise.all([near.end(), collect(far), far.end()])
      await until(() => a.connection.streams.length + b.connection.streams.length === 0)
      assert.deepEqual(
        budgets.map(({ used }) => [used.streams, used.bytes]),
        [
          [0, 0],
          [0, 0],
        ],
      )
    })
  })

  test('is given back when a stream is reset, or the connection breaks, with all that was not read', async () => {
    for (const end of ['reset', 'abort'] as const) {
      const system = new Budget()
      const budgets: [Budget, Budget] = [new Budget({ parent: system }), new Budget({ parent: system })]
      await withPair({ budgets }, async (a, b) => {
        const [near] = await streamPair(a, b)
        near.write(pattern(2 * INITIAL_WINDOW))
        await until(() => b.connection.held > 0)
        if (end === 'reset') near.reset()
        else a.connection.abort()
        await until(() => system.used.bytes + system.used.streams === 0)
      })
    }
  })

  test('that is used up makes a write fail and take nothing, and the stream goes on', async () => {
    const budgets: [Budget, Budget] = [new Budget({ limits: { bytes: 1_000_000 } }), new Budget()]
    await withPair({ budgets }, async (a, b) => {
      const [near, far] = await streamPair(a, b)
      near.write(pattern(900_000))
      assert.throws(() => near.write(pattern(200_000)), { code: 'ERR_MEMORY_LIMIT', scope: 'stream' })
      near.write(pattern(10))
      const [all] = await Promise.all([collect(far), near.end()])
      assert.deepEqual(all, concat([pattern(900_000), pattern(10)]))
    })
  })

  test('that is used up makes a message fail with its prefix, and the next one is whole', async () => {
    const budgets: [Budget, Budget] = [new Budget({ limits: { bytes: 1_000_000 } }), new Budget()]
    await withPair({ budgets }, async (a, b) => {
      const [near, far] = await streamPair(a, b)
      const messages = lengthPrefixed(near)
      messages.write(pattern(900_000))
      assert.throws(() => messages.write(pattern(200_000)), { code: 'ERR_MEMORY_LIMIT' })
      messages.write(pattern(10))
      const [all] = await Promise.all([collect(far), near.end()])
      assert.deepEqual(all, concat([encodeFrame(pattern(900_000)), encodeFrame(pattern(10))]))
    })
  })

  test('that is used up ends the connection of whoever sends more', async () => {
    const budgets: [Budget, Budget] = [new Budget(), new Budget({ limits: { bytes: INITIAL_WINDOW } })]
    await withPair({ budgets }, async (a, b) => {
      const [one] = await streamPair(a, b)
      const [two] = await streamPair(a, b)
      for (const stream of [one, two]) stream.write(pattern(INITIAL_WINDOW))
      await until(() => b.closed.length === 1)
      assert.equal(b.closed[0]?.code, 'ERR_MEMORY_LIMIT')
    })
  })

  test('that is nearly used up is taken by no new streams of the other side', async () => {
    const budgets: [Budget, Budget] = [new Budget(), new Budget({ limits: { bytes: 210_000 } })]
    await withPair({ budgets }, async (a, b) => {
      const [near, far] = await streamPair(a, b)
      near.write(pattern(INITIAL_WINDOW))
      await until(() => b.connection.held > INITIAL_WINDOW - 100)
      assert.equal((await errorOf(a.connection.open('/test'))).code, 'ERR_STREAM_RESET')
      await Promise.all([collect(far), near.end()])
      await a.connection.open('/test')
    })
  })
})

describe('streams', () => {
  test('are reserved; where there are no more, theirs are reset and ours refused', async () => {
    const budgets: [Budget, Budget] = [new Budget(), new Budget({ limits: { streams: 1 } })]
    await withPair({ budgets }, async (a, b) => {
      const [near] = await streamPair(a, b)
      assert.equal((await errorOf(a.connection.open('/test'))).code, 'ERR_STREAM_RESET')
      assert.equal((await errorOf(b.connection.open('/test'))).code, 'ERR_STREAM_LIMIT')
      near.reset()
      await until(() => budgets[1].used.streams === 0)
      await b.connection.open('/test')
    })
  })

  test('that have not agreed on a protocol may be so many, and ours do not count', async () => {
    await withRawPeer({ direction: 'inbound', limits: { negotiating: 2 } }, async ({ connection }, peer) => {
      for (const id of [1, 3, 5]) peer.send(encodeHeader(FrameType.windowUpdate, Flag.syn, id, 0))
      await until(() => peer.ear.length > 0 && connection.streams.length === 2)
      assert.deepEqual(
        connection.streams.map(({ id }) => id),
        [1, 3],
      )
    })
  })
})

test('what takes one connection long waits until all others have had a turn', async () => {
  const [near, far] = await socketPair()
  await withRawPeer({ sockets: [near, far], limits: { turnTime: 0 } }, async ({ connection }, peer) => {
    await turns()
    let pauses = 0
    const pause = near.pause.bind(near)
    near.pause = () => {
      pauses++
      pause()
    }
    // It did not ask by its own session, which would not understand the answers.
    peer.deaf = true
    for (let i = 0; i < 10; i++) peer.send(...Array(100).fill(ping(i)))
    await until(() => peer.ear.length > 10 * 12)
    assert.ok(pauses > 0)
    assert.equal(connection.status, 'open')
  })
})

test('so does what takes long in many chunks, with as much between them as a read of the kernel takes', async t => {
  const [near, far] = await socketPair()
  await withRawPeer({ sockets: [near, far], limits: { turnTime: 4 } }, async (_side, peer) => {
    await turns()
    let time = performance.now()
    t.mock.method(performance, 'now', () => {
      time += 0.1
      return time
    })
    const pause = t.mock.method(near, 'pause')
    // Of a stream that is not there: nothing comes of it but the look at the clock before and behind.
    const stray = [encodeHeader(FrameType.data, 0, 99, 2048), new Uint8Array(2048)]
    for (let i = 0; i < 100; i++) peer.send(...stray)
    await turns()
    assert.ok(pause.mock.callCount() > 0)
  })
})

describe('messages that are not whole', () => {
  test('count as what their streams hold, until they are', async () => {
    const budgets: [Budget, Budget] = [new Budget(), new Budget()]
    await withPair({ budgets }, async (a, b) => {
      const [near, far] = await streamPair(a, b)
      const message = lengthPrefixed(far)[Symbol.asyncIterator]().next()
      near.write(encodeFrame(pattern(3_000_000)).subarray(0, 2_999_999))
      await until(() => b.connection.held === 2_999_999)
      assert.equal(budgets[1].used.bytes, 45 * 65_536)
      near.write(encodeFrame(pattern(3_000_000)).subarray(2_999_999))
      assert.equal((await message).value?.length, 3_000_000)
      assert.equal(b.connection.held, 0)
    })
  })

  test('reset their stream when there is no memory for them, and the connection goes on', async () => {
    const budgets: [Budget, Budget] = [new Budget(), new Budget({ limits: { bytes: 3_000_000 } })]
    await withPair({ budgets, yamux: { windowGrowth: 0 } }, async (a, b) => {
      const [near, far] = await streamPair(a, b)
      const message = errorOf(lengthPrefixed(far)[Symbol.asyncIterator]().next())
      near.write(encodeFrame(pattern(3_000_000)))
      assert.equal((await message).code, 'ERR_MEMORY_LIMIT')
      assert.equal((await errorOf(readAll(near))).code, 'ERR_STREAM_RESET')
      await streamPair(a, b)
      assert.equal(b.connection.held, 0)
    })
  })
})
