import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TokenBucket } from '#src/protocol/token-bucket'

test('a token bucket allows its burst at once, then its rate, and never saves up more than the burst', () => {
  const bucket = new TokenBucket({ burst: 2, rate: 4 }, 1_000)
  const taken = (now: number) => {
    let count = 0
    while (bucket.take(now)) count++
    return count
  }
  assert.equal(taken(1_000), 2)
  assert.equal(taken(1_249), 0)
  assert.equal(taken(1_250), 1)
  assert.equal(taken(1_750), 2)
  assert.equal(taken(1_000_000), 2)
})
