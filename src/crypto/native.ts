import { Buffer } from 'node:buffer'
import * as node from 'node:crypto'
import { promisify } from 'node:util'
import { equal, join, lengthOf, plain } from './bytes.ts'
import {
  ed25519Private,
  lowSSignature,
  p256Private,
  p256Public,
  secp256k1Private,
  secp256k1Public,
} from './der.ts'
import { checkEd25519Halves, checkEd25519Point, ed25519Seed } from './ed25519.ts'
import { hkdf, hmac, sha256 } from './hash.ts'
import type { CryptoProvider, DhKeyPair, KeyType, SigningKey } from './provider.ts'
import {
  checkRsaBits,
  checkRsaExponent,
  checkRsaNumbers,
  RSA_DEFAULT_BITS,
  RSA_MAX_PKCS1,
  RSA_MAX_SPKI,
  RSA_NUMBERS,
  type RsaNumbers,
} from './rsa.ts'
import { ShortCipher } from './short.ts'

const AEAD = 'chacha20-poly1305'
const KEY_LENGTH = 32
const NONCE_LENGTH = 12
const TAG_LENGTH = 16
const TAG_OPTION = { authTagLength: TAG_LENGTH }

/** The types ask for it; only CCM reads it. */
const AAD_OPTION = { plaintextLength: 0 }

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/** A copy, since Node cuts small buffers from a pool that others share. */
function fromBase64url(text = ''): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'base64url'))
}

/** As JSON Web Key (RFC 8037), because OpenSSL takes ten times as long over the same key in DER. */
function importRaw(crv: 'Ed25519' | 'X25519', publicKey: Uint8Array): node.KeyObject {
  const x = asBuffer(publicKey).toString('base64url')
  return node.createPublicKey({ key: { kty: 'OKP', crv, x }, format: 'jwk' })
}

/** The 32 bytes of the public half of an Ed25519 or X25519 key. */
function exportRaw(privateKey: node.KeyObject): Uint8Array {
  return fromBase64url(node.createPublicKey(privateKey).export({ format: 'jwk' }).x)
}

function importPrivate(der: Uint8Array, type: 'pkcs8' | 'sec1' | 'pkcs1'): node.KeyObject {
  return node.createPrivateKey({ key: asBuffer(der), format: 'der', type })
}

function importSpki(der: Uint8Array): node.KeyObject {
  return node.createPublicKey({ key: asBuffer(der), format: 'der', type: 'spki' })
}

/**
 * Generated keys are written out by the generator itself: to export one later can block Node 20 for ever, when memory is
 * collected in that moment and the generator with it, since both hold the same lock.
 */
const encodings = { publicKeyEncoding: { format: 'der', type: 'spki' } } as const

/**
 * An X25519 pair from its secret. As JSON Web Key again, whose public half is asked for and not looked at: three fifths of the
 * time that a pair in DER takes, from Node's generator or anywhere else.
 */
function x25519Pair(secret: Uint8Array): { privateKey: node.KeyObject; publicKey: Uint8Array } {
  const key = { kty: 'OKP', crv: 'X25519', d: asBuffer(secret).toString('base64url'), x: '' }
  const privateKey = node.createPrivateKey({ key, format: 'jwk' })
  return { privateKey, publicKey: exportRaw(privateKey) }
}

/** Takes a key in once, however often it is used: its object is kept beside the very array that holds it, which nobody may change. */
function takenOnce(take: (bytes: Uint8Array) => node.KeyObject): (bytes: Uint8Array) => node.KeyObject {
  const taken = new WeakMap<Uint8Array, node.KeyObject>()
  return bytes => {
    const known = taken.get(bytes)
    if (known) return known
    const key = take(bytes)
    taken.set(bytes, key)
    return key
  }
}

/** A side of a handshake agrees three times with the other's two keys. */
const importX25519 = takenOnce(bytes => importRaw('X25519', bytes))

/** Node 24 takes 8 us for each record that is sealed under the bytes of a key, and Node 20 and 22 0.3. */
const cipherKey = takenOnce(node.createSecretKey)

function dhKeyPair(secret: Uint8Array | undefined): DhKeyPair {
  const { privateKey, publicKey } = x25519Pair(secret ?? plain(node.randomBytes(KEY_LENGTH)))
  return {
    publicKey,
    agree(remote) {
      if (remote.length !== KEY_LENGTH) throw new Error('An X25519 public key has 32 bytes.')
      return plain(node.diffieHellman({ privateKey, publicKey: importX25519(remote) }))
    },
  }
}

