import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { provider } from '#src/crypto/index'
import { TAG_LENGTH } from '#src/protocol/noise/cipher-state'
import { NOISE_NAME, SymmetricState } from '#src/protocol/noise/symmetric-state'
import { concat, EMPTY, hex, utf8 } from '#src/wire/bytes'
import { pattern, refuses } from '../../support/wire.ts'

/** Two states that have mixed the same key. */
function keyed(): [SymmetricState, SymmetricState] {
  const states = [new SymmetricState(), new SymmetricState()] as [SymmetricState, SymmetricState]
  for (const state of states) state.mixKey(pattern(32))
  return states
}

describe('SymmetricState', () => {
  test('begins with its name, which is as long as a hash, and hashes what is mixed in', () => {
    const state = new SymmetricState()
    assert.equal(utf8(NOISE_NAME).length, 32)
    assert.deepEqual(state.h, utf8(NOISE_NAME))
    state.mixHash(pattern(5))
    assert.deepEqual(state.h, provider.sha256(utf8(NOISE_NAME), pattern(5)))
  })

  test('sends in the clear before there is a key, and mixes in what it sends', () => {
    const state = new SymmetricState()
    assert.equal(state.overhead, 0)
    assert.deepEqual(state.encryptAndHash(pattern(9)), pattern(9))
    assert.deepEqual(state.h, provider.sha256(utf8(NOISE_NAME), pattern(9)))
  })

  test('encrypts once there is a key, and both sides mix in the ciphertext', () => {
    const [a, b] = keyed()
    assert.equal(a.overhead, TAG_LENGTH)
    for (const plaintext of [pattern(20), EMPTY]) {
      const ciphertext = a.encryptAndHash(plaintext)
      assert.equal(ciphertext.length, plaintext.length + TAG_LENGTH)
      assert.deepEqual(b.decryptAndHash(ciphertext), plaintext)
      assert.deepEqual(a.h, b.h)
    }
  })

  test('is as it was after a message that it refused', () => {
    const [a, b] = keyed()
    const ciphertext = a.encryptAndHash(pattern(20))
    const before = hex(b.h)
    for (const bad of [
      EMPTY,
      ciphertext.subarray(0, 15),
      ciphertext.subarray(1),
      concat([ciphertext, pattern(1)]),
    ]) {
      refuses('ERR_NOISE', () => b.decryptAndHash(bad))
      assert.equal(hex(b.h), before)
    }
    assert.deepEqual(b.decryptAndHash(ciphertext), pattern(20))
  })

  test('has copies that go their own way', () => {
    const [a, b] = keyed()
    const copy = b.clone()
    const ciphertext = a.encryptAndHash(pattern(20))
    copy.mixHash(pattern(1))
    copy.mixKey(pattern(2))
    assert.deepEqual(b.decryptAndHash(ciphertext), pattern(20))
    assert.notDeepEqual(copy.h, b.h)
  })

  test('splits into two ciphers that both sides share and that differ', () => {
    const [a, b] = keyed()
    const [first, second] = a.split().map(cipher => cipher.encrypt(pattern(8)).map(hex))
    assert.deepEqual(
      b.split().map(cipher => cipher.encrypt(pattern(8)).map(hex)),
      [first, second],
    )
    assert.notDeepEqual(first, second)
  })
})
