import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import test from 'node:test'
import { fileURLToPath } from 'node:url'

const runner = fileURLToPath(new URL('../../bench/index.js', import.meta.url))

function bench(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [runner, ...args], { encoding: 'utf8' })
}

test('--json prints one figure a line and nothing else', () => {
  const { status, stdout, stderr } = bench('framing', '--quick', '--json')
  assert.equal(stderr, '')
  assert.equal(status, 0)
  const figures = stdout
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line))
  for (const figure of figures) {
    assert.deepEqual(Object.keys(figure), ['bench', 'subject', 'metric', 'median', 'min', 'max', 'runs'])
    assert.ok(figure.min > 0 && figure.min <= figure.median && figure.median <= figure.max)
    assert.ok(figure.runs >= 3)
  }
  const names = new Set(figures.map(({ bench, subject, metric }) => `${bench}, ${subject}, ${metric}`))
  assert.equal(names.size, figures.length)
  for (const size of ['64 B', '1,200 B', '64 KiB']) {
    for (const work of [`encode ${size}`, `decode ${size} contiguous`, `decode ${size} in chunks`]) {
      for (const metric of ['frames/s', 'MB/s'])
        assert.ok(names.has(`framing ${work}, parley, ${metric}`), work)
    }
  }
})

test('words narrow the choice, and without --json the figures come as a table', () => {
  const { status, stdout } = bench('framing', 'encode', '64 KiB', 'bare', '--quick')
  assert.equal(status, 0)
  const rows = stdout.split('\n').filter(line => line.startsWith('framing'))
  assert.deepEqual(
    rows.map(row => row.split(/ {2,}/).filter((_, column) => column < 2 || column > 4)),
    [
      ['framing encode 64 KiB', 'bare loop', 'frames/s'],
      ['framing encode 64 KiB', 'bare loop', 'MB/s'],
    ],
  )
})

test('what cannot be measured is wrong usage', () => {
  assert.equal(bench('framing', 'no such thing').status, 2)
  assert.equal(bench('--slow').status, 2)
})