/** What the provider does with one type of key. */
interface Kind {
  generate(bits: number | undefined): SigningKey | Promise<SigningKey>
  importKey(privateKey: Uint8Array): SigningKey
  /** Throws unless the key is sound. */
  importPublic(publicKey: Uint8Array): node.KeyObject
  /** The hash under the signature; Ed25519 does its own hashing. */
  digest: 'sha256' | null
}

function ed25519Key(seed: Uint8Array): SigningKey {
  const key = importPrivate(ed25519Private.encode(seed), 'pkcs8')
  const publicKey = exportRaw(key)
  return {
    type: 'ed25519',
    publicKey,
    privateKey: join([seed, publicKey]),
    sign: message => plain(node.sign(null, message, key)),
  }
}

const ed25519: Kind = {
  generate: () => ed25519Key(plain(node.randomBytes(32))),
  importKey(privateKey) {
    const key = ed25519Key(ed25519Seed(privateKey))
    checkEd25519Halves(privateKey, key.publicKey)
    return key
  },
  importPublic(publicKey) {
    checkEd25519Point(publicKey)
    return importRaw('Ed25519', publicKey)
  },
  digest: null,
}

/** The point that belongs to a scalar. Throws when the scalar is zero or not below the group's order. */
function pointOf(curve: 'secp256k1' | 'prime256v1', scalar: Uint8Array, form: 'compressed' | 'uncompressed') {
  const ecdh = node.createECDH(curve)
  ecdh.setPrivateKey(scalar)
  return plain(ecdh.getPublicKey(null, form))
}

function secp256k1Key(scalar: Uint8Array): SigningKey {
  const key = importPrivate(secp256k1Private.encode(scalar), 'sec1')
  return {
    type: 'secp256k1',
    publicKey: pointOf('secp256k1', scalar, 'compressed'),
    privateKey: scalar,
    sign: message => lowSSignature(node.sign('sha256', message, { key, dsaEncoding: 'ieee-p1363' })),
  }
}

const secp256k1: Kind = {
  // All but one in 2^128 random scalars are below the order; such a one is refused.
  generate: () => secp256k1Key(plain(node.randomBytes(32))),
  importKey: privateKey => secp256k1Key(new Uint8Array(privateKey)),
  importPublic: publicKey => importSpki(secp256k1Public.encode(publicKey)),
  digest: 'sha256',
}

function ecdsaKey(sec1: Uint8Array): SigningKey {
  const [scalar, point] = p256Private.decode(sec1) as [Uint8Array, Uint8Array]
  if (!equal(pointOf('prime256v1', scalar, 'uncompressed').subarray(1), point)) {
    throw new Error('The two halves of the ECDSA private key do not belong together.')
  }
  const key = importPrivate(sec1, 'sec1')
  return {
    type: 'ecdsa',
    publicKey: p256Public.encode(point),
    privateKey: new Uint8Array(sec1),
    sign: message => plain(node.sign('sha256', message, key)),
  }
}

const ecdsa: Kind = {
  generate() {
    const privateKeyEncoding = { format: 'der', type: 'sec1' } as const
    const options = { namedCurve: 'prime256v1', ...encodings, privateKeyEncoding }
    return ecdsaKey(plain(node.generateKeyPairSync('ec', options).privateKey))
  },
  importKey: ecdsaKey,
  importPublic(publicKey) {
    p256Public.decode(publicKey)
    return importSpki(publicKey)
  },
  digest: 'sha256',
}

function checkRsaSize(key: node.KeyObject): void {
  if (key.asymmetricKeyType !== 'rsa') throw new Error('The key is not an RSA key.')
  const { modulusLength = 0, publicExponent = 0n } = key.asymmetricKeyDetails ?? {}
  checkRsaBits(modulusLength)
  checkRsaExponent(publicExponent)
}

function rsaNumbers(key: node.KeyObject): RsaNumbers {
  const jwk = key.export({ format: 'jwk' })
  const number = (text = '') => BigInt(`0x${Buffer.from(text, 'base64url').toString('hex')}`)
  return Object.fromEntries(RSA_NUMBERS.map(name => [name, number(jwk[name])])) as RsaNumbers
}

/** OpenSSL reads looser forms than DER, and bytes after it; but two spellings of one key would be two peers. */
function checkSpelling(written: Uint8Array, read: Uint8Array): void {
  if (!equal(written, read)) throw new Error('The bytes of the RSA key are not its DER form.')
}

function rsaKey(key: node.KeyObject): SigningKey {
  return {
    type: 'rsa',
    publicKey: plain(node.createPublicKey(key).export({ format: 'der', type: 'spki' })),
    privateKey: plain(key.export({ format: 'der', type: 'pkcs1' })),
    sign: message => plain(node.sign('sha256', message, key)),
  }
}

