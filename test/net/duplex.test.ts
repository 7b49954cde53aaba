import assert from 'node:assert/strict'
import { Readable, Transform, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { describe, test } from 'node:test'
import { createGunzip, createGzip } from 'node:zlib'
import { toDuplex } from '#src/net/duplex'
import type { Stream } from '#src/net/stream'
import { concat } from '#src/wire/bytes'
import { collect, echo, errorOf, streamPair, turns, until, withPair } from '../support/net.ts'
import { pattern } from '../support/wire.ts'

function withStreams(body: (near: Stream, far: Stream) => Promise<void>): Promise<void> {
  return withPair({}, async (a, b) => body(...(await streamPair(a, b))))
}

/** Takes all that is written, and says at which sizes. */
class Sink extends Writable {
  readonly chunks: Buffer[] = []

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.chunks.push(chunk)
    done()
  }

  get bytes(): Uint8Array {
    return new Uint8Array(Buffer.concat(this.chunks))
  }
}

describe('a stream as a duplex of node', () => {
  test('carries some megabytes both ways through a pipeline, compressed on the way', () =>
    withPair({ handle: stream => void echo(stream) }, async a => {
      const stream = await a.connection.open('/echo')
      const sink = new Sink()
      const bytes = pattern(4_000_000)
      await pipeline(Readable.from([bytes]), createGzip({ level: 0 }), toDuplex(stream), createGunzip(), sink)
      assert.deepEqual(sink.bytes, bytes)
      await stream.closed
    }))

  test('ends each direction by itself', () =>
    withStreams(async (near, far) => {
      const duplex = toDuplex(near)
      duplex.end('question')
      assert.equal(Buffer.from(await collect(far)).toString(), 'question')
      far.write(Buffer.from('answer'))
      await far.end()
      assert.equal((await duplex.toArray()).join(''), 'answer')
      await Promise.all([near.closed, far.closed])
    }))

  test('holds the writer up while the other side does not read', () =>
    withStreams(async (near, far) => {
      let made = 0
      const source = new Readable({
        read() {
          made += 50_000
          this.push(made > 5_000_000 ? null : pattern(50_000))
        },
      })
      const writing = pipeline(source, toDuplex(near), new Sink())
      await turns(50)
      assert.ok(made < 2_000_000, `${made} bytes were made`)
      assert.equal((await collect(far)).length, 5_000_000)
      await far.end()
      await writing
    }))

  test('holds the other side up while its own reader is slow', () =>
    withStreams(async (near, far) => {
      const duplex = toDuplex(far)
      const bytes = pattern(3_000_000)
      near.write(bytes)
      const ending = near.end()
      await turns(50)
      assert.ok(duplex.readableLength <= 512 * 1024, `${duplex.readableLength} bytes wait`)
      assert.deepEqual(concat((await duplex.toArray()) as Uint8Array[]), bytes)
      await ending
      duplex.end()
    }))

  test('lets its writer use a buffer again as soon as it is told to go on', () =>
    withStreams(async (near, far) => {
      const duplex = toDuplex(near)
      // More than the window, so that the rest has to wait.
      duplex.write(pattern(300_000))
      const buffer = Buffer.alloc(4)
      for (const text of ['abcd', 'efgh', 'ijkl']) {
        buffer.write(text)
        await new Promise(done => duplex.write(buffer, done))
      }
      duplex.end()
      const bytes = await collect(far)
      assert.equal(Buffer.from(bytes.subarray(300_000)).toString(), 'abcdefghijkl')
    }))

  test('resets the stream when it is destroyed', () =>
    withStreams(async (near, far) => {
      toDuplex(near).destroy()
      assert.equal((await errorOf(collect(far))).code, 'ERR_STREAM_RESET')
    }))

  test('resets the stream when something else in its pipeline fails', () =>
    withStreams(async (near, far) => {
      const failing = new Transform({ transform: (_chunk, _encoding, done) => done(new Error('no more')) })
      const duplex = toDuplex(near)
      const work = pipeline(Readable.from([pattern(10)]), failing, duplex)
      assert.equal((await errorOf(work)).message, 'no more')
      const error = await errorOf(near.closed)
      assert.equal(error.code, 'ERR_STREAM_RESET')
      assert.equal(error.message, 'no more')
      assert.equal((await errorOf(collect(far))).code, 'ERR_STREAM_RESET')
    }))

  test('fails a pipeline when the other side resets', () =>
    withStreams(async (near, far) => {
      const source = new Readable({ read() {} })
      source.push('something')
      const work = pipeline(source, toDuplex(near), new Sink())
      work.catch(() => {})
      await far[Symbol.asyncIterator]().next()
      far.reset()
      assert.equal((await errorOf(work)).code, 'ERR_STREAM_RESET')
      assert.ok(source.destroyed)
    }))

  test('fails a pipeline when the connection breaks', () =>
    withStreams(async (near, far) => {
      const work = pipeline(toDuplex(near), new Sink())
      work.catch(() => {})
      far.connection.abort()
      assert.equal((await errorOf(work)).code, 'ERR_CONNECTION_CLOSED')
    }))

  test('closes when both directions have ended, and leaves no stream behind', () =>
    withStreams(async (near, far) => {
      const duplex = toDuplex(near)
      const closing = new Promise(resolve => duplex.once('close', resolve))
      duplex.resume()
      duplex.end()
      await far.end()
      await closing
      await collect(far)
      await near.closed
      await until(() => near.connection.streams.length === 0)
    }))
})
