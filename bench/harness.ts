import { parseArgs } from 'node:util'

/** One figure: the middle, least and greatest of so many rounds. `metric` is its unit. */
export interface Result {
  /** What was done, such as `framing decode 64 B contiguous`. */
  bench: string
  /** Who did it: parley, or what bounds it from above. */
  subject: string
  metric: string
  median: number
  min: number
  max: number
  runs: number
}

/** What one round measured, by metric. */
export type Figures = Record<string, number>

/** Something to measure. A round lasts some `ms` milliseconds and must use what it computes. */
export interface Case {
  bench: string
  subject: string
  /** Where a round is dear: it is measured once, and nothing warms up. */
  once?: boolean
  /** Rounds that warm up, 1 unless given: what V8 compiles only after thousands of times takes more of them. */
  warmUps?: number
  round(ms: number): Figures | Promise<Figures>
}

/** How many rounds, after those that warm up, and how many milliseconds each. */
export interface Pace {
  rounds: number
  ms: number
}

/** What a suite's process tells the runner. */
export type Message = { doing: string } | { result: Result }

/** What the command line asks for. Words narrow the choice: each must occur in the bench or the subject. */
export interface Options {
  json: boolean
  quick: boolean
  help: boolean
  words: string[]
}

const flags = {
  json: { type: 'boolean', default: false },
  quick: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const

// An odd number of rounds has a middle one. Each is long beside a garbage collection, and the first is thrown away.
const full: Pace = { rounds: 7, ms: 300 }
const quick: Pace = { rounds: 3, ms: 50 }

/** Reads the command line. Throws an Error that says what is wrong with it. */
export function parseOptions(args: readonly string[]): Options {
  const { values, positionals } = parseArgs({ args: [...args], options: flags, allowPositionals: true })
  return { ...values, words: positionals }
}

/**
 * Measures those of the cases that the command line asks for, and tells the runner, or standard output where there
 * is none, as they come.
 */
export async function runSuite(cases: readonly Case[]): Promise<void> {
  const { words, ...options } = parseOptions(process.argv.slice(2))
  for await (const message of measure(cases, words, options.quick ? quick : full)) tell(message)
}

/** Measures those of the cases that have all of the words in their names. */
export async function* measure(
  cases: readonly Case[],
  words: readonly string[],
  pace: Pace,
): AsyncGenerator<Message> {
  const wanted = cases.filter(each => isWanted(each, words))
  for (const bench of new Set(wanted.map(each => each.bench))) {
    yield { doing: bench }
    const rivals = wanted.filter(each => each.bench === bench)
    const measured = await takeTurns(rivals, pace)
    for (const [i, one] of rivals.entries())
      for (const result of summaries(one, measured[i]!)) yield { result }
  }
}

/** Calls `step`, which does some work and counts it, for `ms` milliseconds. Returns how much was done per second. */
export function perSecond(ms: number, step: () => number): number {
  const start = performance.now()
  let done = 0
  let elapsed = 0
  while (elapsed < ms) {
    done += step()
    elapsed = performance.now() - start
  }
  return (done * 1000) / elapsed
}

/** As `perSecond`, one step after another. */
export async function perSecondAsync(ms: number, step: () => Promise<number>): Promise<number> {
  const start = performance.now()
  let done = 0
  while (performance.now() - start < ms) done += await step()
  return (done * 1000) / (performance.now() - start)
}

/** The value in the middle; of an even number, the upper of the two. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!
}

/** Throws unless the work gave what it had to: a benchmark of broken code is worth nothing. */
export function expectEqual(actual: number, expected: number): void {
  if (actual !== expected) throw new Error(`The work gave ${actual} where it had to give ${expected}.`)
}

function isWanted({ bench, subject }: Case, words: readonly string[]): boolean {
  const name = `${bench} ${subject}`.toLowerCase()
  return words.every(word => name.includes(word.toLowerCase()))
}

/** Round by round each of the rivals once, so that a slow spell of the machine hits all alike. */
async function takeTurns(rivals: readonly Case[], { rounds, ms }: Pace): Promise<Figures[][]> {
  const measured = rivals.map((): Figures[] => [])
  const warmUps = Math.max(...rivals.map(warmUpsOf))
  for (let round = -warmUps; round < rounds; round++) {
    for (const [i, one] of rivals.entries()) {
      if (one.once ? round !== 0 : round < -warmUpsOf(one)) continue
      const figures = await one.round(ms)
      if (round >= 0) measured[i]!.push(figures)
    }
  }
  return measured
}

const warmUpsOf = ({ once, warmUps = 1 }: Case): number => (once ? 0 : warmUps)

function summaries({ bench, subject }: Case, rounds: readonly Figures[]): Result[] {
  return Object.keys(rounds[0]!).map(metric => {
    const values = rounds.map(figures => figures[metric]!)
    const [min, max] = [Math.min(...values), Math.max(...values)]
    return { bench, subject, metric, median: median(values), min, max, runs: values.length }
  })
}

function tell(message: Message): void {
  if (process.send) process.send(message)
  else if ('result' in message) console.log(JSON.stringify(message.result))
}
