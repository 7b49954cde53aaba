import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { CryptoProvider } from '#src/crypto/provider'
import { commonTypes, flip, joined, native, portable } from './providers.ts'

const bytes = (maxLength: number) => fc.uint8Array({ maxLength })
const exactly = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })

const orders = [
  [native, portable],
  [portable, native],
] as const

/** From nothing to several blocks. */
const message = bytes(300)

/** Around the length up to which `native` leaves the cipher to another module, and that of the data it can be given. */
const aroundShort = fc.uint8Array({ minLength: 376, maxLength: 392 })
const aroundAd = fc.oneof(fc.uint8Array({ minLength: 30, maxLength: 34 }), bytes(64))

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
      fc.oneof(message, aroundAd),
      fc.oneof(bytes(3000), aroundShort),
      places,
      (key, nonce, ad, plaintext, places) => {
        const [ciphertext, tag] = native.seal(key, nonce, ad, plaintext)
        assert.deepEqual(portable.seal(key, nonce, ad, plaintext), [ciphertext, tag])
        const pieces = cutAt(ciphertext, places)
        for (const provider of [native, portable]) {
          assert.deepEqual(joined(...provider.open(key, nonce, ad, pieces, tag)!), plaintext)
        }
      },
    ),
  )
})

test('each refuses what the other sealed when a bit of it is turned over, on either side of the border', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...orders),
      exactly(32),
      exactly(12),
      aroundAd,
      aroundShort,
      fc.nat(),
      ([one, other], key, nonce, ad, plaintext, place) => {
        const [ciphertext, tag] = one.seal(key, nonce, ad, plaintext)
        const sealed = [ad, ciphertext, tag]
        const open = ([ad, ciphertext, tag]: Uint8Array[]) => other.open(key, nonce, ad!, [ciphertext!], tag!)
        assert.deepEqual(joined(...open(sealed)!), plaintext)
        for (const [at, part] of sealed.entries()) {
          if (part.length > 0)
            assert.equal(open(sealed.with(at, flip(part, place % (8 * part.length)))), undefined)
          assert.equal(open(sealed.with(at, joined(part, Uint8Array.of(0)))), undefined)
        }
      },
    ),
  )
})

test('both seal the same at every length around the border, whatever was sealed before', () => {
  const key = Uint8Array.from({ length: 32 }, (_, i) => i)
  const nonce = new Uint8Array(12)
  for (const adLength of [32, 33, 0, 31, 1, 64, 16]) {
    for (const length of [384, 0, 385, 1, 383, 400, 64, 386]) {
      const ad = new Uint8Array(adLength).fill(0xad)
      const plaintext = new Uint8Array(length).fill(length)
      const [ciphertext, tag] = native.seal(key, nonce, ad, plaintext)
      assert.deepEqual(
        [ciphertext, tag],
        portable.seal(key, nonce, ad, plaintext),
        `${length} and ${adLength}`,
      )
      assert.deepEqual(joined(...native.open(key, nonce, ad, [ciphertext], tag)!), plaintext)
    }
  }
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
