import { type KeyType, provider, type SigningKey, UnsupportedKeyError } from '../crypto/index.ts'
import { attempt } from './attempt.ts'
import { equals, hex, latin1Text } from './bytes.ts'
import { ParleyError } from './errors.ts'
import { fields, ProtobufWriter } from './protobuf.ts'
import { Recent } from './recent.ts'
import { inspect } from './text.ts'
import { encodeVarint } from './varint.ts'

export type { KeyType } from '../crypto/index.ts'

// The `Type` numbers of the peer ID specification, by position.
const KEY_TYPES: readonly KeyType[] = ['rsa', 'ed25519', 'secp256k1', 'ecdsa']
const TYPE_FIELD = 1
const DATA_FIELD = 2

// RSA-8192 makes the longest envelopes: 1,062 bytes of SubjectPublicKeyInfo, some 4,660 of PKCS#1. Public ones
// come from peers, private ones from our own files.
const PUBLIC = { what: 'The public key', maxLength: 1200, remote: true }
const PRIVATE = { what: 'The private key', maxLength: 5120, remote: false }

const SEED_LENGTH = 32

/** Peers come again, and what they show is the same then: so many keys and signatures are not checked a second time. */
const remembered = 1024

/** Keys that were found sound, by type and `Data`. */
const sound = new Recent<true>(remembered)

/** Signatures that were found good, by a hash of all that they are about. To check one takes as long as three agreements. */
const good = new Recent<true>(remembered)

/** A public key and its `PublicKey` message of the peer ID specification, which is one and the same for a key. */
export class PublicKey {
  readonly type: KeyType
  /** The message's `Data`: 32 bytes for Ed25519, 33 for secp256k1, DER SubjectPublicKeyInfo for ECDSA and RSA. */
  readonly raw: Uint8Array
  /** The `PublicKey` message, the envelope that is sent, hashed and signed. */
  readonly bytes: Uint8Array

  private constructor(type: KeyType, raw: Uint8Array) {
    this.type = type
    this.raw = raw
    this.bytes = envelope(type, raw)
  }

  /**
   * The key whose `Data` is `raw`, which is copied. Throws `ERR_KEY` when that is no sound key of the type, and
   * `ERR_KEY_UNSUPPORTED` when this crypto provider cannot handle it.
   */
  static of(type: KeyType, raw: Uint8Array): PublicKey {
    checkLength(raw, PUBLIC)
    const copy = new Uint8Array(raw)
    const name = type + latin1Text(raw)
    if (sound.has(name)) return new PublicKey(type, copy)
    attempt(
      () => provider.checkPublicKey(type, copy),
      error => keyError(error, `The ${type} public key is not sound.`, true),
    )
    sound.set(name, true)
    return new PublicKey(type, copy)
  }

  /**
   * Reads an envelope. Only the one encoding that the specification prescribes is a key: fields reversed,
   * repeated, missing or in surplus give `ERR_KEY`, as does damaged `Data`; see `of` for `ERR_KEY_UNSUPPORTED`.
   */
  static fromBytes(bytes: Uint8Array): PublicKey {
    const { type, data } = opened(bytes, PUBLIC)
    return PublicKey.of(type, data)
  }

  /**
   * Whether `signature` over `message` was made with this key. Damaged signatures are `false`; never throws. One that was found
   * good is remembered for a while.
   */
  verify(message: Uint8Array, signature: Uint8Array): boolean {
    // The key tells its own length, and the message is told from the signature by this one.
    const hash = provider.sha256(this.bytes, encodeVarint(message.length), message, signature)
    const name = latin1Text(hash)
    if (good.has(name)) return true
    const isGood = provider.verify(this.type, this.raw, message, signature)
    if (isGood) good.set(name, true)
    return isGood
  }

  equals(other: PublicKey): boolean {
    return this.type === other.type && equals(this.raw, other.raw)
  }

  toString(): string {
    return `PublicKey(${this.type} ${hex(this.raw)})`
  }

  toJSON(): { type: KeyType; publicKey: string } {
    return { type: this.type, publicKey: hex(this.raw) }
  }

  [inspect](): string {
    return this.toString()
  }
}

/** A private key. Its secret leaves it through `bytes` alone: printed, inspected or as JSON it shows its public key. */
export class PrivateKey {
  readonly type: KeyType
  readonly publicKey: PublicKey
  readonly #key: SigningKey

