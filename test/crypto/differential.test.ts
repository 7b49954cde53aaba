import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { CryptoProvider } from '#src/crypto/provider'
import { commonTypes, native, portable } from './providers.ts'

const bytes = (maxLength: number) => fc.uint8Array({ maxLength })
const exactly = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })

/** From nothing to several blocks. */
const message = bytes(300)

/** The bytes cut at the given places, wherever they fall. */
function cutAt(whole: Uint8Array, places: number[]): Uint8Array[] {
  const cuts = places.map(place => place % (whole.length + 1)).sort((a, b) => a - b)
  return [0, ...cuts].map((from, at) => whole.subarray(from, cuts[at] ?? whole.length))
}

test('both hash and derive the same', () => {
  fc.assert(
    fc.property(
      fc.array(message, { maxLength: 5 }),
      message,
      fc.integer({ min: 1, max: 300 }),
      (pieces, key, length) => {
        const [first = key] = pieces
        assert.deepEqual(native.sha256(...pieces), portable.sha256(...pieces))
        assert.deepEqual(native.hmac(key, first), portable.hmac(key, first))
        assert.deepEqual(native.hkdf(key, first, length), portable.hkdf(key, first, length))
      },
    ),
  )
})

test('both seal the same, and each opens what the other sealed in whatever pieces', () => {
  const places = fc.array(fc.nat(), { maxLength: 6 })
  fc.assert(
    fc.property(
      exactly(32),
      exactly(12),
      message,
      bytes(3000),
      places,
      (key, nonce, ad, plaintext, places) => {
        const [ciphertext, tag] = native.seal(key, nonce, ad, plaintext)
        assert.deepEqual(portable.seal(key, nonce, ad, plaintext), [ciphertext, tag])
        const pieces = cutAt(ciphertext, places)
        for (const provider of [native, portable]) {
          const opened = provider.open(key, nonce, ad, pieces, tag)!
          assert.deepEqual(Buffer.concat(opened), Buffer.from(plaintext))
        }
      },
    ),
  )
})

test('both derive and agree the same on X25519', () => {
  fc.assert(
    fc.property(exactly(32), exactly(32), (secret, remote) => {
      const [ours, theirs] = [native.x25519(secret), portable.x25519(secret)]
      assert.deepEqual(ours.publicKey, theirs.publicKey)
      assert.deepEqual(ours.agree(remote), theirs.agree(remote))
    }),
    { numRuns: 50 },
  )
})

for (const type of commonTypes) {
  test(`each reads the other's ${type} keys and takes its signatures`, async () => {
    const orders = [
      [native, portable],
      [portable, native],
    ] as const
    const property = fc.asyncProperty(fc.constantFrom(...orders), message, async ([one, other], message) => {
      const key = await one.generateKey(type)
      const copy = other.importKey(type, key.privateKey)
      assert.deepEqual([copy.publicKey, copy.privateKey], [key.publicKey, key.privateKey])
      other.checkPublicKey(type, key.publicKey)
      assert.ok(other.verify(type, key.publicKey, message, key.sign(message)))
      assert.ok(one.verify(type, key.publicKey, message, copy.sign(message)))
    })
    await fc.assert(property, { numRuns: 40 })
  })
}

test('both take or refuse the same secp256k1 public keys', () => {
  const accepts = (provider: CryptoProvider, key: Uint8Array) => {
    try {
      provider.checkPublicKey('secp256k1', key)
      return true
    } catch {
      return false
    }
  }
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 4 }), exactly(32), (sign, x) => {
      const key = Uint8Array.of(sign, ...x)
      assert.equal(accepts(native, key), accepts(portable, key))
    }),
  )
})
