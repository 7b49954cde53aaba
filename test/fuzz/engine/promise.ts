import { hex } from '#src/wire/bytes'
import { type ErrorCode, ParleyError } from '#src/wire/errors'

/** A promise of the code under test that an input has broken. */
export class BrokenPromise extends Error {
  override readonly name = 'BrokenPromise'
}

/** Throws `BrokenPromise` unless the condition holds. */
export function must(condition: boolean, promise: string): asserts condition {
  if (!condition) throw new BrokenPromise(promise)
}

/** As `must`, for bytes that have to be the same. */
export function mustEqual(actual: Uint8Array, expected: Uint8Array, promise: string): void {
  if (Buffer.compare(actual, expected) !== 0)
    throw new BrokenPromise(`${promise}: ${shown(actual)} is not ${shown(expected)}`)
}

/** As `must`, for lists of texts that have to be the same. */
export function mustMatch(actual: readonly string[], expected: readonly string[], promise: string): void {
  const same = actual.length === expected.length && actual.every((text, i) => text === expected[i])
  if (!same)
    throw new BrokenPromise(`${promise}: ${JSON.stringify(actual)} is not ${JSON.stringify(expected)}`)
}

/** What a step gives, or the `ParleyError` that it throws. */
export type Outcome<T> =
  | { readonly value: T; readonly error?: undefined }
  | { readonly error: ParleyError; readonly value?: undefined }

/** Runs a step that may throw a `ParleyError`, of one of the codes where any are named. Anything else thrown passes. */
export function outcome<T>(step: () => T, ...codes: ErrorCode[]): Outcome<T> {
  try {
    return { value: step() }
  } catch (error) {
    return { error: refusal(error, codes) }
  }
}

/** The error, which must be a `ParleyError` of one of the codes, and whose message must be fit to be shown. */
export function refusal(error: unknown, codes: readonly ErrorCode[] = []): ParleyError {
  if (!(error instanceof ParleyError)) throw error
  must(codes.length === 0 || codes.includes(error.code), `the refusal has the code ${error.code}`)
  must(isPlain(error.message), `the message is plain text: ${JSON.stringify(error.message)}`)
  must(error.message.length < 2_000, 'the message is short')
  return error
}

/** A machine that has thrown goes on throwing that error. */
export function staysBroken(error: ParleyError, step: () => unknown): void {
  for (let i = 0; i < 2; i++) {
    must(outcome(step).error?.code === error.code, `a machine that threw ${error.code} goes on throwing`)
  }
}

/** Whether a terminal would show the text and do nothing else: no controls, no lone surrogates, nothing that turns it round. */
export function isPlain(text: string): boolean {
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at)
    if (unit < 0x20 || (unit >= 0x7f && unit < 0xa0)) return false
    if (unit >= 0xd800 && unit < 0xe000) {
      const next = text.charCodeAt(at + 1)
      if (unit >= 0xdc00 || !(next >= 0xdc00 && next < 0xe000)) return false
      at++
    }
    if (moving.has(unit)) return false
  }
  return true
}

/** Direction marks, embeddings, overrides and isolates, separators of lines and paragraphs, and what has no width. */
const moving = new Set([
  0xad, 0x61c, 0x180e, 0x200b, 0x200e, 0x200f, 0x2028, 0x2029, 0x202a, 0x202b, 0x202c, 0x202d, 0x202e, 0x2060,
  0x2066, 0x2067, 0x2068, 0x2069, 0xfeff,
])

function shown(bytes: Uint8Array): string {
  return bytes.length > 64 ? `${hex(bytes.subarray(0, 64))}... (${bytes.length} bytes)` : hex(bytes)
}
