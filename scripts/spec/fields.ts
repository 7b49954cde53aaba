/** Bytes taken apart for the eye: what each run of them is, in their order, with none left out. */
import { decodeHeader, Flag, FrameType, HEADER_LENGTH } from '#src/protocol/yamux/header'
import { fromHex, hex, utf8Text } from '#src/wire/bytes'
import { remoteError } from '#src/wire/errors'
import { Multiaddr } from '#src/wire/multiaddr'
import { PeerId } from '#src/wire/peer-id'
import { decodeVarint, varintLength } from '#src/wire/varint'

/** One line of a page: what the bytes are, and the bytes in groups that stand apart. */
interface Field {
  readonly depth: number
  readonly label: string
  readonly groups: readonly Uint8Array[]
}

/** Walks over bytes from their first to their last; each step makes a field of some. */
class Walk {
  readonly fields: Field[] = []
  readonly #bytes: Uint8Array
  readonly #depth: number
  #at = 0

  constructor(bytes: Uint8Array, depth = 0) {
    this.#bytes = bytes
    this.#depth = depth
  }

  get left(): number {
    return this.#bytes.length - this.#at
  }

  /** The bytes ahead, which stay ahead. */
  peek(length = this.left): Uint8Array {
    if (length > this.left) throw remoteError('ERR_UNEXPECTED_END', 'The bytes end in the middle of a field.')
    return this.#bytes.subarray(this.#at, this.#at + length)
  }

