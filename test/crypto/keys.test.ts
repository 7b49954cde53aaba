import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { before, test } from 'node:test'
import { type KeyType, type SigningKey, UnsupportedKeyError } from '#src/crypto/provider'
import { F4, refusedEd25519, rsaSpki } from './hostile.ts'
import { commonTypes, empty, flip, hex, joined, native, portable, providers, utf8 } from './providers.ts'

const message = utf8('noise-libp2p-static-key:')
const bits = (bytes: Uint8Array) => Array.from({ length: 8 * bytes.length }, (_, bit) => bit)

const secp256k1Order = 'fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141'
const p256Order = 'ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551'

/** The ECDSA private key of the peer ID specification. */
const p256Vector = hex(
  '307702010104203e5b1fe9712e6c314942a750bd67485de3c1efe85b1bfb520ae8f9ae3dfa4a4ca00a06082a8648ce3d030107' +
    'a14403420004de3d300fa36ae0e8f5d530899d83abab44abf3161f162a4bc901d8e6ecda020e8b6d5f8da30525e71d685151' +
    '0c098e5c47c646a597fb4dcec034e9f77c409e62',
)

/** r and s of a DER signature of at most 127 bytes. */
function rs(signature: Uint8Array): bigint[] {
  const length = signature[3]!
  const numbers = [signature.subarray(4, 4 + length), signature.subarray(6 + length)]
  return numbers.map(bytes => BigInt(`0x${Buffer.from(bytes).toString('hex')}`))
}

function derSignature(...numbers: bigint[]): Uint8Array {
  const body = numbers.map(number => {
    const digits = number.toString(16)
    const bytes = hex((digits.length % 2 ? '0' : '00') + digits)
    const short = bytes[1]! < 0x80 && bytes[0] === 0 ? bytes.subarray(1) : bytes
    return joined(Uint8Array.of(2, short.length), short)
  })
  return joined(Uint8Array.of(0x30, joined(...body).length), ...body)
}

