/** The tables of SPEC.md that the sources determine. */
import { readdirSync, readFileSync } from 'node:fs'
import { sep } from 'node:path'
import { defaultLimits, defaultYamuxLimits } from '#src/protocol/limits'
import { hex } from '#src/wire/bytes'
import { protocols, VARIABLE } from '#src/wire/multiaddr-protocols'
import { encodeVarint } from '#src/wire/varint'

/** The project's root, from build/scripts/spec/. */
export const root = new URL('../../../', import.meta.url)

function source(file: string): string {
  return readFileSync(new URL(`src/${file}`, root), 'utf8')
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]) =>
    `| ${cells.map(cell => cell.replaceAll('|', '\\|')).join(' | ')} |`
  return [line(head), `|${head.map(() => '---').join('|')}|`, ...rows.map(line)]
}

/** What parley knows in multiaddrs. */
export function multiaddrTable(): string[] {
  const rows = protocols.map(({ code, name, size, takes }) => {
    const bytes = size === VARIABLE ? 'length, then value' : size === 0 ? 'none' : String(size)
    return [`\`${name}\``, String(code), `\`${hex(encodeVarint(code))}\``, bytes, takes]
  })
  return table(['name', 'code', 'code as varint', 'bytes of the value', 'text of the value'], rows)
}

/** What may be set, with the sentence that stands beside it in the source. */
export function limitsTable(): string[] {
  const host = limitRows('Limits', defaultLimits)
  const yamux = limitRows('YamuxLimits', defaultYamuxLimits)
  return table(
    ['limit', 'default', 'meaning'],
    [...host, ...yamux.map(([name = '', ...rest]) => [name.replace('`', '`yamux.'), ...rest])],
  )
}

const limitsFile = 'protocol/limits.ts'

function limitRows(name: string, defaults: object): string[][] {
  const body = source(limitsFile).match(new RegExp(`interface ${name} \\{\n(.*?)\n\\}`, 's'))?.[1] ?? ''
  const members = body.matchAll(/\/\*\*(?<text>.*?)\*\/\s*(?<key>\w+):/gs)
  const meanings = new Map(Array.from(members, ({ groups = {} }) => [groups.key, meaning(groups.text ?? '')]))
  return Object.entries(defaults).flatMap(([key, value]: [string, unknown]) => {
    const what = meanings.get(key)
    if (what === undefined) throw new Error(`src/${limitsFile} says nothing about ${key}.`)
    return typeof value === 'number' ? [[`\`${key}\``, amount(value), what]] : []
  })
}

/** A doc comment without its stars and without its last sentence, which repeats the default. */
function meaning(comment: string): string {
  const text = comment.replace(/\s*\n\s*\*\s*/g, ' ').trim()
  return text.replace(/ Default [^.]*\.$/, '')
}

function amount(value: number): string {
  const [unit, size] = value % 2 ** 20 === 0 ? ['MiB', 2 ** 20] : ['KiB', 2 ** 10]
  return value >= 2 ** 13 && value % size === 0 ? `${value / size} ${unit}` : value.toLocaleString('en-US')
}

