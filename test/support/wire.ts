import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { fromHex } from '#src/wire/bytes'
import { type ErrorCode, ParleyError } from '#src/wire/errors'

/** Bytes from hex digits, with blanks where they help the eye. */
export function bytesOf(...digits: string[]): Uint8Array {
  return fromHex(digits.join('').replaceAll(' ', ''))
}

/** `size` bytes that differ from their neighbours. */
export function pattern(size: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, i) => (i * 31) & 0xff)
}

/** Any bytes of up to `maxLength`. */
export function anyBytes(maxLength: number): fc.Arbitrary<Uint8Array> {
  return fc.uint8Array({ maxLength })
}

/** Asserts that the step throws a `ParleyError` of that code. */
export function refuses(code: ErrorCode, step: () => unknown, message?: string): void {
  assert.throws(
    step,
    error => {
      assert.ok(error instanceof ParleyError, String(error))
      assert.equal(error.code, code, message)
      return true
    },
    message,
  )
}

/** What the step gives, or `undefined` when it throws a `ParleyError` of that code. Anything else thrown passes. */
export function parsed<T>(code: ErrorCode, step: () => T): T | undefined {
  try {
    return step()
  } catch (error) {
    if (!(error instanceof ParleyError) || error.code !== code) throw error
    return undefined
  }
}

/** The bytes cut at the given places, which may be any numbers in any order. */
export function cutAt(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const cuts = [...new Set(places.map(place => place % (bytes.length + 1)))].sort((a, b) => a - b)
  return [0, ...cuts].map((start, i) => bytes.subarray(start, cuts[i] ?? bytes.length))
}

/** The bytes in one piece, byte by byte, and in every pair of pieces. */
export function cuttings(bytes: Uint8Array): Uint8Array[][] {
  const single = Array.from(bytes, byte => Uint8Array.of(byte))
  const pairs = Array.from(bytes, (_, i) => [bytes.subarray(0, i), bytes.subarray(i)])
  return [[bytes], single, ...pairs]
}

/** A file of published vectors. */
export function vectorFile(name: string): string {
  return readFileSync(`test/vectors/${name}`, 'utf8')
}
