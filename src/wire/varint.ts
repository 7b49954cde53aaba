import varint from 'varint'
import { ParleyError, remoteError } from './errors.ts'

// multiformats/unsigned-varint: seven bits a byte, least significant first, minimal, at most nine bytes.
const MAX_BYTES = 9
const MAX_VARINT = (1n << 63n) - 1n
// Seven bytes hold 49 bits, which a double keeps exactly; what is longer goes through bigints.
const EXACT_BYTES = 7

/** `varintEnd` says so when the bytes stop before the varint does. */
export const INCOMPLETE = -1
/** `varintEnd` says so of a varint that is not minimal or longer than nine bytes. */
export const MALFORMED = -2

/** The unsigned varint of `value`, one to nine bytes. Throws `ERR_VARINT` unless 0 <= value < 2^63. */
export function encodeVarint(value: number | bigint): Uint8Array {
  const number = checked(value)
  if (typeof number === 'bigint') return leb128(number)
  return varint.encode(number, new Uint8Array(varint.encodingLength(number)))
}

/** Writes the varint of a length that an array can have to the front of `bytes`, where there must be room for it. */
export function writeVarint(length: number, bytes: Uint8Array): void {
  if (length < 0x80) bytes[0] = length
  else varint.encode(length, bytes)
}

/** How many bytes the varint of `value` has. Throws `ERR_VARINT` as `encodeVarint` does. */
export function varintLength(value: number | bigint): number {
  const number = checked(value)
  return typeof number === 'bigint' ? encodeVarint(number).length : varint.encodingLength(number)
}

/**
 * Reads the strict varint at `offset`: minimal, at most nine bytes, all there. `length` is its own length.
 * Throws `ERR_VARINT`, also for values above 2^53 - 1, which a number cannot hold.
 */
export function decodeVarint(bytes: Uint8Array, offset = 0): { value: number; length: number } {
  const end = strictEnd(bytes, offset)
  return { value: varintNumber(bytes, offset, end), length: end - offset }
}

/** As `decodeVarint`, for any value below 2^63. */
export function decodeVarint64(bytes: Uint8Array, offset = 0): { value: bigint; length: number } {
  const end = strictEnd(bytes, offset)
  return { value: leb128Value(bytes, offset, end), length: end - offset }
}

/**
 * The index behind the strict varint at `offset`, or `INCOMPLETE` when it does not end before `limit`, or
 * `MALFORMED`. For readers that wait for more, so without exceptions.
 */
export function varintEnd(bytes: Uint8Array, offset: number, limit = bytes.length): number {
  if (offset < limit && bytes[offset]! < 0x80) return offset + 1
  const last = Math.min(limit, offset + MAX_BYTES)
  for (let at = offset + 1; at < last; at++) {
    const byte = bytes[at]!
    if (byte < 0x80) return byte === 0 ? MALFORMED : at + 1
  }
  return limit >= offset + MAX_BYTES ? MALFORMED : INCOMPLETE
}

/** The value of the varint from `offset` to `end`, as `varintEnd` found it. Throws `ERR_VARINT` above 2^53 - 1. */
export function varintNumber(bytes: Uint8Array, offset: number, end: number): number {
  if (end - offset === 1) return bytes[offset]!
  if (end - offset <= EXACT_BYTES) return varint.decode(bytes, offset)
  const value = leb128Value(bytes, offset, end)
  if (value <= Number.MAX_SAFE_INTEGER) return Number(value)
  throw remoteError('ERR_VARINT', `The varint ${value} is too large for a length or a code.`)
}

/** Seven bits a byte without the specification's bounds: for protobuf, whose varints reach 2^64 - 1. */
export function leb128(value: bigint): Uint8Array {
  const bytes: number[] = []
  let rest = value
  for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80)
  bytes.push(Number(rest))
  return Uint8Array.from(bytes)
}

/** What the bytes from `offset` to `end` say, seven bits each. */
export function leb128Value(bytes: Uint8Array, offset: number, end: number): bigint {
  if (end - offset === 1) return BigInt(bytes[offset]! & 0x7f)
  let value = 0n
  for (let at = end - 1; at >= offset; at--) value = (value << 7n) | BigInt(bytes[at]! & 0x7f)
  return value
}

/** The value as a number where that is exact. */
function checked(value: number | bigint): number | bigint {
  if (value < 0 || value > MAX_VARINT) throw unfit(value)
  if (typeof value === 'bigint') return value <= Number.MAX_SAFE_INTEGER ? Number(value) : value
  if (!Number.isSafeInteger(value)) throw unfit(value)
  return value
}

function unfit(value: number | bigint): ParleyError {
  return new ParleyError('ERR_VARINT', `A varint holds a whole number from 0 to 2^63 - 1, not ${value}.`)
}

function strictEnd(bytes: Uint8Array, offset: number): number {
  const end = varintEnd(bytes, offset)
  if (end > 0) return end
  const fault = end === INCOMPLETE ? 'is cut short' : 'is not minimal or longer than nine bytes'
  throw remoteError('ERR_VARINT', `The varint ${fault}.`)
}