  /** A field of the next bytes, in groups of the given lengths. */
  add(label: string, ...lengths: number[]): void {
    const groups = lengths.map(length => this.#take(length))
    this.fields.push({ depth: this.#depth, label, groups: groups.filter(group => group.length > 0) })
  }

  /** Fields one step further in, of the next `length` bytes. */
  descend(length: number, walkThrough: (inner: Walk) => void): void {
    const inner = new Walk(this.#take(length), this.#depth + 1)
    walkThrough(inner)
    if (inner.left > 0) inner.add('the rest', inner.left)
    this.fields.push(...inner.fields)
  }

  #take(length: number): Uint8Array {
    const taken = this.peek(length)
    this.#at += length
    return taken
  }
}

/** What a field of a message holds: a nested message, something that has a text, an address, a number, or plain bytes. */
type Kind = Schema | ((bytes: Uint8Array) => string) | 'address' | 'number' | 'bytes'
interface Schema {
  readonly [number: number]: readonly [name: string, kind: Kind]
}

const text = (bytes: Uint8Array) => JSON.stringify(utf8Text(bytes))
const peerId = (bytes: Uint8Array) => `that of ...${PeerId.fromBytes(bytes).short}`

const publicKey: Schema = { 1: ['Type', 'number'], 2: ['Data', 'bytes'] }
const peerRecord: Schema = {
  1: ['peer_id', peerId],
  2: ['seq', 'number'],
  3: ['addresses', { 1: ['multiaddr', 'address'] }],
}
const envelope: Schema = {
  1: ['public_key', publicKey],
  2: ['payload_type', 'bytes'],
  3: ['payload', peerRecord],
  5: ['signature', 'bytes'],
}
const noisePayload: Schema = {
  1: ['identity_key', publicKey],
  2: ['identity_sig', 'bytes'],
  4: ['extensions', { 2: ['stream_muxers', text] }],
}
const identify: Schema = {
  1: ['publicKey', publicKey],
  2: ['listenAddrs', 'address'],
  3: ['protocols', text],
  4: ['observedAddr', 'address'],
  5: ['protocolVersion', text],
  6: ['agentVersion', text],
  8: ['signedPeerRecord', envelope],
}

function message(walk: Walk, schema: Schema): void {
  while (walk.left > 0) protobufField(walk, schema)
}

function protobufField(walk: Walk, schema: Schema): void {
  const tag = decodeVarint(walk.peek())
  const number = Math.floor(tag.value / 8)
  const [name, kind] = schema[number] ?? ['unknown', 'bytes']
  const value = decodeVarint(walk.peek().subarray(tag.length))
  if (tag.value % 8 === 0) return walk.add(`${number} ${name}: ${value.value}`, tag.length, value.length)
  const bytes = walk.peek().subarray(tag.length + value.length, tag.length + value.length + value.value)
  if (typeof kind === 'object') {
    walk.add(`${number} ${name}, ${value.value} bytes`, tag.length, value.length)
    return walk.descend(value.value, inner => message(inner, kind))
  }
  if (kind === 'address') {
    const found = Multiaddr.fromBytes(bytes)
    return walk.add(
      `${number} ${name}: ${found.toString()}`,
      tag.length,
      value.length,
      ...componentLengths(found),
    )
  }
  const note = typeof kind === 'function' ? kind(bytes) : `${value.value} bytes`
  walk.add(`${number} ${name}: ${note}`, tag.length, value.length, value.value)
}

/** The lengths of each component's code and of what follows it. */
function componentLengths({ components }: Multiaddr): number[] {
  return components.flatMap(({ code, name, value }) => {
    const { length } = Multiaddr.parse(value === undefined ? `/${name}` : `/${name}/${value}`).bytes
    return [varintLength(code), length - varintLength(code)]
  })
}

/** Multistream messages as far as they go: text after a length, ended by a newline. */
function negotiation(walk: Walk): void {
  while (walk.left > 0) {
    const { value, length } = decodeVarint(walk.peek())
    const bytes = walk.peek().subarray(length, length + value)
    if (value < 2 || !/^[/a-z].*\n$/.test(utf8Text(bytes))) return
    walk.add(text(bytes), length, value)
  }
}

/** What a Noise handshake message consists of, by its number. */
const handshakeParts: readonly (readonly [label: string, ...lengths: number[]])[][] = [
  [['e of the dialer', 32]],
  [
    ['e of the listener', 32],
    ['s of the listener, sealed; its tag', 32, 16],
  ],
  [['s of the dialer, sealed; its tag', 32, 16]],
]

function handshakeMessage(walk: Walk, number: number): void {
  const length = walk.peek(2)[0]! * 256 + walk.peek(2)[1]!
  walk.add(`Noise message ${number}: length ${length}`, 2)
  walk.descend(length, inner => {
    for (const [label, ...lengths] of handshakeParts[number - 1] ?? []) inner.add(label, ...lengths)
    if (inner.left > 0) inner.add('payload, sealed; its tag', inner.left - 16, 16)
  })
}

const types: Readonly<Record<number, string>> = {
  [FrameType.data]: 'Data',
  [FrameType.windowUpdate]: 'WindowUpdate',
  [FrameType.ping]: 'Ping',
  [FrameType.goAway]: 'GoAway',
}
const flagNames = Object.entries(Flag)

function frame(walk: Walk, body: (walk: Walk, streamId: number) => void): void {
  const { type, flags, id, length } = decodeHeader(walk.peek(HEADER_LENGTH), 0)
  const set = flagNames.filter(([, value]) => flags & value).map(([flag]) => flag.toUpperCase())
  const what = [types[type], ...set].join(' ')
  const about = { [FrameType.ping]: `value ${length}`, [FrameType.goAway]: `code ${length}` }[type]
  walk.add(about ? `${what}, ${about}` : `${what}, stream ${id}, length ${length}`, 1, 1, 2, 4, 4)
  if (type === FrameType.data) walk.descend(length, inner => body(inner, id))
}

/** The bytes of a handshake flight: negotiation, then the Noise message of that number. */
export function dissectHandshake(bytes: Uint8Array, number: number): Field[] {
  const walk = new Walk(bytes)
  negotiation(walk)
  handshakeMessage(walk, number)
  return walk.fields
}

/** A handshake payload that was opened. */
export function dissectPayload(bytes: Uint8Array): Field[] {
  const walk = new Walk(bytes)
  message(walk, noisePayload)
  return walk.fields
}

/** A sealed record as it is on the wire. */
export function dissectRecord(bytes: Uint8Array): Field[] {
  const walk = new Walk(bytes)
  walk.add(`length ${bytes.length - 2}`, 2)
  walk.add('ciphertext', walk.left - 16)
  walk.add('tag', 16)
  return walk.fields
}

/** The frames in an opened record. `protocolOf` says what is spoken on a stream beside negotiation. */
export function dissectFrames(
  bytes: Uint8Array,
  protocolOf: (streamId: number) => string | undefined,
): Field[] {
  const walk = new Walk(bytes)
  while (walk.left > 0) {
    frame(walk, (inner, id) => {
      if (inner.peek(2)[1] === 0x2f) negotiation(inner)
      if (inner.left > 0) spoken(inner, protocolOf(id))
    })
  }
  return walk.fields
}

function spoken(walk: Walk, protocol: string | undefined): void {
  if (protocol !== 'identify') return walk.add(text(walk.peek()), walk.left)
  const { value, length } = decodeVarint(walk.peek())
  walk.add(`message of ${value} bytes`, length)
  walk.descend(value, inner => message(inner, identify))
}

const labelWidth = 44
const bytesPerLine = 32

/**
 * Fields as lines: the offset in decimal, what it is, and behind a bar the hexadecimal digits, which take further lines
 * where they are many. Joined in their order, the digits are the bytes.
 */
export function printFields(fields: readonly Field[]): string[] {
  let offset = 0
  return fields.flatMap(({ depth, label, groups }) => {
    const what = '  '.repeat(depth) + label
    const head = `${String(offset).padStart(4)}  ${what.padEnd(labelWidth)}`
    offset += groups.reduce((sum, group) => sum + group.length, 0)
    return rowsOf(groups).map((row, at) => `${at === 0 ? head : ' '.repeat(labelWidth + 6)} | ${row}`)
  })
}

/** Groups side by side, in lines of not much more than 32 bytes. */
function rowsOf(groups: readonly Uint8Array[]): string[] {
  const rows: string[][] = []
  for (const piece of groups.flatMap(group => piecesOf(group))) {
    const row = rows.at(-1)
    const full = row === undefined || row.join('').length + piece.length > 2 * bytesPerLine + 12
    if (full) rows.push([piece])
    else row.push(piece)
  }
  return rows.map(row => row.join(' '))
}

function piecesOf(group: Uint8Array): string[] {
  return hex(group).match(new RegExp(`.{1,${2 * bytesPerLine}}`, 'g')) ?? []
}

/** The bytes that printed lines stand for. */
export function bytesOfLines(lines: readonly string[]): Uint8Array {
  return fromHex(lines.map(line => line.slice(line.lastIndexOf('|') + 1).replaceAll(' ', '')).join(''))
}
