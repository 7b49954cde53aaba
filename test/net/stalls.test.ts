import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { Stalls } from '#src/net/stalls'
import { virtualClock } from '../support/net.ts'

/** Things that move when a test says so. */
function watching(t: TestContext) {
  const advance = virtualClock(t)
  const clock = performance.now
  let stood = 0
  t.mock.method(performance, 'now', () => clock() + stood)
  const come: Record<string, number | undefined> = { a: 0, b: 0 }
  const stalled: string[] = []
  const stalls = new Stalls<string>({
    timeout: 1_000,
    progress: item => come[item],
    stalled: item => stalled.push(item),
  })
  return {
    advance: (ms: number) => Array.from({ length: ms / 250 }, () => advance(250)),
    /** Time goes by in which nothing runs. */
    stand: (ms: number) => {
      stood += ms
    },
    come,
    stalled,
    stalls,
  }
}

test('what comes no further for so long has stalled, once', t => {
  const { advance, stalled, stalls } = watching(t)
  stalls.watch('a')
  advance(750)
  assert.deepEqual(stalled, [])
  stalls.watch('a')
  advance(250)
  assert.deepEqual(stalled, ['a'])
  advance(5_000)
  assert.deepEqual(stalled, ['a'])
})

test('what comes further, however little, has not; each by itself', t => {
  const { advance, come, stalled, stalls } = watching(t)
  stalls.watch('a')
  stalls.watch('b')
  for (let i = 1; i <= 5; i++) {
    advance(750)
    come.a = i
  }
  assert.deepEqual(stalled, ['b'])
})

test('what has nothing left to do is watched no more, nor what is deleted or cleared', t => {
  const { advance, come, stalled, stalls } = watching(t)
  stalls.watch('a')
  come.a = undefined
  advance(250)
  come.a = 7
  stalls.watch('b')
  stalls.delete('b')
  advance(2_000)
  stalls.watch('a')
  stalls.clear()
  advance(2_000)
  assert.deepEqual(stalled, [])
  stalls.watch('a')
  advance(1_000)
  assert.deepEqual(stalled, ['a'])
})

test('the time for which the whole program stood still is nobody’s delay', t => {
  const { advance, stand, come, stalled, stalls } = watching(t)
  stalls.watch('a')
  stalls.watch('b')
  stand(60_000)
  advance(250)
  assert.deepEqual(stalled, [])
  come.b = 1
  advance(750)
  assert.deepEqual(stalled, ['a'])
})
