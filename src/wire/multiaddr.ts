import { concat, equals } from './bytes.ts'
import { ParleyError } from './errors.ts'
import { type Protocol, protocolOfCode, protocolOfName, VARIABLE } from './multiaddr-protocols.ts'
import { PeerId } from './peer-id.ts'
import { inspect, quoted } from './text.ts'
import { encodeVarint, varintEnd, varintNumber } from './varint.ts'

const MAX_BYTES = 1024
const MAX_COMPONENTS = 16
const MAX_TEXT = 4096

/** One step of a multiaddr. */
export interface Component {
  /** The protocol's number in the multicodec table. */
  readonly code: number
  /** The protocol's name, `p2p` where the text said `ipfs`. */
  readonly name: string
  /** The value as it is printed, or `undefined` when the protocol takes none. */
  readonly value: string | undefined
}

/** A component and its binary form. */
interface Part {
  readonly component: Component
  readonly bytes: Uint8Array
}

/**
 * A multiaddr: where a peer can be reached, step by step, such as `/ip4/127.0.0.1/tcp/3000/p2p/12D3KooW...`.
 * Immutable. At most 1024 bytes and 16 components. Two are equal when their bytes are.
 */
export class Multiaddr {
  /** The binary form. */
  readonly bytes: Uint8Array
  readonly components: readonly Component[]
  readonly #parts: readonly Part[]
  #text: string | undefined
  #peerId: PeerId | undefined

  private constructor(parts: readonly Part[]) {
    this.bytes = concat(parts.map(part => part.bytes))
    this.components = parts.map(part => part.component)
    this.#parts = parts
  }

  /**
   * Reads the text form. `/ipfs/` is read as `/p2p/`, and one slash at the end is passed over. Throws
   * `ERR_MULTIADDR`, whose message names the faulty part and what should stand there.
   */
  static parse(text: string): Multiaddr {
    return new Multiaddr(partsOfText(text))
  }

  /**
   * Reads the binary form, which is copied. Throws `ERR_MULTIADDR`, also for a protocol that is not known, since
   * the size of its value is not known either: of a list, drop that address alone.
   */
  static fromBytes(bytes: Uint8Array): Multiaddr {
    return new Multiaddr(partsOfBytes(bytes))
  }

  /** A multiaddr of either form; one that is there already comes back as it is. Throws `ERR_MULTIADDR`. */
  static from(target: string | Uint8Array | Multiaddr): Multiaddr {
    if (target instanceof Multiaddr) return target
    if (typeof target === 'string') return Multiaddr.parse(target)
    if (target instanceof Uint8Array) return Multiaddr.fromBytes(target)
    throw invalid('A multiaddr is made of text, of bytes or of another multiaddr.', false)
  }

  /** The peer that the last `p2p` component names: whom a connection to this address must prove to be. */
  get peerId(): PeerId | undefined {
    const part = this.#parts.findLast(({ component }) => component.name === 'p2p')
    if (part !== undefined) this.#peerId ??= PeerId.fromBytes(valueBytes(part))
    return this.#peerId
  }

  /** The value of the first component of that name, as it is printed. */
  value(name: string): string | undefined {
    return this.components.find(component => component.name === name)?.value
  }

  /** Whether there is a component of that name. */
  has(name: string): boolean {
    return this.components.some(component => component.name === name)
  }

