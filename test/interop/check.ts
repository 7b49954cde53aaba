import { isDeepStrictEqual } from 'node:util'
import { messageOf } from './async.ts'

/** Throws that sentence unless the condition holds. */
export function check(condition: boolean, sentence: string): void {
  if (!condition) throw new Error(sentence)
}

/** Throws unless both are the same, and says what it is about. */
export function equal(actual: unknown, expected: unknown, what: string): void {
  if (isDeepStrictEqual(actual, expected)) return
  throw new Error(`${what}: ${JSON.stringify(actual)} instead of ${JSON.stringify(expected)}`)
}

/** The message that a promise rejects with; throws that sentence when it does not. */
export async function fails(promise: Promise<unknown>, sentence: string): Promise<string> {
  try {
    await promise
  } catch (error) {
    return messageOf(error)
  }
  throw new Error(sentence)
}
