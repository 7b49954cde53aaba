import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { lengthPrefixed } from '#src/net/length-prefixed'
import { giveBack } from '#src/net/spent-buffers'
import type { Stream } from '#src/net/stream'
import { tcp } from '#src/net/tcp'
import { LineReader } from '#src/protocol/lines'
import { encodeMessage, MULTISTREAM_PROTOCOL } from '#src/protocol/negotiate'
import { encodeHeader, FrameType } from '#src/protocol/yamux/header'
import { utf8, utf8Text } from '#src/wire/bytes'
import type { ErrorCode } from '#src/wire/errors'
import { Multiaddr } from '#src/wire/multiaddr'
import {
  collect,
  echo,
  errorOf,
  type Side,
  socketPair,
  streamPair,
  turns,
  until,
  withPair,
  withRawPeer,
} from '../support/net.ts'
import { pattern, refuses } from '../support/wire.ts'

const kibi = 1024
const mebi = 1024 * kibi

/** Writes in pieces, as fast as the stream says. */
async function writeAll(stream: Stream, bytes: Uint8Array, size = 60_000): Promise<void> {
  for (let at = 0; at < bytes.length; at += size) {
    if (!stream.write(bytes.subarray(at, at + size))) await stream.drained()
  }
}

async function next(stream: Stream): Promise<Uint8Array | undefined> {
  const { done, value } = await stream[Symbol.asyncIterator]().next()
  return done ? undefined : value
}

/** The two ends of a stream, in either order: whatever holds for one must hold for the other. */
const roles = [
  ['the opener', (near: Stream, far: Stream): [Stream, Stream] => [near, far]],
  ['the handler', (near: Stream, far: Stream): [Stream, Stream] => [far, near]],
] as const

function withStreams(body: (near: Stream, far: Stream, a: Side, b: Side) => Promise<void>): Promise<void> {
  return withPair({}, async (a, b) => {
    const [near, far] = await streamPair(a, b)
    await body(near, far, a, b)
  })
}

describe('a stream carries', () => {
  test('bytes both ways, whole and in order', () =>
    withPair({ handle: stream => void echo(stream) }, async a => {
      const stream = await a.connection.open('/echo')
      const bytes = pattern(5 * mebi)
      const writing = writeAll(stream, bytes).then(() => stream.end())
      assert.deepEqual(await collect(stream), bytes)
      await writing
      await stream.closed
    }))

  test('100,000 lines', () =>
    withStreams(async (near, far) => {
      const writing = (async () => {
        for (let i = 0; i < 100_000; i++) if (!near.write(utf8(`line ${i}\n`))) await near.drained()
        await near.end()
      })()
      const reader = new LineReader()
      let count = 0
      for await (const chunk of far) {
        for (const line of reader.receive(chunk)) assert.equal(line, `line ${count++}`)
      }
      assert.equal(count, 100_000)
      await writing
    }))

  test('its number, protocol, direction and connection', () =>
    withStreams(async (near, far, a, b) => {
      assert.equal(near.id, far.id)
      assert.deepEqual([near.protocol, far.protocol], ['/test', '/test'])
      assert.deepEqual([near.direction, far.direction], ['outbound', 'inbound'])
      assert.equal(near.connection, a.connection)
      assert.equal(far.connection, b.connection)
    }))
})

