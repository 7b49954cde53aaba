import { concat, utf8, utf8Text } from '../../wire/bytes.ts'
import { remoteError } from '../../wire/errors.ts'
import { type PrivateKey, PublicKey } from '../../wire/keys.ts'
import { PeerId } from '../../wire/peer-id.ts'
import { fields, ProtobufWriter } from '../../wire/protobuf.ts'

/** What the identity key signs: this text, then the static X25519 key. */
const signatureDomain = utf8('noise-libp2p-static-key:')

/** go accepts as many muxers; nobody offers more than two. */
const maxMuxers = 100

/** What a handshake payload proves and offers. */
export interface NoisePayload {
  publicKey: PublicKey
  peerId: PeerId
  /** Muxers offered for early negotiation, in the sender's order; empty when the extension is absent. */
  muxers: string[]
}

/**
 * The payload that ties an identity to a static Noise key: field 1 the public key, field 2 the signature,
 * field 4 the extensions, whose field 2 repeats the muxers.
 *
 * Specification: https://github.com/libp2p/specs/blob/master/noise/README.md
 */
export function encodePayload(
  identity: PrivateKey,
  staticKey: Uint8Array,
  muxers: readonly string[],
): Uint8Array {
  const extensions = new ProtobufWriter()
  for (const muxer of muxers) extensions.string(2, muxer)
  return new ProtobufWriter()
    .bytes(1, identity.publicKey.bytes)
    .bytes(2, identity.sign(concat([signatureDomain, staticKey])))
    .bytes(4, muxers.length > 0 ? extensions.finish() : undefined)
    .finish()
}

/**
 * Checks a payload against the static key that the handshake received, in the order of the specification:
 * key, peer ID, signature. Throws `ERR_IDENTITY`, or `ERR_PEER_MISMATCH` when the key is not `expected`'s.
 */
export function verifyPayload(
  bytes: Uint8Array,
  staticKey: Uint8Array,
  expected: PeerId | undefined,
): NoisePayload {
  const { identityKey, signature, muxers } = decodePayload(bytes)
  const publicKey = decodeIdentity(identityKey)
  const peerId = PeerId.fromPublicKey(publicKey)
  if (expected !== undefined && !expected.equals(peerId)) {
    const message = `The peer at this address is ${peerId}, not ${expected}: check the address, or whether someone is in between.`
    throw remoteError('ERR_PEER_MISMATCH', message, { stage: 'identity' })
  }
  if (!publicKey.verify(concat([signatureDomain, staticKey]), signature)) {
    throw remoteError('ERR_IDENTITY', 'The other side could not prove its identity.', { stage: 'identity' })
  }
  return { publicKey, peerId, muxers }
}

function decodePayload(bytes: Uint8Array): {
  identityKey: Uint8Array
  signature: Uint8Array
  muxers: string[]
} {
  let identityKey = new Uint8Array(0)
  let signature = new Uint8Array(0)
  let muxers: string[] = []
  for (const field of parse(bytes)) {
    if (field.bytes === undefined) continue
    if (field.number === 1) identityKey = new Uint8Array(field.bytes)
    if (field.number === 2) signature = new Uint8Array(field.bytes)
    if (field.number === 4) muxers = decodeMuxers(field.bytes)
  }
  return { identityKey, signature, muxers }
}

function decodeMuxers(bytes: Uint8Array): string[] {
  const muxers: string[] = []
  for (const field of parse(bytes)) {
    if (field.number === 2 && field.bytes && muxers.length < maxMuxers) muxers.push(utf8Text(field.bytes))
  }
  return muxers
}

function parse(bytes: Uint8Array): ReturnType<typeof fields> {
  try {
    return fields(bytes)
  } catch (cause) {
    throw remoteError('ERR_IDENTITY', 'The other side sent a handshake payload that makes no sense.', {
      stage: 'identity',
      cause,
    })
  }
}

function decodeIdentity(bytes: Uint8Array): PublicKey {
  try {
    return PublicKey.fromBytes(bytes)
  } catch (cause) {
    throw remoteError('ERR_IDENTITY', 'The other side sent no usable identity key.', {
      stage: 'identity',
      cause,
    })
  }
}
