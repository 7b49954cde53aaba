import { decodeVarint, decodeVarint64, encodeVarint, varintEnd, varintLength } from '#src/wire/varint'
import { bytesOf } from '../../support/wire.ts'
import { must, mustEqual, outcome } from '../engine/promise.ts'
import type { Target } from '../engine/target.ts'

const tooLarge = 1n << 63n

/** A strict varint is the only encoding of its number, and every number has one. */
function run(input: Uint8Array): void {
  readFrom(input, 0)
  readFrom(input, 1)
  write(input)
}

function readFrom(input: Uint8Array, offset: number): void {
  const { value: found, error } = outcome(() => decodeVarint64(input, offset), 'ERR_VARINT')
  const end = varintEnd(input, offset)
  must(found ? end === offset + found.length : end < 0, 'both readers find the same end')
  const small = outcome(() => decodeVarint(input, offset), 'ERR_VARINT')
  if (error || !found) return must(small.error !== undefined, 'both readers refuse the same')
  must(found.length >= 1 && found.length <= 9, 'a varint has one to nine bytes')
  mustEqual(encodeVarint(found.value), input.slice(offset, offset + found.length), 'there is one encoding')
  const isExact = found.value <= BigInt(Number.MAX_SAFE_INTEGER)
  must((small.value !== undefined) === isExact, 'a number is given where it is exact')
  if (small.value) must(BigInt(small.value.value) === found.value, 'both readers give the same value')
}

/** Takes the input for a number. */
function write(input: Uint8Array): void {
  let value = 0n
  for (const byte of input.subarray(0, 9)) value = (value << 8n) | BigInt(byte)
  const { value: bytes } = outcome(() => encodeVarint(value), 'ERR_VARINT')
  must((bytes !== undefined) === value < tooLarge, 'every number below 2^63 can be written, and no other')
  if (!bytes) return
  must(varintLength(value) === bytes.length, 'the length is known before')
  const read = decodeVarint64(bytes)
  must(read.value === value && read.length === bytes.length, 'what was written is read again')
}

const target: Target = {
  run,
  maxLength: 24,
  seeds: () => [
    Uint8Array.of(0),
    bytesOf('8100'),
    bytesOf('ffffffffffffffff80'),
    bytesOf('80808080808080808001'),
    bytesOf('ffffffffffffffff7f'),
    bytesOf('ffffffffffffff0f'),
    bytesOf('00ac02'),
  ],
}

export default target
