import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { provider } from '#src/crypto/index'
import { SpareKey } from '#src/net/spare-key'

describe('a spare key', () => {
  /** A clock that stands still, and how many keys were made. */
  function start(t: TestContext): { spareKey: SpareKey; made(): number; advance(ms: number): void } {
    t.mock.timers.enable({ apis: ['setTimeout'] })
    const { mock } = t.mock.method(provider, 'x25519')
    const made = () => mock.callCount()
    return { spareKey: new SpareKey(), made, advance: ms => t.mock.timers.tick(ms) }
  }

  test('is there once it was asked for, and given out once', t => {
    const { spareKey, made } = start(t)
    assert.equal(spareKey.take(), undefined)
    spareKey.prepare()
    spareKey.prepare()
    assert.equal(made(), 1)
    const first = spareKey.take()
    assert.equal(first?.publicKey.length, 32)
    assert.equal(spareKey.take(), undefined)
    spareKey.prepare()
    assert.notDeepEqual(spareKey.take()?.publicKey, first.publicKey)
    assert.equal(made(), 2)
  })

  test('is forgotten after a second, which begins with each anew', t => {
    const { spareKey, advance } = start(t)
    spareKey.prepare()
    advance(999)
    assert.ok(spareKey.take())
    spareKey.prepare()
    advance(999)
    spareKey.prepare()
    advance(1)
    assert.equal(spareKey.take(), undefined)
    spareKey.prepare()
    spareKey.clear()
    assert.equal(spareKey.take(), undefined)
  })
})
