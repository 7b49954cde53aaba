import { attempt } from './attempt.ts'
import { concat, equals, utf8 } from './bytes.ts'
import { ParleyError, remoteError } from './errors.ts'
import { encodeFrame } from './frame.ts'
import { type PrivateKey, PublicKey } from './keys.ts'
import { type Field, fields, ProtobufWriter } from './protobuf.ts'

// libp2p RFC 0002. Field 4 was never used.
const PUBLIC_KEY = 1
const PAYLOAD_TYPE = 2
const PAYLOAD = 3
const SIGNATURE = 5

/** What a signed envelope holds, once its signature is found good. Views of the envelope. */
export interface Envelope {
  /** Whose signature it is: that says who vouches for the payload, not yet whom the payload is about. */
  readonly publicKey: PublicKey
  readonly payloadType: Uint8Array
  readonly payload: Uint8Array
}

/**
 * Signs a payload for one purpose (libp2p RFC 0002). `domain` names the purpose and is not sent: an envelope
 * opens under the same domain only. Throws `ERR_ENVELOPE` for an empty domain, which would guard nothing.
 */
export function sealEnvelope(
  key: PrivateKey,
  domain: string,
  payloadType: Uint8Array,
  payload: Uint8Array,
): Uint8Array {
  return new ProtobufWriter()
    .message(PUBLIC_KEY, key.publicKey.bytes)
    .bytes(PAYLOAD_TYPE, payloadType)
    .bytes(PAYLOAD, payload)
    .bytes(SIGNATURE, key.sign(signedBytes(domain, payloadType, payload)))
    .finish()
}

/**
 * Opens what `sealEnvelope` made. Throws `ERR_ENVELOPE` when it is malformed or its signature is not good. A key that is at hand
 * already, if it is the signer's, spares reading and checking it once more.
 */
export function openEnvelope(bytes: Uint8Array, domain: string, known?: PublicKey): Envelope {
  const found = attempt(
    () => fields(bytes),
    cause => notValid('is malformed', cause),
  )
  const publicKey = attempt(
    () => keyOf(lastBytes(found, PUBLIC_KEY), known),
    cause => notValid('holds no key that can be used', cause),
  )
  const payloadType = lastBytes(found, PAYLOAD_TYPE)
  const payload = lastBytes(found, PAYLOAD)
  if (!publicKey.verify(signedBytes(domain, payloadType, payload), lastBytes(found, SIGNATURE))) {
    throw notValid('has a signature that is not good')
  }
  return { publicKey, payloadType, payload }
}

function keyOf(bytes: Uint8Array, known: PublicKey | undefined): PublicKey {
  return known && equals(known.bytes, bytes) ? known : PublicKey.fromBytes(bytes)
}

function lastBytes(found: readonly Field[], number: number): Uint8Array {
  const value = found.findLast(field => field.number === number)?.bytes
  if (value === undefined) throw notValid(`lacks its field ${number}`)
  return value
}

function signedBytes(domain: string, payloadType: Uint8Array, payload: Uint8Array): Uint8Array {
  if (domain === '') throw new ParleyError('ERR_ENVELOPE', 'An envelope needs a domain that is not empty.')
  return concat([encodeFrame(utf8(domain)), encodeFrame(payloadType), encodeFrame(payload)])
}

function notValid(fault: string, cause?: unknown): ParleyError {
  return remoteError('ERR_ENVELOPE', `The signed envelope ${fault}.`, { cause })
}
