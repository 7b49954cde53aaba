import { createPublicKey, generateKeyPairSync, sign } from 'node:crypto'
import { type DhKeyPair, provider } from '#src/crypto/index'
import { concat, EMPTY, utf8 } from '#src/wire/bytes'
import type { PrivateKey } from '#src/wire/keys'
import { ProtobufWriter } from '#src/wire/protobuf'
import { lowOrderX25519 } from '../../crypto/hostile.ts'
import { pattern } from '../../support/wire.ts'
import { flip } from './peers.ts'

const domain = utf8('noise-libp2p-static-key:')

/** A payload out of its parts; what is `undefined` is left out. */
export function payloadOf(
  identityKey: Uint8Array | undefined,
  signature: Uint8Array | undefined,
  extensions?: Uint8Array,
): Uint8Array {
  return new ProtobufWriter().bytes(1, identityKey).bytes(2, signature).bytes(4, extensions).finish()
}

/** What an honest identity key signs. */
export const signedBytes = (staticKey: Uint8Array): Uint8Array => concat([domain, staticKey])

/** An RSA identity that proves itself rightly, with a key too small to count. */
function smallRsa(bits: number, staticKey: Uint8Array): Uint8Array {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: bits })
  const signature = sign('sha256', signedBytes(staticKey), privateKey)
  return payloadOf(rsaEnvelope(publicKey.export({ format: 'der', type: 'spki' })), new Uint8Array(signature))
}

/** An RSA identity with a key that would take long to verify with. */
function largeRsa(bits: number): Uint8Array {
  const n = Buffer.from(pattern(bits / 8).fill(0xff, 0, 1)).toString('base64url')
  const publicKey = createPublicKey({ key: { kty: 'RSA', n, e: 'AQAB' }, format: 'jwk' })
  return payloadOf(rsaEnvelope(publicKey.export({ format: 'der', type: 'spki' })), pattern(bits / 8))
}

function rsaEnvelope(spki: Uint8Array): Uint8Array {
  return new ProtobufWriter().uint64(1, 0).bytes(2, new Uint8Array(spki)).finish()
}

/** Payloads that prove nothing, by what is wrong with them. `key` is an honest identity that is pretended to. */
export function hostilePayloads(
  key: PrivateKey,
  otherKey: PrivateKey,
  staticKey: Uint8Array,
  otherStatic: Uint8Array,
): [fault: string, payload: Uint8Array][] {
  const identityKey = key.publicKey.bytes
  const good = key.sign(signedBytes(staticKey))
  const unordered = new ProtobufWriter().bytes(2, key.publicKey.raw).uint64(1, 1).finish()
  return [
    ['nothing at all', EMPTY],
    ['no identity key', payloadOf(undefined, good)],
    ['an empty identity key', payloadOf(EMPTY, good)],
    ['an identity key of an unknown type', payloadOf(Uint8Array.of(8, 4, 18, 1, 0), good)],
    ['an identity key in another encoding', payloadOf(unordered, good)],
    ['no signature', payloadOf(identityKey, undefined)],
    ['an empty signature', payloadOf(identityKey, EMPTY)],
    ['a random signature', payloadOf(identityKey, provider.randomBytes(64))],
    ['a signature of zeros', payloadOf(identityKey, new Uint8Array(64))],
    ['a signature by another key', payloadOf(identityKey, otherKey.sign(signedBytes(staticKey)))],
    ['a signature over the other static key', payloadOf(identityKey, key.sign(signedBytes(otherStatic)))],
    ['a signature without the prefix', payloadOf(identityKey, key.sign(staticKey))],
    ['a signature over the prefix alone', payloadOf(identityKey, key.sign(domain))],
    ['a signature cut short', payloadOf(identityKey, good.subarray(0, -1))],
    ['a signature with a byte too many', payloadOf(identityKey, concat([good, Uint8Array.of(0)]))],
    ['no protobuf', pattern(200)],
    ['zeros', new Uint8Array(60_000)],
    ['extensions that are no message', payloadOf(identityKey, good, Uint8Array.of(0x12, 0x7f))],
    ['an RSA key of 512 bits', smallRsa(512, staticKey)],
    ['an RSA key of 1024 bits', smallRsa(1024, staticKey)],
    ['an RSA key of 16,384 bits', largeRsa(16_384)],
  ]
}

/** Points that give no secret, with and without the bit that is to be ignored. */
export const worthless: readonly Uint8Array[] = lowOrderX25519.flatMap(point => [point, flip(point, 255)])

/** A key pair that pretends: its secrets are those that a worthless key leads to. */
export const pretender = (publicKey: Uint8Array): DhKeyPair => ({
  publicKey,
  agree: () => new Uint8Array(32),
})
