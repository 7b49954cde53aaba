import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { Receipts } from '#src/chat/receipts'

function receiptsFor(...lines: string[]): Receipts {
  const receipts = new Receipts()
  for (const line of lines) receipts.wrote(line.length, line)
  return receipts
}

test('what has arrived is not left over', () => {
  const receipts = receiptsFor('one', 'two')
  assert.ok(receipts.pending)
  receipts.arrived(receipts.written)
  assert.ok(!receipts.pending)
  assert.deepEqual(receipts.leftover(6), { unsure: { count: 0, lines: [] }, unsent: [] })
})

test('what has left may have arrived, and what has not certainly has not', () => {
  const receipts = receiptsFor('one', 'two', 'three', 'four', 'five')
  receipts.arrived(3)
  assert.deepEqual(receipts.leftover(11), {
    unsure: { count: 2, lines: ['two', 'three'] },
    unsent: ['four', 'five'],
  })
})

test('a line of which a part has left may have arrived, and has not when only a part of it is known to have', () => {
  const receipts = receiptsFor('one', 'two')
  receipts.arrived(4)
  assert.deepEqual(receipts.leftover(4), { unsure: { count: 1, lines: ['two'] }, unsent: [] })
})

test('what nobody wants to know of takes its place and is not told of', () => {
  const receipts = new Receipts()
  receipts.wrote(100)
  assert.ok(!receipts.pending)
  receipts.wrote(3, 'one')
  receipts.wrote(100)
  receipts.wrote(3, 'two')
  assert.equal(receipts.written, 206)
  assert.deepEqual(receipts.leftover(103), { unsure: { count: 1, lines: ['one'] }, unsent: ['two'] })
})

test('of very many lines the older ones are counted only', () => {
  const lines = Array.from({ length: 2_500 }, (_, i) => String(i).padStart(4, '0'))
  const receipts = receiptsFor(...lines)
  assert.deepEqual(receipts.leftover(10_000).unsure, { count: 2_500, lines: lines.slice(1_000) })
  receipts.arrived(3_999)
  assert.equal(receipts.leftover(10_000).unsure.count, 2_500)
  receipts.arrived(4_004)
  assert.deepEqual(receipts.leftover(10_000).unsure, { count: 1_499, lines: lines.slice(1_001) })
})

test('every line has arrived, may have, or certainly has not, wherever it stops', () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 50 })
  fc.assert(
    fc.property(sizes, fc.nat(500), fc.nat(500), (sizes, a, b) => {
      const lines = sizes.map((size, i) => String.fromCodePoint(0x100 + i).repeat(size))
      const receipts = receiptsFor(...lines)
      const [arrived, left] = [Math.min(a, b, receipts.written), Math.min(Math.max(a, b), receipts.written)]
      receipts.arrived(arrived)
      const { unsure, unsent } = receipts.leftover(left)
      const rest = [...unsure.lines, ...unsent]
      assert.deepEqual(rest, rest.length > 0 ? lines.slice(-rest.length) : [])
      assert.ok(lines.slice(0, lines.length - rest.length).join('').length <= arrived)
      assert.ok(unsent.join('').length <= receipts.written - left)
    }),
  )
})
