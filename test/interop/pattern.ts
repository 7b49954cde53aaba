import { createHash } from 'node:crypto'

/** What was received: how much, and the lower-case hex of its SHA-256. */
export interface Digest {
  bytes: number
  sha256: string
}

const blockLength = 65_536

/** The first so many bytes of the pattern, in pieces of 64 KiB: block k is k, as a 32-bit number, over and over. */
export function* pattern(bytes: number): Generator<Uint8Array> {
  for (let k = 0; k * blockLength < bytes; k++) {
    const block = Buffer.alloc(blockLength)
    block.writeUInt32BE(k)
    block.copyWithin(4, 0, 4)
    for (let filled = 8; filled < blockLength; filled *= 2) block.copyWithin(filled, 0, filled)
    yield block.subarray(0, Math.min(blockLength, bytes - k * blockLength))
  }
}

/** The digest of the first so many bytes of the pattern. */
export function patternDigest(bytes: number): Digest {
  const counter = new DigestCounter()
  for (const piece of pattern(bytes)) counter.add(piece)
  return counter.digest()
}

/** Counts and hashes bytes as they come. */
export class DigestCounter {
  readonly #hash = createHash('sha256')
  #bytes = 0

  add(piece: Uint8Array): void {
    this.#bytes += piece.length
    this.#hash.update(piece)
  }

  digest(): Digest {
    return { bytes: this.#bytes, sha256: this.#hash.digest('hex') }
  }
}

/** The 40 bytes in which a digest travels: the count as u64, then the SHA-256. */
export function encodeDigest({ bytes, sha256 }: Digest): Uint8Array {
  const message = Buffer.alloc(40)
  message.writeBigUInt64BE(BigInt(bytes))
  message.write(sha256, 8, 'hex')
  return message
}

/** Reads what `encodeDigest` wrote. */
export function decodeDigest(message: Uint8Array): Digest {
  if (message.length !== 40) throw new Error(`a digest message has 40 bytes, not ${message.length}`)
  const view = Buffer.from(message)
  return { bytes: Number(view.readBigUInt64BE()), sha256: view.toString('hex', 8) }
}