  /** Most callers want `generateKey`, `PrivateKey.fromSeed` or `PrivateKey.fromBytes`. */
  constructor(key: SigningKey) {
    this.type = key.type
    this.publicKey = PublicKey.of(key.type, key.publicKey)
    this.#key = key
  }

  /** The `PrivateKey` message of the peer ID specification: the secret itself, for a key file. */
  get bytes(): Uint8Array {
    return envelope(this.type, this.#key.privateKey)
  }

  /**
   * Reads what `bytes` gave. Throws `ERR_KEY` when the envelope or the key in it is damaged or its two halves
   * disagree, and `ERR_KEY_UNSUPPORTED` when this crypto provider cannot handle the type.
   */
  static fromBytes(bytes: Uint8Array): PrivateKey {
    const { type, data } = opened(bytes, PRIVATE)
    return new PrivateKey(imported(type, data))
  }

  /** The Ed25519 key of a 32-byte seed (RFC 8032). Throws `ERR_KEY` for a seed of another length. */
  static fromSeed(seed: Uint8Array): PrivateKey {
    if (seed.length !== SEED_LENGTH) {
      throw new ParleyError('ERR_KEY', `An Ed25519 seed has ${SEED_LENGTH} bytes, not ${seed.length}.`)
    }
    return new PrivateKey(imported('ed25519', seed))
  }

  /** The signature, in the form that the peer ID specification prescribes for the type. */
  sign(message: Uint8Array): Uint8Array {
    return this.#key.sign(message)
  }

  toString(): string {
    return `PrivateKey(of ${this.publicKey.toString()})`
  }

  toJSON(): { type: KeyType; publicKey: string } {
    return this.publicKey.toJSON()
  }

  [inspect](): string {
    return this.toString()
  }
}

/**
 * A fresh private key. `bits` is for RSA alone: 2048 to 8192, 3072 unless given. Throws `ERR_KEY` when the
 * options make no sense, and `ERR_KEY_UNSUPPORTED` when this crypto provider cannot make such a key.
 */
export async function generateKey(
  type: KeyType = 'ed25519',
  options: { bits?: number } = {},
): Promise<PrivateKey> {
  const key = await provider.generateKey(type, options.bits).catch(error => {
    throw keyError(error, `No ${type} key could be made.`, false)
  })
  return new PrivateKey(key)
}

function envelope(type: KeyType, data: Uint8Array): Uint8Array {
  return new ProtobufWriter().uint64(TYPE_FIELD, KEY_TYPES.indexOf(type)).bytes(DATA_FIELD, data).finish()
}

function checkLength({ length }: Uint8Array, { what, maxLength, remote }: typeof PUBLIC): void {
  if (length <= maxLength) return
  throw new ParleyError('ERR_KEY', `${what} has ${length} bytes, more than any key.`, { remote })
}

/** Takes a key message apart, and refuses every encoding of it but the deterministic one. */
function opened(bytes: Uint8Array, half: typeof PUBLIC): { type: KeyType; data: Uint8Array } {
  const refused = (fault: string, cause?: unknown) =>
    new ParleyError('ERR_KEY', `${half.what} ${fault}.`, { remote: half.remote, cause })
  checkLength(bytes, half)
  const [first, second] = attempt(
    () => fields(bytes, { max: 2 }),
    error => refused('is not a Type followed by its Data', error),
  )
  const data = second?.bytes
  if (first?.varint === undefined || data === undefined) throw refused('is not a Type followed by its Data')
  const type = KEY_TYPES[Number(first.varint)]
  if (type === undefined) throw refused(`is of the unknown type ${first.varint}`)
  if (!equals(envelope(type, data), bytes)) throw refused('is not in its deterministic encoding')
  return { type, data }
}

function imported(type: KeyType, data: Uint8Array): SigningKey {
  return attempt(
    () => provider.importKey(type, data),
    error => keyError(error, `The ${type} private key is damaged.`, false),
  )
}

/** Turns the provider's plain errors into typed ones. */
function keyError(cause: unknown, message: string, remote: boolean): ParleyError {
  if (!(cause instanceof UnsupportedKeyError)) return new ParleyError('ERR_KEY', message, { remote, cause })
  return new ParleyError('ERR_KEY_UNSUPPORTED', `${message.slice(0, -1)}: ${cause.message}`, {
    remote,
    cause,
  })
}
