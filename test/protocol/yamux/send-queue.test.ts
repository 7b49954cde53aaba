import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { SendQueue } from '#src/protocol/yamux/send-queue'
import { concat, EMPTY } from '#src/wire/bytes'
import { pattern } from '../../support/wire.ts'

/** Takes so many bytes. */
function taken(queue: SendQueue, count: number): Uint8Array[] {
  const out: Uint8Array[] = []
  queue.take(count, out)
  return out
}

test('a send queue gives the bytes back in order, however they are pushed and taken', () => {
  const sizes = fc.oneof(fc.nat({ max: 80 }), fc.constantFrom(511, 512, 5_000))
  const frames = fc.record({ prefix: fc.nat({ max: 3 }), size: sizes })
  const step = fc.record({
    pushes: fc.array(frames, { maxLength: 12 }),
    part: fc.integer({ min: 0, max: 4 }),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), steps => {
      const queue = new SendQueue()
      const pushed: Uint8Array[] = [EMPTY]
      const given: Uint8Array[] = [EMPTY]
      for (const { pushes, part } of steps) {
        for (const { prefix, size } of pushes) {
          const frame = pattern(prefix + size + pushed.length).subarray(pushed.length)
          pushed.push(frame)
          queue.push(frame.subarray(prefix), frame.subarray(0, prefix))
        }
        given.push(...taken(queue, Math.floor((queue.length * part) / 4)))
      }
      given.push(...taken(queue, queue.length))
      assert.equal(queue.length, 0)
      assert.deepEqual(concat(given), concat(pushed))
    }),
  )
})

test('a send queue hands out long pieces and the first few short ones as they are, and many short ones together', () => {
  const queue = new SendQueue()
  const long = pattern(5_000)
  const short = pattern(64)
  queue.push(short)
  queue.push(long)
  assert.deepEqual(taken(queue, queue.length), [short, long])
  for (let i = 0; i < 1_000; i++) queue.push(short)
  const pieces = taken(queue, queue.length)
  assert.ok(pieces.length < 30, `${pieces.length} pieces`)
  assert.equal(concat(pieces).length, 64_000)
})

test('a send queue that is cleared is as good as new', () => {
  const queue = new SendQueue()
  for (let i = 0; i < 20; i++) queue.push(pattern(64))
  queue.clear()
  assert.equal(queue.length, 0)
  queue.push(pattern(3))
  assert.deepEqual(concat(taken(queue, 3)), pattern(3))
})
