import assert from 'node:assert/strict'
import test from 'node:test'
import { forPeople, invitations } from '#src/cli/invitation'
import { Multiaddr } from '#src/wire/multiaddr'

const network = '/ip4/192.0.2.1/tcp/3000'
const machine = '/ip4/127.0.0.1/tcp/3000'
const network6 = '/ip6/2001:db8::1/tcp/3000'
const machine6 = '/ip6/::1/tcp/3000'

function parse(...texts: string[]): Multiaddr[] {
  return texts.map(text => Multiaddr.parse(text))
}

test('what one gives to others comes first', () => {
  const sorted = forPeople(parse(machine6, network6, machine, network))
  assert.deepEqual(sorted.map(String), [network, machine, network6, machine6])
})

test('there is one line for this computer and one for the network, as far as there is one', () => {
  const ends = (...texts: string[]) =>
    invitations(parse(...texts)).map(({ command }) => /^\S.* --dial (\S+)$/.exec(command)?.[1])
  assert.deepEqual(ends(network, machine, network6, machine6), [machine, network])
  assert.deepEqual(ends(network6, machine6), [machine6, network6])
  assert.deepEqual(ends(machine), [machine])
  assert.deepEqual(ends(network), [network])
  assert.deepEqual(ends(), [])
})
