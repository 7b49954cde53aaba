import { encodeMessage, MULTISTREAM_PROTOCOL, NegotiationListener } from '#src/protocol/negotiate'
import { concat } from '#src/wire/bytes'
import { bytesOf } from '../../support/wire.ts'
import { Input } from '../engine/input.ts'
import { must } from '../engine/promise.ts'
import type { Target } from '../engine/target.ts'
import { negotiateTwice, spoken } from './negotiation.ts'

const header = MULTISTREAM_PROTOCOL
const known = ['/noise', '/chat/1.0.0', '/é']
const longestAnswer = spoken(header, ...Array.from({ length: 16 }, () => 'na'), '/chat/1.0.0').length

function run(bytes: Uint8Array): void {
  const input = new Input(bytes)
  const make = () => new NegotiationListener(protocol => known.includes(protocol))
  const { protocol, out } = negotiateTwice(make, input.take(1), input.rest())
  must(protocol === undefined || known.includes(protocol), 'only what is spoken here is agreed on')
  must(out.length <= longestAnswer, 'what is answered is bounded')
}

const unknown = Array.from({ length: 17 }, (_, i) => `/${i}`)

const target: Target = {
  run,
  maxLength: 2_500,
  seeds: () => [
    concat([bytesOf('00'), spoken(header, '/noise'), bytesOf('0102')]),
    concat([bytesOf('01'), spoken(header, '/other', '/é')]),
    concat([bytesOf('06'), spoken(header, ...unknown, '/noise')]),
    concat([bytesOf('00'), spoken(header, ...unknown.slice(1), '/noise')]),
    concat([bytesOf('00'), spoken(header, '/noise ', '/noise\r', '/Noise')]),
    concat([bytesOf('00'), spoken(header, 'x'.repeat(1023))]),
    bytesOf('00', '00'.repeat(64)),
    bytesOf('00 8108'),
  ],
  words: [header, ...known, 'na', '/', 'ls'].map(encodeMessage),
}

export default target
