import { rmSync } from 'node:fs'
import { readInputs } from './corpus.ts'
import { corpusFolder, crashFolder, crashReport, keepInput } from './crashes.ts'
import { type Crash, Fuzzer } from './fuzzer.ts'
import { loadTarget, type TargetName } from './target.ts'
import { Watchdog } from './watchdog.ts'

/** What a session of fuzzing one target is told. */
export interface SessionOptions {
  name: TargetName
  seconds: number
  runs: number
  seed: number
  /** Whether to make the corpus anew: a few inputs that reach all that was reached. */
  keep: boolean
}

/** What came of a session. */
export interface SessionResult {
  name: TargetName
  executions: number
  seconds: number
  /** Inputs that reached something new, those given at first included. */
  corpus: number
  /** Places that were reached, and how many there are in what was loaded; none where they are not counted. */
  reached: number
  places: number
  /** How much more the heap holds at the end than after the first inputs, in bytes. */
  growth: number
  crashed: boolean
}

const EMPTY = new Uint8Array(0)

/** So much more on the heap than the corpus explains is a leak, in bytes. */
const leak = 32 * 1024 * 1024

/** Fuzzes a target for its time, and tells the parent process what came of it. */
export async function fuzz(options: SessionOptions, countPlaces: () => number): Promise<void> {
  const { name, seed } = options
  const target = await loadTarget(name)
  const places = countPlaces()
  const watchdog = new Watchdog(name)
  const fuzzer = new Fuzzer({ target, seed, places, watchdog })
  process.on('uncaughtException', error => fuzzer.blame(error))
  const begin = performance.now()
  const growth = await tryAll(fuzzer, [...target.seeds(), ...inputsOf(name)], options, places === 0)
  const seconds = (performance.now() - begin) / 1_000
  const { executions, corpus, places: reached } = fuzzer
  await conclude(fuzzer, options, growth)
  await watchdog.end()
  const crashed = fuzzer.crash !== undefined
  const result = { name, executions, seconds, corpus: corpus.length, reached, places, growth, crashed }
  process.send?.(result satisfies SessionResult, () => process.exit(crashed ? 1 : 0))
}

/** Returns by how much the heap has grown meanwhile. */
async function tryAll(
  fuzzer: Fuzzer,
  given: readonly Uint8Array[],
  options: SessionOptions,
  keepsAll: boolean,
): Promise<number> {
  // Most inputs are refused, and to write down where takes longer than to refuse them.
  Error.stackTraceLimit = 0
  await fuzzer.begin(given, keepsAll)
  const held = heldBytes()
  await fuzzer.run(options)
  Error.stackTraceLimit = 10
  return heldBytes() - held
}

async function conclude(fuzzer: Fuzzer, { name, keep }: SessionOptions, growth: number): Promise<void> {
  if (fuzzer.crash) await fuzzer.shorten()
  else if (growth > leak)
    fuzzer.crash = { input: EMPTY, error: new Error(`the heap has grown by ${growth} bytes`) }
  if (fuzzer.crash) report(fuzzer.crash, name)
  else if (keep) await keepCorpus(fuzzer, name)
}

function report({ input, error }: Crash, name: TargetName): void {
  const what = error instanceof Error ? (error.stack ?? String(error)) : String(error)
  console.error(crashReport(name, what, keepInput(crashFolder(name), input)))
}

function inputsOf(name: TargetName): Uint8Array[] {
  return [...readInputs(corpusFolder(name)), ...readInputs(crashFolder(name))].map(({ input }) => input)
}

/** Whatever the files before reached that is still there to be reached is reached by the new ones. */
async function keepCorpus(fuzzer: Fuzzer, name: TargetName): Promise<void> {
  const inputs = await fuzzer.cover()
  rmSync(corpusFolder(name), { recursive: true, force: true })
  for (const input of inputs) keepInput(corpusFolder(name), input)
}

/** What the heap holds; the process is started with `--expose-gc`. What buffers took is given back a collection later. */
function heldBytes(): number {
  for (let i = 0; i < 2; i++) globalThis.gc?.()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}
