/** The kinds of identity key that libp2p knows, by their names in the peer ID specification. */
export type KeyType = 'ed25519' | 'secp256k1' | 'ecdsa' | 'rsa'

/** An X25519 key pair. The secret half stays inside, in whatever form the provider finds fastest. */
export interface DhKeyPair {
  /** 32 bytes. */
  readonly publicKey: Uint8Array
  /** The 32-byte shared secret. Throws when `remote` is not 32 bytes or yields the all-zero secret. */
  agree(remote: Uint8Array): Uint8Array
}

/** A signing key, in the `Data` encodings of the peer ID specification. */
export interface SigningKey {
  readonly type: KeyType
  /** Ed25519: 32 bytes. secp256k1: 33 compressed bytes. ECDSA and RSA: DER SubjectPublicKeyInfo. */
  readonly publicKey: Uint8Array
  /** Ed25519: seed then public key, 64 bytes. secp256k1: 32 bytes. ECDSA: SEC 1 DER. RSA: PKCS#1 DER. */
  readonly privateKey: Uint8Array
  /** Ed25519: 64 bytes. secp256k1 and ECDSA: DER over SHA-256, low S for secp256k1. RSA: PKCS#1 v1.5 over SHA-256. */
  sign(message: Uint8Array): Uint8Array
}

/**
 * The primitives that parley builds on. Two providers exist, `native` (node:crypto) and `portable` (noble);
 * package.json chooses one by import condition. Failures are thrown as plain errors, which the wire ring
 * turns into typed ones; `verify` and `open` never throw.
 */
export interface CryptoProvider {
  readonly name: 'native' | 'portable'
  /** `length` bytes from the system's secure generator. */
  randomBytes(length: number): Uint8Array
  /** SHA-256 over the pieces as if they were joined. */
  sha256(...pieces: Uint8Array[]): Uint8Array
  /** HMAC-SHA256 (RFC 2104). */
  hmac(key: Uint8Array, message: Uint8Array): Uint8Array
  /** HKDF-SHA256 (RFC 5869) with empty info: `length` bytes from the salt and the input key material. */
  hkdf(salt: Uint8Array, ikm: Uint8Array, length: number): Uint8Array
  /** An X25519 key pair (RFC 7748), fresh unless the 32-byte `secret` is given, which is copied. */
  x25519(secret?: Uint8Array): DhKeyPair
  /**
   * ChaCha20-Poly1305 (RFC 8439): the ciphertext, in memory of its own, and the 16-byte tag. Throws unless
   * the key has 32 bytes and the nonce 12. The array that holds the key must not change afterwards.
   */
  seal(
    key: Uint8Array,
    nonce: Uint8Array,
    ad: Uint8Array,
    plaintext: Uint8Array,
  ): [ciphertext: Uint8Array, tag: Uint8Array]
  /**
   * Opens what `seal` made. The ciphertext may come in several pieces, and so does the plaintext, but only if the tag is
   * right, otherwise `undefined`. Plaintext below 512 bytes may share its buffer with others': it is copied where it is kept.
   */
  open(
    key: Uint8Array,
    nonce: Uint8Array,
    ad: Uint8Array,
    pieces: readonly Uint8Array[],
    tag: Uint8Array,
  ): Uint8Array[] | undefined
  /** A fresh signing key. `bits` is for RSA alone: 2048 to 8192, 3072 unless given. */
  generateKey(type: KeyType, bits?: number): Promise<SigningKey>
  /**
   * A signing key from its `Data` bytes, which are copied; throws when they are damaged or their two halves
   * disagree. Ed25519 also takes the bare 32-byte seed and the old 96-byte form. ECDSA is P-256 alone, with
   * the curve and the public key in its SEC 1 form.
   */
  importKey(type: KeyType, privateKey: Uint8Array): SigningKey
  /**
   * Throws unless `publicKey` is a sound public key of that type, in its one encoding: right length, on the
   * curve, Ed25519 not of small order, ECDSA an uncompressed point of P-256, RSA of 2048 to 8192 bits with an
   * odd exponent from 3 to 2^31 - 1. Throws `UnsupportedKeyError` for a type that the provider does not know.
   */
  checkPublicKey(type: KeyType, publicKey: Uint8Array): void
  /**
   * Whether `signature` over `message` is good. A damaged key or signature is simply not good, nor is one of
   * a type that the provider does not know: `checkPublicKey` tells why. ECDSA verifies with any S.
   */
  verify(type: KeyType, publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean
}

/** Thrown by a provider that cannot do what the other can: the portable one knows no RSA. */
export class UnsupportedKeyError extends Error {
  override readonly name = 'UnsupportedKeyError'
}
