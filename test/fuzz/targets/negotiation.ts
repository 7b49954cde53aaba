import { encodeMessage, type Negotiation } from '#src/protocol/negotiate'
import { concat, EMPTY } from '#src/wire/bytes'
import type { ErrorCode } from '#src/wire/errors'
import { Input } from '../engine/input.ts'
import { must, mustEqual, outcome } from '../engine/promise.ts'

/** What came of a negotiation. */
export interface Ending {
  protocol: string | undefined
  rest: Uint8Array
  code: ErrorCode | undefined
  out: Uint8Array
}

/** Carries the bytes to two machines, whole to the one and in pieces to the other: both must come to the same end. */
export function negotiateTwice(make: () => Negotiation, how: Uint8Array, body: Uint8Array): Ending {
  const whole = negotiate(make(), [body])
  const pieces = negotiate(make(), new Input(how).cut(body))
  must(whole.code === pieces.code, 'any cutting is refused alike')
  must(whole.protocol === pieces.protocol, 'any cutting agrees on the same')
  // One who breaks the rules may hear an answer before, or not.
  const answered = whole.code ? pieces.out.subarray(0, whole.out.length) : pieces.out
  mustEqual(answered, whole.out, 'any cutting is answered alike')
  if (whole.protocol !== undefined) mustEqual(whole.rest, pieces.rest, 'any cutting leaves the same rest')
  return pieces
}

function negotiate(machine: Negotiation, chunks: readonly Uint8Array[]): Ending {
  const out = [EMPTY, machine.take()]
  for (const [i, chunk] of chunks.entries()) {
    const { value, error } = outcome(
      () => machine.receive(chunk),
      'ERR_NEGOTIATE',
      'ERR_PROTOCOL_UNSUPPORTED',
    )
    out.push(machine.take())
    if (!value && !error) continue
    const rest = concat([EMPTY, value?.rest ?? EMPTY, ...chunks.slice(i + 1)])
    return { protocol: value?.protocol, rest, code: error?.code, out: concat(out) }
  }
  return { protocol: undefined, rest: EMPTY, code: undefined, out: concat(out) }
}

/** Messages, one behind the other. */
export function spoken(...texts: string[]): Uint8Array {
  return concat([EMPTY, ...texts.map(encodeMessage)])
}
