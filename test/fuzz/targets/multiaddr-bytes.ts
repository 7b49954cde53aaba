import { Multiaddr } from '#src/wire/multiaddr'
import { protocols } from '#src/wire/multiaddr-protocols'
import { encodeVarint } from '#src/wire/varint'
import { must, mustEqual, outcome } from '../engine/promise.ts'
import type { Target } from '../engine/target.ts'
import { checkMultiaddr, someMultiaddrs } from './multiaddr.ts'

function run(input: Uint8Array): void {
  const { value: address } = outcome(() => Multiaddr.fromBytes(input), 'ERR_MULTIADDR')
  if (!address) return
  mustEqual(address.bytes, input, 'there is one encoding')
  must(address.bytes !== input, 'the bytes are copied')
  checkMultiaddr(address)
}

const target: Target = {
  run,
  maxLength: 1_100,
  seeds: () => someMultiaddrs.map(text => Multiaddr.parse(text).bytes),
  words: protocols.map(({ code }) => encodeVarint(code)),
}

export default target
