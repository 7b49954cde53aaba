import { messageOf, within } from './async.ts'
import { type Column, missingTool } from './columns.ts'
import { type KnownFailure, knownFailures } from './known.ts'
import { type Direction, directions, type Result, type Status } from './matrix.ts'
import { Pair } from './pair.ts'
import { NotOffered, NotRun } from './peer.ts'
import { directionsOf, type Row } from './rows.ts'

const defaultTimeout = 60_000

/** What a run is told, and whom it tells. */
export interface ColumnRunOptions {
  rows: readonly Row[]
  /** Whether it is a failure that a tool is missing. */
  strict: boolean
  record(result: Result): void
  log(line: string): void
}

/** One implementation, built and put through all rows. */
export class ColumnRun {
  readonly #column: Column
  readonly #options: ColumnRunOptions

  constructor(column: Column, options: ColumnRunOptions) {
    this.#column = column
    this.#options = options
  }

  /** Runs it, and returns the implementation and its version, if it could be started. */
  async run(): Promise<string | undefined> {
    const missing = await missingTool(this.#column)
    if (missing) return this.#skip(this.#options.strict ? 'fail' : 'not run', missing)
    const fault = await this.#build()
    if (fault) return this.#skip('fail', fault)
    const aside = this.#options.rows.filter(row => row.aside).map(row => this.#runAside(row))
    const pair = new Pair(this.#column)
    for (const row of this.#options.rows.filter(each => !each.aside))
      for (const direction of directionsOf(row)) await this.#attempt(pair, row, direction)
    await Promise.all([...aside, pair.kill()])
    return pair.version
  }

  /** Returns what went wrong, if anything did. */
  async #build(): Promise<string | undefined> {
    const { name, build } = this.#column
    const begin = performance.now()
    this.#options.log(`${name}: building…`)
    try {
      await build.call(this.#column)
    } catch (error) {
      return messageOf(error)
    }
    this.#options.log(`${name}: built in ${((performance.now() - begin) / 1_000).toFixed(0)} s`)
    return undefined
  }

  /** A column that could not run is shown so, in every cell. */
  #skip(status: Status, why: string): undefined {
    for (const row of this.#options.rows)
      for (const direction of directionsOf(row))
        this.#options.record({
          column: this.#column.name,
          cell: row.name,
          direction,
          status,
          why,
          seconds: 0,
        })
  }

  async #runAside(row: Row): Promise<void> {
    await Promise.all(
      directions.map(async direction => {
        const pair = new Pair(this.#column)
        await this.#attempt(pair, row, direction)
        await pair.kill()
      }),
    )
  }

  async #attempt(pair: Pair, row: Row, direction: Direction): Promise<void> {
    const begin = performance.now()
    const known = knownFailures.find(each => explains(each, pair.name, row, direction))
    const outcome = await attempt(pair, row, direction, known)
    const seconds = (performance.now() - begin) / 1_000
    this.#options.record({ column: pair.name, cell: row.name, direction, ...outcome, seconds })
  }
}

function explains(known: KnownFailure, column: string, row: Row, direction: Direction): boolean {
  return known.column === column && known.cell === row.name && (known.direction ?? direction) === direction
}

type Outcome = Pick<Result, 'status' | 'figure' | 'why'>

async function attempt(
  pair: Pair,
  row: Row,
  direction: Direction,
  known: KnownFailure | undefined,
): Promise<Outcome> {
  try {
    const figure = await within(row.timeout ?? defaultTimeout, 'not over in time', row.run(pair, direction))
    if (known && !known.sometimes)
      return { status: 'fail', why: `passed, though it should fail: ${known.why}` }
    return { status: 'pass', ...(figure !== undefined && { figure }) }
  } catch (error) {
    await pair.kill()
    const why = messageOf(error)
    if (error instanceof NotOffered) return { status: 'absent', why }
    if (error instanceof NotRun) return { status: 'not run', why }
    if (known?.error.test(why)) return { status: 'theirs', why: known.why }
    return { status: 'fail', why }
  }
}
