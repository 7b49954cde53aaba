import { MAX_PERF_BYTES } from '../protocol/perf.ts'
import type { Multiaddr } from '../wire/multiaddr.ts'
import { endpointAddress, parseAddress } from './address.ts'
import { parseOptions, usageError } from './options.ts'

/** What the user asked `parley perf` for. */
export interface PerfFlags {
  help: boolean
  server: boolean
  /** Where the server listens, or where the client dials. */
  address: Multiaddr
  /** Bytes to send. */
  upload: bigint
  /** Bytes to ask for. */
  download: bigint
}

/** The text of `parley perf --help`. */
export const perfUsage = `parley perf: measure how fast streams to a peer are, with libp2p's /perf/1.0.0.

  parley perf --run-server             serve whoever comes, on port 4001
  parley perf --server-address 192.0.2.1:4001 --upload-bytes 1000000000
                                       send that much, and see how long it takes

Options
  --run-server                serve; anyone can compute the identity used for
                              this, and make the server send: to measure only
  --server-address <address>  <host>:<port> or a multiaddr; for the server
                              where to listen, 0.0.0.0:4001 unless given, for
                              the client where to dial
  --upload-bytes <n>          how much to send, 0 unless given
  --download-bytes <n>        how much to ask for behind that, 0 unless given
  --transport tcp             the only one there is
  --help                      print this

The client prints a JSON object a line: each second one of type "intermediary",
about that second, at the end one of type "final", about all of it, connecting
included. timeSeconds, uploadBytes and downloadBytes are as in libp2p's test
plans. Ctrl-C ends a measurement early.
`

const options = {
  'run-server': { type: 'boolean' },
  'server-address': { type: 'string' },
  'upload-bytes': { type: 'string' },
  'download-bytes': { type: 'string' },
  transport: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const

const defaultAddress = '0.0.0.0:4001'

/** Reads the command line behind `perf`. Throws `ERR_USAGE` or `ERR_MULTIADDR` with one sentence on what is wrong. */
export function parsePerfFlags(args: readonly string[]): PerfFlags {
  const { help = false, ...rest } = parseOptions([...args], options, '--server-address')
  // Who asks for help need not get the rest right.
  const values: typeof rest = help ? { 'run-server': true } : rest
  const { 'upload-bytes': upload, 'download-bytes': download, transport = 'tcp' } = values
  const server = values['run-server'] ?? false
  if (transport !== 'tcp') throw usageError(`The transport must be tcp, not '${transport}'.`)
  if (server && (upload ?? download) !== undefined)
    throw usageError('How much is sent is up to the client; leave it out with --run-server.')
  return {
    help,
    server,
    address: addressOf(values['server-address'] ?? (server ? defaultAddress : undefined)),
    upload: parseBytes(upload),
    download: parseBytes(download),
  }
}

function addressOf(text: string | undefined): Multiaddr {
  if (text === undefined) throw usageError('Say where the server is, with --server-address <host>:<port>.')
  const address = text.startsWith('/') ? text : endpointAddress(text)
  if (address !== undefined) return parseAddress(address)
  throw usageError(`The server's address must be <host>:<port> or a multiaddr, not '${text}'.`)
}

function parseBytes(text = '0'): bigint {
  const bytes = /^\d{1,20}$/.test(text) ? BigInt(text) : undefined
  if (bytes !== undefined && bytes <= MAX_PERF_BYTES) return bytes
  throw usageError(`An amount of bytes must be a whole number from 0 to 2^64 - 1, not '${text}'.`)
}