describe('small writes leave together:', () => {
  test('those of one turn as one record, in one write to the socket', () =>
    withStreams(async (near, far, a) => {
      const others = await Promise.all(Array.from({ length: 9 }, () => a.connection.open('/test')))
      await turns()
      a.socket.clear()
      for (let i = 0; i < 100; i++) for (const stream of [near, ...others]) stream.write(pattern(20))
      assert.equal(a.socket.writes, 0)
      await turns()
      assert.equal(a.socket.writes, 1)
      assert.equal(a.socket.records.length, 1)
      near.write(pattern(1))
      await next(far)
    }))

  test('those of an awaited loop too', () =>
    withStreams(async (near, _far, a) => {
      await turns()
      a.socket.clear()
      for (let i = 0; i < 1_000; i++) {
        near.write(pattern(20))
        await near.drained()
      }
      await turns()
      assert.equal(a.socket.writes, 1)
      assert.equal(a.socket.records.length, 1)
    }))

  test('but a full batch does not wait for the end of the turn', () =>
    withStreams(async (near, _far, a) => {
      const others = await Promise.all(Array.from({ length: 4 }, () => a.connection.open('/test')))
      await turns()
      a.socket.clear()
      for (const stream of others) stream.write(pattern(250_000))
      near.write(pattern(46_527))
      assert.equal(a.socket.writes, 0)
      near.write(pattern(1))
      assert.equal(a.socket.writes, 1)
      const full = a.socket.records
      assert.equal(full.length, 16)
      assert.ok(full.every(size => size <= 65_408 + 16 && size > 65_408 - 1_024))
      await turns()
      assert.equal(a.socket.records.length, 17, 'the rest leaves at the end of the turn')
    }))

  test('and what had to wait leaves in batches of as many full records', () =>
    withStreams(async (_near, _far, a) => {
      const streams = await Promise.all(Array.from({ length: 14 }, () => a.connection.open('/test')))
      await turns()
      a.socket.clear()
      for (const stream of streams) stream.write(pattern(300_000))
      await until(() => a.socket.bytes > 14 * 256 * kibi)
      const { records, writes } = a.socket
      assert.ok(records.length <= 16 * writes, `${records.length} records in ${writes} writes`)
      assert.ok(records.every(size => size <= 65_408 + 16))
    }))

  test('and many bytes as few full records', () =>
    withStreams(async (near, _far, a) => {
      await turns()
      a.socket.clear()
      near.write(pattern(250_000))
      await turns()
      assert.equal(a.socket.records.length, 4)
      assert.ok(a.socket.records.every(size => size <= 65_535))
    }))

  test('a proposal, the first bytes and the end of an optimistic stream as one record', () =>
    withPair({}, async (a, b) => {
      await turns()
      a.socket.clear()
      const stream = await a.connection.open('/test', { optimistic: true })
      stream.write(utf8('hello'))
      await stream.end()
      assert.equal(a.socket.records.length, 1)
      await until(() => b.streams.length === 1)
      assert.equal(utf8Text(await collect(b.streams[0]!)), 'hello')
    }))
})

