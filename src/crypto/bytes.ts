/** Whether two byte strings are the same. Not in constant time: for public values only. */
export function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at])
}

/** The sum of the pieces' lengths. */
export function lengthOf(pieces: readonly Uint8Array[]): number {
  let length = 0
  for (const piece of pieces) length += piece.length
  return length
}

/** The pieces one after another, in a buffer of their own. */
export function join(pieces: readonly Uint8Array[]): Uint8Array {
  return gather(pieces, new Uint8Array(lengthOf(pieces)))
}

/** The pieces one after another at the beginning of `room`, which must have it, as a view of that. */
export function gather(pieces: readonly Uint8Array[], room: Uint8Array): Uint8Array {
  let length = 0
  for (const piece of pieces) {
    room.set(piece, length)
    length += piece.length
  }
  return length === room.length ? room : room.subarray(0, length)
}

/** The plain view of a buffer of Node's, whose own `subarray` is many times slower. */
export function plain(buffer: Uint8Array): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength)
}

/** The bytes that an even number of hexadecimal digits stands for. For constants: digits are not checked. */
export function fromHex(digits: string): Uint8Array {
  return Uint8Array.from({ length: digits.length / 2 }, (_, at) =>
    Number.parseInt(digits.slice(2 * at, 2 * at + 2), 16),
  )
}

/** Big-endian bytes as a number. */
export function toBigInt(bytes: Uint8Array): bigint {
  return bytes.reduce((value, byte) => (value << 8n) | BigInt(byte), 0n)
}

/** A number below 2^(8 * length) as that many big-endian bytes. */
export function fromBigInt(value: bigint, length: number): Uint8Array {
  return fromHex(value.toString(16).padStart(2 * length, '0'))
}
