import { ChaCha20Poly1305, newInstance } from '@chainsafe/as-chacha20poly1305'
import { join } from './bytes.ts'

/** Up to so many bytes WebAssembly is done before node:crypto has made its cipher object, which takes 5 us and work for the collector. */
export const SHORT = 384

/** The longest associated data that the module has room for. */
export const SHORT_AD = 32

const TAG_LENGTH = 16

const cipher = new ChaCha20Poly1305(newInstance())

/** As `CryptoProvider.seal`, for a plaintext of at most `SHORT` bytes and data of at most `SHORT_AD`. */
export function sealShort(
  key: Uint8Array,
  nonce: Uint8Array,
  ad: Uint8Array,
  plaintext: Uint8Array,
): [ciphertext: Uint8Array, tag: Uint8Array] {
  const sealed = cipher.seal(key, nonce, plaintext, ad)
  return [sealed.subarray(0, -TAG_LENGTH), sealed.subarray(-TAG_LENGTH)]
}

/** As `CryptoProvider.open`, within the same bounds. */
export function openShort(
  key: Uint8Array,
  nonce: Uint8Array,
  ad: Uint8Array,
  pieces: readonly Uint8Array[],
  tag: Uint8Array,
): Uint8Array[] | undefined {
  const plaintext = cipher.open(key, nonce, join([...pieces, tag]), ad)
  return plaintext ? [plaintext] : undefined
}