/** Bounds that cannot be set, by the file and the name they have in the source. */
const bounds: readonly [what: string, file: string, name: string][] = [
  ['bytes of a varint', 'wire/varint.ts', 'MAX_BYTES'],
  ['fields of a protobuf message', 'wire/protobuf.ts', 'MAX_FIELDS'],
  ['characters of a peer ID as text', 'wire/peer-id.ts', 'MAX_TEXT'],
  ['bytes of a key that a peer ID holds whole', 'wire/peer-id.ts', 'MAX_INLINED'],
  ['bytes of a multiaddr', 'wire/multiaddr.ts', 'MAX_BYTES'],
  ['components of a multiaddr', 'wire/multiaddr.ts', 'MAX_COMPONENTS'],
  ['characters of a multiaddr as text', 'wire/multiaddr.ts', 'MAX_TEXT'],
  ['bytes of a multistream message, newline included', 'protocol/negotiate.ts', 'maxMessage'],
  ['unknown proposals that are answered `na`', 'protocol/negotiate.ts', 'maxProposals'],
  ['muxers of a Noise payload that are looked at', 'protocol/noise/payload.ts', 'maxMuxers'],
  ['bytes of a Noise tag', 'protocol/noise/cipher-state.ts', 'TAG_LENGTH'],
  ['bytes that a yamux stream may send at first', 'protocol/yamux/window.ts', 'INITIAL_WINDOW'],
  ['yamux pings that wait for their answer', 'protocol/yamux/session.ts', 'maxPongs'],
  ['yamux pings of ours under way', 'net/connection.ts', 'mostPings'],
  ['yamux pongs that nobody asked for', 'protocol/yamux/heartbeat.ts', 'maxStrayPongs'],
  ['bytes of an identify message that is read', 'protocol/identify.ts', 'maxMessage'],
  ['identify messages of one stream', 'protocol/identify.ts', 'maxMessages'],
  ['addresses kept of an identify message', 'protocol/identify.ts', 'maxAddresses'],
  ['protocols kept of an identify message', 'protocol/identify.ts', 'maxProtocols'],
  ['characters kept of a text in it', 'protocol/identify.ts', 'maxText'],
  [
    'bytes of an identify message that is sent, its length included',
    'host/services/identify.ts',
    'maxMessage',
  ],
  ['addresses in an identify message that is sent', 'host/services/identify.ts', 'maxAddresses'],
  ['addresses kept of a signed record', 'host/services/identify.ts', 'maxSigned'],
  ['bytes of a key file', 'host/identity.ts', 'maxFile'],
  ['bytes of the file of the address book', 'host/peer-file.ts', 'MAX_PEER_FILE'],
  ['peers in it', 'host/peer-file.ts', 'maxKeptPeers'],
  ['addresses of a peer in it', 'host/peer-file.ts', 'maxKeptAddresses'],
  ['bytes of a ping', 'protocol/ping.ts', 'PING_LENGTH'],
  ['bytes of a perf block', 'protocol/perf.ts', 'BLOCK_LENGTH'],
  ['streams of perf that a host serves at once', 'host/services/perf.ts', 'maxStreams'],
  ['bytes of a chat line', 'protocol/lines.ts', 'MAX_LINE'],
  ['bytes of a framed chat message', 'protocol/framed-lines.ts', 'maxFrame'],
  ['milliseconds that a chat waits for identify', 'chat/program.ts', 'identifyTimeout'],
  ['lines kept for a peer that is away', 'chat/outbox.ts', 'maxLines'],
  ['characters of these lines', 'chat/outbox.ts', 'maxCharacters'],
  ['lines under way whose text is remembered', 'chat/receipts.ts', 'maxLines'],
  ['milliseconds between questions whether lines have arrived', 'chat/chat-stream.ts', 'receiptInterval'],
  ['depth of names that lead to names', 'host/resolver.ts', 'maxDepth'],
  ['addresses that a name may stand for', 'host/resolver.ts', 'maxAddresses'],
  ['look-ups for one address', 'host/resolver.ts', 'maxLookups'],
  ['milliseconds that a closing connection waits', 'net/connection.ts', 'closeTimeout'],
  ['milliseconds between two identify pushes', 'host/host.ts', 'pushInterval'],
  ['milliseconds between looks at a surplus connection', 'host/connections.ts', 'retireInterval'],
]

/** What may not be set. */
export function boundsTable(): string[] {
  const rows = bounds.map(([what, file, name]) => [what, amount(constant(file, name)), `\`${file}\``])
  return table(['bound', 'value', 'in'], rows)
}

/** A constant of a source file, which is a number or a product of numbers. */
function constant(file: string, name: string): number {
  const [, value] = source(file).match(new RegExp(`const ${name}(?:: number)? = ([\\d_ *x]+)$`, 'm')) ?? []
  if (value === undefined) throw new Error(`src/${file} has no number called ${name}.`)
  return value.split('*').reduce((product, factor) => product * Number(factor.replaceAll('_', '')), 1)
}

/** The codes of `ErrorCode`, in its order. */
export function errorCodes(): string[] {
  const union = source('wire/errors.ts').match(/type ErrorCode =((?:\s*\| '\w+')+)/)?.[1] ?? ''
  return Array.from(union.matchAll(/'(\w+)'/g), ([, code = '']) => code)
}

/** The files under src/ that import a module of Node's. */
export function filesThatUseNode(): string[] {
  const files = readdirSync(new URL('src', root), { recursive: true, encoding: 'utf8' })
  return files
    .map(file => file.replaceAll(sep, '/'))
    .filter(file => file.endsWith('.ts') && usesNode(source(file)))
}

function usesNode(text: string): boolean {
  return /^(import|export) .*'node:/m.test(text)
}
