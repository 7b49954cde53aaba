import { concat, utf8 } from '#src/wire/bytes'
import { openEnvelope, sealEnvelope } from '#src/wire/envelope'
import { Multiaddr } from '#src/wire/multiaddr'
import { openPeerRecord, sealPeerRecord } from '#src/wire/peer-record'
import { keyOf } from '../../support/net.ts'
import { bytesOf } from '../../support/wire.ts'
import { Input } from '../engine/input.ts'
import { must, mustEqual, outcome } from '../engine/promise.ts'
import type { Target } from '../engine/target.ts'
import { someMultiaddrs } from './multiaddr.ts'

const key = keyOf(1)
const domain = 'libp2p-peer-record'
const payloadType = bytesOf('0301')

/** The first byte says whether the others are an envelope, what one of ours is overwritten with, or the payload of a good one. */
function run(bytes: Uint8Array): void {
  const input = new Input(bytes)
  switch (input.byte() % 3) {
    case 0:
      return openAny(input.rest())
    case 1:
      return openDamaged(input)
    default:
      return openOwn(input.rest())
  }
}

function openAny(bytes: Uint8Array): void {
  const { value: envelope } = outcome(() => openEnvelope(bytes, domain), 'ERR_ENVELOPE')
  const { value: record } = outcome(() => openPeerRecord(bytes), 'ERR_ENVELOPE')
  if (record) must(record.peerId.matches(record.publicKey), 'a record is signed by whom it is about')
  if (record && envelope)
    must(record.publicKey.equals(envelope.publicKey), 'both ways to open give the same signer')
}

/** Nobody but the holder of the key can change what is signed. */
function openDamaged(input: Input): void {
  const good = sealPeerRecord(key, { seq: 1n, addresses: [] })
  const { value: record } = outcome(() => openPeerRecord(input.tamper(good)), 'ERR_ENVELOPE')
  if (!record?.publicKey.equals(key.publicKey)) return
  must(record.seq === 1n && record.addresses.length === 0, 'what was signed cannot be changed')
}

/** Whoever holds a key can sign anything. */
function openOwn(payload: Uint8Array): void {
  const sealed = sealEnvelope(key, domain, payloadType, payload)
  mustEqual(openEnvelope(sealed, domain).payload, payload, 'what was sealed is opened')
  must(outcome(() => openEnvelope(sealed, 'another'), 'ERR_ENVELOPE').error !== undefined, 'a domain guards')
  const { value: record } = outcome(() => openPeerRecord(sealed, key.publicKey), 'ERR_ENVELOPE')
  if (!record) return
  must(record.peerId.matches(key.publicKey), 'a record is about its signer')
  const again = openPeerRecord(sealPeerRecord(key, record))
  must(again.seq === record.seq, 'the number is kept')
  must(String(again.addresses) === String(record.addresses), 'the addresses are kept')
}

const addresses = someMultiaddrs.map(Multiaddr.parse)

const target: Target = {
  run,
  seeds() {
    const sealed = sealPeerRecord(key, { seq: 7n, addresses })
    const { payload } = openEnvelope(sealed, domain)
    return [
      concat([bytesOf('00'), sealed]),
      bytesOf('01 80 00000030 01'),
      bytesOf('01 e4 00000030 02 1001'),
      concat([bytesOf('02'), payload]),
      concat([bytesOf('02'), payload.slice(0, 40)]),
    ]
  },
  words: [
    payloadType,
    utf8('/libp2p/routing-state-record'),
    bytesOf('1a0a0a08'),
    bytesOf('10ffffffffffffffffff01'),
  ],
}

export default target
