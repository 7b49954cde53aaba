/** The length of a yamux header, in bytes. */
export const HEADER_LENGTH = 12

/** What a frame is. */
export const FrameType = {
  /** Bytes of a stream follow; `length` counts them. */
  data: 0,
  /** `length` more bytes may be sent on the stream. */
  windowUpdate: 1,
  /** A question (SYN) or its answer (ACK); `length` is an opaque value to be given back. */
  ping: 2,
  /** No new streams from here on; `length` is the reason. */
  goAway: 3,
} as const

/** What else a frame says; flags may be joined. */
export const Flag = {
  /** Opens a stream, or asks with a ping. */
  syn: 1,
  /** Accepts a stream, or answers a ping. */
  ack: 2,
  /** The sender will send no more bytes on this stream. */
  fin: 4,
  /** The stream is over at once, both ways. */
  rst: 8,
} as const

/** Why a session ends. go adds codes from 0x1000 on. */
export const GoAwayCode = { normal: 0, protocolError: 1, internalError: 2 } as const

/** A frame's header, decoded. */
export interface Header {
  version: number
  type: number
  flags: number
  id: number
  length: number
}

/** version (1 byte), type (1), flags (2), stream ID (4), length (4); big-endian. */
export function encodeHeader(type: number, flags: number, id: number, length: number): Uint8Array {
  const bytes = new Uint8Array(HEADER_LENGTH)
  bytes[1] = type
  bytes[3] = flags
  writeUint32(bytes, 4, id)
  writeUint32(bytes, 8, length)
  return bytes
}

/** The header at `offset`, of which all twelve bytes must be there. */
export function decodeHeader(bytes: Uint8Array, offset: number): Header {
  return {
    version: bytes[offset]!,
    type: bytes[offset + 1]!,
    flags: (bytes[offset + 2]! << 8) | bytes[offset + 3]!,
    id: readUint32(bytes, offset + 4),
    length: readUint32(bytes, offset + 8),
  }
}

function writeUint32(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value >>> 24
  bytes[offset + 1] = value >>> 16
  bytes[offset + 2] = value >>> 8
  bytes[offset + 3] = value
}

function readUint32(bytes: Uint8Array, offset: number): number {
  const high = (bytes[offset]! << 24) | (bytes[offset + 1]! << 16)
  return (high | (bytes[offset + 2]! << 8) | bytes[offset + 3]!) >>> 0
}
