import { utf8, utf8Text } from '#src/wire/bytes'
import { Multiaddr } from '#src/wire/multiaddr'
import { protocols } from '#src/wire/multiaddr-protocols'
import { outcome } from '../engine/promise.ts'
import type { Target } from '../engine/target.ts'
import { checkMultiaddr, someMultiaddrs } from './multiaddr.ts'

function run(input: Uint8Array): void {
  const { value: address } = outcome(() => Multiaddr.parse(utf8Text(input)), 'ERR_MULTIADDR')
  if (address) checkMultiaddr(address)
}

const target: Target = {
  run,
  maxLength: 4_200,
  seeds: () => [...someMultiaddrs, '/', '', '/ip6/::ffff:1.2.3.4/tcp/0/', '/unix/%2Ftmp%2Fx'].map(utf8),
  words: [...protocols.map(({ name }) => `/${name}/`), '::', '%2F', '%00', '/ipfs/', '127.0.0.1'].map(utf8),
}

export default target
