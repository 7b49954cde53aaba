import type { ChaCha20Poly1305 } from '@chainsafe/as-chacha20poly1305'
import { allocate } from './block.ts'
import { gather } from './bytes.ts'
import type { CryptoProvider } from './provider.ts'

/** Up to so many bytes WebAssembly is done before node:crypto has made its cipher object, which takes 5 us and work for the collector. */
export const SHORT = 384

/** The longest associated data that the module has room for. */
const longestData = 32

const tagLength = 16

/** Where ciphertext is gathered for the module, which copies it before anything else happens. */
const gathered = new Uint8Array(SHORT + tagLength)

/** The cipher for short messages. */
export class ShortCipher {
  readonly #cipher: ChaCha20Poly1305

  private constructor(cipher: ChaCha20Poly1305) {
    this.#cipher = cipher
  }

  /** Loads the module, which takes some milliseconds: not while a program starts. */
  static async load(): Promise<ShortCipher> {
    const { ChaCha20Poly1305, newInstance } = await import('@chainsafe/as-chacha20poly1305')
    return new ShortCipher(new ChaCha20Poly1305(newInstance()))
  }

  /** Whether messages of this length, with so much associated data, are for this cipher. */
  takes(length: number, ad: Uint8Array): boolean {
    return length <= SHORT && ad.length <= longestData
  }

  /** As `CryptoProvider.seal`. */
  readonly seal: CryptoProvider['seal'] = (key, nonce, ad, plaintext) => {
    const sealed = allocate(plaintext.length + tagLength)
    this.#cipher.seal(key, nonce, plaintext, ad, sealed)
    return [sealed.subarray(0, -tagLength), sealed.subarray(-tagLength)]
  }

  /** As `CryptoProvider.open`, for a tag of 16 bytes. */
  readonly open: CryptoProvider['open'] = (key, nonce, ad, pieces, tag) => {
    const sealed = gather([...pieces, tag], gathered)
    const plaintext = this.#cipher.open(key, nonce, sealed, ad, allocate(sealed.length - tagLength))
    return plaintext ? [plaintext] : undefined
  }
}
