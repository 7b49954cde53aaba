import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { columns } from './columns.ts'
import { knownFailures } from './known.ts'
import { type Matrix, type Result, renderLine, renderMarkdown } from './matrix.ts'
import { readPage, savedMatrix } from './page.ts'
import { rows } from './rows.ts'

const passed: Result = {
  column: 'go',
  cell: 'ping',
  direction: 'out',
  status: 'pass',
  figure: '1 ms',
  seconds: 1,
}
const about = { date: '2026-01-31', node: 'v20.0.0', versions: { go: 'go-libp2p v1' }, suites: [] }

describe('the interop matrix', () => {
  test('shows how each cell went, and never as passed what did not pass', () => {
    const results: Result[] = [
      passed,
      { ...passed, direction: 'in', status: 'fail', why: 'it broke' },
      { ...passed, cell: 'perf', status: 'theirs', why: 'their fault' },
      { ...passed, cell: 'perf', direction: 'in', status: 'absent', why: 'it has none' },
      { ...passed, cell: 'chat', direction: 'in', status: 'not run', why: 'no tool' },
    ]
    const lines = renderMarkdown({ ...about, results }).split('\n')
    assert.deepEqual(
      lines.filter(line => line.startsWith('|')),
      [
        '|  | go → | go ← |',
        '| --- | :---: | :---: |',
        '| ping | ✓ | ✗ |',
        '| perf | (✗) | – |',
        '| chat |  | ? |',
      ],
    )
    assert.deepEqual(
      lines.filter(line => line.startsWith('- ')),
      [
        '- ✗ go: it broke (ping)',
        '- (✗) go: their fault (perf)',
        '- – go: it has none (perf)',
        '- ? go: no tool (chat)',
      ],
    )
    assert.match(
      lines.at(-1)!,
      /^Cells: 1 passed, 1 failed, 1 explained .* 1 not offered by it, 1 not run\.$/,
    )
    assert.match(renderLine(passed), /^✓ +→ go +ping +1\.0 s +1 ms$/)
  })

  test('is shown in README.md as it was when it was saved, with no cell that failed', () => {
    const matrix = JSON.parse(readFileSync(savedMatrix, 'utf8')) as Matrix
    assert.equal(readPage(), renderMarkdown(matrix))
    const names = new Set(matrix.results.map(({ cell }) => cell))
    assert.deepEqual(
      [...names],
      rows.map(({ name }) => name),
      'save it again: its rows have changed',
    )
    assert.ok([...matrix.results, ...matrix.suites].every(({ status }) => status !== 'fail'))
  })

  test('explains failures of cells that there are', () => {
    for (const { column, cell } of knownFailures) {
      assert.ok(
        columns.some(({ name }) => name === column),
        column,
      )
      assert.ok(
        rows.some(({ name }) => name === cell),
        cell,
      )
    }
  })
})
