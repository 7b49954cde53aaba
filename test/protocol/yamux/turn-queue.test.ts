import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Queued, TurnQueue } from '#src/protocol/yamux/turn-queue'

class Item implements Queued<Item> {
  behind: Item | undefined = undefined
}

test('a turn queue gives its items in the order they came, but for those that were taken out', () => {
  const items = Array.from({ length: 5 }, () => new Item())
  const step = fc.record({ verb: fc.constantFrom('add', 'shift', 'delete'), at: fc.nat({ max: 4 }) })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), steps => {
      const queue = new TurnQueue<Item>()
      let expected: Item[] = []
      for (const { verb, at } of steps) {
        const item = items[at]!
        if (verb === 'shift') assert.equal(queue.shift(), expected.shift())
        else if (verb === 'delete') {
          queue.delete(item)
          expected = expected.filter(one => one !== item)
        } else if (!expected.includes(item)) {
          queue.add(item)
          expected.push(item)
        }
        assert.equal(queue.isEmpty, expected.length === 0)
      }
      for (const item of expected) assert.equal(queue.shift(), item)
      assert.equal(queue.shift(), undefined)
      for (const { behind } of items) assert.equal(behind, undefined)
    }),
  )
})
