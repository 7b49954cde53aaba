import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Recent } from '#src/wire/recent'

describe('Recent', () => {
  test('gives what was set, and nothing else', () => {
    const recent = new Recent<number>(2)
    recent.set('a', 1)
    assert.deepEqual(
      [recent.get('a'), recent.has('a'), recent.get('b'), recent.has('b')],
      [1, true, undefined, false],
    )
  })

  test('forgets what came first when it is full', () => {
    const recent = new Recent<number>(2)
    for (const [index, key] of ['a', 'b', 'c'].entries()) recent.set(key, index)
    assert.deepEqual([recent.get('a'), recent.get('b'), recent.get('c')], [undefined, 1, 2])
  })

  test('makes no room for what it has already', () => {
    const recent = new Recent<number>(2)
    for (const key of ['a', 'b', 'b']) recent.set(key, 0)
    assert.ok(recent.has('a'))
  })

  test('keeps the value that came first, where it is told to', () => {
    const recent = new Recent<number>(2)
    assert.equal(recent.getOrSet('a', 0), 0)
    assert.equal(recent.getOrSet('a', 1), 0)
    recent.set('b', 2)
    recent.set('c', 3)
    assert.equal(recent.getOrSet('a', 4), 4)
  })
})
