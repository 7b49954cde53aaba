import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { hex, utf8 } from '#src/wire/bytes'
import { type Field, fields, ProtobufWriter } from '#src/wire/protobuf'
import { anyBytes, bytesOf, parsed, refuses } from '../support/wire.ts'
import { malformedMessages } from './hostile.ts'

/** A field in few words: its number, and its value as digits or as a number. */
function brief(field: Field): string {
  const value = field.varint ?? hex(field.bytes ?? field.fixed!)
  return `${field.number} ${field.type} ${value}`
}

describe('ProtobufWriter', () => {
  test('writes fields in the order of the calls, and leaves out what is undefined', () => {
    const message = new ProtobufWriter()
      .uint64(1, 150)
      .string(2, 'testing')
      .bytes(3, undefined)
      .uint64(4, undefined)
      .string(5, undefined)
      .message(6, new ProtobufWriter().uint64(1, 150n).finish())
      .finish()
    assert.equal(hex(message), '089601 120774657374696e67 3203089601'.replaceAll(' ', ''))
  })

  test('writes zeros and empty values when they are given', () => {
    const message = new ProtobufWriter().uint64(1, 0).bytes(2, bytesOf('')).string(3, '').finish()
    assert.equal(hex(message), '080012001a00')
    assert.equal(new ProtobufWriter().finish().length, 0)
  })

  test('writes numbers up to 64 bits, and refuses others', () => {
    assert.equal(hex(new ProtobufWriter().uint64(2, 2n ** 64n - 1n).finish()), '10ffffffffffffffffff01')
    for (const value of [-1, 0.5, 2 ** 53, -1n, 2n ** 64n]) {
      refuses('ERR_PROTOBUF', () => new ProtobufWriter().uint64(1, value))
    }
  })
})

describe('fields', () => {
  const sound: [what: string, digits: string, found: string[]][] = [
    ['an empty message', '', []],
    [
      'every wire type',
      '0801 1100000000000000ff 1a0161 2500000080',
      ['1 varint 1', '2 fixed64 00000000000000ff', '3 bytes 61', '4 fixed32 00000080'],
    ],
    ['a scalar given twice (B11)', '08010802', ['1 varint 1', '1 varint 2']],
    ['unknown fields 1000 and 2^29-1 (B12)', 'c03e01 faffffff0f00', ['1000 varint 1', '536870911 bytes ']],
    ['2^64-1 without loss (B15)', '10ffffffffffffffffff01', ['2 varint 18446744073709551615']],
    [
      'a varint, a tag and a length that are not minimal',
      '888000 8100 12 8180808000 ff',
      ['1 varint 1', '2 bytes ff'],
    ],
    ['the smallest number in ten bytes', '0880808080808080808000', ['1 varint 0']],
  ]
  for (const [what, digits, found] of sound) {
    test(`reads ${what}`, () => assert.deepEqual(fields(bytesOf(digits)).map(brief), found))
  }

  for (const [what, digits] of malformedMessages) {
    test(`refuses ${what}`, () => refuses('ERR_PROTOBUF', () => fields(bytesOf(digits))))
  }

  test('counts the fields before it makes any (B13)', () => {
    refuses('ERR_PROTOBUF', () => fields(bytesOf('0a00'.repeat(100_000))))
    refuses('ERR_PROTOBUF', () => fields(bytesOf('0a00'.repeat(2049))))
    assert.equal(fields(bytesOf('0a00'.repeat(2048))).length, 2048)
    assert.equal(fields(bytesOf('0a00'.repeat(3)), { max: 3 }).length, 3)
    refuses('ERR_PROTOBUF', () => fields(bytesOf('0a00'.repeat(4)), { max: 3 }))
  })

  test('gives views of the message', () => {
    const message = new ProtobufWriter().string(1, 'hello').finish()
    assert.equal(fields(message)[0]!.bytes!.buffer, message.buffer)
  })

  test('reads back what is written', () => {
    const field = fc.record({
      number: fc.integer({ min: 1, max: 2 ** 29 - 1 }),
      value: fc.oneof(
        fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
        anyBytes(300),
        fc.string({ unit: 'grapheme' }),
      ),
    })
    fc.assert(
      fc.property(fc.array(field, { maxLength: 10 }), written => {
        const writer = new ProtobufWriter()
        const expected = written.map(({ number, value }) => {
          if (typeof value === 'bigint') writer.uint64(number, value)
          else if (typeof value === 'string') writer.string(number, value)
          else writer.bytes(number, value)
          if (typeof value === 'bigint') return `${number} varint ${value}`
          return `${number} bytes ${hex(typeof value === 'string' ? utf8(value) : value)}`
        })
        assert.deepEqual(fields(writer.finish()).map(brief), expected)
      }),
    )
  })

  test('takes any bytes for fields, or refuses them', () => {
    fc.assert(fc.property(anyBytes(40), bytes => void parsed('ERR_PROTOBUF', () => fields(bytes))))
  })
})
