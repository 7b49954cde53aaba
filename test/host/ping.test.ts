import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Host } from '#src/host/host'
import { idleStreams } from '#src/host/services/idle'
import { answerPings } from '#src/host/services/ping'
import type { Stream } from '#src/net/stream'
import { defaultLimits } from '#src/protocol/limits'
import { PING_PROTOCOL } from '#src/protocol/ping'
import { serveEcho, withHosts } from '../support/hosts.ts'
import { collect, errorOf, turns, until, withResolvers } from '../support/net.ts'
import { pattern } from '../support/wire.ts'

const idle = idleStreams(defaultLimits)

/** Two hosts, of which the second answers pings in its own way. */
function withAnswers(
  answer: (stream: Stream) => void | Promise<void>,
  body: (a: Host, b: Host) => Promise<void>,
  limits: Record<string, number> = {},
): Promise<void> {
  return withHosts(2, { limits }, async (a, b) => {
    b.handle(PING_PROTOCOL, answer)
    await body(a, b)
  })
}

/** A ping in its stream, 32 bytes at a time. */
async function echoOf(stream: Stream, pieces: readonly Uint8Array[]): Promise<Uint8Array> {
  for (const piece of pieces) {
    stream.write(piece)
    await turns(2)
  }
  await stream.end()
  return collect(stream)
}

describe('ping', () => {
  test('measures the round trip, again and again, and leaves no stream behind', () =>
    withHosts(2, {}, async (a, b) => {
      for (let i = 0; i < 30; i++) {
        const rtt = await a.ping(b.addresses[0]!)
        assert.ok(rtt > 0 && rtt < 10_000)
      }
      await until(() => [...a.connections, ...b.connections].every(({ streams }) => streams.length === 0))
    }))

  test('by several at once', () =>
    withHosts(2, {}, async (a, b) => {
      const rtts = await Promise.all([1, 2, 3, 4, 5, 6].map(() => a.ping(b.addresses[0]!)))
      assert.ok(rtts.every(rtt => rtt > 0))
    }))

  test('by several at once, with a peer that has one stream at a time', () =>
    withHosts(2, {}, async (a, b) => {
      let current: Stream | undefined
      b.handle(PING_PROTOCOL, stream => {
        current?.reset()
        current = stream
        return answerPings(stream, idle)
      })
      const rtts = await Promise.all([1, 2, 3, 4, 5, 6].map(() => a.ping(b.addresses[0]!)))
      assert.equal(rtts.length, 6)
    }))

  test('waits for its turn no longer than its signal lets it, and those behind it go on', () =>
    withHosts(2, {}, async (a, b) => {
      const asked = withResolvers<Stream>()
      b.handle(PING_PROTOCOL, asked.resolve)
      const controller = new AbortController()
      const first = errorOf(a.ping(b.addresses[0]!))
      const second = errorOf(a.ping(b.addresses[0]!, { signal: controller.signal }))
      const third = a.ping(b.addresses[0]!)
      const stream = await asked.promise
      controller.abort()
      assert.equal((await second).code, 'ERR_ABORTED')
      b.handle(PING_PROTOCOL, stream => answerPings(stream, idle))
      stream.reset()
      assert.equal((await first).code, 'ERR_STREAM_RESET')
      assert.ok((await third) > 0)
    }))

  test('gives up when there is no answer in time', () =>
    withAnswers(
      () => {},
      async (a, b) => {
        const error = await errorOf(a.ping(b.addresses[0]!))
        assert.equal(error.code, 'ERR_TIMEOUT')
        await until(() => b.connections[0]!.streams.every(({ protocol }) => protocol !== PING_PROTOCOL))
      },
      { serviceTimeout: 50 },
    ))

  test('gives up when its signal fires', () =>
    withAnswers(
      () => {},
      async (a, b) => {
        const controller = new AbortController()
        const ping = errorOf(a.ping(b.addresses[0]!, { signal: controller.signal }))
        await until(() => b.connections.length === 1)
        controller.abort()
        assert.equal((await ping).code, 'ERR_ABORTED')
      },
    ))

  for (const [name, answer, code] of [
    [
      'other bytes',
      async stream => {
        stream.write(pattern(32))
        await stream.end()
      },
      'ERR_PROTOCOL',
    ],
    [
      'too many bytes',
      async stream => {
        stream.write(pattern(33))
        await stream.end()
      },
      'ERR_PROTOCOL',
    ],
    [
      'too few bytes',
      async stream => {
        stream.write(pattern(31))
        await stream.end()
      },
      'ERR_UNEXPECTED_END',
    ],
    ['a reset', stream => stream.reset(), 'ERR_STREAM_RESET'],
  ] as [string, (stream: Stream) => void | Promise<void>, string][]) {
    test(`fails on ${name}, and leaves the connection alone`, () =>
      withAnswers(answer, async (a, b) => {
        serveEcho(b)
        assert.equal((await errorOf(a.ping(b.addresses[0]!))).code, code)
        assert.equal(a.connections.length, 1)
        await a.open(b.peerId, '/echo')
      }))
  }

  test('fails where it is not spoken', () =>
    withHosts(2, {}, async (a, b) => {
      b.handle(PING_PROTOCOL, () => {})()
      assert.equal((await errorOf(a.ping(b.addresses[0]!))).code, 'ERR_PROTOCOL_UNSUPPORTED')
    }))
})

describe('pings are answered', () => {
  for (const [name, pieces, length] of [
    ['many on one stream', Array.from({ length: 10 }, () => pattern(32)), 320],
    ['in any pieces', [pattern(31), pattern(2), pattern(31)], 64],
    ['none at all', [], 0],
  ] as const) {
    test(name, () =>
      withHosts(2, {}, async (a, b) => {
        const stream = await a.open(b.addresses[0]!, PING_PROTOCOL)
        assert.equal((await echoOf(stream, pieces)).length, length)
      }),
    )
  }

  for (const length of [1, 31, 33]) {
    test(`whole ones only: ${length} bytes and the end are answered by a reset`, () =>
      withHosts(2, {}, async (a, b) => {
        const stream = await a.open(b.addresses[0]!, PING_PROTOCOL)
        assert.equal((await errorOf(echoOf(stream, [pattern(length)]))).code, 'ERR_STREAM_RESET')
        assert.ok((await a.ping(b.peerId)) > 0)
      }))
  }

  test('on two streams at once, and no more', () =>
    withHosts(2, {}, async (a, b) => {
      const connection = await a.dial(b.addresses[0]!)
      const streams = await Promise.all(Array.from({ length: 4 }, () => connection.open(PING_PROTOCOL)))
      const answers = await Promise.allSettled(streams.map(stream => echoOf(stream, [pattern(32)])))
      assert.equal(answers.filter(({ status }) => status === 'fulfilled').length, 2)
    }))

  test('as long as they come; a stream on which none does is reset', () =>
    withHosts(2, { limits: { idleTimeout: 200 } }, async (a, b) => {
      const stream = await a.open(b.addresses[0]!, PING_PROTOCOL)
      for (let i = 0; i < 6; i++) {
        await new Promise(resolve => setTimeout(resolve, 50))
        stream.write(pattern(32))
      }
      const answers = stream[Symbol.asyncIterator]()
      const error = await errorOf(
        (async () => {
          for (;;) await answers.next()
        })(),
      )
      assert.equal(error.code, 'ERR_STREAM_RESET')
    }))
})
