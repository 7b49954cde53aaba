import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { provider } from '#src/crypto/index'
import { CipherState, TAG_LENGTH } from '#src/protocol/noise/cipher-state'
import { concat, EMPTY, hex } from '#src/wire/bytes'
import { bytesOf, pattern, refuses } from '../../support/wire.ts'

const key = pattern(32)
const ad = pattern(7)

function sealed(nonce: string, plaintext: Uint8Array, data = EMPTY): string[] {
  return provider.seal(key, bytesOf(nonce), data, plaintext).map(hex)
}

describe('CipherState', () => {
  test('counts up in little-endian behind four zero bytes', () => {
    const cases: [counter: number, nonce: string][] = [
      [0, '00000000 0000000000000000'],
      [1, '00000000 0100000000000000'],
      [0x0102_0304, '00000000 0403020100000000'],
      [0xffff_ffff, '00000000 ffffffff00000000'],
      [0x1_0000_0000, '00000000 0000000001000000'],
      [Number.MAX_SAFE_INTEGER - 1, '00000000 feffffffffff1f00'],
    ]
    for (const [counter, nonce] of cases) {
      assert.deepEqual(new CipherState(key, counter).encrypt(ad).map(hex), sealed(nonce, ad))
    }
    const cipher = new CipherState(key, 0xffff_ffff)
    for (const nonce of ['00000000 ffffffff00000000', '00000000 0000000001000000']) {
      assert.deepEqual(cipher.encrypt(ad, ad).map(hex), sealed(nonce, ad, ad))
    }
  })

  test('opens what the other side sealed, message by message, in any pieces', () => {
    const sender = new CipherState(key)
    const receiver = new CipherState(key)
    for (const size of [0, 1, 64, 1000]) {
      const [ciphertext, tag] = sender.encrypt(pattern(size), ad)
      assert.deepEqual([ciphertext.length, tag.length], [size, TAG_LENGTH])
      const pieces = [ciphertext.subarray(0, 5), ciphertext.subarray(5)]
      assert.deepEqual(concat(receiver.decrypt(pieces, tag, ad)!), pattern(size))
    }
  })

  test('stays where it is when a message is not genuine', () => {
    const [ciphertext, tag] = new CipherState(key).encrypt(pattern(40), ad)
    const receiver = new CipherState(key)
    assert.equal(receiver.decrypt([pattern(40)], tag, ad), undefined)
    assert.equal(receiver.decrypt([ciphertext], pattern(TAG_LENGTH), ad), undefined)
    assert.equal(receiver.decrypt([ciphertext], tag), undefined)
    assert.equal(receiver.decrypt([ciphertext], tag.subarray(1), ad), undefined)
    assert.deepEqual(concat(receiver.decrypt([ciphertext], tag, ad)!), pattern(40))
    assert.equal(receiver.decrypt([ciphertext], tag, ad), undefined)
  })

  test('uses no nonce twice: its last one is its last', () => {
    const last = Number.MAX_SAFE_INTEGER - 1
    const sender = new CipherState(key, last)
    const receiver = new CipherState(key, last)
    const [ciphertext, tag] = sender.encrypt(ad)
    assert.deepEqual(concat(receiver.decrypt([ciphertext], tag)!), ad)
    for (const used of [sender, sender, receiver]) refuses('ERR_NONCE_EXHAUSTED', () => used.encrypt(ad))
    refuses('ERR_NONCE_EXHAUSTED', () => receiver.decrypt([ciphertext], tag))
  })

  test('has copies that move on by themselves', () => {
    const cipher = new CipherState(key, 5)
    const copy = cipher.clone()
    const first = cipher.encrypt(ad).map(hex)
    assert.notDeepEqual(cipher.encrypt(ad).map(hex), first)
    assert.deepEqual(copy.encrypt(ad).map(hex), first)
  })
})
