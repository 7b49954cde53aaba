import type { Dialect } from '../protocol/dialect.ts'
import type { KeyType } from '../wire/keys.ts'
import type { Multiaddr } from '../wire/multiaddr.ts'
import { parseAddress, parsePeer } from './address.ts'
import { parseOptions, usageError } from './options.ts'

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
  /** Whether those who were dialled are dialled again when they are lost. */
  reconnect: boolean
  /** How messages are told from each other on every stream; `undefined` to find it out for each peer. */
  framing: Dialect | undefined
  json: boolean
}

/** The text of `--help`. */
export const usage = `parley: chat with other people directly, without a server, encrypted end to end.

  parley --port 3000          wait for others; prints the address to give them
  parley --dial <address>     join someone at the address they gave you
  printf 'hi\\n' | parley --dial <address>
                              send lines from a pipe, then leave
  parley doctor <address>     find out why a connection does not work
  parley perf --help          measure how fast streams to another peer are

Options
  -p, --port <n>         listen on this port of every interface; 0 for any
  -d, --dial <address>   join the peer at /ip4/.../tcp/.../p2p/<id>, or one that
                         you have met before by its <id>; may repeat
      --identity <file>  keep the identity in this file; made if it is missing
      --ephemeral        use a fresh identity, which is gone when you leave
      --key-type <type>  of a new identity: ed25519 (the default),
                         secp256k1, ecdsa, rsa
      --no-relay         do not pass lines on among those who join you
      --no-reconnect     do not dial those again who are lost
      --framing <form>   speak lines (go-libp2p's chat) or frames (js-libp2p's);
                         without it, what each peer speaks is found out
      --json             print one JSON object a line: listening, connected,
                         message, disconnected, reconnecting, error
      --debug            compute the identity from the port: for experiments
                         only, since anyone else can compute it too
      --version          print the version
  -h, --help             print this

With --port the identity is kept for that port in your data directory, so that
your address stays valid; without, it is fresh each time. -sp, -d, -debug and
-help work as in go-libp2p's chat.
`

const keyTypes: readonly string[] = ['ed25519', 'secp256k1', 'ecdsa', 'rsa']
const dialects: readonly string[] = ['lines', 'frames']

/** Go's example has single-dash flags of several letters, and a value may stand behind a sign: `-d=<address>`. */
const classicForms = new Map([
  ['-sp', '--port'],
  ['-p', '--port'],
  ['-d', '--dial'],
  ['-help', '--help'],
  ['-debug', '--debug'],
])

const options = {
  port: { type: 'string', short: 'p' },
  dial: { type: 'string', short: 'd', multiple: true },
  identity: { type: 'string' },
  ephemeral: { type: 'boolean' },
  'key-type': { type: 'string' },
  debug: { type: 'boolean' },
  'no-relay': { type: 'boolean' },
  'no-reconnect': { type: 'boolean' },
  framing: { type: 'string' },
  json: { type: 'boolean' },
  version: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const

/** Reads the command line. Throws `ERR_USAGE` or `ERR_MULTIADDR` with one sentence on what is wrong. */
export function parseFlags(args: readonly string[]): Flags {
  const { help = false, version = false, ...rest } = parseOptions(args.map(modernForm), options, '--dial')
  // Who asks for help need not get the rest right.
  const values: typeof rest = help || version ? {} : rest
  const dial = (values.dial ?? []).map(text => dialAddress(text))
  const flags: Flags = {
    help,
    version,
    port: values.port === undefined ? undefined : parsePort(values.port),
    dial,
    identity: values.identity,
    ephemeral: values.ephemeral ?? false,
    keyType: values['key-type'] === undefined ? undefined : parseKeyType(values['key-type']),
    debug: values.debug ?? false,
    relay: !values['no-relay'],
    reconnect: !values['no-reconnect'],
    framing: values.framing === undefined ? undefined : parseFraming(values.framing),
    json: values.json ?? false,
  }
  checkTogether(flags)
  // With nothing to do at all, wait for others on any port, as the Go example does.
  return flags.port === undefined && dial.length === 0 ? { ...flags, port: 0 } : flags
}

function modernForm(arg: string): string {
  const [name = '', ...value] = arg.split('=')
  return [classicForms.get(name) ?? name, ...value].join('=')
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

function parseFraming(text: string): Dialect {
  if (dialects.includes(text)) return text as Dialect
  throw usageError(`The framing must be ${dialects.join(' or ')}, not '${text}'.`)
}

function dialAddress(text: string): Multiaddr {
  const address = parsePeer(text) ?? parseAddress(text)
  if (address.peerId) return address
  throw usageError(`The address ${text} does not say whom to expect there; it must end in /p2p/<peer id>.`)
}

function checkTogether({ identity, ephemeral, debug, keyType }: Flags): void {
  const ways = [
    identity !== undefined && '--identity',
    ephemeral && '--ephemeral',
    debug && '--debug',
  ].filter(Boolean)
  if (identity === '') throw usageError('--identity needs the name of a file.')
  if (ways.length > 1) throw usageError(`${ways.join(' and ')} contradict each other; choose one.`)
  if (debug && keyType && keyType !== 'ed25519') throw usageError('--debug makes Ed25519 keys only.')
}
