import assert from 'node:assert/strict'
import test from 'node:test'
import { Absent } from '#src/chat/absent'
import { keyOf, peerIdOf, turns } from '../support/net.ts'

const [ann, bob] = [peerIdOf(keyOf(1)), peerIdOf(keyOf(2))]

test('nothing is kept for those who are not expected', () => {
  const absent = new Absent()
  assert.deepEqual(absent.keep('hello'), [])
  assert.deepEqual(absent.take(ann), [])
  assert.ok(absent.isEmpty)
})

test('what is said is kept for each who is expected, behind what was left of before, and taken once', () => {
  const absent = new Absent()
  absent.expect(ann, ['not sent'])
  absent.keep('one')
  absent.expect(bob, [])
  assert.ok(!absent.isEmpty)
  absent.keep('two')
  assert.deepEqual(
    absent.all.map(({ peer, lines }) => [peer, ...lines]),
    [
      [ann, 'not sent', 'one', 'two'],
      [bob, 'two'],
    ],
  )
  assert.deepEqual(absent.take(ann), ['not sent', 'one', 'two'])
  assert.deepEqual(absent.take(ann), [])
  absent.keep('three')
  assert.deepEqual(absent.take(bob), ['two', 'three'])
})

test('a thousand lines are kept, and a quarter of a million characters, and for whom it was too much is told', () => {
  for (const [line, most] of [
    ['hello', 1_000],
    ['x'.repeat(1_000), 250],
  ] as const) {
    const absent = new Absent()
    absent.expect(ann, [])
    for (let i = 0; i < most; i++) {
      assert.equal(absent.isFull, false)
      assert.deepEqual(absent.keep(line), [])
    }
    assert.ok(absent.isFull)
    absent.expect(bob, [])
    assert.deepEqual(absent.keep(line), [ann])
    assert.equal(absent.take(ann).length, most)
    assert.ok(!absent.isFull)
    assert.deepEqual(absent.take(bob), [line])
  }
})

test('what was accepted before is kept, however much it is', () => {
  const absent = new Absent()
  const lines = Array(20).fill('x'.repeat(50_000))
  absent.expect(ann, lines)
  assert.ok(absent.isFull)
  assert.deepEqual(absent.take(ann), lines)
})

test('one who waits for room hears when someone is back', async () => {
  const absent = new Absent()
  absent.expect(ann, ['hello'])
  absent.expect(bob, ['hello'])
  let emptied = false
  const waiting = absent
    .until(() => absent.isEmpty)
    .then(() => {
      emptied = true
    })
  absent.take(ann)
  await turns()
  assert.equal(emptied, false)
  absent.take(bob)
  await waiting
  assert.ok(emptied)
})