for (const provider of providers) {
  const { name } = provider

  for (const type of commonTypes) {
    test(`${name}: a fresh key of ${type} signs, and comes back from its bytes`, async () => {
      const key = await provider.generateKey(type)
      const again = provider.importKey(type, key.privateKey)
      assert.deepEqual([again.type, again.publicKey, again.privateKey], [type, key.publicKey, key.privateKey])
      assert.ok(provider.verify(type, key.publicKey, message, again.sign(message)))
      assert.notDeepEqual((await provider.generateKey(type)).privateKey, key.privateKey)
    })

    test(`${name}: refuses a signature of ${type} with any bit turned over, cut or longer, and never throws`, async () => {
      const key = await provider.generateKey(type)
      const good = key.sign(message)
      assert.equal(provider.verify(type, key.publicKey, message, good), true)
      const lengths = [
        empty,
        good.subarray(1),
        good.subarray(0, -1),
        joined(good, Uint8Array.of(0)),
        joined(good, good),
      ]
      for (const bad of [...bits(good).map(bit => flip(good, bit)), ...lengths]) {
        assert.equal(provider.verify(type, key.publicKey, message, bad), false)
      }
    })

    test(`${name}: says no, and does not throw, when a key of ${type} is damaged`, async () => {
      const key = await provider.generateKey(type)
      const good = key.sign(message)
      for (const bit of bits(key.publicKey)) {
        assert.equal(provider.verify(type, flip(key.publicKey, bit), message, good), false)
      }
      for (const other of [empty, key.publicKey.subarray(1), joined(key.publicKey, Uint8Array.of(0))]) {
        assert.throws(() => provider.checkPublicKey(type, other), Error)
        assert.equal(provider.verify(type, other, message, good), false)
      }
    })

    test(`${name}: refuses ${type} private keys of another length`, async () => {
      const { privateKey } = await provider.generateKey(type)
      for (const other of [
        empty,
        privateKey.subarray(1),
        joined(privateKey, Uint8Array.of(0)),
        new Uint8Array(5000),
      ]) {
        assert.throws(() => provider.importKey(type, other), Error)
      }
    })

    test(`${name}: keeps its own copy of a private key of ${type}`, async () => {
      const bytes = (await provider.generateKey(type)).privateKey
      const given = new Uint8Array(bytes)
      const key = provider.importKey(type, given)
      given.fill(0)
      assert.deepEqual(key.privateKey, bytes)
      assert.ok(provider.verify(type, key.publicKey, message, key.sign(message)))
    })
  }

  test(`${name}: reads an Ed25519 private key as seed, as seed and public key, and with the public key twice`, async () => {
    const { privateKey, publicKey } = await provider.generateKey('ed25519')
    const seed = privateKey.subarray(0, 32)
    for (const form of [seed, privateKey, joined(privateKey, publicKey)]) {
      assert.deepEqual(provider.importKey('ed25519', form).privateKey, privateKey)
    }
  })

  test(`${name}: refuses an Ed25519 private key whose public half is of another seed`, async () => {
    const { privateKey, publicKey } = await provider.generateKey('ed25519')
    const threefold = joined(privateKey, publicKey)
    for (const at of [0, 31, 32, 63]) {
      assert.throws(() => provider.importKey('ed25519', flip(privateKey, 8 * at)), /do not belong together/)
    }
    for (const at of [32, 64, 95]) {
      assert.throws(() => provider.importKey('ed25519', flip(threefold, 8 * at)), /do not belong together/)
    }
  })

  test(`${name}: refuses Ed25519 public keys off the curve, beyond the prime or of small order`, () => {
    for (const publicKey of refusedEd25519)
      assert.throws(() => provider.checkPublicKey('ed25519', publicKey), Error)
    // Under the neutral element, this verifies every message for a verifier that does not look.
    const neutral = refusedEd25519[3]!
    assert.equal(provider.verify('ed25519', neutral, message, joined(neutral, new Uint8Array(32))), false)
  })

  test(`${name}: takes secp256k1 and P-256 scalars from one to the order, exclusive`, () => {
    const low = (order: string, by: bigint) => hex((BigInt(`0x${order}`) - by).toString(16).padStart(64, '0'))
    assert.ok(provider.importKey('secp256k1', hex('01'.padStart(64, '0'))))
    assert.ok(provider.importKey('secp256k1', low(secp256k1Order, 1n)))
    for (const scalar of [new Uint8Array(32), hex(secp256k1Order), new Uint8Array(32).fill(255)]) {
      assert.throws(() => provider.importKey('secp256k1', scalar), Error)
    }
    const { privateKey } = native.importKey('ecdsa', p256Vector)
    for (const scalar of [new Uint8Array(32), hex(p256Order)]) {
      const damaged = new Uint8Array(privateKey)
      damaged.set(scalar, 7)
      assert.throws(() => provider.importKey('ecdsa', damaged), Error)
    }
  })

  test(`${name}: refuses an ECDSA private key with any bit turned over`, () => {
    for (const bit of bits(p256Vector)) {
      assert.throws(() => provider.importKey('ecdsa', flip(p256Vector, bit)), Error)
    }
  })

  test(`${name}: refuses ECDSA keys on other curves, and points in other forms`, () => {
    for (const namedCurve of ['P-384', 'P-521', 'secp256k1']) {
      const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve })
      const spki = publicKey.export({ format: 'der', type: 'spki' })
      assert.throws(() => provider.checkPublicKey('ecdsa', spki), Error)
      assert.throws(
        () => provider.importKey('ecdsa', privateKey.export({ format: 'der', type: 'sec1' })),
        Error,
      )
    }
    const { publicKey } = native.importKey('ecdsa', p256Vector)
    const hybrid = publicKey.with(26, 6 + (publicKey.at(-1)! & 1))
    assert.throws(() => provider.checkPublicKey('ecdsa', hybrid), Error)
    const compressed = joined(
      hex('3039301306072a8648ce3d020106082a8648ce3d030107032200'),
      Uint8Array.of(2 + (publicKey.at(-1)! & 1)),
      publicKey.subarray(27, 59),
    )
    assert.throws(() => provider.checkPublicKey('ecdsa', compressed), Error)
  })

  test(`${name}: refuses secp256k1 public keys that are not one compressed point of the curve`, async () => {
    const { publicKey } = await provider.generateKey('secp256k1')
    const noRoot = joined(Uint8Array.of(2), hex('05'.padStart(64, '0')))
    const beyond = joined(Uint8Array.of(2), new Uint8Array(32).fill(255))
    for (const bad of [publicKey.with(0, 4), publicKey.with(0, 0), noRoot, beyond, Uint8Array.of(0)]) {
      assert.throws(() => provider.checkPublicKey('secp256k1', bad), Error)
    }
  })

  test(`${name}: signs with the low S on secp256k1, and takes the high one from others`, async () => {
    const key = await provider.generateKey('secp256k1')
    const order = BigInt(`0x${secp256k1Order}`)
    for (let round = 0; round < 32; round++) {
      const signature = key.sign(Uint8Array.of(round))
      const [r, s] = rs(signature) as [bigint, bigint]
      assert.ok(s <= order / 2n)
      assert.deepEqual(derSignature(r, s), signature)
      assert.ok(provider.verify('secp256k1', key.publicKey, Uint8Array.of(round), signature))
      if (round > 3) continue
      assert.ok(provider.verify('secp256k1', key.publicKey, Uint8Array.of(round), derSignature(r, order - s)))
    }
  })

  test(`${name}: refuses signatures with a number of zero, beyond the order, or longer than it need be`, async () => {
    const key = await provider.generateKey('secp256k1')
    const order = BigInt(`0x${secp256k1Order}`)
    const good = key.sign(message)
    const [r, s] = rs(good) as [bigint, bigint]
    const padded = joined(Uint8Array.of(0x30, good[1]! + 1, 2, good[3]! + 1, 0), good.subarray(4))
    const longForm = joined(Uint8Array.of(0x30, 0x81), good.subarray(1))
    const out = [
      derSignature(0n, s),
      derSignature(r, 0n),
      derSignature(r + order, s),
      derSignature(r, s + order),
    ]
    for (const bad of [...out, padded, longForm]) {
      assert.equal(provider.verify('secp256k1', key.publicKey, message, bad), false)
    }
  })
}

