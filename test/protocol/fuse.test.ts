import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Fuse } from '#src/protocol/fuse'

test('Fuse runs steps until one throws, and from then on throws that error alone', () => {
  const fuse = new Fuse()
  assert.equal(
    fuse.run(() => 1),
    1,
  )
  const fail = (error: unknown) => () => {
    throw error
  }
  const first = new Error('first')
  assert.throws(() => fuse.run(fail(first)), first)
  let ran = false
  assert.throws(
    () =>
      fuse.run(() => {
        ran = true
      }),
    first,
  )
  assert.throws(() => fuse.run(fail(new Error('second'))), first)
  assert.equal(ran, false)
})
