import assert from 'node:assert/strict'
import { test } from 'node:test'
import { lowOrderX25519 } from './hostile.ts'
import { empty, flip, joined, providers, utf8 } from './providers.ts'

const key = new Uint8Array(32).fill(7)
const nonce = new Uint8Array(12).fill(9)
const ad = utf8('header')

function whole(bytes: Uint8Array): void {
  assert.equal(Object.getPrototypeOf(bytes), Uint8Array.prototype)
}

for (const provider of providers) {
  const { name } = provider

  test(`${name}: opens what it sealed, whatever pieces it came in`, () => {
    for (const length of [0, 1, 16, 64, 383, 384, 385, 1000]) {
      const plaintext = provider.randomBytes(length)
      const [ciphertext, tag] = provider.seal(key, nonce, ad, plaintext)
      assert.deepEqual([ciphertext.length, tag.length], [length, 16])
      const cut = length >> 1
      const pieces = [ciphertext.subarray(0, cut), empty, ciphertext.subarray(cut)]
      assert.deepEqual(joined(...provider.open(key, nonce, ad, pieces, tag)!), plaintext)
    }
  })

  test(`${name}: opens a sealed nothing only with its tag`, () => {
    const [, tag] = provider.seal(key, nonce, ad, empty)
    assert.deepEqual(joined(...provider.open(key, nonce, ad, [], tag)!), empty)
    for (let bit = 0; bit < 128; bit++) {
      assert.equal(provider.open(key, nonce, ad, [], flip(tag, bit)), undefined)
      assert.equal(provider.open(key, nonce, ad, [empty], flip(tag, bit)), undefined)
    }
  })

  test(`${name}: leaves the plaintext and the ciphertext as they were`, () => {
    const plaintext = utf8('plain words')
    const [ciphertext, tag] = provider.seal(key, nonce, ad, plaintext)
    const before = new Uint8Array(ciphertext)
    provider.open(key, nonce, ad, [ciphertext], tag)
    assert.deepEqual([plaintext, ciphertext], [utf8('plain words'), before])
  })

  test(`${name}: does not open when key, nonce, associated data, ciphertext or tag differ by a bit`, () => {
    const [ciphertext, tag] = provider.seal(key, nonce, ad, utf8('plain words'))
    const sealed = [key, nonce, ad, ciphertext, tag]
    const open = ([key, nonce, ad, ciphertext, tag]: Uint8Array[]) =>
      provider.open(key!, nonce!, ad!, [ciphertext!], tag!)
    assert.deepEqual(open(sealed), [utf8('plain words')])
    for (const [at, part] of sealed.entries()) {
      for (let bit = 0; bit < 8 * part.length; bit++) {
        assert.equal(open(sealed.with(at, flip(part, bit))), undefined)
      }
      assert.equal(open(sealed.with(at, part.subarray(1))), undefined)
      assert.equal(open(sealed.with(at, empty)), undefined)
    }
  })

  test(`${name}: does not take a byte of the tag for ciphertext, nor the reverse`, () => {
    for (const length of [0, 11, 384, 385, 399, 400]) {
      const [ciphertext, tag] = provider.seal(key, nonce, ad, provider.randomBytes(length))
      const all = joined(ciphertext, tag)
      for (const cut of [0, length - 1, length + 1, length + 8, all.length]) {
        if (cut < 0 || cut === length) continue
        assert.equal(provider.open(key, nonce, ad, [all.subarray(0, cut)], all.subarray(cut)), undefined)
      }
    }
  })

  test(`${name}: keeps what it gave when it is used again`, () => {
    for (const length of [11, 384, 385]) {
      const plaintext = provider.randomBytes(length)
      const [ciphertext, tag] = provider.seal(key, nonce, ad, plaintext)
      const opened = provider.open(key, nonce, ad, [ciphertext], tag)!
      const before = [ciphertext, tag, ...opened].map(bytes => bytes.slice())
      const [other, otherTag] = provider.seal(flip(key, 0), nonce, empty, new Uint8Array(length))
      provider.open(flip(key, 0), nonce, empty, [other], otherTag)
      assert.deepEqual([ciphertext, tag, ...opened], before)
    }
  })

  test(`${name}: gives nothing of a message whose last bit, data or tag is wrong, and opens the next`, () => {
    for (const length of [1, 383, 384, 385]) {
      const plaintext = provider.randomBytes(length)
      const [ciphertext, tag] = provider.seal(key, nonce, ad, plaintext)
      const wrong = [
        [ad, flip(ciphertext, 8 * length - 1), tag],
        [flip(ad, 47), ciphertext, tag],
        [ad, ciphertext, flip(tag, 127)],
      ] as const
      for (const [ad, ciphertext, tag] of wrong)
        assert.equal(provider.open(key, nonce, ad, [ciphertext], tag), undefined)
      assert.deepEqual(joined(...provider.open(key, nonce, ad, [ciphertext], tag)!), plaintext)
    }
  })

  test(`${name}: seals only with a key of 32 bytes and a nonce of 12`, () => {
    for (const plaintext of [empty, new Uint8Array(385)]) {
      for (const length of [0, 8, 11, 13, 24]) {
        assert.throws(() => provider.seal(key, new Uint8Array(length), ad, plaintext))
      }
      for (const length of [0, 16, 31, 33]) {
        assert.throws(() => provider.seal(new Uint8Array(length), nonce, ad, plaintext))
      }
    }
  })

  test(`${name}: agrees on nothing with a point of low order, nor with a key of another length`, () => {
    const pair = provider.x25519()
    for (const point of lowOrderX25519) assert.throws(() => pair.agree(point), Error)
    for (const length of [0, 31, 33]) assert.throws(() => pair.agree(new Uint8Array(length).fill(9)), Error)
    for (const length of [0, 31, 33]) assert.throws(() => provider.x25519(new Uint8Array(length)), Error)
  })

  test(`${name}: makes another X25519 pair each time, which keeps its secret when the caller's is wiped`, () => {
    assert.notDeepEqual(provider.x25519().publicKey, provider.x25519().publicKey)
    const secret = new Uint8Array(key)
    const pair = provider.x25519(secret)
    const other = provider.x25519()
    const shared = pair.agree(other.publicKey)
    secret.fill(0)
    assert.deepEqual(pair.agree(other.publicKey), shared)
  })

  test(`${name}: gives as many random bytes as asked for`, () => {
    for (const length of [0, 1, 32, 65_536, 200_001]) {
      const bytes = provider.randomBytes(length)
      assert.equal(bytes.length, length)
      if (length > 16) assert.ok(bytes.subarray(-16).some(byte => byte !== 0))
    }
  })

  test(`${name}: gives plain byte arrays, never a Buffer`, async () => {
    const pair = provider.x25519()
    const signing = await provider.generateKey('ed25519')
    const [ciphertext, tag] = provider.seal(key, nonce, ad, ad)
    const opened = provider.open(key, nonce, ad, [ciphertext], tag)
    const digests = [provider.sha256(ad), provider.hmac(key, ad), provider.hkdf(key, ad, 64)]
    const keys = [
      pair.publicKey,
      pair.agree(provider.x25519().publicKey),
      signing.publicKey,
      signing.privateKey,
    ]
    for (const bytes of [ciphertext, tag, ...opened!, ...digests, ...keys]) whole(bytes)
    for (const bytes of [provider.randomBytes(3), signing.sign(ad)]) whole(bytes)
  })
}
