import { createHash } from 'node:crypto'

const blockSize = 65_536

/** The length of a digest message: the count, then the SHA-256. */
export const digestMessageSize = 40

/** How many bytes may pass before the other side should have reset. */
export const resetLimit = 256 * 1024 * 1024

/** @param {number} value @returns {Uint8Array} the value as a big-endian u32 */
const u32 = value => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

/** @param {number} value @returns {Uint8Array} the value as a big-endian u64 */
export const u64 = value => {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(BigInt(value))
  return bytes
}

/** @param {Uint8Array} bytes @returns {number} the big-endian u64 that they begin with */
export const readU64 = bytes => Number(Buffer.from(bytes.buffer, bytes.byteOffset, 8).readBigUInt64BE())

/**
 * The first `count` bytes of the pattern, block by block.
 *
 * @param {number} count
 */
export function* pattern(count) {
  for (let block = 0, left = count; left > 0; block++, left -= blockSize) {
    yield Buffer.alloc(Math.min(blockSize, left), u32(block))
  }
}

/**
 * The count and the SHA-256 of all pieces.
 *
 * @param {AsyncIterable<Uint8Array>} pieces
 */
export async function digest(pieces) {
  const hash = createHash('sha256')
  let bytes = 0
  for await (const piece of pieces) {
    hash.update(piece)
    bytes += piece.length
  }
  return { bytes, sha256: hash.digest('hex') }
}

/** @param {{ bytes: number, sha256: string }} digest @returns {Uint8Array} it as a digest message */
export const digestMessage = ({ bytes, sha256 }) => Buffer.concat([u64(bytes), Buffer.from(sha256, 'hex')])

/** @param {Uint8Array} message @returns {{ bytes: number, sha256: string }} the digest in a digest message */
export const readDigestMessage = message => ({
  bytes: readU64(message),
  sha256: Buffer.from(message.subarray(8)).toString('hex'),
})
