import bs58 from 'bs58'
import { base32, base32upper } from 'multiformats/bases/base32'
import { base64url } from 'multiformats/bases/base64'
import { unlessThrown } from './attempt.ts'
import { utf8, utf8Text } from './bytes.ts'

// The bases that peer IDs and certificate hashes are written in, by their multibase prefix.
const decoders: Readonly<Record<string, (text: string) => Uint8Array>> = {
  b: text => base32.decode(text),
  B: text => base32upper.decode(text),
  u: text => base64url.decode(text),
  z: text => bs58.decode(text.slice(1)),
}

/** Base58btc without a multibase prefix. Quadratic: for short values only. */
export function base58(bytes: Uint8Array): string {
  // It is joined character by character, and V8 keeps every step of that, 1.3 kB in all; text from bytes is of one piece.
  return utf8Text(utf8(bs58.encode(bytes)))
}

/** The bytes of base58btc without a prefix, or `undefined`. Quadratic: bound the text first. */
export function fromBase58(text: string): Uint8Array | undefined {
  return bs58.decodeUnsafe(text)
}

/** Multibase `b`: base32, lower case, unpadded. */
export function multibase32(bytes: Uint8Array): string {
  return base32.encode(bytes)
}

/** Multibase `u`: base64url, unpadded. */
export function multibase64url(bytes: Uint8Array): string {
  return base64url.encode(bytes)
}

/** The bytes of multibase text in base32, base58btc or base64url; `undefined` when it is damaged or in another. */
export function fromMultibase(text: string): Uint8Array | undefined {
  // Padding belongs to other bases; the decoders would pass over it.
  if (text.includes('=')) return undefined
  return unlessThrown(() => decoders[text.charAt(0)]?.(text))
}
