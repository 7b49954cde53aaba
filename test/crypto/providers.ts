import { provider as native, shortCipherLoaded } from '#src/crypto/native'
import { provider as portable } from '#src/crypto/portable'
import type { CryptoProvider, KeyType } from '#src/crypto/provider'

export { native, portable }

/** Both of native's ciphers are tried, the one for short messages and the other. */
await shortCipherLoaded()

export const providers: CryptoProvider[] = [native, portable]

/** The types of key that both providers know. */
export const commonTypes: KeyType[] = ['ed25519', 'secp256k1', 'ecdsa']

export const hex = (digits: string): Uint8Array => new Uint8Array(Buffer.from(digits, 'hex'))
export const utf8 = (text: string): Uint8Array => new Uint8Array(Buffer.from(text))
export const empty = new Uint8Array(0)

export const joined = (...pieces: Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(pieces))

/** The bytes with one bit turned over. */
export function flip(bytes: Uint8Array, bit: number): Uint8Array {
  const flipped = new Uint8Array(bytes)
  flipped[bit >> 3]! ^= 1 << (bit & 7)
  return flipped
}
