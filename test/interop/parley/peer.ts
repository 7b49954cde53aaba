/** The peer program on parley's own library: the contract is in ../README.md. */
import { createRequire } from 'node:module'
import { parseArgs } from 'node:util'
import { createHost, generateKey, type KeyType } from 'parley'
import { createCommands } from './commands.ts'
import { emit, obey, refuse } from './control.ts'
import { Served } from './serve.ts'

const { version } = createRequire(import.meta.url)('parley/package.json') as { version: string }

const keyTypes: readonly KeyType[] = ['ed25519', 'secp256k1', 'ecdsa', 'rsa']

const { values: flags } = parseArgs({
  options: {
    listen: { type: 'string', default: '/ip4/127.0.0.1/tcp/0' },
    key: { type: 'string', default: 'ed25519' },
    muxer: { type: 'string', default: 'early' },
    security: { type: 'string', default: 'noise' },
  },
})

if (flags.muxer !== 'early') refuse('parley always offers its muxer inside Noise.')
const type =
  keyTypes.find(each => each === flags.key) ?? refuse(`parley has no keys of the type ${flags.key}.`)

const identity = await generateKey(type)
const host = await createHost({ identity, listen: [flags.listen] })
host.on('connect', ({ peerId }) => emit({ event: 'connected', peer: peerId.toString() }))
host.on('disconnect', ({ connection, error }) =>
  emit({ event: 'disconnected', peer: connection.peerId.toString(), error: error?.code }),
)
emit({
  event: 'ready',
  implementation: 'parley',
  version,
  peer: host.peerId.toString(),
  addresses: host.addresses.map(String),
  keys: keyTypes,
})
const publicKey = Buffer.from(identity.publicKey.bytes).toString('hex')
obey(createCommands(host, new Served(host), { agentVersion: `parley/${version}`, publicKey }))
