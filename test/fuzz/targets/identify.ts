import {
  encodeIdentify,
  encodeIdentifyParts,
  type IdentifyMessage,
  IdentifyReader,
} from '#src/protocol/identify'
import { concat, utf8 } from '#src/wire/bytes'
import { Multiaddr } from '#src/wire/multiaddr'
import { openPeerRecord, sealPeerRecord } from '#src/wire/peer-record'
import { keyOf } from '../../support/net.ts'
import { bytesOf, pattern } from '../../support/wire.ts'
import { Input } from '../engine/input.ts'
import { must, mustEqual, type Outcome, outcome } from '../engine/promise.ts'
import type { Target } from '../engine/target.ts'
import { someMultiaddrs } from './multiaddr.ts'

const longestMessage = 8 * 1024
const codes = ['ERR_FRAME', 'ERR_PROTOBUF', 'ERR_PROTOCOL', 'ERR_UNEXPECTED_END'] as const

/** What a peer says is bounded, the same for any cutting, and can be said again. */
function run(bytes: Uint8Array): void {
  const input = new Input(bytes)
  const how = input.take(1)
  const body = input.rest()
  const whole = read([body])
  const pieces = read(new Input(how).cut(body))
  must(whole.error?.code === pieces.error?.code, 'any cutting is refused alike')
  if (!whole.value || !pieces.value) return
  must(textOf(whole.value) === textOf(pieces.value), 'any cutting says the same')
  checkBounds(whole.value)
  sayAgain(whole.value)
  const { signedPeerRecord } = whole.value
  if (signedPeerRecord) outcome(() => openPeerRecord(signedPeerRecord), 'ERR_ENVELOPE')
}

function read(chunks: readonly Uint8Array[]): Outcome<IdentifyMessage> {
  return outcome(
    () => {
      const reader = new IdentifyReader()
      for (const chunk of chunks) reader.receive(chunk)
      return reader.finish()
    },
    ...codes,
  )
}

function checkBounds({
  addresses = [],
  protocols = [],
  agent = '',
  protocolVersion = '',
}: IdentifyMessage): void {
  must(addresses.length <= 32 && protocols.length <= 256, 'the lists are bounded')
  const texts = [...protocols, agent, protocolVersion]
  must(
    texts.every(text => Array.from(text).length <= 128),
    'the texts are bounded',
  )
}

function sayAgain(message: IdentifyMessage): void {
  const encoded = encodeIdentify(message)
  for (const part of encodeIdentifyParts(message, 4096)) must(part.length > 0, 'no part is empty')
  if (encoded.length > longestMessage) return
  const again = read([encoded])
  must(again.value !== undefined, 'what we say can be read')
  mustEqual(encodeIdentify(again.value), encoded, 'what is said again is the same')
}

function textOf(message: IdentifyMessage): string {
  return JSON.stringify(Object.entries(message).sort(([a], [b]) => (a < b ? -1 : 1)))
}

const key = keyOf(1)
const addresses = someMultiaddrs.map(Multiaddr.parse)

const message: IdentifyMessage = {
  publicKey: key.publicKey.bytes,
  addresses,
  protocols: ['/ipfs/id/1.0.0', '/ipfs/ping/1.0.0', '/chat/1.0.0'],
  observedAddress: addresses[0]!,
  protocolVersion: 'ipfs/0.1.0',
  agent: 'go-libp2p/0.41',
  signedPeerRecord: sealPeerRecord(key, { seq: 1n, addresses: addresses.slice(0, 2) }),
}

const target: Target = {
  run,
  maxLength: 9_000,
  seeds: () => [
    concat([bytesOf('00'), encodeIdentify(message)]),
    concat([
      bytesOf('01'),
      encodeIdentify({ agent: 'x', protocols: ['/a', '/b'] }),
      encodeIdentify({ addresses }),
    ]),
    concat([bytesOf('05'), ...Array.from({ length: 11 }, () => encodeIdentify({ agent: 'again' }))]),
    concat([bytesOf('00'), encodeIdentify({ agent: '\u{1f600}'.repeat(200) })]),
    concat([bytesOf('00'), encodeIdentify({ protocols: Array.from({ length: 300 }, (_, i) => `/${i}`) })]),
    concat([bytesOf('00'), encodeIdentify({ addresses: Array.from({ length: 40 }, () => addresses[0]!) })]),
    concat([bytesOf('07'), encodeIdentify({ signedPeerRecord: pattern(40) })]),
    bytesOf('00 8140'),
    bytesOf('00 00'),
  ],
  words: [
    ...addresses.map(address => address.bytes),
    utf8('/ipfs/id/1.0.0'),
    bytesOf('3200'),
    bytesOf('1a00'),
  ],
}

export default target
