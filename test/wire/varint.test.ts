import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { hex } from '#src/wire/bytes'
import {
  decodeVarint,
  decodeVarint64,
  encodeVarint,
  INCOMPLETE,
  MALFORMED,
  varintEnd,
  varintLength,
} from '#src/wire/varint'
import { anyBytes, bytesOf, parsed, refuses } from '../support/wire.ts'

// The examples of multiformats/unsigned-varint, and the borders.
const examples: [value: bigint, digits: string][] = [
  [0n, '00'],
  [1n, '01'],
  [127n, '7f'],
  [128n, '8001'],
  [255n, 'ff01'],
  [300n, 'ac02'],
  [16_384n, '808001'],
  [2n ** 31n, '8080808008'],
  [2n ** 49n - 1n, 'ffffffffffff7f'],
  [2n ** 49n, '8080808080808001'],
  [2n ** 53n - 1n, 'ffffffffffffff0f'],
  [2n ** 53n, '8080808080808010'],
  [2n ** 63n - 1n, 'ffffffffffffffff7f'],
]

// B1, B2, and what is near them.
const malformed = ['8100', '8000', 'ff8000', 'ffffffffffffffff80', '80808080808080808001', 'ff'.repeat(12)]
const truncated = ['', '80', 'ffff', 'ffffffffffffffff']

describe('varint', () => {
  test('writes and reads the published examples, as numbers as far as they are exact', () => {
    for (const [value, digits] of examples) {
      const length = digits.length / 2
      assert.equal(hex(encodeVarint(value)), digits)
      assert.equal(varintLength(value), length)
      assert.deepEqual(decodeVarint64(bytesOf(digits)), { value, length })
      if (value > Number.MAX_SAFE_INTEGER) refuses('ERR_VARINT', () => decodeVarint(bytesOf(digits)))
      else {
        assert.equal(hex(encodeVarint(Number(value))), digits)
        assert.deepEqual(decodeVarint(bytesOf(digits)), { value: Number(value), length })
      }
    }
  })

  test('reads at an offset, and leaves what follows', () => {
    assert.deepEqual(decodeVarint(bytesOf('ffff ac02 ffff'), 2), { value: 300, length: 2 })
    assert.deepEqual(decodeVarint64(bytesOf('ffff ac02 ffff'), 2), { value: 300n, length: 2 })
  })

  test('refuses varints that are not minimal or longer than nine bytes', () => {
    for (const digits of malformed) {
      refuses('ERR_VARINT', () => decodeVarint(bytesOf(digits)), digits)
      refuses('ERR_VARINT', () => decodeVarint64(bytesOf(digits)), digits)
      assert.equal(varintEnd(bytesOf(digits), 0), MALFORMED, digits)
    }
  })

  test('says that a varint is cut short', () => {
    for (const digits of truncated) {
      assert.throws(() => decodeVarint(bytesOf(digits)), /cut short/, digits)
      assert.throws(() => decodeVarint64(bytesOf(digits)), /cut short/, digits)
      assert.equal(varintEnd(bytesOf(digits), 0), INCOMPLETE, digits)
    }
    assert.equal(varintEnd(bytesOf('ac02'), 0, 1), INCOMPLETE, 'nothing beyond the limit is read')
  })

  test('refuses to write what no varint holds', () => {
    for (const value of [-1, 0.5, Number.NaN, 2 ** 53, Infinity, -1n, 2n ** 63n]) {
      refuses('ERR_VARINT', () => encodeVarint(value))
      refuses('ERR_VARINT', () => varintLength(value))
    }
  })

  test('reads back every number it writes', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }), fc.nat({ max: 63 }), (wide, shift) => {
        const value = wide >> BigInt(shift)
        const bytes = encodeVarint(value)
        assert.deepEqual(decodeVarint64(bytes), { value, length: bytes.length })
        assert.equal(varintLength(value), bytes.length)
      }),
    )
  })

  test('takes any bytes for the one encoding of a number, or refuses them', () => {
    fc.assert(
      fc.property(anyBytes(12), bytes => {
        const found = parsed('ERR_VARINT', () => decodeVarint64(bytes))
        if (found) assert.deepEqual(encodeVarint(found.value), bytes.subarray(0, found.length))
      }),
    )
  })
})
