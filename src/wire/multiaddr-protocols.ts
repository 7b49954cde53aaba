import { unlessThrown } from './attempt.ts'
import { EMPTY, hex, utf8, utf8Strict } from './bytes.ts'
import { fromMultibase, multibase64url } from './multibase.ts'
import { PeerId } from './peer-id.ts'
import { varintEnd, varintNumber } from './varint.ts'

/** The size of a value that comes behind its length. */
export const VARIABLE = -1

/** How the values of some protocols look. Both ways give `undefined` for what is not such a value. */
interface Value {
  /** In bytes: 0 when there is no value, `VARIABLE` when it has a length before it. */
  readonly size: number
  /** What the protocol takes, to complete an error's sentence. */
  readonly takes: string
  encode(text: string): Uint8Array | undefined
  /** The one text that is printed for the bytes; free of slashes, controls and format characters. */
  decode(bytes: Uint8Array): string | undefined
}

/** A protocol that may stand in a multiaddr. */
export interface Protocol extends Value {
  /** Its number in the multicodec table. */
  readonly code: number
  readonly name: string
}

const MAX_NAME_BYTES = 253
const MAX_PATH_BYTES = 512
const MAX_PORT = 65_535
// Twice what SHA-512 needs. The text may be base58, which takes quadratic time: no room for more than 128 bytes.
const MAX_HASH_BYTES = 128
const MAX_HASH_TEXT = 256
const IP6_GROUPS = 8

/** Whether a name is fit to stand between two slashes and on a terminal: no slash, space, control or the like. */
function isName(text: string): boolean {
  return text !== '' && !/[/\p{C}\p{Z}]/u.test(text)
}

const none: Value = {
  size: 0,
  takes: 'no value',
  encode: () => EMPTY,
  decode: () => '',
}

const port: Value = {
  size: 2,
  takes: 'a number from 0 to 65535',
  encode(text) {
    const number = Number(text)
    if (!/^(0|[1-9]\d{0,4})$/.test(text) || number > MAX_PORT) return undefined
    return Uint8Array.of(number >> 8, number & 0xff)
  },
  decode: bytes => String(bytes[0]! * 256 + bytes[1]!),
}

const ip4: Value = {
  size: 4,
  takes: 'four numbers from 0 to 255 with dots between them',
  encode(text) {
    const numbers = text.split('.')
    const sound =
      numbers.length === 4 && numbers.every(number => /^(0|[1-9]\d{0,2})$/.test(number) && +number < 256)
    return sound ? Uint8Array.from(numbers, Number) : undefined
  },
  decode: bytes => bytes.join('.'),
}

const ip6: Value = {
  size: 16,
  takes: 'an IPv6 address, without a zone',
  encode: ip6Bytes,
  decode: ip6Text,
}

const name: Value = {
  size: VARIABLE,
  takes: `a name of 1 to ${MAX_NAME_BYTES} bytes without slashes, spaces or control characters`,
  encode(text) {
    const bytes = isName(text) ? utf8(text) : EMPTY
    return bytes.length > 0 && bytes.length <= MAX_NAME_BYTES ? bytes : undefined
  },
  decode(bytes) {
    const text = bytes.length <= MAX_NAME_BYTES ? utf8Strict(bytes) : undefined
    return text !== undefined && isName(text) ? text : undefined
  },
}

// By protocols/unix.md and httppath.md of multiformats/multiaddr the path is one segment of the text, its slashes
// and whatever else is odd percent-encoded.
const path: Value = {
  size: VARIABLE,
  takes: `a percent-encoded path of 1 to ${MAX_PATH_BYTES} bytes`,
  encode(text) {
    const decoded = isName(text) ? unlessThrown(() => decodeURIComponent(text)) : undefined
    const bytes = decoded === undefined ? EMPTY : utf8(decoded)
    return isPath(bytes) ? bytes : undefined
  },
  decode(bytes) {
    const text = isPath(bytes) ? utf8Strict(bytes) : undefined
    return text === undefined ? undefined : encodeURIComponent(text)
  },
}

function isPath(bytes: Uint8Array): boolean {
  return bytes.length > 0 && bytes.length <= MAX_PATH_BYTES && !bytes.includes(0)
}

const peerId: Value = {
  size: VARIABLE,
  takes: 'a peer ID',
  encode: text => unlessThrown(() => PeerId.parse(text).bytes),
  decode: bytes => unlessThrown(() => PeerId.fromBytes(bytes).toString()),
}

const certificateHash: Value = {
  size: VARIABLE,
  takes: "a multihash in multibase, such as base64url with a 'u' before it",
  encode(text) {
    const bytes = text.length <= MAX_HASH_TEXT ? fromMultibase(text) : undefined
    return bytes !== undefined && isMultihash(bytes) ? bytes : undefined
  },
  decode: bytes => (isMultihash(bytes) ? multibase64url(bytes) : undefined),
}

/**
 * Every protocol parley can read in a multiaddr, by the multicodec table. To know another, add its row: whether
 * it can also be dialled is up to the transports.
 */
