/** Fuzzes parley's decoders and state machines, one after the other, each in a process of its own: see README.md. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { installParser } from './engine/install.ts'
import type { SessionOptions, SessionResult } from './engine/session.ts'
import { loadTarget, type TargetName, targetNames } from './engine/target.ts'

const usage = `Usage: npm run fuzz -- [target...] [--time seconds] [--runs number] [--seed number] [--keep] [--replay file]

  target    ${targetNames.join(', ')}; all of them unless named
  --time    in all, split over the targets; 60 unless given
  --runs    ends each target after so many inputs, if its time is not over before
  --seed    repeats what was tried with the same number, as far as the time goes
  --keep    makes test/fuzz/corpus anew: a few inputs that reach all that was reached
  --replay  runs the one input that is in a file, on the one target named
`

const flags = {
  time: { type: 'string', default: '60' },
  runs: { type: 'string', default: String(Number.MAX_SAFE_INTEGER) },
  seed: { type: 'string', default: String(Date.now() % 1_000_000) },
  keep: { type: 'boolean', default: false },
  replay: { type: 'string' },
  help: { type: 'boolean', short: 'h', default: false },
} as const

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({ options: flags, allowPositionals: true })
  const names = targetNames.filter(name => positionals.length === 0 || positionals.includes(name))
  const unknown = positionals.find(word => !names.includes(word as TargetName))
  if (values.help || unknown !== undefined) return explain(unknown)
  if (values.replay !== undefined) return replay(names, values.replay)
  const numbers = [values.time, values.runs, values.seed].map(Number)
  if (numbers.some(Number.isNaN)) return explain('--time, --runs or --seed without a number')
  const [time, runs, seed] = numbers as [number, number, number]
  sayHow(seed)
  return fuzzAll(names, { seconds: time / names.length, runs, seed, keep: values.keep })
}

function explain(unknown: string | undefined): number {
  if (unknown !== undefined) console.error(`The fuzzer does not know: ${unknown}\n`)
  process.stdout.write(usage)
  return unknown === undefined ? 0 : 2
}

function sayHow(seed: number): void {
  if (!installParser()) {
    console.log('The sources cannot be instrumented, for npm could not install acorn: see above.')
    console.log('So inputs are made from the corpus at random, without regard to what they reach.')
  }
  console.log(`Seed ${seed}, Node ${process.version}\n`)
  console.log(rowOf('target', 'executions', 'per second', 'corpus', 'places', 'heap'))
}

async function fuzzAll(names: readonly TargetName[], options: Omit<SessionOptions, 'name'>): Promise<number> {
  const results: SessionResult[] = []
  let failed = false
  for (const name of names) {
    const result = await fuzzOne({ ...options, name })
    if (result) results.push(result)
    failed ||= result === undefined || result.crashed
  }
  const executions = sum(results, result => result.executions)
  const seconds = sum(results, result => result.seconds)
  const corpus = sum(results, result => result.corpus)
  console.log(rowOf('total', executions, executions / (seconds || 1), corpus, '', ''))
  return failed ? 1 : 0
}

/** Gives nothing when the process has ended before its time: the watchdog has said why, or Node has. */
async function fuzzOne(options: SessionOptions): Promise<SessionResult | undefined> {
  const child = fork(new URL('./engine/child.js', import.meta.url), [JSON.stringify(options)], {
    execArgv: ['--expose-gc', '--enable-source-maps'],
  })
  let result: SessionResult | undefined
  child.on('message', message => {
    result = message as SessionResult
  })
  await once(child, 'close')
  if (result) print(result)
  else console.error(`${options.name} has ended before its time.`)
  return result
}

function print({ name, executions, seconds, corpus, reached, places, growth }: SessionResult): void {
  const share = places === 0 ? '-' : `${reached}/${places}`
  const megabytes = `${growth < 0 ? '' : '+'}${(growth / 1e6).toFixed(1)} MB`
  console.log(rowOf(name, executions, executions / seconds, corpus, share, megabytes))
}

async function replay(names: readonly TargetName[], file: string): Promise<number> {
  const [name, ...others] = names
  if (name === undefined || others.length > 0) return explain('--replay without the name of one target')
  const target = await loadTarget(name)
  await target.run(new Uint8Array(readFileSync(file)))
  console.log(`${name} keeps its promises for ${file}.`)
  return 0
}

function sum(results: readonly SessionResult[], part: (result: SessionResult) => number): number {
  return results.reduce((total, result) => total + part(result), 0)
}

function rowOf(name: string, ...cells: (string | number)[]): string {
  const texts = cells.map(cell => (typeof cell === 'number' ? Math.round(cell).toLocaleString('en') : cell))
  return name.padEnd(20) + texts.map(text => text.padStart(13)).join('')
}

process.exitCode = await main()
