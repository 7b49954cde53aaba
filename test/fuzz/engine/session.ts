import { rmSync } from 'node:fs'
import { readInputs } from './corpus.ts'
import { corpusFolder, crashFolder, crashReport, keepInput } from './crashes.ts'
import { Fuzzer } from './fuzzer.ts'
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

/** So much more on the heap than the corpus explains is a leak, in bytes. */
const leak = 32 * 1024 * 1024

/** Fuzzes a target for its time, and tells the parent process what came of it. */
export async function fuzz(options: SessionOptions, countPlaces: () => number): Promise<void> {
  const { name, seed, keep } = options
  const target = await loadTarget(name)
  const places = countPlaces()
  const watchdog = new Watchdog(name)
  const fuzzer = new Fuzzer({ target, seed, places, watchdog })
  process.on('uncaughtException', error => fuzzer.blame(error))
  const begin = performance.now()
  const given = [...target.seeds(), ...inputsOf(name)]
  // Most inputs are refused, and to write down where takes longer than to refuse them.
  Error.stackTraceLimit = 0
  await fuzzer.begin(given, places === 0)
  const held = heldBytes()
  await fuzzer.run(options)
  const seconds = (performance.now() - begin) / 1_000
  const { executions, corpus } = fuzzer
  const growth = heldBytes() - held
  Error.stackTraceLimit = 10
  await report(fuzzer, name, growth)
  if (keep && !fuzzer.crash) await keepCorpus(fuzzer, name)
  await watchdog.end()
  const crashed = fuzzer.crash !== undefined
  const result: SessionResult = {
    name,
    executions,
    seconds,
    corpus: corpus.length,
    reached: fuzzer.places,
    places,
    growth,
    crashed,
  }
  process.send?.(result, () => process.exit(crashed ? 1 : 0))
}

function inputsOf(name: TargetName): Uint8Array[] {
  return [...readInputs(corpusFolder(name)), ...readInputs(crashFolder(name))].map(({ input }) => input)
}

async function report(fuzzer: Fuzzer, name: TargetName, growth: number): Promise<void> {
  if (!fuzzer.crash && growth > leak) {
    const error = new Error(`the heap has grown by ${growth} bytes`)
    fuzzer.crash = { input: fuzzer.corpus.at(-1) ?? new Uint8Array(0), error }
  } else await fuzzer.shorten()
  if (!fuzzer.crash) return
  const { input, error } = fuzzer.crash
  const what = error instanceof Error ? (error.stack ?? String(error)) : String(error)
  console.error(crashReport(name, what, keepInput(crashFolder(name), input)))
}

/** Whatever the files before reached that is still there to be reached is reached by the new ones. */
async function keepCorpus(fuzzer: Fuzzer, name: TargetName): Promise<void> {
  const inputs = await fuzzer.cover()
  rmSync(corpusFolder(name), { recursive: true, force: true })
  for (const input of inputs) keepInput(corpusFolder(name), input)
}

/** What the heap holds; the process is started with `--expose-gc`. */
function heldBytes(): number {
  globalThis.gc?.()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}
