import assert from 'node:assert/strict'
import test from 'node:test'
import { createHost, type Host } from '#src/host/host'
import { hex } from '#src/wire/bytes'
import { type ErrorCode, ParleyError } from '#src/wire/errors'
import { secret } from './attack.ts'
import { areas, ids, idsOf } from './ids.ts'
import { Uncaught } from './rules.ts'
import { judge, live, pure, type Row, Summary, type Verdict } from './suite.ts'
import type { Trial } from './trial.ts'

/** What rows that misbehave leave behind. */
const hoard: Uint8Array[] = []
const others: Host[] = []

/** A row that refuses one input with an error. */
const refusal = (title: string, code: ErrorCode, message: string): Row =>
  pure('B1', title, (trial: Trial) =>
    trial.refuses('ERR_USAGE', 'x', () => {
      throw new ParleyError(code, message)
    }),
  )

/**
 * Lets nobody else have a turn for so many milliseconds, by the clock and of the processor's time: that runs faster while other threads
 * of the process are busy, such as V8's compiler.
 */
function block(ms: number): void {
  const spent = () => (process.cpuUsage().user + process.cpuUsage().system) / 1_000
  const [end, deadline] = [spent() + ms, performance.now() + ms]
  while (spent() < end || performance.now() < deadline);
}

/** Rows, and the rule that each breaks. R1 is missing: the test runner itself takes what nobody caught for a failure. */
const breaches: readonly [rule: string, row: Row][] = [
  ['none', refusal('sound', 'ERR_USAGE', 'No.')],
  ['R2', pure('B1', 'nothing is tried', () => {})],
  ['R2', pure('B1', 'nothing is thrown', trial => trial.refuses('ERR_USAGE', 'x', () => 1))],
  ['R2', refusal('another code', 'ERR_NOISE', 'No.')],
  ['R2', pure('B1', 'no typed error', trial => trial.refuses('ERR_USAGE', 'x', () => JSON.parse('{')))],
  ['R4', pure('B1', 'too slow', trial => trial.within(1, 'x', () => trial.try('x', () => block(3))))],
  ['R7', refusal('a command', 'ERR_USAGE', '\u001b[2J')],
  ['R7', refusal('another alphabet', 'ERR_USAGE', 'Нет.')],
  ['R7', refusal('a key', 'ERR_USAGE', `The key is ${hex(secret)}.`)],
  ['R3', live('B1', 'not closed', async attack => void (await attack.expelled('x', () => {}, 50)))],
  [
    'R4',
    live('B1', 'too much is held', attack =>
      attack.attempt('x', async () => void hoard.push(new Uint8Array(4 * 1024 * 1024).fill(1))),
    ),
  ],
  ['R5', live('B1', 'all others must wait', attack => attack.attempt('x', async () => block(400)))],
  [
    'R6',
    live('B1', 'a connection stays', attack =>
      attack.attempt('x', async () => {
        const other = await createHost({ listen: ['/ip4/127.0.0.1/tcp/0'] })
        others.push(other)
        await attack.host.dial(other.addresses[0]!)
      }),
    ),
  ],
]

const uncaught = new Uncaught()

for (const [rule, row] of breaches) {
  test(`the suite sees a row that breaks ${rule}: ${row.title}`, async t => {
    const { faults } = await judge(row, uncaught, t)
    hoard.length = 0
    await Promise.all(others.splice(0).map(host => host.stop()))
    const rules = new Set(faults.map(fault => fault.rule as string))
    assert.ok(rule === 'none' ? rules.size === 0 : rules.has(rule), [...rules].join())
  })
}

test('the list has 134 ids, each once', () => {
  assert.equal(ids.length, 134)
  assert.equal(new Set(ids).size, 134)
})

test('the summary counts, and misses an id that has neither a row nor a reason', () => {
  const summary = new Summary({ B2: 'it is too easy' })
  const row = (id: string) => pure(id, '', () => {})
  const passed: Verdict = { cases: 3, faults: [] }
  const failed: Verdict = { cases: 1, faults: [{ rule: 'R1', what: 'x' }] }
  summary.add(row('B1'), passed)
  summary.add(row('B3'), passed)
  summary.add(row('B3'), failed)
  const absent = areas.filter(area => area.absent).flatMap(idsOf).length
  assert.equal(summary.lines[0], `1 of ${134 - absent - 1} bad inputs passed, in 7 cases`)
  assert.ok(summary.lines.includes('failed: B3'))
  assert.ok(summary.lines.includes('not tried, since it is too easy: B2'))
  assert.equal(summary.faults.length, 134 - absent - 3)
  assert.ok(summary.faults.includes('B4 has no row'))
})

test('the summary minds a row that is not in the list, and one that has a reason besides', () => {
  const summary = new Summary({ B2: 'it is too easy' })
  for (const id of ['B2', 'B999'])
    summary.add(
      pure(id, '', () => {}),
      { cases: 1, faults: [] },
    )
  assert.ok(summary.faults.includes('B2 should have no row'))
  assert.ok(summary.faults.includes('B999 should have no row'))
})
