import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { DerForm, lowSSignature, p256Private } from '#src/crypto/der'
import { flip, hex, joined } from './providers.ts'

const form = new DerForm('a thing', '3006', 2, '0500', 1, 'ff')

test('a form fills its holes and gives them back', () => {
  const filled = form.encode(hex('0102'), hex('03'))
  assert.deepEqual(filled, hex('300601020500' + '03' + 'ff'))
  assert.deepEqual(form.decode(filled), [hex('0102'), hex('03')])
})

test('a form refuses parts that do not fit', () => {
  for (const parts of [[], [hex('0102')], [hex('01'), hex('03')], [hex('0102'), hex('0304')]]) {
    assert.throws(() => form.encode(...parts), { message: 'The length of the bytes is not that of a thing.' })
  }
})

test('a form refuses bytes that are longer, shorter or differ outside the holes', () => {
  const filled = form.encode(hex('0102'), hex('03'))
  const inHole = [2, 3, 6]
  for (let bit = 0; bit < 8 * filled.length; bit++) {
    if (inHole.includes(bit >> 3)) assert.equal(form.decode(flip(filled, bit)).length, 2)
    else assert.throws(() => form.decode(flip(filled, bit)), /not the DER form of a thing/)
  }
  for (const bad of [hex(''), filled.subarray(1), joined(filled, hex('00'))]) {
    assert.throws(() => form.decode(bad), /not the DER form of a thing/)
  }
})

test('what a form gives back are copies', () => {
  const der = p256Private.encode(new Uint8Array(32), new Uint8Array(64))
  const [scalar] = p256Private.decode(Buffer.from(der))
  scalar!.fill(1)
  assert.deepEqual(p256Private.decode(der)[0], new Uint8Array(32))
})

test('the low S is s or its opposite, and its integers are the shortest', () => {
  const order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n
  const scalar = fc.oneof(
    fc.bigInt({ min: 1n, max: order - 1n }),
    fc.bigInt({ min: 1n, max: 1n << 130n }),
    fc.constantFrom(order / 2n, order / 2n + 1n, order - 1n, 0x80n, 0x7fn),
  )
  const fixed = (value: bigint) => hex(value.toString(16).padStart(64, '0'))
  const integer = (value: bigint) => {
    const digits = value.toString(16).padStart(2 * Math.ceil((value.toString(2).length + 1) / 8), '0')
    return joined(Uint8Array.of(2, digits.length / 2), hex(digits))
  }
  fc.assert(
    fc.property(scalar, scalar, (r, s) => {
      const body = joined(integer(r), integer(s > order / 2n ? order - s : s))
      const expected = joined(Uint8Array.of(0x30, body.length), body)
      assert.deepEqual(lowSSignature(joined(fixed(r), fixed(s))), expected)
    }),
  )
})
