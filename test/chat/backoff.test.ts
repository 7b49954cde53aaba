import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { Backoff } from '#src/chat/backoff'

function waits(backoff: Backoff, count: number): number[] {
  return Array.from({ length: count }, () => backoff.next())
}

test('each wait is twice the one before, up to the longest', () => {
  const least = new Backoff(() => 0, { first: 1_000, longest: 6_000 })
  assert.deepEqual(waits(least, 5), [500, 1_000, 2_000, 3_000, 3_000])
})

test('the first wait is short, and after many tries it still is the longest', () => {
  const backoff = new Backoff(() => 0.5)
  assert.equal(backoff.next(), 375)
  assert.equal(waits(backoff, 5_000).at(-1), 22_500)
})

test('half of a wait is left to chance', () => {
  const chance = [0, 0.25, 0.999]
  const backoff = new Backoff(() => chance.shift()!, { first: 1_000, longest: 1_000 })
  assert.deepEqual(waits(backoff, 3), [500, 625, 999.5])
})

test('a reset begins with the short waits again', () => {
  const backoff = new Backoff(() => 0, { first: 1_000 })
  waits(backoff, 7)
  backoff.reset()
  assert.deepEqual(waits(backoff, 2), [500, 1_000])
})

test('no chance makes a wait longer than the longest, or shorter than half of what it would be', () => {
  const chances = fc.array(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), { minLength: 20 })
  fc.assert(
    fc.property(chances, chances => {
      const all = waits(new Backoff(() => chances.pop()!), 20)
      for (const [i, wait] of all.entries()) {
        const most = Math.min(500 * 2 ** i, 30_000)
        assert.ok(wait >= most / 2 && wait <= most)
      }
    }),
  )
})