const rsa: Kind = {
  async generate(bits = RSA_DEFAULT_BITS) {
    checkRsaBits(bits)
    const privateKeyEncoding = { format: 'der', type: 'pkcs1' } as const
    const options = { modulusLength: bits, ...encodings, privateKeyEncoding }
    const generated = await promisify(node.generateKeyPair)('rsa', options)
    const privateKey = importPrivate(plain(generated.privateKey), 'pkcs1')
    return rsaKey(privateKey)
  },
  importKey(privateKey) {
    if (privateKey.length > RSA_MAX_PKCS1) throw new Error('The RSA private key has more than 8192 bits.')
    const key = importPrivate(privateKey, 'pkcs1')
    checkRsaSize(key)
    checkRsaNumbers(rsaNumbers(key))
    checkSpelling(key.export({ format: 'der', type: 'pkcs1' }), privateKey)
    return rsaKey(key)
  },
  importPublic(publicKey) {
    if (publicKey.length > RSA_MAX_SPKI) throw new Error('The RSA public key has more than 8192 bits.')
    const key = importSpki(publicKey)
    checkRsaSize(key)
    checkSpelling(key.export({ format: 'der', type: 'spki' }), publicKey)
    return key
  },
  digest: 'sha256',
}

const kinds: Record<KeyType, Kind> = { ed25519, secp256k1, ecdsa, rsa }

/** Keys that were found sound, by the very array that holds them: to check one again takes a third of a verification. */
const checked = new WeakMap<Uint8Array, node.KeyObject>()

let short: ShortCipher | undefined
let loading: Promise<void> | undefined

/** The cipher for short messages. It is loaded when something is first sealed; until it is there, node:crypto does it all. */
function shortCipher(): ShortCipher | undefined {
  if (!short) void shortCipherLoaded()
  return short
}

/** Settles when short messages are no longer sealed by node:crypto, or when there is no WebAssembly and they always will be. */
export function shortCipherLoaded(): Promise<void> {
  loading ??= ShortCipher.load().then(
    cipher => {
      short = cipher
    },
    () => {},
  )
  return loading
}

function checkNonce(nonce: Uint8Array): void {
  // OpenSSL would pad a shorter one with zeros.
  if (nonce.length !== NONCE_LENGTH) throw new Error('A ChaCha20-Poly1305 nonce has 12 bytes.')
}

/** The provider on node:crypto: ten to forty times as fast as the portable one, and the one that knows RSA. */
export const provider: CryptoProvider = {
  name: 'native',

  randomBytes: length => plain(node.randomBytes(length)),

  sha256,

  hmac,

  hkdf,

  x25519: dhKeyPair,

  seal(key, nonce, ad, plaintext) {
    checkNonce(nonce)
    const quick = shortCipher()
    if (quick?.takes(plaintext.length, ad)) return quick.seal(key, nonce, ad, plaintext)
    const cipher = node.createCipheriv(AEAD, cipherKey(key), nonce, TAG_OPTION)
    if (ad.length > 0) cipher.setAAD(ad, AAD_OPTION)
    const ciphertext = plain(cipher.update(plaintext))
    cipher.final()
    return [ciphertext, plain(cipher.getAuthTag())]
  },

  open(key, nonce, ad, pieces, tag) {
    try {
      checkNonce(nonce)
      // OpenSSL takes shorter ones, and a short cipher would take what is missing from the ciphertext.
      if (tag.length !== TAG_LENGTH) return undefined
      if (short?.takes(lengthOf(pieces), ad)) return short.open(key, nonce, ad, pieces, tag)
      const decipher = node.createDecipheriv(AEAD, cipherKey(key), nonce, TAG_OPTION)
      decipher.setAuthTag(tag)
      if (ad.length > 0) decipher.setAAD(ad, AAD_OPTION)
      const plaintext = pieces.map(piece => plain(decipher.update(piece)))
      decipher.final()
      return plaintext
    } catch {
      return undefined
    }
  },

  generateKey: async (type, bits) => kinds[type].generate(bits),

  importKey: (type, privateKey) => kinds[type].importKey(privateKey),

  checkPublicKey(type, publicKey) {
    checked.set(publicKey, kinds[type].importPublic(publicKey))
  },

  verify(type, publicKey, message, signature) {
    try {
      const kind = kinds[type]
      const key = checked.get(publicKey) ?? kind.importPublic(publicKey)
      return node.verify(kind.digest, message, key, signature)
    } catch {
      return false
    }
  },
}
