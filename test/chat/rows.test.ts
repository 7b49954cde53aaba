import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { rowsOf } from '#src/chat/rows'

const cases: readonly [line: string, columns: number, rows: string[]][] = [
  ['one two three', 20, ['one two three']],
  ['one two three', 7, ['one two', '  three']],
  ['one  two', 7, ['one', '  two']],
  ['a word too-long-for-a-row', 10, ['a word too', '  -long-fo', '  r-a-row']],
  ['\x1b[31mone\x1b[0m two three', 7, ['\x1b[31mone\x1b[0m two', '  three']],
  ['one 你好 two', 9, ['one 你好', '  two']],
  ['one \u3000two', 7, ['one', '  \u3000two']],
]

for (const [line, columns, rows] of cases) {
  test(`${JSON.stringify(line)} in ${columns} columns`, () => assert.deepEqual(rowsOf(line, columns), rows))
}

test('without a width a line stays as it is', () => {
  for (const columns of [undefined, 0, 4, Number.POSITIVE_INFINITY])
    assert.deepEqual(rowsOf('one two', columns as number), ['one two'])
})

test('no row is too wide, none but the first begins at the margin, and nothing but blanks is lost', () => {
  const lines = fc.string({ unit: fc.constantFrom('a', 'b', ' ', '-'), maxLength: 200 })
  fc.assert(
    fc.property(lines, fc.integer({ min: 5, max: 60 }), (line, columns) => {
      const rows = rowsOf(line, columns)
      for (const row of rows) assert.ok(row.length <= columns || rows.length === 1)
      for (const row of rows.slice(1)) assert.match(row, /^ {2}/)
      assert.equal(rows.join('').replaceAll(' ', ''), line.replaceAll(' ', ''))
    }),
  )
})