describe('backpressure:', () => {
  test('a reader that does not read bounds what its writer sends, and no other stream', () =>
    withPair({ handle: stream => void (stream.protocol === '/echo' && echo(stream)) }, async (a, b) => {
      const [near, far] = await streamPair(a, b, '/slow')
      const bytes = pattern(4 * mebi)
      let written = 0
      const writing = (async () => {
        for (let at = 0; at < bytes.length; at += 50_000) {
          written = Math.min(at + 50_000, bytes.length)
          if (!near.write(bytes.subarray(at, at + 50_000))) await near.drained()
        }
        await near.end()
      })()
      await turns(50)
      assert.ok(written < 1.4 * mebi, `${written} bytes were taken`)
      assert.ok(a.socket.bytes < 300 * kibi, `${a.socket.bytes} bytes were sent`)
      for (let i = 0; i < 20; i++) {
        const sibling = await a.connection.open('/echo')
        sibling.write(pattern(20_000))
        await sibling.end()
        assert.deepEqual(await collect(sibling), pattern(20_000))
      }
      assert.deepEqual(await collect(far), bytes)
      await writing
    }))

  for (const [name, sockets] of [
    ['memory', () => socketPair()],
    ['tcp', () => socketPair(tcp(), Multiaddr.parse('/ip4/127.0.0.1/tcp/0'))],
  ] as const) {
    test(`both sides may write 8 MiB before either reads: ${name}`, async () => {
      await withPair({ sockets: await sockets() }, async (a, b) => {
        const [near, far] = await streamPair(a, b)
        const bytes = pattern(8 * mebi)
        for (const stream of [near, far]) {
          for (let at = 0; at < bytes.length; at += 100_000) stream.write(bytes.subarray(at, at + 100_000))
        }
        await turns(20)
        const ending = Promise.all([near.end(), far.end()])
        const [left, right] = await Promise.all([collect(near), collect(far)])
        assert.deepEqual(left, bytes)
        assert.deepEqual(right, bytes)
        await ending
      })
    })
  }

  test('write says when to wait, and drained when to go on', () =>
    withStreams(async (near, far) => {
      await near.drained()
      assert.equal(near.write(pattern(1000 * kibi)), true)
      assert.equal(near.write(pattern(500 * kibi)), false)
      let drained = false
      const waiting = near.drained().then(() => {
        drained = true
      })
      await turns(20)
      assert.equal(drained, false)
      near.end().catch(() => {})
      assert.equal((await collect(far)).length, 1500 * kibi)
      await waiting
    }))

  test('drained settles once 256 KiB are left, and not before', () =>
    withRawPeer({ direction: 'outbound', polite: false }, async ({ connection }, peer) => {
      const near = await connection.open('/test', { optimistic: true })
      near.write(pattern(2 * mebi))
      let drained = false
      void near.drained().then(() => {
        drained = true
      })
      await until(() => peer.count('data') > 0)
      // Its own session would refuse what is sent on credit that it knows nothing of.
      peer.deaf = true
      const grant = async (credit: number) => {
        peer.send(encodeHeader(FrameType.windowUpdate, 0, near.id, credit))
        await turns(20)
      }
      // The proposal of the protocol was sent out of the first window.
      const proposal = encodeMessage(MULTISTREAM_PROTOCOL).length + encodeMessage('/test').length
      await grant(2 * mebi - 512 * kibi + proposal - 1)
      assert.equal(drained, false)
      await grant(1)
      assert.equal(drained, true)
    }))

  test('a stream that nobody reads does not keep the connection from closing', async t => {
    t.mock.timers.enable({ apis: ['setTimeout'] })
    await withPair({}, async (a, b) => {
      const [near] = await streamPair(a, b)
      near.write(pattern(2 * mebi))
      await turns(20)
      const closing = a.connection.close()
      const ending = errorOf(near.end())
      await turns(20)
      assert.equal(a.connection.status, 'closing')
      t.mock.timers.tick(1_000)
      await closing
      assert.equal((await ending).code, 'ERR_CONNECTION_CLOSED')
    })
  })
})

test('only bytes are written: text and other arrays are refused', () =>
  withStreams(async near => {
    for (const wrong of [
      'text',
      new Uint16Array(3),
      new ArrayBuffer(3),
      [1, 2],
      7,
      undefined,
      { length: 3 },
    ]) {
      assert.throws(() => near.write(wrong as never), { code: 'ERR_USAGE', scope: 'stream' })
      assert.throws(() => lengthPrefixed(near).write(wrong as never), { code: 'ERR_USAGE', scope: 'stream' })
    }
    assert.throws(() => lengthPrefixed(near, { max: 2 }).write(new Uint8Array(3)), { code: 'ERR_FRAME' })
  }))

