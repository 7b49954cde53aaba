import { parseArgs } from 'node:util'
import { ParleyError } from '../wire/errors.ts'
import type { KeyType } from '../wire/keys.ts'
import { Multiaddr } from '../wire/multiaddr.ts'

/** What the user asked for on the command line. */
export interface Flags {
  help: boolean
  version: boolean
  /** The port to listen on; `undefined` when not to listen, 0 for any. */
  port: number | undefined
  dial: Multiaddr[]
  identity: string | undefined
  ephemeral: boolean
  keyType: KeyType | undefined
  debug: boolean
  relay: boolean
  json: boolean
}

/** The text of `--help`. */
export const usage = `parley: chat with someone without a server, encrypted from end to end.

  parley --port 3000                 wait for others; prints the address to give them
  parley --dial <address>            join someone at an address that he was given
  printf 'hi\\n' | parley --dial <address>   send lines from a pipe, then leave

Options
  -p, --port <n>       listen on this port on every interface (-sp works too); 0 for any
  -d, --dial <addr>    join the peer at /ip4/.../tcp/.../p2p/<id>; may be given more than once
      --identity <file>   keep the identity in this file; made if it is not there
      --ephemeral      use a fresh identity that is gone with the program
      --key-type <t>   ed25519 (as usual), secp256k1, ecdsa or rsa, for a new identity
      --no-relay       do not pass lines on between those who joined you
      --json           print one JSON object a line: listening, connected, message, disconnected, error
      --debug          derive the identity from the port: for experiments, anyone can compute it
      --version        print the version
      --help           print this

Without --port the identity is fresh each time; with it, it is kept for that port in your data directory.
`

const keyTypes: readonly string[] = ['ed25519', 'secp256k1', 'ecdsa', 'rsa']

/** Go's example has single-dash flags of several letters. */
const classicForms: Record<string, string> = { '-sp': '--port', '-help': '--help', '-debug': '--debug' }

const options = {
  port: { type: 'string', short: 'p' },
  dial: { type: 'string', short: 'd', multiple: true },
  identity: { type: 'string' },
  ephemeral: { type: 'boolean' },
  'key-type': { type: 'string' },
  debug: { type: 'boolean' },
  'no-relay': { type: 'boolean' },
  json: { type: 'boolean' },
  version: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const

/** Reads the command line. Throws `ERR_USAGE` or `ERR_MULTIADDR` with one sentence on what is wrong. */
export function parseFlags(args: readonly string[]): Flags {
  const values = parse(args.map(modernForm))
  const dial = (values.dial ?? []).map(text => dialAddress(text))
  const flags: Flags = {
    help: values.help ?? false,
    version: values.version ?? false,
    port: values.port === undefined ? undefined : parsePort(values.port),
    dial,
    identity: values.identity,
    ephemeral: values.ephemeral ?? false,
    keyType: values['key-type'] === undefined ? undefined : parseKeyType(values['key-type']),
    debug: values.debug ?? false,
    relay: !values['no-relay'],
    json: values.json ?? false,
  }
  checkTogether(flags)
  // With nothing to do at all, wait for others on any port, as the Go example does.
  return flags.port === undefined && dial.length === 0 ? { ...flags, port: 0 } : flags
}

function modernForm(arg: string): string {
  const [name = '', ...value] = arg.split('=')
  const modern = classicForms[name]
  if (modern) return [modern, ...value].join('=')
  // `-d=<address>` is Go's way to write it; parseArgs would take the sign for part of the value.
  return arg.startsWith('-d=') ? `--dial=${arg.slice(3)}` : arg
}

function parse(args: string[]) {
  try {
    return parseArgs({ args, options, allowPositionals: false }).values
  } catch (cause) {
    // node:util explains at length; its first sentence says what is wrong.
    const [sentence = 'The command line makes no sense'] = String((cause as Error).message).split(
      /\.(?:\s|$)/,
    )
    throw usageError(`${sentence}.`, cause)
  }
}

function parsePort(text: string): number {
  const port = Number(text)
  if (/^\d{1,5}$/.test(text) && port <= 65_535) return port
  throw usageError(`The port must be a number from 0 to 65535, not '${text}'.`)
}

function parseKeyType(text: string): KeyType {
  if (keyTypes.includes(text)) return text as KeyType
  throw usageError(`The key type must be one of ${keyTypes.join(', ')}, not '${text}'.`)
}

function dialAddress(text: string): Multiaddr {
  const address = Multiaddr.parse(text)
  if (address.peerId && address.withoutPeerId().components.length > 0) return address
  throw usageError(`The address ${text} does not say where or whom to dial; it must end in /p2p/<peer id>.`)
}

function checkTogether({ identity, ephemeral, debug, keyType }: Flags): void {
  const ways = [
    identity !== undefined && '--identity',
    ephemeral && '--ephemeral',
    debug && '--debug',
  ].filter(Boolean)
  if (ways.length > 1) throw usageError(`${ways.join(' and ')} contradict each other; choose one.`)
  if (debug && keyType && keyType !== 'ed25519') throw usageError('--debug makes Ed25519 keys only.')
}

function usageError(message: string, cause?: unknown): ParleyError {
  return new ParleyError('ERR_USAGE', message, { scope: 'host', cause })
}
