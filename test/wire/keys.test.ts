import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { inspect } from 'node:util'
import fc from 'fast-check'
import { provider } from '#src/crypto/index'
import { hex, utf8 } from '#src/wire/bytes'
import { generateKey, type KeyType, PrivateKey, PublicKey } from '#src/wire/keys'
import { PeerId } from '#src/wire/peer-id'
import { anyBytes, bytesOf, parsed, refuses, vectorFile } from '../support/wire.ts'

// The vectors of the peer ID specification, without RSA's, which are long.
const vectors = {
  ed25519: {
    private:
      '080112407e0830617c4a7de83925dfb2694556b12936c477a0e1feb2e148ec9da60fee7d1ed1e8fae2c4a144b8be8fd4b47bf3d3b34b871c3cacf6010f0e42d474fce27e',
    public: '080112201ed1e8fae2c4a144b8be8fd4b47bf3d3b34b871c3cacf6010f0e42d474fce27e',
  },
  secp256k1: {
    private: '0802122053dadf1d5a164d6b4acdb15e24aa4c5b1d3461bdbd42abedb0a4404d56ced8fb',
    public: '08021221037777e994e452c21604f91de093ce415f5432f701dd8cd1a7a6fea0e630bfca99',
  },
  ecdsa: {
    private:
      '08031279307702010104203e5b1fe9712e6c314942a750bd67485de3c1efe85b1bfb520ae8f9ae3dfa4a4ca00a06082a8648ce3d030107a14403420004de3d300fa36ae0e8f5d530899d83abab44abf3161f162a4bc901d8e6ecda020e8b6d5f8da30525e71d6851510c098e5c47c646a597fb4dcec034e9f77c409e62',
    public:
      '0803125b3059301306072a8648ce3d020106082a8648ce3d03010703420004de3d300fa36ae0e8f5d530899d83abab44abf3161f162a4bc901d8e6ecda020e8b6d5f8da30525e71d6851510c098e5c47c646a597fb4dcec034e9f77c409e62',
  },
}
const { ed25519, secp256k1 } = vectors
const rawEd25519 = ed25519.public.slice(8)

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
  for (const [type, vector] of Object.entries(vectors)) {
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

  // B26: each would be a second envelope, and so a second peer ID, of the same key, or is none at all.
  const refusedEnvelopes: [what: string, digits: string][] = [
    ['of the unknown type 4', `08041220${rawEd25519}`],
    ['of type 2^64-1', `08ffffffffffffffffff011220${rawEd25519}`],
    ['without Type', `1220${rawEd25519}`],
    ['without Data', '0801'],
    ['that is empty', ''],
    ['with its fields reversed', `1220${rawEd25519}0801`],
    ['with a surplus field', `${ed25519.public}1800`],
    ['with Type given twice', `0801${ed25519.public}`],
    ['with Data given twice', `${ed25519.public}1220${rawEd25519}`],
    ['with a Type that is not minimal', `0881001220${rawEd25519}`],
    ['with a length that is not minimal', `080112a000${rawEd25519}`],
    ['with a byte behind it', `${ed25519.public}00`],
    ['that is cut short', ed25519.public.slice(0, -2)],
    ['whose Data is too short', `0801121f${rawEd25519.slice(2)}`],
    ['whose Data is too long', `08011221${rawEd25519}00`],
    ['whose point is not canonical', `08011220${'ff'.repeat(31)}7f`],
    ['whose point is the identity', `0801122001${'00'.repeat(31)}`],
    ['of secp256k1 that is not compressed', `0802124104${'11'.repeat(64)}`],
    ['of secp256k1 off the curve', `0802122102${'ff'.repeat(32)}`],
    ['of RSA that is no DER', '08001203020880'],
    ['that is longer than any key', `080012a08d06${'00'.repeat(100_000)}`],
  ]
  for (const [what, digits] of refusedEnvelopes) {
    const expected = what.includes('RSA') && provider.name === 'portable' ? 'ERR_KEY_UNSUPPORTED' : 'ERR_KEY'
    test(`refuses a public key ${what}`, () => refuses(expected, () => PublicKey.fromBytes(bytesOf(digits))))
  }

  test('refuses damaged private keys (B27)', () => {
    const data = ed25519.private.slice(8)
    const seed = data.slice(0, 64)
    const other = secp256k1.public.slice(10)
    const damaged = [
      `08011240${seed}${other}`,
      `08011260${data}${other}`,
      `0801123f${data.slice(2)}`,
      `08011240${data}00`,
      `12400801${data}`,
      `08021220${'00'.repeat(32)}`,
      `08021220${'ff'.repeat(32)}`,
      `080112a08d06${'00'.repeat(100_000)}`,
    ]
    for (const digits of damaged) {
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
      .tuple(fc.constantFrom(...Object.values(vectors)), fc.nat(), fc.nat({ max: 255 }))
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
})