describe('ends:', () => {
  for (const [name, order] of roles) {
    test(`${name} may end first, and still read`, () =>
      withStreams(async (near, far) => {
        const [one, other] = order(near, far)
        one.write(utf8('question'))
        await one.end()
        assert.equal(utf8Text(await collect(other)), 'question')
        other.write(utf8('ans'))
        await turns()
        other.write(utf8('wer'))
        await other.end()
        assert.equal(utf8Text(await collect(one)), 'answer')
        await Promise.all([one.closed, other.closed])
      }))

    test(`${name} may reset: the other side reads what had come, then the error`, () =>
      withStreams(async (near, far) => {
        const [one, other] = order(near, far)
        one.write(utf8('half'))
        await turns()
        one.reset(new Error('enough'))
        const own = await errorOf(next(one))
        assert.equal(own.code, 'ERR_STREAM_RESET')
        assert.equal(own.message, 'enough')
        assert.equal(own.remote, false)
        assert.equal(utf8Text((await next(other))!), 'half')
        const heard = await errorOf(next(other))
        assert.equal(heard.code, 'ERR_STREAM_RESET')
        assert.equal(heard.scope, 'stream')
        assert.ok(heard.remote)
        for (const stream of [one, other]) {
          refuses('ERR_STREAM_RESET', () => stream.write(pattern(1)))
          for (const work of [stream.end(), stream.drained(), stream.closed, next(stream)]) {
            assert.equal((await errorOf(work)).code, 'ERR_STREAM_RESET')
          }
        }
      }))
  }

  test('a reset rejects all that waits', () =>
    withStreams(async (near, far) => {
      near.write(pattern(2 * mebi))
      const waiting = [near.drained(), near.end(), near.closed, next(near)]
      far.reset()
      for (const work of waiting) assert.equal((await errorOf(work)).code, 'ERR_STREAM_RESET')
    }))

  test('a reset drops what was not read, even behind the other side’s end', () =>
    withStreams(async (near, far) => {
      near.write(pattern(100))
      await near.end()
      await turns()
      far.reset()
      assert.equal((await errorOf(next(far))).code, 'ERR_STREAM_RESET')
      assert.equal((await errorOf(near.closed)).code, 'ERR_STREAM_RESET')
    }))

  test('a reset after both ends changes nothing', () =>
    withStreams(async (near, far) => {
      near.write(utf8('bye'))
      await Promise.all([near.end(), far.end()])
      await Promise.all([near.closed, until(() => far.connection.streams.length === 0)])
      for (const stream of [near, far]) stream.reset()
      await Promise.all([near.closed, far.closed])
      assert.equal(utf8Text(await collect(far)), 'bye')
    }))

  test('an end comes behind all that was written, and settles when it has left', () =>
    withStreams(async (near, far) => {
      near.write(pattern(900_000))
      let ended = false
      const ending = near.end().then(() => {
        ended = true
      })
      refuses('ERR_STREAM_ENDED', () => near.write(pattern(1)))
      await turns(20)
      assert.equal(ended, false)
      assert.deepEqual(await collect(far), pattern(900_000))
      await ending
      await near.end()
      refuses('ERR_STREAM_ENDED', () => near.write(pattern(1)))
      assert.deepEqual(await collect(far), new Uint8Array(0), 'read again, it is still at its end')
    }))

  test('nothing at all, and the end', () =>
    withStreams(async (near, far) => {
      near.write(new Uint8Array(0))
      await Promise.all([near.end(), far.end()])
      assert.equal((await collect(near)).length + (await collect(far)).length, 0)
      await Promise.all([near.closed, far.closed])
    }))
})

