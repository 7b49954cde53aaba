import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { inspect } from 'node:util'
import fc from 'fast-check'
import { provider } from '#src/crypto/index'
import { hex, utf8 } from '#src/wire/bytes'
import { generateKey, type KeyType, PrivateKey, PublicKey } from '#src/wire/keys'
import { PeerId } from '#src/wire/peer-id'
import { anyBytes, bytesOf, parsed, refuses, vectorFile } from '../support/wire.ts'
import { damagedPrivateKeys, keyVectors, rawEd25519, refusedEnvelopes } from './hostile.ts'

const { ed25519 } = keyVectors

function checkVector(type: string, vector: { private: string; public: string }): void {
  const key = PrivateKey.fromBytes(bytesOf(vector.private))
  assert.equal(key.type, type)
  assert.equal(hex(key.bytes), vector.private)
  assert.equal(hex(key.publicKey.bytes), vector.public)
  const read = PublicKey.fromBytes(bytesOf(vector.public))
  assert.ok(read.equals(key.publicKey))
  const message = utf8('a message')
  const signature = key.sign(message)
  assert.equal(read.verify(message, signature), true)
  assert.equal(read.verify(utf8('another message'), signature), false)
  assert.equal(read.verify(message, signature.subarray(1)), false)
}

describe('keys', () => {
  for (const [type, vector] of Object.entries(keyVectors)) {
    test(`reads, writes and uses the published ${type} key`, () => checkVector(type, vector))
  }

  test('reads, writes and uses every key of the vector file', () => {
    const { keys } = JSON.parse(vectorFile('keys.json')) as {
      keys: Record<string, { private: string; public: string }>
    }
    for (const [type, vector] of Object.entries(keys)) {
      if (type !== 'rsa' || provider.name === 'native') checkVector(type, vector)
      else refuses('ERR_KEY_UNSUPPORTED', () => PrivateKey.fromBytes(bytesOf(vector.private)))
    }
  })

  for (const [what, digits] of refusedEnvelopes) {
    const expected = what.includes('RSA') && provider.name === 'portable' ? 'ERR_KEY_UNSUPPORTED' : 'ERR_KEY'
    test(`refuses a public key ${what}`, () => refuses(expected, () => PublicKey.fromBytes(bytesOf(digits))))
  }

  test('refuses a key of any other length, however long', () => {
    for (const length of [0, 31, 33, 1_201, 1_000_000])
      refuses('ERR_KEY', () => PublicKey.of('ed25519', new Uint8Array(length)))
  })

  test('refuses damaged private keys (B27)', () => {
    for (const digits of damagedPrivateKeys) {
      assert.throws(
        () => PrivateKey.fromBytes(bytesOf(digits)),
        { code: 'ERR_KEY', remote: false },
        digits.slice(0, 99),
      )
    }
  })

  test('makes Ed25519 keys of seeds', () => {
    const seed = bytesOf(ed25519.private.slice(8, 72))
    assert.equal(hex(PrivateKey.fromSeed(seed).bytes), ed25519.private)
    for (const length of [0, 31, 33, 64])
      refuses('ERR_KEY', () => PrivateKey.fromSeed(new Uint8Array(length)))
  })

  for (const type of ['ed25519', 'secp256k1', 'ecdsa'] as const) {
    test(`makes fresh ${type} keys that survive their envelopes`, async () => {
      const key = await generateKey(type)
      const read = PrivateKey.fromBytes(key.bytes)
      assert.ok(read.publicKey.equals(key.publicKey))
      assert.ok(!(await generateKey(type)).publicKey.equals(key.publicKey))
      assert.ok(PublicKey.fromBytes(key.publicKey.bytes).verify(utf8('x'), read.sign(utf8('x'))))
    })
  }

  test('makes Ed25519 keys unless told otherwise, and refuses kinds that make no sense', async () => {
    assert.equal((await generateKey()).type, 'ed25519')
    const code = provider.name === 'native' ? 'ERR_KEY' : 'ERR_KEY_UNSUPPORTED'
    await assert.rejects(generateKey('rsa', { bits: 512 }), { code })
    await assert.rejects(generateKey('dsa' as KeyType), { name: 'ParleyError' })
  })

  test('shows a public key by its type and bytes', () => {
    const key = PublicKey.fromBytes(bytesOf(ed25519.public))
    assert.equal(inspect(key), `PublicKey(ed25519 ${rawEd25519})`)
    assert.equal(JSON.stringify(key), `{"type":"ed25519","publicKey":"${rawEd25519}"}`)
  })

  test('keeps its own copy of the bytes of a key', () => {
    const bytes = bytesOf(ed25519.public)
    const key = PublicKey.fromBytes(bytes)
    bytes.fill(0)
    assert.equal(hex(key.bytes), ed25519.public)
  })

  test('shows a secret in no way of printing it (B129)', () => {
    const key = PrivateKey.fromBytes(bytesOf(ed25519.private))
    const seed = bytesOf(ed25519.private.slice(8, 72))
    const shown = [
      String(key),
      JSON.stringify({ key }),
      inspect(key),
      inspect({ deep: [key] }, { showHidden: true, depth: 9, getters: true }),
      inspect(key, { customInspect: false, showHidden: true, depth: 9, getters: true }),
      Object.values(key).map(String).join(),
    ].join('\n')
    assert.ok(shown.includes(rawEd25519))
    for (const secret of [hex(seed), hex(seed.subarray(0, 4)), [...seed.subarray(0, 4)].join(', ')]) {
      assert.ok(!shown.includes(secret))
    }
  })

  test('takes any bytes for the one envelope of a key, or refuses them', () => {
    const mutated = fc
      .tuple(fc.constantFrom(...Object.values(keyVectors)), fc.nat(), fc.nat({ max: 255 }))
      .map(([vector, at, byte]) => {
        const bytes = bytesOf(vector.public)
        bytes[at % bytes.length] = byte
        return bytes
      })
    fc.assert(
      fc.property(fc.oneof(anyBytes(50), mutated), bytes => {
        const key = parsed('ERR_KEY', () => PublicKey.fromBytes(bytes))
        if (key === undefined) return
        assert.deepEqual(key.bytes, bytes)
        assert.ok(PeerId.fromPublicKey(key).matches(key))
      }),
    )
  })

  test('a good signature is checked once, a bad one again and again', async t => {
    const key = await generateKey()
    const message = utf8('a message')
    const signature = key.sign(message)
    const { mock } = t.mock.method(provider, 'verify')
    for (const _ of [1, 2]) assert.equal(key.publicKey.verify(message, signature), true)
    assert.equal(mock.callCount(), 1)
    const altered = signature.with(0, signature[0]! ^ 1)
    for (const _ of [1, 2]) assert.equal(key.publicKey.verify(message, altered), false)
    assert.equal(mock.callCount(), 3)
  })

  test('what is remembered of a signature holds for its key, its message and its length alone', async () => {
    const [key, other] = [await generateKey(), await generateKey()]
    const message = utf8('a message')
    const signature = key.sign(message)
    assert.equal(key.publicKey.verify(message, signature), true)
    assert.equal(other.publicKey.verify(message, signature), false)
    assert.equal(key.publicKey.verify(utf8('a messag'), Uint8Array.of(0x65, ...signature)), false)
    assert.equal(key.publicKey.verify(Uint8Array.of(...message, signature[0]!), signature.subarray(1)), false)
  })

  test('of many good signatures the first are forgotten', async t => {
    const key = await generateKey()
    const signed = Array.from({ length: 1025 }, (_, index) => utf8(String(index))).map(message => ({
      message,
      signature: key.sign(message),
    }))
    for (const { message, signature } of signed) assert.ok(key.publicKey.verify(message, signature))
    const { mock } = t.mock.method(provider, 'verify')
    for (const { message, signature } of [signed.at(-1)!, signed[0]!]) {
      assert.ok(key.publicKey.verify(message, signature))
    }
    assert.equal(mock.callCount(), 1)
  })

  test('a sound key is checked once, also when it is read by others', async t => {
    const { bytes } = (await generateKey()).publicKey
    const { mock } = t.mock.method(provider, 'checkPublicKey')
    assert.ok(PublicKey.fromBytes(bytes).equals(PublicKey.fromBytes(bytes)))
    assert.equal(mock.callCount(), 0)
  })
})
