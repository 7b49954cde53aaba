import { provider } from '../../crypto/index.ts'
import { ParleyError } from '../../wire/errors.ts'

/** ChaCha20-Poly1305's tag, in bytes. */
export const TAG_LENGTH = 16

const noData = new Uint8Array(0)

/** One for all, since it is used at once: of ten thousand connections each would keep two. */
const nonce = new Uint8Array(12)
const counterOf = new DataView(nonce.buffer, 4)

/**
 * One direction under one key: Noise's CipherState. The nonce is four zero bytes and a little-endian counter
 * of 64 bits. The counter is kept as a number: 2^53 records last longer than any connection.
 */
export class CipherState {
  readonly #key: Uint8Array
  #counter: number

  /** @param counter where to start; only tests start elsewhere than at 0 */
  constructor(key: Uint8Array, counter = 0) {
    this.#key = key
    this.#counter = counter
  }

  /** Seals one message and moves on. Throws `ERR_NONCE_EXHAUSTED` rather than use a nonce twice. */
  encrypt(plaintext: Uint8Array, ad: Uint8Array = noData): [ciphertext: Uint8Array, tag: Uint8Array] {
    const sealed = provider.seal(this.#key, this.#nextNonce(), ad, plaintext)
    this.#counter++
    return sealed
  }

  /** Opens one message, or returns `undefined` and stays where it was when the tag is wrong. */
  decrypt(pieces: readonly Uint8Array[], tag: Uint8Array, ad: Uint8Array = noData): Uint8Array[] | undefined {
    const plaintext = provider.open(this.#key, this.#nextNonce(), ad, pieces, tag)
    if (plaintext !== undefined) this.#counter++
    return plaintext
  }

  /** A copy that moves on by itself. */
  clone(): CipherState {
    return new CipherState(this.#key, this.#counter)
  }

  #nextNonce(): Uint8Array {
    if (this.#counter >= Number.MAX_SAFE_INTEGER) {
      throw new ParleyError('ERR_NONCE_EXHAUSTED', 'This connection has used up its key; connect again.')
    }
    counterOf.setUint32(0, this.#counter % 0x1_0000_0000, true)
    counterOf.setUint32(4, Math.floor(this.#counter / 0x1_0000_0000), true)
    return nonce
  }
}
