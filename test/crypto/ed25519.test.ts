import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ed25519 } from '@noble/curves/ed25519.js'
import fc from 'fast-check'
import { checkEd25519Point } from '#src/crypto/ed25519'
import { hex } from './providers.ts'

function accepts(publicKey: Uint8Array): boolean {
  try {
    checkEd25519Point(publicKey)
    return true
  } catch {
    return false
  }
}

function nobleAccepts(publicKey: Uint8Array): boolean {
  try {
    return !ed25519.Point.fromBytes(publicKey, false).isSmallOrder()
  } catch {
    return false
  }
}

/** The prime, little-endian, moved by a byte's worth and with either sign. */
const nearPrime = fc
  .tuple(fc.integer({ min: 0x80, max: 0xff }), fc.boolean())
  .map(([low, sign]) => hex(`${low.toString(16)}${'ff'.repeat(30)}${sign ? 'ff' : '7f'}`))
const small = fc
  .tuple(fc.nat(255), fc.boolean())
  .map(([low, sign]) => Uint8Array.of(low, ...new Uint8Array(30), sign ? 0x80 : 0))
const any = fc.uint8Array({ minLength: 32, maxLength: 32 })

test('takes the points that RFC 8032 decodes, save those of small order', () => {
  fc.assert(
    fc.property(fc.oneof(any, any, nearPrime, small), publicKey => {
      assert.equal(accepts(publicKey), nobleAccepts(publicKey))
    }),
    { numRuns: 400 },
  )
})

test('refuses all eight points of small order', () => {
  const generator = ed25519.Point.fromHex('26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05')
  let point = generator
  for (let order = 1; order <= 8; order++) {
    assert.equal(accepts(point.toBytes()), false)
    point = point.add(generator)
  }
  assert.ok(point.equals(generator))
})

test('refuses every other length', () => {
  for (const length of [0, 31, 33, 64]) assert.equal(accepts(new Uint8Array(length).fill(0x58)), false)
})
