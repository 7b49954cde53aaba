import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { type Negotiating, Negotiations } from '#src/net/negotiations'

describe('negotiations', () => {
  /** Negotiations of 100 ms on clocks that stand still, who has expired, and how to move the clocks on. */
  function start(t: TestContext): {
    negotiations: Negotiations
    expired: string[]
    begin(name: string): Negotiating & { isNegotiating: boolean }
    advance(ms: number): void
  } {
    let time = 1_000
    t.mock.timers.enable({ apis: ['setTimeout'] })
    t.mock.method(performance, 'now', () => time)
    const streams = new Map<number, Negotiating>()
    const negotiations = new Negotiations(100, streams)
    const expired: string[] = []
    const begin = (name: string) => {
      const id = streams.size
      const expire = () => {
        expired.push(name)
        streams.delete(id)
        negotiations.ended(stream)
      }
      const stream = { direction: 'inbound' as const, since: time, isNegotiating: true, expire }
      streams.set(id, stream)
      negotiations.began(stream)
      return stream
    }
    const advance = (ms: number) => {
      time += ms
      t.mock.timers.tick(ms)
    }
    return { negotiations, expired, begin, advance }
  }

  test('expire one by one, each in its own time, unless they end first', t => {
    const { negotiations, expired, begin, advance } = start(t)
    begin('a')
    advance(30)
    const b = begin('b')
    begin('c')
    assert.deepEqual([negotiations.count('inbound'), negotiations.count('outbound')], [3, 0])
    advance(69)
    assert.deepEqual(expired, [])
    advance(1)
    assert.deepEqual(expired, ['a'])
    b.isNegotiating = false
    negotiations.ended(b)
    advance(29)
    assert.deepEqual(expired, ['a'])
    advance(1)
    assert.deepEqual([expired, negotiations.count('inbound')], [['a', 'c'], 0])
    begin('d')
    advance(100)
    assert.deepEqual(expired, ['a', 'c', 'd'])
  })

  test('never expire once they are forgotten', t => {
    const { negotiations, expired, begin, advance } = start(t)
    begin('a')
    negotiations.clear()
    advance(200)
    assert.deepEqual(expired, [])
  })
})
