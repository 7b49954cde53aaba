import assert from 'node:assert/strict'
import { test } from 'node:test'
import { soak } from './conductor.ts'
import { judge } from './verdict.ts'

test('for some seconds of everything at once nothing is lost, nothing stays, and nobody fails', async () => {
  const seen: number[] = []
  const course = await soak({ minutes: 0.2, seed: 1, leak: 0, looked: ({ time }) => seen.push(time) })
  assert.deepEqual(judge(course).failures, [])
  assert.equal(seen.length, course.looks.length)
  const { tally } = course.looks.at(-1)!
  assert.ok(tally.streams > 100 && tally.connections > 5, JSON.stringify(tally))
})
