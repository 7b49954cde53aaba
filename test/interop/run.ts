/**
 * The interop matrix: parley and real peers, each as dialer and as listener.
 *
 *     npm run interop                          everything that this machine has the tools for
 *     npm run interop -- go js                 these columns
 *     npm run interop -- --cell ping           the cells whose name holds this
 *     npm run interop -- --strict              a column that cannot run fails the run
 *     npm run interop -- --save                also writes the table into README.md and docs/interop.json
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { messageOf, within } from './async.ts'
import { cells } from './cells.ts'
import { type Column, columns, missingTool } from './columns.ts'
import { knownFailures } from './known.ts'
import {
  type Direction,
  directions,
  type Matrix,
  type Result,
  renderLine,
  renderMarkdown,
  renderSum,
  type Status,
} from './matrix.ts'
import { Pair } from './pair.ts'
import { NotOffered, NotRun } from './peer.ts'
import { programs } from './programs.ts'

const defaultTimeout = 60_000

const { values: flags, positionals: words } = parseArgs({
  allowPositionals: true,
  options: { strict: { type: 'boolean' }, save: { type: 'boolean' }, cell: { type: 'string', default: '' } },
})

/** A row of the table: two peer programs under the contract, or whole programs. */
interface Row {
  name: string
  aside?: boolean
  timeout?: number
  only?: Direction
  run(pair: Pair, direction: Direction): Promise<string | undefined>
}

const rows: readonly Row[] = [
  ...cells.map(cell => ({ ...cell, run: (pair: Pair, direction: Direction) => pair.run(cell, direction) })),
  ...programs.map(program => ({
    ...program,
    run: (pair: Pair, direction: Direction) => program.run(pair.column, direction),
  })),
]

const wanted = rows.filter(({ name }) => name.includes(flags.cell))
const results: Result[] = []
const versions: Record<string, string> = {}

for (const column of chosen()) {
  const missing = await missingTool(column)
  if (missing) skip(column, flags.strict ? 'fail' : 'not run', missing)
  else if (await builds(column)) await runColumn(column)
}
report()

function directionsOf({ only }: Row): readonly Direction[] {
  return only ? [only] : directions
}

function chosen(): readonly Column[] {
  const unknown = words.find(word => !columns.some(({ name }) => name === word))
  if (unknown)
    throw new Error(`There is no column ${unknown}; there are ${columns.map(({ name }) => name).join(', ')}.`)
  return words.length === 0 ? columns : columns.filter(({ name }) => words.includes(name))
}

/** Builds a column's programs; where that fails, all its cells do. */
async function builds(column: Column): Promise<boolean> {
  const begin = performance.now()
  process.stderr.write(`${column.name}: building…\n`)
  try {
    await column.build()
  } catch (error) {
    skip(column, 'fail', messageOf(error))
    return false
  }
  process.stderr.write(`${column.name}: built in ${((performance.now() - begin) / 1_000).toFixed(0)} s\n`)
  return true
}

/** A column that could not run is shown so, in every cell. */
function skip({ name }: Column, status: Status, why: string): void {
  for (const row of wanted)
    for (const direction of directionsOf(row))
      record({ column: name, cell: row.name, direction, status, why, seconds: 0 })
}

async function runColumn(column: Column): Promise<void> {
  const aside = wanted
    .filter(row => row.aside)
    .flatMap(row =>
      directions.map(async direction => {
        const pair = new Pair(column)
        await attempt(pair, row, direction)
        await pair.kill()
      }),
    )
  const pair = new Pair(column)
  for (const row of wanted.filter(each => !each.aside))
    for (const direction of directionsOf(row)) await attempt(pair, row, direction)
  await Promise.all(aside)
  versions[column.name] = pair.version
  await pair.kill()
}

async function attempt(pair: Pair, row: Row, direction: Direction): Promise<void> {
  const begin = performance.now()
  const about = { column: pair.name, cell: row.name, direction }
  const elapsed = () => (performance.now() - begin) / 1_000
  const known = knownFailures.find(
    each =>
      each.column === pair.name && each.cell === row.name && (each.direction ?? direction) === direction,
  )
  try {
    const timeout = row.timeout ?? defaultTimeout
    const figure = await within(timeout, 'not over in time', row.run(pair, direction))
    if (known && !known.sometimes) throw new Error(`passed, though it is known to fail: ${known.why}`)
    record({ ...about, status: 'pass', ...(figure !== undefined && { figure }), seconds: elapsed() })
  } catch (error) {
    await pair.kill()
    const message = messageOf(error)
    if (error instanceof NotOffered) record({ ...about, status: 'absent', why: message, seconds: elapsed() })
    else if (error instanceof NotRun)
      record({ ...about, status: 'not run', why: message, seconds: elapsed() })
    else if (known?.error.test(message))
      record({ ...about, status: 'theirs', why: known.why, seconds: elapsed() })
    else record({ ...about, status: 'fail', why: message, seconds: elapsed() })
  }
}

function record(result: Result): void {
  results.push(result)
  process.stderr.write(`${renderLine(result)}\n`)
}

function report(): void {
  const order = rows.map(({ name }) => name)
  results.sort((a, b) => order.indexOf(a.cell) - order.indexOf(b.cell))
  const matrix: Matrix = {
    date: new Date().toISOString(),
    node: process.version,
    parley: '',
    versions,
    results,
  }
  const folder = join('build', 'interop-results')
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'matrix.json'), `${JSON.stringify(matrix, undefined, 2)}\n`)
  writeFileSync(join(folder, 'matrix.md'), `${renderMarkdown(matrix)}\n`)
  process.stdout.write(`${renderMarkdown(matrix)}\n\n${renderSum(results)}\n`)
  process.exitCode = results.some(({ status }) => status === 'fail') ? 1 : 0
}
