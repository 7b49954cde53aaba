import { createHash, hash } from 'node:crypto'
import { gather, lengthOf, plain } from './bytes.ts'

/** What a hash of one block or a few is taken from: Node's call for all at once takes half as long as an object that is fed. */
const gathered = new Uint8Array(1024)

/** The bytes that SHA-256 works through at a time. */
const blockLength = 64

/** What HKDF-SHA256 gives at most: 255 blocks (RFC 5869). */
const longestHkdf = 255 * 32

/** As `CryptoProvider.sha256`. */
export function sha256(...pieces: Uint8Array[]): Uint8Array {
  if (lengthOf(pieces) > gathered.length) return fed(pieces)
  return fromText(hash('sha256', gather(pieces, gathered), 'binary'))
}

/** The bytes of a text in Latin-1: Node gives a hash sooner as such a text than in a buffer, which is an allocation outside the heap. */
function fromText(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length)
  for (let at = 0; at < bytes.length; at++) bytes[at] = text.charCodeAt(at)
  return bytes
}

function fed(pieces: readonly Uint8Array[]): Uint8Array {
  const state = createHash('sha256')
  for (const piece of pieces) state.update(piece)
  return plain(state.digest())
}

/** As `CryptoProvider.hmac`, of a message in pieces. From hashes, since Node 22 takes 16 us to make an object for a code, and a connection needs 24. */
export function hmac(key: Uint8Array, ...pieces: Uint8Array[]): Uint8Array {
  const short = key.length > blockLength ? sha256(key) : key
  return sha256(padded(short, 0x5c), sha256(padded(short, 0x36), ...pieces))
}

function padded(key: Uint8Array, pad: number): Uint8Array {
  const block = new Uint8Array(blockLength).fill(pad)
  for (let at = 0; at < key.length; at++) block[at]! ^= key[at]!
  return block
}

/** As `CryptoProvider.hkdf`; Node's own makes an object for its key and looks its algorithms up, which takes longer. */
export function hkdf(salt: Uint8Array, ikm: Uint8Array, length: number): Uint8Array {
  if (length > longestHkdf) throw new Error(`HKDF-SHA256 gives ${longestHkdf} bytes at most.`)
  const key = hmac(salt, ikm)
  const out = new Uint8Array(length)
  let block: Uint8Array = new Uint8Array(0)
  for (let at = 0, count = 1; at < length; at += block.length, count++) {
    block = hmac(key, block, Uint8Array.of(count))
    out.set(block.subarray(0, length - at), at)
  }
  return out
}
