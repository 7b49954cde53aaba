/**
 * The interop matrix: parley and real peers, each as dialer and as listener.
 *
 *     npm run interop                     everything that this machine has the tools for
 *     npm run interop -- go suites        one column, and the public suites
 *     npm run interop -- --cell ping      the cells whose name holds this
 *     npm run interop -- --strict         what cannot run for want of a tool has failed
 *     npm run interop -- --save           shows the run in README.md
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { ColumnRun } from './column-run.ts'
import { type Column, columns } from './columns.ts'
import { type Matrix, type Result, renderLine, renderMarkdown, type SuiteResult } from './matrix.ts'
import { savePage } from './page.ts'
import { findPeers } from './participant/peers.ts'
import { runSuite } from './participant/suite.ts'
import { rows } from './rows.ts'

const suitesName = 'suites'
const folder = join('build', 'interop')

const { values: flags, positionals: words } = parseArgs({
  allowPositionals: true,
  options: {
    strict: { type: 'boolean', default: false },
    save: { type: 'boolean', default: false },
    cell: { type: 'string', default: '' },
  },
})

checkWords()
const results: Result[] = []
const versions: Record<string, string> = {}
for (const column of columns.filter(({ name }) => isWanted(name))) await runColumn(column)
report(isWanted(suitesName) && flags.cell === '' ? await runSuites() : [])

function checkWords(): void {
  const names = [...columns.map(({ name }) => name), suitesName]
  const unknown = words.find(word => !names.includes(word))
  if (unknown === undefined) return
  console.error(`There is no column ${unknown}; there are ${names.join(', ')}.`)
  process.exit(2)
}

function isWanted(name: string): boolean {
  return words.length === 0 || words.includes(name)
}

function log(line: string): void {
  process.stderr.write(`${line}\n`)
}

async function runColumn(column: Column): Promise<void> {
  const record = (result: Result) => {
    results.push(result)
    log(renderLine(result))
  }
  const wanted = rows.filter(({ name }) => name.includes(flags.cell))
  const version = await new ColumnRun(column, { rows: wanted, strict: flags.strict, record, log }).run()
  if (version) versions[column.name] = version
}

async function runSuites(): Promise<SuiteResult[]> {
  const leaving = new AbortController()
  process.once('SIGINT', () => leaving.abort()).once('SIGTERM', () => leaving.abort())
  const all = await runSuite({ peers: await findPeers(log), signal: leaving.signal, log })
  return all.map(({ name, status, why }) => ({ name, status, ...(why !== undefined && { why }) }))
}

function report(suites: SuiteResult[]): void {
  const order = rows.map(({ name }) => name)
  results.sort((a, b) => order.indexOf(a.cell) - order.indexOf(b.cell))
  const date = new Date().toISOString().slice(0, 10)
  const matrix: Matrix = { date, node: process.version, versions, results, suites }
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'matrix.json'), `${JSON.stringify(matrix, undefined, 2)}\n`)
  writeFileSync(join(folder, 'matrix.md'), `${renderMarkdown(matrix)}\n`)
  if (flags.save) savePage(matrix)
  process.stdout.write(`\n${renderMarkdown(matrix)}\n`)
  process.exitCode = results.some(({ status }) => status === 'fail') || suites.some(hasFailed) ? 1 : 0
}

function hasFailed({ status }: SuiteResult): boolean {
  return status === 'fail' || (flags.strict && status === 'not run')
}
