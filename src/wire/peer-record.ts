import { attempt, unlessThrown } from './attempt.ts'
import { equals, utf8 } from './bytes.ts'
import { type Envelope, openEnvelope, sealEnvelope } from './envelope.ts'
import { type ParleyError, remoteError } from './errors.ts'
import type { PrivateKey, PublicKey } from './keys.ts'
import { Multiaddr } from './multiaddr.ts'
import { PeerId } from './peer-id.ts'
import { fields, ProtobufWriter } from './protobuf.ts'

/** What a record is signed as. */
interface Form {
  domain: string
  payloadType: Uint8Array
}

/** As deployed by go-libp2p, js-libp2p and py-libp2p. */
const deployed: Form = { domain: 'libp2p-peer-record', payloadType: Uint8Array.of(0x03, 0x01) }

/** As libp2p RFC 0003 has it; rust-libp2p signs so, and reads no other. */
const specified: Form = {
  domain: 'libp2p-routing-state',
  payloadType: utf8('/libp2p/routing-state-record'),
}

const PEER_ID = 1
const SEQ = 2
const ADDRESSES = 3
const MULTIADDR = 1

/** Addresses that are looked at, sound or not; nobody keeps more. */
const maxAddresses = 64

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
  return sealEnvelope(key, deployed.domain, deployed.payloadType, writer.finish())
}

/**
 * Opens a peer record, as it is deployed or as the RFC has it: the signature must be good and of the very peer the record is
 * about. Addresses that do not parse are left out. For `known` see `openEnvelope`. Throws `ERR_ENVELOPE`.
 */
export function openPeerRecord(bytes: Uint8Array, known?: PublicKey): PeerRecord & { publicKey: PublicKey } {
  const { publicKey, payload } =
    unlessThrown(() => openForm(bytes, deployed, known)) ?? openForm(bytes, specified, known)
  const record = attempt(
    () => readRecord(payload),
    cause => notValid('is malformed', cause),
  )
  if (!record.peerId.matches(publicKey)) throw notValid('is signed by another peer than the one it is about')
  const { peerId, seq, addresses } = record
  return { peerId, seq, addresses, publicKey }
}

function openForm(bytes: Uint8Array, { domain, payloadType }: Form, known: PublicKey | undefined): Envelope {
  const envelope = openEnvelope(bytes, domain, known)
  if (!equals(envelope.payloadType, payloadType)) throw notValid('is of another type')
  return envelope
}

function readRecord(payload: Uint8Array): PeerRecord {
  let peerId: PeerId | undefined
  let seq = 0n
  const addresses: Multiaddr[] = []
  let count = 0
  for (const { number, bytes, varint } of fields(payload)) {
    if (number === PEER_ID && bytes !== undefined) peerId = PeerId.fromBytes(bytes)
    if (number === SEQ && varint !== undefined) seq = varint
    if (number !== ADDRESSES || bytes === undefined || ++count > maxAddresses) continue
    const address = readAddress(bytes)
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
