import { attempt, unlessThrown } from './attempt.ts'
import { equals } from './bytes.ts'
import { openEnvelope, sealEnvelope } from './envelope.ts'
import { type ParleyError, remoteError } from './errors.ts'
import type { PrivateKey, PublicKey } from './keys.ts'
import { Multiaddr } from './multiaddr.ts'
import { PeerId } from './peer-id.ts'
import { fields, ProtobufWriter } from './protobuf.ts'

// As deployed by go-libp2p and js-libp2p; libp2p RFC 0003 has another domain and type, which nobody verifies.
const DOMAIN = 'libp2p-peer-record'
const PAYLOAD_TYPE = Uint8Array.of(0x03, 0x01)

const PEER_ID = 1
const SEQ = 2
const ADDRESSES = 3
const MULTIADDR = 1

/** A peer's own statement of where it can be reached (libp2p RFC 0003). */
export interface PeerRecord {
  readonly peerId: PeerId
  /** Which of a peer's records is newer: the one with the larger number, of 64 bits. */
  readonly seq: bigint
  readonly addresses: Multiaddr[]
}

/** The record of the key's own peer, in a signed envelope. Throws `ERR_PROTOBUF` unless 0 <= seq < 2^64. */
export function sealPeerRecord(key: PrivateKey, record: { seq: bigint; addresses: Multiaddr[] }): Uint8Array {
  const writer = new ProtobufWriter()
  writer.bytes(PEER_ID, PeerId.fromPublicKey(key.publicKey).bytes).uint64(SEQ, record.seq)
  for (const address of record.addresses) {
    writer.message(ADDRESSES, new ProtobufWriter().bytes(MULTIADDR, address.bytes).finish())
  }
  return sealEnvelope(key, DOMAIN, PAYLOAD_TYPE, writer.finish())
}

/**
 * Opens a peer record: the signature must be good and of the very peer the record is about. Addresses that do
 * not parse are left out. Throws `ERR_ENVELOPE`.
 */
export function openPeerRecord(bytes: Uint8Array): PeerRecord & { publicKey: PublicKey } {
  const { publicKey, payloadType, payload } = openEnvelope(bytes, DOMAIN)
  if (!equals(payloadType, PAYLOAD_TYPE)) throw notValid('is of another type')
  const record = attempt(
    () => readRecord(payload),
    cause => notValid('is malformed', cause),
  )
  if (!record.peerId.matches(publicKey)) throw notValid('is signed by another peer than the one it is about')
  return { ...record, publicKey }
}

function readRecord(payload: Uint8Array): PeerRecord {
  let peerId: PeerId | undefined
  let seq = 0n
  const addresses: Multiaddr[] = []
  for (const { number, bytes, varint } of fields(payload)) {
    if (number === PEER_ID && bytes !== undefined) peerId = PeerId.fromBytes(bytes)
    if (number === SEQ && varint !== undefined) seq = varint
    const address = number === ADDRESSES && bytes !== undefined ? readAddress(bytes) : undefined
    if (address !== undefined) addresses.push(address)
  }
  if (peerId === undefined) throw notValid('names no peer')
  return { peerId, seq, addresses }
}

/** The address in an `AddressInfo`, or `undefined` when it does not parse. */
function readAddress(info: Uint8Array): Multiaddr | undefined {
  return unlessThrown(() => {
    const address = fields(info).findLast(field => field.number === MULTIADDR)?.bytes
    return address && Multiaddr.fromBytes(address)
  })
}

function notValid(fault: string, cause?: unknown): ParleyError {
  return remoteError('ERR_ENVELOPE', `The peer record ${fault}.`, { cause })
}
