/**
 * identify and identify push: what a peer says of itself.
 *
 * Specification: https://github.com/libp2p/specs/blob/master/identify/README.md
 */
import { unlessThrown } from '../wire/attempt.ts'
import { utf8Text } from '../wire/bytes.ts'
import { remoteError } from '../wire/errors.ts'
import { encodeFrame, FrameReader } from '../wire/frame.ts'
import { Multiaddr } from '../wire/multiaddr.ts'
import { type Field, fields, ProtobufWriter } from '../wire/protobuf.ts'

/** The opener of the stream receives one message. */
export const IDENTIFY_PROTOCOL = '/ipfs/id/1.0.0'

/** The opener of the stream sends one message. */
export const IDENTIFY_PUSH_PROTOCOL = '/ipfs/id/push/1.0.0'

/** go and js read messages of at most 8 KiB, ten of them, and merge what they say. */
const maxMessage = 8 * 1024
const maxMessages = 10

/** How long the length of a message is at most, in bytes; good for 16 KiB. */
const longestPrefix = 2

/** What is kept of a message; the rest of a longer list is dropped. */
const maxAddresses = 32
const maxProtocols = 256
const maxText = 128

/** Addresses that are looked at in each field, sound or not: to find out that one is not takes longer than to read it. */
const maxAddressesRead = 2 * maxAddresses

/** What a peer says of itself. In a message that was received, what is absent was not said. */
export interface IdentifyMessage {
  /** A public key in its envelope. The key that the handshake proved is the one that counts. */
  publicKey?: Uint8Array | undefined
  /** Where it listens, without /p2p. */
  addresses?: Multiaddr[] | undefined
  /** The protocols that it accepts. */
  protocols?: string[] | undefined
  /** The address from which it sees us come. */
  observedAddress?: Multiaddr | undefined
  protocolVersion?: string | undefined
  agent?: string | undefined
  /** Its addresses once more, signed: see wire/peer-record. */
  signedPeerRecord?: Uint8Array | undefined
}

/** The message with its length prefix, as it goes on the stream. */
export function encodeIdentify(message: IdentifyMessage): Uint8Array {
  return encodeFrame(encodeFields(message))
}

function encodeFields(message: IdentifyMessage): Uint8Array {
  const writer = new ProtobufWriter().bytes(1, message.publicKey)
  for (const address of message.addresses ?? []) writer.bytes(2, address.bytes)
  for (const protocol of message.protocols ?? []) writer.string(3, protocol)
  writer
    .bytes(4, message.observedAddress?.bytes)
    .string(5, message.protocolVersion)
    .string(6, message.agent)
    .bytes(8, message.signedPeerRecord)
  return writer.finish()
}

/**
 * The message in as many as it takes for none to have more than `max` bytes, length prefix included, and ten at most: go
 * and js merge as many. Since rust reads only the first, that holds all but what is too much, which is protocols, and the
 * signed record comes last.
 */
export function encodeIdentifyParts(message: IdentifyMessage, max: number): Uint8Array[] {
  const whole = encodeIdentify(message)
  if (whole.length <= max) return [whole]
  const { protocols = [], signedPeerRecord, ...rest } = message
  const room = max - longestPrefix
  const lists = inLists(protocols, room - encodeFields(rest).length, room)
  const parts = lists.map((list, i) => encodeIdentify({ ...(i === 0 && rest), protocols: list }))
  if (!signedPeerRecord) return parts.slice(0, maxMessages)
  return [...parts.slice(0, maxMessages - 1), encodeIdentify({ signedPeerRecord })]
}

/** Cuts protocols into lists that fit into so many bytes: first into what the other fields leave, then into a whole message. */
function inLists(protocols: readonly string[], first: number, whole: number): string[][] {
  const lists: string[][] = [[]]
  let room = first
  for (const protocol of protocols) {
    const size = encodeFields({ protocols: [protocol] }).length
    if (size > room) {
      lists.push([])
      room = whole
    }
    lists.at(-1)!.push(protocol)
    room -= size
  }
  return lists
}

const ADDRESS = 2
const OBSERVED = 4

/** How each field is taken into the message. */
const readers: Record<number, (message: IdentifyMessage, bytes: Uint8Array) => void> = {
  1: (message, bytes) => {
    message.publicKey = bytes.slice()
  },
  [ADDRESS]: (message, bytes) => {
    const address = decodeAddress(bytes)
    message.addresses ??= []
    if (address && message.addresses.length < maxAddresses) message.addresses.push(address)
  },
  3: (message, bytes) => {
    message.protocols ??= []
    if (message.protocols.length < maxProtocols) message.protocols.push(cutText(bytes))
  },
  [OBSERVED]: (message, bytes) => {
    message.observedAddress = decodeAddress(bytes)
  },
  5: (message, bytes) => {
    message.protocolVersion = cutText(bytes)
  },
  6: (message, bytes) => {
    message.agent = cutText(bytes)
  },
  8: (message, bytes) => {
    message.signedPeerRecord = bytes.slice()
  },
}

/** Reads the messages of one stream up to its end. */
export class IdentifyReader {
  readonly #frames = new FrameReader({ max: maxMessage, scope: 'stream' })
  readonly #message: IdentifyMessage = {}
  #count = 0
  /** How many addresses each field has held. */
  readonly #addresses: Record<number, number> = { [ADDRESS]: 0, [OBSERVED]: 0 }

  /** Takes in bytes. Throws `ERR_FRAME` or `ERR_PROTOBUF` when they are malformed, `ERR_PROTOCOL` when there are too many. */
  receive(chunk: Uint8Array): void {
    this.#frames.push(chunk)
    for (let frame = this.#frames.next(); frame; frame = this.#frames.next()) this.#merge(frame)
  }

  /** What was said, all messages merged. Throws `ERR_UNEXPECTED_END` when none came whole. */
  finish(): IdentifyMessage {
    if (this.#count === 0 || this.#frames.buffered > 0) {
      throw remoteError('ERR_UNEXPECTED_END', 'The other side broke off while saying who it is.', {
        scope: 'stream',
      })
    }
    return this.#message
  }

  #merge(frame: Uint8Array): void {
    this.#count++
    if (this.#count > maxMessages) {
      throw remoteError('ERR_PROTOCOL', 'The other side sent too many identify messages.', {
        scope: 'stream',
      })
    }
    for (const field of fields(frame)) this.#read(field)
  }

  #read({ number, bytes }: Field): void {
    if (!bytes) return
    if (number in this.#addresses && ++this.#addresses[number]! > maxAddressesRead) return
    readers[number]?.(this.#message, bytes)
  }
}

/** An address that we cannot read is dropped by itself, not with the whole message. */
function decodeAddress(bytes: Uint8Array): Multiaddr | undefined {
  return unlessThrown(() => Multiaddr.fromBytes(bytes.slice()))
}

/** Cut between characters, of which each has four bytes at most. */
function cutText(bytes: Uint8Array): string {
  const text = utf8Text(bytes.subarray(0, maxText * 4))
  return text.length <= maxText ? text : Array.from(text).slice(0, maxText).join('')
}