export const protocols: readonly Protocol[] = [
  { code: 4, name: 'ip4', ...ip4 },
  { code: 6, name: 'tcp', ...port },
  { code: 41, name: 'ip6', ...ip6 },
  { code: 42, name: 'ip6zone', ...name },
  { code: 53, name: 'dns', ...name },
  { code: 54, name: 'dns4', ...name },
  { code: 55, name: 'dns6', ...name },
  { code: 56, name: 'dnsaddr', ...name },
  { code: 273, name: 'udp', ...port },
  { code: 280, name: 'webrtc-direct', ...none },
  { code: 281, name: 'webrtc', ...none },
  { code: 290, name: 'p2p-circuit', ...none },
  { code: 400, name: 'unix', ...path },
  { code: 421, name: 'p2p', ...peerId },
  { code: 443, name: 'https', ...none },
  { code: 448, name: 'tls', ...none },
  { code: 449, name: 'sni', ...name },
  { code: 454, name: 'noise', ...none },
  { code: 460, name: 'quic', ...none },
  { code: 461, name: 'quic-v1', ...none },
  { code: 465, name: 'webtransport', ...none },
  { code: 466, name: 'certhash', ...certificateHash },
  { code: 477, name: 'ws', ...none },
  { code: 478, name: 'wss', ...none },
  { code: 480, name: 'http', ...none },
  { code: 481, name: 'http-path', ...path },
  { code: 777, name: 'memory', ...name },
]

// Old names that are read, never printed.
const aliases: Readonly<Record<string, string>> = { ipfs: 'p2p' }

const byCode = new Map(protocols.map(protocol => [protocol.code, protocol]))
const byName = new Map(protocols.map(protocol => [protocol.name, protocol]))
for (const [alias, name] of Object.entries(aliases)) byName.set(alias, byName.get(name)!)

/** The protocol of that number, if known. */
export function protocolOfCode(code: number): Protocol | undefined {
  return byCode.get(code)
}

/** The protocol of that name or of that old name (`ipfs` for `p2p`), if known. */
export function protocolOfName(name: string): Protocol | undefined {
  return byName.get(name)
}

/** RFC 4291, section 2.2: eight groups, `::` once for a run of zeros, the last two perhaps as an IPv4 address. */
function ip6Bytes(text: string): Uint8Array | undefined {
  const halves = withoutDots(text)
    .split('::')
    .map(half => (half === '' ? [] : half.split(':')))
  const groups = halves.flat()
  const missing = IP6_GROUPS - groups.length
  const fits = halves.length === 1 ? missing === 0 : halves.length === 2 && missing > 0
  if (!fits || !groups.every(group => /^[0-9a-f]{1,4}$/i.test(group))) return undefined
  const zeros = Array.from({ length: missing }, () => '0')
  const values = [...halves[0]!, ...zeros, ...(halves[1] ?? [])].map(group => Number.parseInt(group, 16))
  return Uint8Array.from(values.flatMap(value => [value >> 8, value & 0xff]))
}

/** The address with an IPv4 address at its end rewritten as two groups. */
function withoutDots(text: string): string {
  const start = text.lastIndexOf(':') + 1
  const bytes = ip4.encode(text.slice(start))
  return bytes === undefined
    ? text
    : `${text.slice(0, start)}${hex(bytes.subarray(0, 2))}:${hex(bytes.subarray(2))}`
}

/** RFC 5952: lower case, no leading zeros, the longest run of two zero groups or more (the first of equals) as `::`. */
function ip6Text(bytes: Uint8Array): string {
  const groups = Array.from({ length: IP6_GROUPS }, (_, i) => bytes[2 * i]! * 256 + bytes[2 * i + 1]!)
  // Its section 5: an IPv4-mapped address shows the IPv4 address.
  if (groups.slice(0, 6).join() === '0,0,0,0,0,65535') return `::ffff:${bytes.subarray(12).join('.')}`
  const [start, end] = longestZeros(groups)
  const text = (part: number[]) => part.map(group => group.toString(16)).join(':')
  return end - start < 2 ? text(groups) : `${text(groups.slice(0, start))}::${text(groups.slice(end))}`
}

function longestZeros(groups: readonly number[]): [start: number, end: number] {
  let longest: [number, number] = [0, 0]
  let start = 0
  groups.forEach((group, at) => {
    if (group !== 0) start = at + 1
    else if (at + 1 - start > longest[1] - longest[0]) longest = [start, at + 1]
  })
  return longest
}

/** Whether this is a whole multihash of whatever function: a code, a length, and as many bytes, at least one. */
function isMultihash(bytes: Uint8Array): boolean {
  if (bytes.length > MAX_HASH_BYTES) return false
  const lengthAt = varintEnd(bytes, 0)
  const start = lengthAt < 0 ? lengthAt : varintEnd(bytes, lengthAt)
  if (start < 0 || start === bytes.length) return false
  return unlessThrown(() => varintNumber(bytes, lengthAt, start)) === bytes.length - start
}
