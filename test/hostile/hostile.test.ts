import assert from 'node:assert/strict'
import test from 'node:test'
import { addresses } from './addresses.ts'
import { admission } from './admission.ts'
import { files } from './files.ts'
import { framing } from './framing.ts'
import { host } from './host.ts'
import { keys } from './keys.ts'
import { negotiation } from './negotiation.ts'
import { noise } from './noise.ts'
import { protobuf } from './protobuf.ts'
import { Uncaught } from './rules.ts'
import { judge, type Row, Summary } from './suite.ts'
import { terminal } from './terminal.ts'
import { yamux } from './yamux.ts'

const rows: readonly Row[] = [
  ...framing,
  ...protobuf,
  ...addresses,
  ...keys,
  ...noise,
  ...negotiation,
  ...yamux,
  ...host,
  ...terminal,
  ...files,
  ...admission,
]

/** Why an id of an area that is there does not apply. */
const reasons: Readonly<Record<string, string>> = {}

/** For whoever works on a few of them: PARLEY_ROWS=B61,B62. */
const wanted = process.env.PARLEY_ROWS?.split(',')
const isWanted = ({ id }: Row) => wanted?.includes(id) ?? true

test('no bad input does harm', async t => {
  const uncaught = new Uncaught()
  const summary = new Summary(reasons)
  for (const row of rows.filter(isWanted)) {
    await t.test(`${row.id} ${row.title}`, async t => {
      const verdict = await judge(row, uncaught, t)
      summary.add(row, verdict)
      // A family breaks a rule as often as it has cases: a few of them say enough.
      assert.deepEqual(verdict.faults.slice(0, 5), [])
    })
  }
  for (const line of summary.lines) t.diagnostic(line)
  await t.test(
    'every id of the list has a row, or a reason to have none',
    { skip: wanted && 'not all of them are wanted' },
    () => {
      assert.deepEqual(summary.faults, [])
    },
  )
})
