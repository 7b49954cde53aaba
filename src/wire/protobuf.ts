import { concat, utf8 } from './bytes.ts'
import { ParleyError, remoteError } from './errors.ts'
import { encodeVarint, leb128, leb128Value } from './varint.ts'

// Wire types of the encoding. 3 and 4 are groups, long dead, and nest: they are refused like 6 and 7.
const VARINT = 0
const FIXED64 = 1
const BYTES = 2
const FIXED32 = 5

const MAX_FIELD_NUMBER = 2 ** 29 - 1
const MAX_VARINT_BYTES = 10
const MAX_UINT64 = (1n << 64n) - 1n

/** As many fields as `fields` accepts unless told otherwise. */
export const MAX_FIELDS = 2048

/**
 * One field of a message. What it holds stands under the name that `type` says, and the other two are
 * `undefined`: `varint`, `bytes` (for strings and nested messages too), or `fixed` (4 or 8 bytes, little-endian).
 */
export interface Field {
  readonly number: number
  readonly type: 'varint' | 'bytes' | 'fixed64' | 'fixed32'
  readonly varint?: bigint
  readonly bytes?: Uint8Array
  readonly fixed?: Uint8Array
}

/**
 * Writes a protobuf message, in the order of the calls. `undefined` leaves a field out; 0 and empty values are
 * written. Values are kept as views until `finish`.
 */
export class ProtobufWriter {
  readonly #pieces: Uint8Array[] = []

  /** A length-delimited field. */
  bytes(field: number, value: Uint8Array | undefined): this {
    if (value === undefined) return this
    this.#pieces.push(tag(field, BYTES), encodeVarint(value.length), value)
    return this
  }

  /** A string field, in UTF-8. */
  string(field: number, text: string | undefined): this {
    return this.bytes(field, text === undefined ? undefined : utf8(text))
  }

  /** A uint64, uint32, bool or enum field. Throws `ERR_PROTOBUF` unless 0 <= value < 2^64. */
  uint64(field: number, value: number | bigint | undefined): this {
    if (value === undefined) return this
    if (value < 0 || value > MAX_UINT64 || (typeof value === 'number' && !Number.isSafeInteger(value))) {
      throw new ParleyError(
        'ERR_PROTOBUF',
        `A uint64 field holds a whole number from 0 to 2^64 - 1, not ${value}.`,
      )
    }
    this.#pieces.push(tag(field, VARINT), leb128(BigInt(value)))
    return this
  }

  /** A nested message that is encoded already. */
  message(field: number, value: Uint8Array | undefined): this {
    return this.bytes(field, value)
  }

  /** The message. */
  finish(): Uint8Array {
    return concat(this.#pieces)
  }
}

function tag(field: number, wireType: number): Uint8Array {
  return encodeVarint(field * 8 + wireType)
}

/**
 * The fields of a message in their order, unknown ones included; values are views. Varints need not be minimal.
 * Throws `ERR_PROTOBUF` when the message is malformed, uses groups, or has more than `max` fields (2048 unless
 * given), which is found out before an object is made of any.
 */
export function fields(bytes: Uint8Array, options: { max?: number } = {}): Field[] {
  const max = options.max ?? MAX_FIELDS
  const scout = new Cursor(bytes)
  for (let count = 0; !scout.done; count++) {
    if (count === max) throw malformed(`has more than ${max} fields`)
    scout.skip()
  }
  const cursor = new Cursor(bytes)
  const found: Field[] = []
  while (!cursor.done) found.push(cursor.read())
  return found
}

function malformed(what: string): ParleyError {
  return remoteError('ERR_PROTOBUF', `The protobuf message ${what}.`)
}

/** Walks over a message field by field. */
class Cursor {
  readonly #bytes: Uint8Array
  #at = 0
  /** Where the value of the field read last lies. */
  #start = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get done(): boolean {
    return this.#at === this.#bytes.length
  }

  /** Checks the next field and steps over it; gives its tag. */
  skip(): number {
    const key = this.#number()
    if (key < 8 || key > MAX_FIELD_NUMBER * 8 + 7) throw malformed('has a field of an impossible number')
    this.#start = this.#at
    const wireType = key % 8
    if (wireType === VARINT) this.#skipVarint()
    else if (wireType === BYTES) this.#skipBytes(this.#number())
    else if (wireType === FIXED64) this.#skipBytes(8)
    else if (wireType === FIXED32) this.#skipBytes(4)
    else throw malformed(`has a field of wire type ${wireType}, which is not supported`)
    return key
  }

  read(): Field {
    const key = this.skip()
    const number = Math.floor(key / 8)
    const wireType = key % 8
    if (wireType === VARINT) {
      return { number, type: 'varint', varint: leb128Value(this.#bytes, this.#start, this.#at) }
    }
    const value = this.#bytes.subarray(this.#start, this.#at)
    if (wireType === BYTES) return { number, type: 'bytes', bytes: value }
    return { number, type: wireType === FIXED64 ? 'fixed64' : 'fixed32', fixed: value }
  }

  /** A tag or a length. Beyond 2^53 it is not exact, but then it is too large for either anyway. */
  #number(): number {
    const start = this.#at
    this.#skipVarint()
    let value = 0
    for (let at = this.#at - 1; at >= start; at--) value = value * 128 + (this.#bytes[at]! & 0x7f)
    return value
  }

  #skipVarint(): void {
    const bytes = this.#bytes
    const start = this.#at
    const limit = Math.min(bytes.length, start + MAX_VARINT_BYTES)
    let at = start
    while (at < limit && bytes[at]! >= 0x80) at++
    if (at === bytes.length) throw malformed('is cut short')
    // The tenth byte has room for the 64th bit alone.
    const tooLong = at === limit || (at - start === MAX_VARINT_BYTES - 1 && bytes[at]! > 1)
    if (tooLong) throw malformed('has a varint of more than 64 bits')
    this.#at = at + 1
  }

  #skipBytes(length: number): void {
    if (length > this.#bytes.length - this.#at) throw malformed('is cut short')
    this.#start = this.#at
    this.#at += length
  }
}
