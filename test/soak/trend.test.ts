import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { randomNumbers } from '../support/feed.ts'
import { type Point, trendOf } from './trend.ts'

const line = (slope: number, noise: (index: number) => number = () => 0): Point[] =>
  Array.from({ length: 80 }, (_, index) => ({
    time: index / 4,
    value: 7 + (slope * index) / 4 + noise(index),
  }))

/** As normal as the sum of a few even ones is, with a standard deviation of one. */
function bell(seed: number): () => number {
  const random = randomNumbers(seed)
  return () => random() + random() + random() + random() - 2
}

describe('the trend of points', () => {
  test('on a line is the slope of the line, and sure', () => {
    for (const slope of [-3, 0, 0.25]) {
      assert.deepEqual(trendOf(line(slope)), { slope, least: slope, most: slope })
    }
  })

  test('is not moved by a few that are anything at all', () => {
    const { slope } = trendOf(line(0.5, index => (index % 8 === 0 ? 1_000 * index : 0)))
    assert.ok(Math.abs(slope - 0.5) < 0.05, String(slope))
  })

  test('lies between its bounds about as often as it should', () => {
    const trials = Array.from({ length: 200 }, (_, seed) => trendOf(line(0.3, bell(seed))))
    const right = trials.filter(({ least, most }) => least <= 0.3 && 0.3 <= most).length
    assert.ok(right >= 180 && right <= 198, String(right))
  })

  test('of fewer than three is anything', () => {
    assert.deepEqual(trendOf(line(1).slice(0, 2)), { slope: 1, least: -Infinity, most: Infinity })
  })
})
