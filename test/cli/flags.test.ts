import assert from 'node:assert/strict'
import test from 'node:test'
import { type Flags, parseFlags, usage } from '#src/cli/flags'
import type { ErrorCode } from '#src/wire/errors'
import { keyOf, peerIdOf } from '../support/net.ts'
import { refuses } from '../support/wire.ts'

const id = String(peerIdOf(keyOf(1)))
const address = `/ip4/127.0.0.1/tcp/3000/p2p/${id}`
const other = `/dns4/example.com/tcp/4000/p2p/${id}`

const defaults = {
  help: false,
  version: false,
  port: undefined,
  dial: [],
  identity: undefined,
  ephemeral: false,
  keyType: undefined,
  debug: false,
  relay: true,
  reconnect: true,
  framing: undefined,
  json: false,
}

function read(line: string): Record<keyof Flags, unknown> {
  const flags = parseFlags(line.split(' ').filter(Boolean))
  return { ...flags, dial: flags.dial.map(String) }
}

const understood: readonly [line: string, flags: Partial<Record<keyof Flags, unknown>>][] = [
  ['', { port: 0 }],
  ['--port 3000', { port: 3000 }],
  ['--port=3000', { port: 3000 }],
  ['-p 3000', { port: 3000 }],
  ['-p=3000', { port: 3000 }],
  ['-p3000', { port: 3000 }],
  ['-sp 3000', { port: 3000 }],
  ['-sp=3000', { port: 3000 }],
  ['--port 0', { port: 0 }],
  ['--port 65535', { port: 65535 }],
  [`--dial ${address}`, { dial: [address] }],
  [`--dial=${address}`, { dial: [address] }],
  [`-d ${address}`, { dial: [address] }],
  [`-d=${address}`, { dial: [address] }],
  [`-d /p2p/${id}`, { dial: [`/p2p/${id}`] }],
  [`-d ${id}`, { dial: [`/p2p/${id}`] }],
  [`-d ${address} --dial ${other}`, { dial: [address, other] }],
  [`-sp 3000 -d ${address}`, { port: 3000, dial: [address] }],
  [`-d ${address.replace('/p2p/', '/ipfs/')}`, { dial: [address] }],
  ['-help', { help: true, port: 0 }],
  ['--help', { help: true, port: 0 }],
  ['-h', { help: true, port: 0 }],
  ['-debug', { debug: true, port: 0 }],
  ['--debug -sp 3000', { debug: true, port: 3000 }],
  ['--debug --key-type ed25519', { debug: true, keyType: 'ed25519', port: 0 }],
  ['--version', { version: true, port: 0 }],
  ['--identity file', { identity: 'file', port: 0 }],
  ['--identity constructor', { identity: 'constructor', port: 0 }],
  ['--ephemeral', { ephemeral: true, port: 0 }],
  ['--key-type ed25519', { keyType: 'ed25519', port: 0 }],
  ['--key-type secp256k1', { keyType: 'secp256k1', port: 0 }],
  ['--key-type ecdsa', { keyType: 'ecdsa', port: 0 }],
  ['--key-type=rsa', { keyType: 'rsa', port: 0 }],
  ['--no-relay', { relay: false, port: 0 }],
  ['--no-reconnect', { reconnect: false, port: 0 }],
  ['--framing lines', { framing: 'lines', port: 0 }],
  ['--framing=frames', { framing: 'frames', port: 0 }],
  ['--json', { json: true, port: 0 }],
]

for (const [line, flags] of understood) {
  test(`understands ${line || 'nothing at all'}`, () =>
    assert.deepEqual(read(line), { ...defaults, ...flags }))
}

const wrongPorts = ['-5', '+5', '1e3', '0x10', '3000.5', '65536', '99999999999', 'x', '']

const refused: readonly (readonly [line: string, says: RegExp, code?: ErrorCode])[] = [
  ['--prot 3000', /^Unknown option '--prot'; see --help\.$/],
  ['-x', /^Unknown option '-x'; see --help\.$/],
  ['3000', /^Unexpected argument '3000'; see --help\.$/],
  ['constructor', /^Unexpected argument 'constructor'; see --help\.$/],
  [address, /^Unexpected argument '.*'; put --dial before it\.$/],
  ['--port', /missing; see --help\.$/],
  ['-d', /missing; see --help\.$/],
  ['--json=1', /does not take an argument; see --help\.$/],
  ...wrongPorts.map(
    port => [`--port=${port}`, /^The port must be a number from 0 to 65535, not '.*'\.$/] as const,
  ),
  ['--key-type dsa', /^The key type must be one of ed25519, secp256k1, ecdsa, rsa, not 'dsa'\.$/],
  ['--key-type=', /^The key type must be one of/],
  ['--framing varint', /^The framing must be lines or frames, not 'varint'\.$/],
  ['--framing=', /^The framing must be lines or frames/],
  ['--identity=', /^--identity needs the name of a file\.$/],
  ['--ephemeral --identity file', /^--identity and --ephemeral contradict each other/],
  ['--debug --identity file', /^--identity and --debug contradict each other/],
  ['--debug --ephemeral', /^--ephemeral and --debug contradict each other/],
  ['--debug --key-type rsa', /^--debug makes Ed25519 keys only\.$/],
  ['-d /ip4/127.0.0.1/tcp/3000', /^The address .* does not say whom to expect there; it must end in \/p2p/],
  ['-d=', /is not a multiaddr/, 'ERR_MULTIADDR'],
  ['-d 127.0.0.1:3000', /is not a multiaddr/, 'ERR_MULTIADDR'],
  [`-d ${address.replace('3000', '99999')}`, /is not a multiaddr/, 'ERR_MULTIADDR'],
  [`-d ${address}x`, /is not a multiaddr/, 'ERR_MULTIADDR'],
]

for (const [line, says, code = 'ERR_USAGE'] of refused) {
  test(`refuses ${line}`, () => {
    refuses(code, () => read(line))
    assert.throws(() => read(line), { message: says })
  })
}

test('who asks for help or the version gets it, whatever else is wrong', () => {
  assert.ok(parseFlags(['--port', 'x', '--dial', 'nowhere', '--help']).help)
  assert.ok(parseFlags(['--debug', '--ephemeral', '--version']).version)
})

test('the help names every flag, and fits on a screen', () => {
  for (const flag of ['--port', '--dial', '--identity', '--ephemeral', '--key-type', '--no-relay', '--json'])
    assert.ok(usage.includes(flag), flag)
  for (const flag of [
    '--no-reconnect',
    '--framing',
    '--debug',
    '--version',
    '--help',
    '-sp',
    '-d,',
    '-p,',
    '-h,',
  ])
    assert.ok(usage.includes(flag), flag)
  const lines = usage.split('\n')
  assert.ok(lines.length <= 32)
  for (const line of lines) assert.ok(line.length <= 80, line)
})
