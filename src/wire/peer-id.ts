import { provider } from '../crypto/index.ts'
import { unlessThrown } from './attempt.ts'
import { concat, equals } from './bytes.ts'
import { ParleyError, remoteError } from './errors.ts'
import { PublicKey } from './keys.ts'
import { base58, fromBase58, fromMultibase, multibase32 } from './multibase.ts'
import { inspect, quoted } from './text.ts'

// Multihash codes, and the CID version and codec; one-byte varints all.
const IDENTITY = 0x00
const SHA2_256 = 0x12
const SHA2_256_LENGTH = 32
const CID_VERSION = 0x01
const LIBP2P_KEY = 0x72

// The peer ID specification: keys of up to 42 bytes stand in the ID itself, longer ones as their hash.
const MAX_INLINED = 42
// Decoding base58 takes quadratic time. The longest ID, of 44 bytes, is 73 characters as a CID in base32.
const MAX_TEXT = 128
const SHORT_LENGTH = 8

/** A peer ID: the multihash of a public key, by the peer ID specification of libp2p. */
export class PeerId {
  /** The multihash. */
  readonly bytes: Uint8Array
  #text: string | undefined
  #publicKey: PublicKey | undefined

  private constructor(multihash: Uint8Array) {
    this.bytes = multihash
  }

  /**
   * Reads either text form: base58 (`12D3KooW...`, `16Uiu2...`, `Qm...`), or a CID of codec libp2p-key in base32,
   * base58btc or base64url (`bafz...`). Throws `ERR_PEER_ID`.
   */
  static parse(text: string): PeerId {
    if (text.length > MAX_TEXT) {
      throw new ParleyError('ERR_PEER_ID', `A text of ${text.length} characters is too long for a peer ID.`)
    }
    const multihash = /^(1|Qm)/.test(text) ? fromBase58(text) : multihashOfCid(fromMultibase(text))
    if (multihash !== undefined && isKeyMultihash(multihash)) return new PeerId(multihash)
    throw new ParleyError('ERR_PEER_ID', `${quoted(text)} is not a peer ID.`)
  }

  /** Reads a multihash, which is copied; nothing may follow it. Throws `ERR_PEER_ID`. */
  static fromBytes(bytes: Uint8Array): PeerId {
    if (isKeyMultihash(bytes)) return new PeerId(new Uint8Array(bytes))
    throw remoteError('ERR_PEER_ID', 'The bytes are not the multihash of a public key.')
  }

  /** The ID of the holder of `key`. */
  static fromPublicKey(key: PublicKey): PeerId {
    const inlined = key.bytes.length <= MAX_INLINED
    const digest = inlined ? key.bytes : provider.sha256(key.bytes)
    const id = new PeerId(concat([Uint8Array.of(inlined ? IDENTITY : SHA2_256, digest.length), digest]))
    if (inlined) id.#publicKey = key
    return id
  }

  /**
   * The key itself where the ID holds it (Ed25519 and secp256k1), `undefined` where the ID is a hash (RSA and
   * ECDSA), or where what it holds is no key that this crypto provider can handle.
   */
  get publicKey(): PublicKey | undefined {
    if (this.bytes[0] === IDENTITY)
      this.#publicKey ??= unlessThrown(() => PublicKey.fromBytes(this.bytes.subarray(2)))
    return this.#publicKey
  }

  /** The last eight characters of the base58 form, for people who tell a few peers apart. Proves nothing. */
  get short(): string {
    return this.toString().slice(-SHORT_LENGTH)
  }

  /** Whether this is the ID of that key. Right for hashed IDs too, where `publicKey` has nothing to compare. */
  matches(key: PublicKey): boolean {
    return this.equals(PeerId.fromPublicKey(key))
  }

  equals(other: PeerId): boolean {
    return equals(this.bytes, other.bytes)
  }

  /** Base58: the form to print. */
  toString(): string {
    this.#text ??= base58(this.bytes)
    return this.#text
  }

  /** CID version 1 of codec libp2p-key in base32: the form for places that want CIDs. */
  toCid(): string {
    return multibase32(concat([Uint8Array.of(CID_VERSION, LIBP2P_KEY), this.bytes]))
  }

  toJSON(): string {
    return this.toString()
  }

  [inspect](): string {
    return `PeerId(${this.toString()})`
  }
}

/** Whether this is a whole multihash that a peer ID can be; its varints take one byte each. */
function isKeyMultihash(bytes: Uint8Array): boolean {
  const length = bytes.length - 2
  if (bytes[1] !== length) return false
  if (bytes[0] === IDENTITY) return length > 0 && length <= MAX_INLINED
  return bytes[0] === SHA2_256 && length === SHA2_256_LENGTH
}

function multihashOfCid(cid: Uint8Array | undefined): Uint8Array | undefined {
  return cid?.[0] === CID_VERSION && cid[1] === LIBP2P_KEY ? cid.subarray(2) : undefined
}
