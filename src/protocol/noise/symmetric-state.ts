import { provider } from '../../crypto/index.ts'
import { concat, utf8 } from '../../wire/bytes.ts'
import { remoteError } from '../../wire/errors.ts'
import { CipherState, TAG_LENGTH } from './cipher-state.ts'

/** The one Noise protocol that libp2p uses. Being 32 bytes long, its name is itself the first `h`. */
export const NOISE_NAME = 'Noise_XX_25519_ChaChaPoly_SHA256'

/**
 * Noise's SymmetricState: the chaining key `ck`, the transcript hash `h`, and the cipher once there is a key.
 *
 * Specification: https://noiseprotocol.org/noise.html, section 5.2
 */
export class SymmetricState {
  #ck: Uint8Array
  #h: Uint8Array
  #cipher: CipherState | undefined

  constructor() {
    this.#h = utf8(NOISE_NAME)
    this.#ck = this.#h
  }

  /** The transcript hash so far. */
  get h(): Uint8Array {
    return this.#h
  }

  /** A copy that a message can be tried on, so that a refused one leaves no trace. */
  clone(): SymmetricState {
    const copy = new SymmetricState()
    copy.#ck = this.#ck
    copy.#h = this.#h
    copy.#cipher = this.#cipher?.clone()
    return copy
  }

  mixHash(data: Uint8Array): void {
    this.#h = provider.sha256(this.#h, data)
  }

  mixKey(input: Uint8Array): void {
    const [ck, key] = this.#derive(input)
    this.#ck = ck
    this.#cipher = new CipherState(key)
  }

  /** Encrypts if there is a key yet, and mixes what goes on the wire into the transcript. */
  encryptAndHash(plaintext: Uint8Array): Uint8Array {
    const out = this.#cipher ? concat(this.#cipher.encrypt(plaintext, this.#h)) : plaintext
    this.mixHash(out)
    return out
  }

  /** The reverse. Throws `ERR_NOISE` when the tag is wrong. */
  decryptAndHash(data: Uint8Array): Uint8Array {
    const plaintext = this.#cipher ? this.#decrypt(this.#cipher, data) : data
    this.mixHash(data)
    return plaintext
  }

  /** The two ciphers of the session: the initiator's sending one first. */
  split(): [CipherState, CipherState] {
    const [first, second] = this.#derive(new Uint8Array(0))
    return [new CipherState(first), new CipherState(second)]
  }

  /** How many bytes a plaintext grows by when it is encrypted now. */
  get overhead(): number {
    return this.#cipher ? TAG_LENGTH : 0
  }

  #decrypt(cipher: CipherState, data: Uint8Array): Uint8Array {
    const end = data.length - TAG_LENGTH
    const opened = end < 0 ? undefined : cipher.decrypt([data.subarray(0, end)], data.subarray(end), this.#h)
    if (opened === undefined) {
      throw remoteError('ERR_NOISE', 'The secure handshake failed: a message was not genuine.', {
        stage: 'noise',
      })
    }
    return concat(opened)
  }

  #derive(input: Uint8Array): [Uint8Array, Uint8Array] {
    const out = provider.hkdf(this.#ck, input, 64)
    return [out.slice(0, 32), out.slice(32)]
  }
}