describe('reading:', () => {
  test('a loop that is left keeps the stream, and the next goes on where it stopped', () =>
    withStreams(async (near, far) => {
      // Large enough to come as it was sent, not joined with the next.
      const letters = ['a', 'b', 'c']
      for (const letter of letters) {
        near.write(utf8(letter.repeat(1000)))
        await turns()
      }
      await near.end()
      const read: string[] = []
      for (let loop = 0; loop < letters.length; loop++) {
        for await (const chunk of far) {
          read.push(utf8Text(chunk))
          break
        }
      }
      for await (const chunk of far) read.push(utf8Text(chunk))
      assert.deepEqual(
        read,
        letters.map(letter => letter.repeat(1000)),
      )
    }))

  test('small pieces that nobody has read are joined, but for the first', () =>
    withStreams(async (near, far) => {
      for (const letter of ['a', 'b', 'c']) {
        near.write(utf8(letter))
        await turns()
      }
      for (const piece of ['a', 'bc']) assert.equal(utf8Text((await next(far))!), piece)
    }))

  test('what is read shares its buffer with nothing else, and may be given away with it', () =>
    withStreams(async (near, far) => {
      const sizes = [1, 64, 65, 384, 385, 511, 512, 1_000]
      const pieces: Uint8Array[] = []
      for (const [isAwaited, size] of [true, false].flatMap(one => sizes.map(of => [one, of] as const))) {
        const awaited = isAwaited ? next(far) : undefined
        near.write(pattern(size))
        await turns()
        pieces.push((await (awaited ?? next(far)))!)
      }
      assert.equal(new Set(pieces.map(piece => piece.buffer)).size, 2 * sizes.length)
      for (const [index, piece] of pieces.entries()) {
        const given = structuredClone(piece, { transfer: [piece.buffer as ArrayBuffer] })
        assert.deepEqual(given, pattern(sizes[index % sizes.length]!))
      }
    }))

  test('a second reader is refused, and the first goes on', () =>
    withStreams(async (near, far) => {
      const first = next(far)
      assert.equal((await errorOf(next(far))).code, 'ERR_USAGE')
      near.write(utf8('hello'))
      assert.equal(utf8Text((await first)!), 'hello')
    }))

  for (const [name, cut, code] of [
    ['the socket ends', (a: Side) => a.socket.end(), 'ERR_CONNECTION_CLOSED'],
    ['the socket breaks', (a: Side) => a.socket.destroy(), 'ERR_CONNECTION_CLOSED'],
    ['the connection is aborted', (a: Side) => a.connection.abort(), 'ERR_CONNECTION_CLOSED'],
  ] as [string, (a: Side) => void, ErrorCode][]) {
    test(`what came before ${name} is read, then the error`, async () => {
      await withPair({}, async (a, b) => {
        const [near, far] = await streamPair(a, b)
        const [whole] = [await a.connection.open('/whole')]
        await until(() => b.streams.length === 2)
        near.write(utf8('half'))
        whole.write(utf8('all'))
        await whole.end()
        await turns()
        cut(a)
        await b.connection.closed
        assert.equal(utf8Text((await next(far))!), 'half')
        const error = await errorOf(next(far))
        assert.equal(error.code, code)
        assert.ok(error.remote)
        assert.equal(utf8Text(await collect(b.streams[1]!)), 'all', 'a stream that had ended is whole')
        assert.equal((await errorOf(far.closed)).code, code)
        refuses(code, () => far.write(pattern(1)))
        await a.connection.closed
        assert.equal((await errorOf(next(near))).code, code)
      })
    })
  }
})

describe('what was read and is given back', () => {
  /** The next piece, and what it holds when it was given back. */
  async function nextGivenBack(stream: Stream): Promise<[before: Uint8Array, after: Uint8Array]> {
    const piece = (await next(stream))!
    const before = piece.slice()
    giveBack(piece)
    return [before, piece]
  }

  test('is empty, and what comes next is whole', () =>
    withStreams(async (near, far) => {
      const bytes = pattern(4 * mebi)
      const writing = writeAll(near, bytes)
      let emptied = 0
      for (let at = 0; at < bytes.length; ) {
        const [before, after] = await nextGivenBack(far)
        assert.deepEqual(before, bytes.subarray(at, at + before.length))
        at += before.length
        if (after.length === 0) emptied += before.length
      }
      await writing
      assert.ok(emptied > 3 * mebi, `${emptied} bytes were freed`)
    }))

  test('stays as it is when it is short', () =>
    withStreams(async (near, far) => {
      near.write(pattern(16 * kibi - 1))
      const [before, after] = await nextGivenBack(far)
      assert.deepEqual(after, before)
    }))

  test('stays as it is when its memory is that of others, too', () =>
    withStreams(async (near, far, a, b) => {
      const [otherNear, otherFar] = await streamPair(a, b)
      near.write(pattern(20_000))
      otherNear.write(pattern(20_000))
      for (const stream of [far, otherFar]) {
        const [before, after] = await nextGivenBack(stream)
        assert.deepEqual(before, pattern(20_000))
        assert.deepEqual(after, before)
      }
    }))
})
