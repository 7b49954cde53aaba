import assert from 'node:assert/strict'
import { type ErrorCode, ParleyError } from '#src/wire/errors'

/** How often a step is timed when it took too long, since others use the machine too. */
const attempts = 5

/** What one row does and hears: it tries inputs, counts them, and keeps what was said about them. */
export class Trial {
  /** Inputs tried so far. */
  cases = 0
  /** Every sentence that an error said. */
  readonly texts: string[] = []
  /** Why nothing was tried, if that is so. */
  skipped: string | undefined
  readonly #faults: string[] = []

  /** Tries one input; the name tells which, where it fails. */
  try<T>(name: string, step: () => T): T {
    this.cases++
    try {
      return step()
    } catch (error) {
      throw named(name, error)
    }
  }

  /** As `try`, for an input whose effect takes time. */
  async attempt<T>(name: string, step: () => Promise<T>): Promise<T> {
    this.cases++
    try {
      return await step()
    } catch (error) {
      throw named(name, error)
    }
  }

  /** Tries one input, which must be refused with one of the codes. */
  refuses(codes: ErrorCode | readonly ErrorCode[], name: string, step: () => unknown): void {
    this.try(name, () => this.expect(codes, thrownBy(step)))
  }

  /** Asserts that an error is typed and of one of the codes, and keeps what it says. */
  expect(codes: ErrorCode | readonly ErrorCode[], error: unknown): ParleyError {
    assert.ok(error instanceof ParleyError, `R2: not a typed error: ${String(error)}`)
    this.note(error)
    assert.ok(
      [codes].flat().includes(error.code),
      `R2: ${error.code} (${error.message}), not ${[codes].flat().join(' or ')}`,
    )
    return error
  }

  /** Nothing can be tried on this machine, for that reason. */
  skip(reason: string): void {
    this.skipped = reason
  }

  /** Keeps what an error says, of any code. */
  note(error: ParleyError): ParleyError {
    this.texts.push(error.message)
    return error
  }

  /** Runs a step that may take so many milliseconds, at least once in a few runs. */
  within(ms: number, name: string, step: () => void): void {
    let quickest = Number.POSITIVE_INFINITY
    for (let run = 0; run < attempts && quickest > ms; run++) quickest = Math.min(quickest, timeOf(step))
    if (quickest > ms) this.#faults.push(`${name} takes ${quickest.toFixed(1)} ms, more than ${ms}`)
  }

  /** What the row keeps about itself beside what it throws. */
  get faults(): readonly string[] {
    return this.#faults
  }
}

function timeOf(step: () => void): number {
  const begin = performance.now()
  step()
  return performance.now() - begin
}

/** What a step throws; that it throws nothing is a failure. */
export function thrownBy(step: () => unknown): unknown {
  let value: unknown
  try {
    value = step()
  } catch (error) {
    return error
  }
  throw new Error(`R2: it was taken for ${String(value).slice(0, 200)}`)
}

function named(name: string, error: unknown): Error {
  const what = error instanceof Error ? error.message : String(error)
  return new Error(`${name}: ${what}`, { cause: error })
}
