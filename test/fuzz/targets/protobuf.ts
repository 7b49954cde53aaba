import { concat } from '#src/wire/bytes'
import { type Field, fields, MAX_FIELDS, ProtobufWriter } from '#src/wire/protobuf'
import { bytesOf, pattern } from '../../support/wire.ts'
import { must, mustEqual, outcome } from '../engine/promise.ts'
import type { Target } from '../engine/target.ts'

/** What is read can be written, and is then read alike; a bound on the fields is exact. */
function run(input: Uint8Array): void {
  const { value: found } = outcome(() => fields(input), 'ERR_PROTOBUF')
  if (!found) return
  must(found.length <= MAX_FIELDS, 'there are no more fields than may be')
  for (const field of found) check(field, input)
  const max = found.length
  must(fields(input, { max }).length === max, 'as many fields as allowed are read')
  if (max > 0)
    must(
      outcome(() => fields(input, { max: max - 1 }), 'ERR_PROTOBUF').error !== undefined,
      'one more is not',
    )
  const writable = found.filter(({ fixed }) => fixed === undefined)
  const written = write(writable)
  const again = fields(written)
  must(again.length === writable.length, 'as many fields are read as were written')
  again.forEach((field, i) => {
    mustBeSame(field, writable[i]!)
  })
  mustEqual(write(again), written, 'there is one encoding to write')
}

function check({ number, type, varint, bytes, fixed }: Field, input: Uint8Array): void {
  must(number >= 1 && number < 2 ** 29, 'a field has a number that can be')
  const values = [varint, bytes, fixed].filter(value => value !== undefined)
  must(values.length === 1, 'a field holds one value')
  if (varint !== undefined)
    must(type === 'varint' && varint >= 0n && varint < 1n << 64n, 'a varint has 64 bits')
  for (const value of [bytes, fixed])
    must(!value || value.length <= input.length, 'no value is longer than the whole')
}

function mustBeSame(field: Field, expected: Field): void {
  must(
    field.number === expected.number && field.varint === expected.varint,
    'a field is read as it was written',
  )
  if (field.bytes && expected.bytes)
    mustEqual(field.bytes, expected.bytes, 'bytes are read as they were written')
}

function write(found: readonly Field[]): Uint8Array {
  const writer = new ProtobufWriter()
  for (const { number, varint, bytes } of found) writer.uint64(number, varint).bytes(number, bytes)
  return concat([new Uint8Array(0), writer.finish()])
}

const target: Target = {
  run,
  maxLength: 2_200,
  seeds: () => [
    new Uint8Array(0),
    new ProtobufWriter().uint64(1, 1).bytes(2, pattern(33)).string(3, 'text').finish(),
    new ProtobufWriter()
      .uint64(1, 2n ** 64n - 1n)
      .bytes(2 ** 29 - 1, pattern(200))
      .finish(),
    bytesOf('0d 01020304 09 0102030405060708 10 05'),
    bytesOf('0b 0c'),
    bytesOf('08 ffffffffffffffffff01'),
    bytesOf('08 8000', '0a 8100 61'),
    new Uint8Array(2_100).fill(8),
  ],
  words: [bytesOf('ffffffffffffffffff01'), bytesOf('0b'), bytesOf('0a00'), bytesOf('fa ff ff ff 0f')],
}

export default target
