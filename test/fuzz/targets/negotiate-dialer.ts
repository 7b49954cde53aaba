import { encodeMessage, MULTISTREAM_PROTOCOL, NegotiationDialer } from '#src/protocol/negotiate'
import { concat } from '#src/wire/bytes'
import { bytesOf } from '../../support/wire.ts'
import { Input } from '../engine/input.ts'
import { must } from '../engine/promise.ts'
import type { Target } from '../engine/target.ts'
import { negotiateTwice, spoken } from './negotiation.ts'

const proposals = [['/noise'], ['/a', '/b'], ['/chat/1.0.0', '/chat/1.1.0', '/x']]

function run(bytes: Uint8Array): void {
  const input = new Input(bytes)
  const protocols = input.pick(proposals)
  const { protocol, out } = negotiateTwice(
    () => new NegotiationDialer(protocols),
    input.take(1),
    input.rest(),
  )
  must(protocol === undefined || protocols.includes(protocol), 'only what was proposed is agreed on')
  must(out.length <= spoken(MULTISTREAM_PROTOCOL, ...protocols).length, 'no more is said than the proposals')
}

const header = MULTISTREAM_PROTOCOL

const target: Target = {
  run,
  seeds: () => [
    concat([bytesOf('00 00'), spoken(header, '/noise'), bytesOf('0102')]),
    concat([bytesOf('01 01'), spoken(header, 'na', '/b')]),
    concat([bytesOf('02 09'), spoken(header, 'na', 'na', 'na')]),
    concat([bytesOf('00 00'), spoken(header, '/other')]),
    concat([bytesOf('00 00'), spoken('/noise')]),
    bytesOf('00 01 0a 0a 00'),
  ],
  words: [header, '/noise', '/b', 'na', '/chat/1.1.0'].map(encodeMessage),
}

export default target
