import { chacha20poly1305 } from '@noble/ciphers/chacha.js'
import { ed25519 as edwards, x25519 } from '@noble/curves/ed25519.js'
import { p256 } from '@noble/curves/nist.js'
import { secp256k1 as koblitz } from '@noble/curves/secp256k1.js'
import { hkdf } from '@noble/hashes/hkdf.js'
import { hmac } from '@noble/hashes/hmac.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { randomBytes } from '@noble/hashes/utils.js'
import { equal, join } from './bytes.ts'
import { p256Private, p256Public } from './der.ts'
import { checkEd25519Halves, checkEd25519Point, ed25519Seed } from './ed25519.ts'
import { type CryptoProvider, type KeyType, type SigningKey, UnsupportedKeyError } from './provider.ts'

const TAG_LENGTH = 16

/** The most that `getRandomValues` gives at once (Web Cryptography API, 10.1.1). */
const RANDOM_QUOTA = 65_536

const RFC_8032 = { zip215: false } as const
const DER = { format: 'der', lowS: false } as const
const DER_LOW_S = { format: 'der', lowS: true } as const

/** The first byte of an uncompressed point (SEC 1, 2.3.3). */
const UNCOMPRESSED = Uint8Array.of(0x04)

/** What the provider does with one type of key. */
interface Kind {
  generate(): SigningKey
  importKey(privateKey: Uint8Array): SigningKey
  checkPublic(publicKey: Uint8Array): void
  /** May throw where the key or the signature is damaged. */
  verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean
}

function ed25519Key(seed: Uint8Array): SigningKey {
  const publicKey = edwards.getPublicKey(seed)
  return {
    type: 'ed25519',
    publicKey,
    privateKey: join([seed, publicKey]),
    sign: message => edwards.sign(message, seed),
  }
}

const ed25519: Kind = {
  generate: () => ed25519Key(randomBytes(32)),
  importKey(privateKey) {
    const key = ed25519Key(ed25519Seed(privateKey))
    checkEd25519Halves(privateKey, key.publicKey)
    return key
  },
  checkPublic: checkEd25519Point,
  verify: (publicKey, message, signature) => edwards.verify(signature, message, publicKey, RFC_8032),
}

function secp256k1Key(scalar: Uint8Array): SigningKey {
  return {
    type: 'secp256k1',
    publicKey: koblitz.getPublicKey(scalar),
    privateKey: scalar,
    sign: message => koblitz.sign(message, scalar, DER_LOW_S),
  }
}

const secp256k1: Kind = {
  generate: () => secp256k1Key(koblitz.utils.randomSecretKey()),
  importKey: privateKey => secp256k1Key(new Uint8Array(privateKey)),
  checkPublic(publicKey) {
    if (publicKey.length !== 33) throw new Error('A secp256k1 public key has 33 bytes.')
    koblitz.Point.fromBytes(publicKey)
  },
  verify(publicKey, message, signature) {
    return publicKey.length === 33 && koblitz.verify(signature, message, publicKey, DER)
  },
}

function ecdsaKey(scalar: Uint8Array): SigningKey {
  const point = p256.getPublicKey(scalar, false).subarray(1)
  return {
    type: 'ecdsa',
    publicKey: p256Public.encode(point),
    privateKey: p256Private.encode(scalar, point),
    sign: message => p256.sign(message, scalar, DER),
  }
}

function p256Point(spki: Uint8Array): Uint8Array {
  return join([UNCOMPRESSED, ...p256Public.decode(spki)])
}

const ecdsa: Kind = {
  generate: () => ecdsaKey(p256.utils.randomSecretKey()),
  importKey(sec1) {
    const key = ecdsaKey(p256Private.decode(sec1)[0]!)
    if (!equal(key.privateKey, sec1)) {
      throw new Error('The two halves of the ECDSA private key do not belong together.')
    }
    return key
  },
  checkPublic(publicKey) {
    p256.Point.fromBytes(p256Point(publicKey))
  },
  verify: (publicKey, message, signature) => p256.verify(signature, message, p256Point(publicKey), DER),
}

function refuseRsa(): never {
  throw new UnsupportedKeyError(
    'The portable provider knows no RSA; use a key of another type, or run on Node without the condition "portable".',
  )
}

const rsa: Kind = { generate: refuseRsa, importKey: refuseRsa, checkPublic: refuseRsa, verify: refuseRsa }

const kinds: Record<KeyType, Kind> = { ed25519, secp256k1, ecdsa, rsa }

/** The bytes again in pieces as long as the given ones: views. */
function cutLike(pieces: readonly Uint8Array[], whole: Uint8Array): Uint8Array[] {
  let at = 0
  return pieces.map(({ length }) => {
    at += length
    return whole.subarray(at - length, at)
  })
}

/**
 * The provider on noble, for wherever JavaScript with BigInt runs and `crypto.getRandomValues` exists.
 *
 * It refuses RSA: noble has none, and WebCrypto's answers come as promises where `CryptoProvider` is
 * synchronous. `generateKey`, `importKey` and `checkPublicKey` throw `UnsupportedKeyError` for it. `verify`
 * never throws, so it says `false` of every RSA signature: call `checkPublicKey` first to learn why.
 */
export const provider: CryptoProvider = {
  name: 'portable',

  randomBytes(length) {
    const bytes = new Uint8Array(length)
    for (let at = 0; at < length; at += RANDOM_QUOTA) {
      bytes.set(randomBytes(Math.min(RANDOM_QUOTA, length - at)), at)
    }
    return bytes
  },

  sha256(...pieces) {
    const hash = sha256.create()
    for (const piece of pieces) hash.update(piece)
    return hash.digest()
  },

  hmac: (key, message) => hmac(sha256, key, message),

  hkdf: (salt, ikm, length) => hkdf(sha256, ikm, salt, undefined, length),

  x25519(secret) {
    const own = secret ? new Uint8Array(secret) : x25519.utils.randomSecretKey()
    return { publicKey: x25519.getPublicKey(own), agree: remote => x25519.getSharedSecret(own, remote) }
  },

  seal(key, nonce, ad, plaintext) {
    const sealed = chacha20poly1305(key, nonce, ad).encrypt(plaintext)
    return [sealed.subarray(0, -TAG_LENGTH), sealed.subarray(-TAG_LENGTH)]
  },

  open(key, nonce, ad, pieces, tag) {
    if (tag.length !== TAG_LENGTH) return undefined
    try {
      return cutLike(pieces, chacha20poly1305(key, nonce, ad).decrypt(join([...pieces, tag])))
    } catch {
      return undefined
    }
  },

  generateKey: async type => kinds[type].generate(),

  importKey: (type, privateKey) => kinds[type].importKey(privateKey),

  checkPublicKey(type, publicKey) {
    kinds[type].checkPublic(publicKey)
  },

  verify(type, publicKey, message, signature) {
    try {
      return kinds[type].verify(publicKey, message, signature)
    } catch {
      return false
    }
  },
}