test('native: takes RSA public keys of 2048 to 8192 bits and no others', () => {
  for (const bits of [2048, 2049, 3072, 4096, 8192]) native.checkPublicKey('rsa', rsaSpki(bits))
  for (const bits of [512, 1024, 2047, 8193, 8200, 16384, 65536]) {
    assert.throws(() => native.checkPublicKey('rsa', rsaSpki(bits)), /bits/)
    assert.equal(native.verify('rsa', rsaSpki(bits), message, new Uint8Array(Math.ceil(bits / 8))), false)
  }
})

test('native: takes odd RSA exponents from 3 to 2^31 - 1', () => {
  for (const exponent of ['03', '010001', '7fffffff'])
    native.checkPublicKey('rsa', rsaSpki(8192, hex(exponent)))
  for (const exponent of ['01', '02', '010000', '80000001', '0100000001']) {
    assert.throws(() => native.checkPublicKey('rsa', rsaSpki(2048, hex(exponent))), /exponent/)
  }
})

test('native: refuses RSA public keys in other forms', () => {
  const good = rsaSpki(2048)
  const pss = hex('300b06092a864886f70d01010a')
  const noParameters = hex('300b06092a864886f70d010101')
  const pkcs1 = good.subarray(24)
  const long = joined(hex('3083000122'), good.subarray(4))
  const bad = [
    empty,
    pkcs1,
    long,
    rsaSpki(2048, F4, pss),
    rsaSpki(2048, F4, noParameters),
    joined(good, Uint8Array.of(0)),
  ]
  for (const spki of [...bad, good.subarray(0, -1), p256Vector]) {
    assert.throws(() => native.checkPublicKey('rsa', spki), Error)
  }
})

let rsa: SigningKey
before(async () => {
  rsa = await native.generateKey('rsa', 2048)
})

test('native: a fresh RSA key signs, and comes back from its bytes', () => {
  const again = native.importKey('rsa', rsa.privateKey)
  assert.deepEqual([again.publicKey, again.privateKey], [rsa.publicKey, rsa.privateKey])
  native.checkPublicKey('rsa', rsa.publicKey)
  const signature = again.sign(message)
  assert.equal(signature.length, 256)
  assert.equal(native.verify('rsa', rsa.publicKey, message, signature), true)
  for (const bad of [
    flip(signature, 0),
    flip(signature, 2047),
    signature.subarray(1),
    joined(hex('00'), signature),
  ]) {
    assert.equal(native.verify('rsa', rsa.publicKey, message, bad), false)
  }
})

test('native: makes RSA keys of 2048 to 8192 bits and no others', async () => {
  for (const bits of [0, 1024, 2047, 8193, 16384, 2048.5, Number.NaN]) {
    await assert.rejects(native.generateKey('rsa', bits), /2048 to 8192 bits/)
  }
})

test('native: refuses an RSA private key that is damaged, too short or too long', () => {
  const { length } = rsa.privateKey
  for (let at = 0; at < length; at += 5) {
    assert.throws(() => native.importKey('rsa', flip(rsa.privateKey, 8 * at + (at % 8))), Error)
  }
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 1024 })
  assert.throws(() => native.importKey('rsa', privateKey.export({ format: 'der', type: 'pkcs1' })), /bits/)
  for (const bad of [
    empty,
    rsa.privateKey.subarray(0, -1),
    joined(rsa.privateKey, hex('00')),
    new Uint8Array(70_000),
  ]) {
    assert.throws(() => native.importKey('rsa', bad), Error)
  }
})

test('portable: refuses RSA with an error of its own, and verifies nothing under it', async () => {
  const type: KeyType = 'rsa'
  assert.throws(() => portable.checkPublicKey(type, rsa.publicKey), UnsupportedKeyError)
  assert.throws(() => portable.importKey(type, rsa.privateKey), UnsupportedKeyError)
  await assert.rejects(portable.generateKey(type), UnsupportedKeyError)
  assert.equal(portable.verify(type, rsa.publicKey, message, rsa.sign(message)), false)
})
