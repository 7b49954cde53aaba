import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ParleyError, remoteError } from '#src/wire/errors'

test("an error of this side's says where it was made, one of the other side's does not, and other errors go on to", () => {
  const frames = ({ stack = '' }: Error) => stack.split('\n    at ').length - 1
  const own = new ParleyError('ERR_USAGE', 'wrong')
  const remote = remoteError('ERR_FRAME', 'too long', { scope: 'stream' })
  assert.equal(frames(remote), 0)
  assert.equal(frames(new Error('next')), frames(own))
  assert.ok(frames(own) > 1)
  assert.deepEqual([remote.remote, remote.scope, remote.code], [true, 'stream', 'ERR_FRAME'])
})
