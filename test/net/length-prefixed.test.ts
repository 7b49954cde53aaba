import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { lengthPrefixed, type MessageStream } from '#src/net/length-prefixed'
import type { Stream } from '#src/net/stream'
import { concat } from '#src/wire/bytes'
import { encodeFrame } from '#src/wire/frame'
import { errorOf, streamPair, turns, withPair } from '../support/net.ts'
import { pattern } from '../support/wire.ts'

function withStreams(body: (near: Stream, far: Stream) => Promise<void>): Promise<void> {
  return withPair({}, async (a, b) => body(...(await streamPair(a, b))))
}

async function next(messages: AsyncIterable<Uint8Array>): Promise<Uint8Array | undefined> {
  const { done, value } = await messages[Symbol.asyncIterator]().next()
  return done ? undefined : value
}

async function all(messages: MessageStream): Promise<Uint8Array[]> {
  const found: Uint8Array[] = []
  for await (const message of messages) found.push(message)
  return found
}

async function each(messages: MessageStream): Promise<Uint8Array[]> {
  const found: Uint8Array[] = []
  await messages.forEach(message => void found.push(message))
  return found
}

const brokenOff = [
  ['in its length', Uint8Array.of(0x80)],
  ['in its middle', Uint8Array.of(3, 1)],
  ['behind its length', Uint8Array.of(3)],
] as const

const readers = [
  ['a loop', all],
  ['forEach', each],
] as const

for (const [way, read] of readers) {
  describe(`length-prefixed messages, read by ${way}`, () => {
    test('come as they were sent, empty and long ones, both ways', () =>
      withStreams(async (near, far) => {
        const sizes = [0, 1, 127, 128, 16_384, 300_000, 5]
        const [left, right] = [lengthPrefixed(near), lengthPrefixed(far)]
        for (const [from, to] of [
          [left, right],
          [right, left],
        ] as const) {
          const reading = read(to)
          for (const size of sizes) if (!from.write(pattern(size))) await from.drained()
          await from.end()
          assert.deepEqual(await reading, sizes.map(pattern))
        }
      }))

    for (const size of [1, 2, 3, 1_000]) {
      test(`come whole from pieces of ${size}`, () =>
        withStreams(async (near, far) => {
          const bytes = concat([encodeFrame(pattern(200)), encodeFrame(pattern(0)), encodeFrame(pattern(3))])
          for (let at = 0; at < bytes.length; at += size) {
            near.write(bytes.subarray(at, at + size))
            await turns(1)
          }
          await near.end()
          assert.deepEqual(await read(lengthPrefixed(far)), [pattern(200), pattern(0), pattern(3)])
        }))
    }

    for (const [name, bytes] of brokenOff) {
      test(`broken off ${name} are an error, once what came before is read`, () =>
        withStreams(async (near, far) => {
          near.write(concat([encodeFrame(pattern(2)), bytes]))
          await near.end()
          const incoming = lengthPrefixed(far)
          assert.deepEqual(await next(incoming), pattern(2))
          const error = await errorOf(read(incoming))
          assert.equal(error.code, 'ERR_UNEXPECTED_END')
          assert.equal(error.scope, 'stream')
          assert.ok(error.remote)
        }))
    }

    test('cut off by a reset throw that', () =>
      withStreams(async (near, far) => {
        const reading = read(lengthPrefixed(far))
        near.write(Uint8Array.of(3, 1))
        await turns()
        near.reset()
        assert.equal((await errorOf(reading)).code, 'ERR_STREAM_RESET')
      }))
  })
}

describe('length-prefixed messages', () => {
  test('come whole from 200,000 single bytes', () =>
    withStreams(async (near, far) => {
      const frame = encodeFrame(pattern(200_000))
      const reading = next(lengthPrefixed(far))
      for (let at = 0; at < frame.length; at++) {
        near.write(frame.subarray(at, at + 1))
        if (at % 1_000 === 0) await turns(1)
      }
      assert.deepEqual(await reading, pattern(200_000))
    }))

  test('may be read by one loop after another', () =>
    withStreams(async (near, far) => {
      const messages = lengthPrefixed(near)
      for (let size = 0; size < 4; size++) messages.write(pattern(size))
      await messages.end()
      const incoming = lengthPrefixed(far)
      const sizes: number[] = []
      for await (const { length } of incoming) {
        sizes.push(length)
        if (length === 1) break
      }
      for await (const { length } of incoming) sizes.push(length)
      assert.deepEqual(sizes, [0, 1, 2, 3])
    }))

  test('beyond the bound reset the stream, before they have come', () =>
    withStreams(async (near, far) => {
      const incoming = lengthPrefixed(far, { max: 10 })
      near.write(concat([encodeFrame(pattern(10)), Uint8Array.of(11)]))
      assert.deepEqual(await next(incoming), pattern(10))
      assert.equal((await errorOf(next(incoming))).code, 'ERR_FRAME')
      assert.equal((await errorOf(next(incoming))).code, 'ERR_FRAME')
      assert.equal((await errorOf(near.closed)).code, 'ERR_STREAM_RESET')
    }))

  test('may have 4 MiB unless told otherwise', () =>
    withStreams(async (near, far) => {
      near.write(Uint8Array.of(0x80, 0x80, 0x80, 0x02))
      near.write(pattern(1))
      const waiting = next(lengthPrefixed(far))
      await turns()
      assert.equal(far.connection.streams.length, 1)
      await near.end()
      assert.equal((await errorOf(waiting)).code, 'ERR_UNEXPECTED_END')
      const [a, b] = [near.connection, far.connection]
      const stream = await a.open('/test')
      await turns()
      stream.write(Uint8Array.of(0x81, 0x80, 0x80, 0x02))
      const other = b.streams.find(({ id }) => id === stream.id)!
      assert.equal((await errorOf(next(lengthPrefixed(other)))).code, 'ERR_FRAME')
    }))

  test('go on behind a listener that throws', () =>
    withStreams(async (near, far) => {
      const messages = lengthPrefixed(near)
      for (let size = 0; size < 4; size++) messages.write(pattern(size))
      await messages.end()
      const incoming = lengthPrefixed(far)
      const sizes: number[] = []
      const stopAtOne = ({ length }: Uint8Array) => {
        sizes.push(length)
        if (length === 1) throw new Error('enough')
      }
      await assert.rejects(incoming.forEach(stopAtOne), { message: 'enough' })
      await incoming.forEach(({ length }) => void sizes.push(length))
      assert.deepEqual(sizes, [0, 1, 2, 3])
    }))
})