  /** This address with `other` behind it. Throws `ERR_MULTIADDR` when that grows too long. */
  encapsulate(other: string | Multiaddr): Multiaddr {
    const parts = [...this.#parts, ...Multiaddr.from(other).#parts]
    checkSize(parts, false)
    return new Multiaddr(parts)
  }

  /**
   * What stands before the last occurrence of `other`; this address itself when there is none. When nothing
   * stands before it, that is the empty address, which prints as `/` and cannot be parsed.
   */
  decapsulate(other: string | Multiaddr): Multiaddr {
    const wanted = Multiaddr.from(other).#parts
    const matchesAt = (start: number) =>
      wanted.every((part, i) => equals(part.bytes, this.#parts[start + i]!.bytes))
    for (let start = this.#parts.length - wanted.length; start >= 0; start--) {
      if (matchesAt(start)) return new Multiaddr(this.#parts.slice(0, start))
    }
    return this
  }

  /** This address with `/p2p/<id>` at its end, in place of the one that may stand there. */
  withPeerId(id: PeerId): Multiaddr {
    // The ID knows its text: to make it from the bytes takes quadratic time.
    const part = partWith(protocolOfName('p2p')!, id.bytes, id.toString())
    const last = this.#parts.at(-1)
    if (last !== undefined && equals(last.bytes, part.bytes)) return this
    const parts = [...this.withoutPeerId().#parts, part]
    checkSize(parts, false)
    return new Multiaddr(parts)
  }

  /** This address without the `/p2p/<id>` at its end; the empty address when there is nothing else. */
  withoutPeerId(): Multiaddr {
    return this.components.at(-1)?.name === 'p2p' ? new Multiaddr(this.#parts.slice(0, -1)) : this
  }

  equals(other: Multiaddr): boolean {
    return equals(this.bytes, other.bytes)
  }

  /** The text form. Free of control and format characters, whoever the address came from. */
  toString(): string {
    this.#text ??= this.components.map(componentText).join('') || '/'
    return this.#text
  }

  toJSON(): string {
    return this.toString()
  }

  [inspect](): string {
    return `Multiaddr(${this.toString()})`
  }
}

/** One component as it stands in the text of an address: `/name`, or `/name/value`. */
export function componentText(component: Component): string {
  return component.value === undefined ? `/${component.name}` : `/${component.name}/${component.value}`
}

function partsOfText(text: string): Part[] {
  if (text.length > MAX_TEXT)
    throw invalid(`A text of ${text.length} characters is too long for a multiaddr.`, false)
  const refused = (fault: string) => invalid(`${quoted(text)} is not a multiaddr: ${fault}.`, false)
  if (!text.startsWith('/')) throw refused('it does not begin with a slash')
  const segments = text.slice(1).split('/')
  if (segments.length > 1 && segments.at(-1) === '') segments.pop()
  const parts: Part[] = []
  for (let at = 0; at < segments.length; at++) {
    const name = segments[at]!
    const protocol = protocolOfName(name)
    if (protocol === undefined) throw refused(`${quoted(name)} is not a protocol that parley knows`)
    const value = protocol.size === 0 ? '' : (segments[++at] ?? '')
    const bytes = protocol.encode(value)
    const part = bytes === undefined ? undefined : partOf(protocol, bytes)
    if (part === undefined) throw refused(`${protocol.name} takes ${protocol.takes}, not ${quoted(value)}`)
    parts.push(part)
    checkSize(parts, false)
  }
  return parts
}

function partsOfBytes(bytes: Uint8Array): Part[] {
  if (bytes.length === 0) throw invalid('A multiaddr of no bytes is empty.', true)
  if (bytes.length > MAX_BYTES) throw invalid(`${bytes.length} bytes are too long for a multiaddr.`, true)
  const parts: Part[] = []
  for (let at = 0; at < bytes.length; at += parts.at(-1)!.bytes.length) {
    parts.push(partAt(bytes, at))
    checkSize(parts, true)
  }
  return parts
}

function partAt(bytes: Uint8Array, offset: number): Part {
  const code = varintAt(bytes, offset)
  const protocol = protocolOfCode(code.value)
  if (protocol === undefined)
    throw invalid(`The multiaddr has a protocol of the unknown code ${code.value}.`, true)
  const { value: size, end: start } =
    protocol.size === VARIABLE ? varintAt(bytes, code.end) : { value: protocol.size, end: code.end }
  if (size > bytes.length - start)
    throw invalid(`The multiaddr is cut short in its ${protocol.name} value.`, true)
  const part = partOf(protocol, bytes.subarray(start, start + size))
  if (part === undefined)
    throw invalid(`The multiaddr's ${protocol.name} value is not ${protocol.takes}.`, true)
  return part
}

function varintAt(bytes: Uint8Array, offset: number): { value: number; end: number } {
  const end = varintEnd(bytes, offset)
  // No code and no length has more than four bytes; longer ones need not be understood to be refused.
  if (end < 0 || end - offset > 4)
    throw invalid('The multiaddr has a code or a length that is not valid.', true)
  return { value: varintNumber(bytes, offset, end), end }
}

/** The value alone, of a protocol whose values say how long they are. */
function valueBytes({ bytes }: Part): Uint8Array {
  return bytes.subarray(varintAt(bytes, varintAt(bytes, 0).end).end)
}

/** The component that holds this value, or `undefined` when it is none of the protocol's. */
function partOf(protocol: Protocol, value: Uint8Array): Part | undefined {
  const text = protocol.decode(value)
  return text === undefined ? undefined : partWith(protocol, value, text)
}

function partWith({ code, name, size }: Protocol, value: Uint8Array, text: string): Part {
  const prefix = size === VARIABLE ? [encodeVarint(code), encodeVarint(value.length)] : [encodeVarint(code)]
  return {
    component: { code, name, value: size === 0 ? undefined : text },
    bytes: concat([...prefix, value]),
  }
}

function checkSize(parts: readonly Part[], remote: boolean): void {
  const bytes = parts.reduce((sum, part) => sum + part.bytes.length, 0)
  if (parts.length > MAX_COMPONENTS)
    throw invalid(`A multiaddr has at most ${MAX_COMPONENTS} components.`, remote)
  if (bytes > MAX_BYTES) throw invalid(`A multiaddr has at most ${MAX_BYTES} bytes.`, remote)
}

function invalid(message: string, remote: boolean): ParleyError {
  return new ParleyError('ERR_MULTIADDR', message, { remote })
}
