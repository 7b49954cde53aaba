/**
 * ping: 32 random bytes, sent back as they came; any number of times on one stream.
 *
 * Specification: https://github.com/libp2p/specs/blob/master/ping/ping.md
 */
import { ByteQueue, equals } from '../wire/bytes.ts'
import { remoteError } from '../wire/errors.ts'

/** The name of the protocol. */
export const PING_PROTOCOL = '/ipfs/ping/1.0.0'

/** Bytes per ping. */
export const PING_LENGTH = 32

/** The side that answers: gives back every ping that has come whole. */
export class PingResponder {
  readonly #incoming = new ByteQueue()

  /** Takes in bytes; returns what is to be sent back. */
  receive(chunk: Uint8Array): Uint8Array[] {
    this.#incoming.push(chunk)
    const whole = this.#incoming.length - (this.#incoming.length % PING_LENGTH)
    // Copies: the pieces may be views of a buffer that is about to be used again.
    return whole === 0 ? [] : [this.#incoming.read(whole).slice()]
  }

  /** Bytes of a ping that has not come whole. */
  get buffered(): number {
    return this.#incoming.length
  }
}

/** The side that asks: checks that the bytes come back as they were sent. */
export class PingRequester {
  readonly #incoming = new ByteQueue()
  readonly #sent: Uint8Array

  /** @param bytes the 32 random bytes of this ping */
  constructor(bytes: Uint8Array) {
    this.#sent = bytes
  }

  /** Takes in bytes; returns whether the answer is whole. Throws `ERR_PROTOCOL` when it is wrong. */
  receive(chunk: Uint8Array): boolean {
    this.#incoming.push(chunk)
    if (this.#incoming.length < PING_LENGTH) return false
    if (this.#incoming.length > PING_LENGTH || !equals(this.#incoming.read(PING_LENGTH), this.#sent)) {
      throw remoteError('ERR_PROTOCOL', 'The other side answered a ping with other bytes.', {
        scope: 'stream',
      })
    }
    return true
  }
}
