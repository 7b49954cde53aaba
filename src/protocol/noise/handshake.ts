/**
 * libp2p's Noise: the XX handshake with framed messages, in which each side proves its identity key.
 *
 * Specification: https://github.com/libp2p/specs/blob/master/noise/README.md
 */
import { type DhKeyPair, provider } from '../../crypto/index.ts'
import { concat } from '../../wire/bytes.ts'
import { encodeFrame16, FrameReader } from '../../wire/frame.ts'
import type { PrivateKey } from '../../wire/keys.ts'
import type { PeerId } from '../../wire/peer-id.ts'
import { Fuse } from '../fuse.ts'
import { HandshakeState, type NoiseRole } from './handshake-state.ts'
import { encodePayload, type NoisePayload, verifyPayload } from './payload.ts'
import { NoiseSession } from './session.ts'

/** The name that Noise has in negotiation. */
export const NOISE_PROTOCOL = '/noise'

/**
 * What all handshakes of a host share: its static key and the payload that signs it. Made once, because
 * signing is the dearest step; the ephemeral keys alone already make every session's secrets its own.
 */
export interface NoiseIdentity {
  readonly staticKey: DhKeyPair
  readonly payload: Uint8Array
}

/** Signs a static key, fresh unless given, with the identity key, and offers the muxers for early negotiation. */
export function createNoiseIdentity(
  identity: PrivateKey,
  muxers: readonly string[],
  staticKey: DhKeyPair = provider.x25519(),
): NoiseIdentity {
  return { staticKey, payload: encodePayload(identity, staticKey.publicKey, muxers) }
}

/** What a handshake starts from. */
export interface NoiseHandshakeOptions {
  role: NoiseRole
  identity: NoiseIdentity
  /** Whom we mean to talk to; a different peer is refused before anything else is sent. */
  expected?: PeerId | undefined
  /** Fresh unless given; only tests and the specification's transcript give it. */
  ephemeralKey?: DhKeyPair | undefined
  /** Called when the other side's payload has been opened, before the identity in it is checked. */
  opened?: (() => void) | undefined
}

/** A finished handshake: who the other side is, the session, and bytes that already belong to it. */
export interface Secured extends NoisePayload {
  session: NoiseSession
  rest: Uint8Array
}

/** The handshake as a machine: bytes in, bytes out, and in the end a session. */
export class NoiseHandshake {
  readonly #identity: NoiseIdentity
  readonly #expected: PeerId | undefined
  readonly #opened: (() => void) | undefined
  readonly #state: HandshakeState
  readonly #fuse = new Fuse()
  readonly #frames = new FrameReader({ max: 65_535, prefix: 'u16', error: 'ERR_NOISE' })
  #out: Uint8Array[] = []
  #remote: NoisePayload | undefined

  constructor({ role, identity, expected, ephemeralKey, opened }: NoiseHandshakeOptions) {
    this.#identity = identity
    this.#expected = expected
    this.#opened = opened
    this.#state = new HandshakeState({ role, staticKey: identity.staticKey, ephemeralKey })
    // Message 1 is readable to anyone, so its payload stays empty.
    if (role === 'initiator') this.#write(new Uint8Array(0))
  }

  /** What is to be sent now; empty when there is nothing. */
  take(): Uint8Array {
    const out = concat(this.#out)
    this.#out = []
    return out
  }

  /**
   * Takes in bytes; returns the session once the handshake is through (what `take()` then gives must still be
   * sent). Throws `ERR_NOISE`, `ERR_IDENTITY` or `ERR_PEER_MISMATCH`, and goes on throwing: a handshake that failed
   * never becomes a session, and one that has become a session never becomes another.
   */
  receive(chunk: Uint8Array): Secured | undefined {
    return this.#fuse.run(() => this.#receive(chunk))
  }

  #receive(chunk: Uint8Array): Secured | undefined {
    this.#frames.push(chunk)
    while (!this.#state.done) {
      const message = this.#frames.next()
      if (message === undefined) return undefined
      this.#read(message)
    }
    const { send, receive } = this.#state.finish()
    const { publicKey, peerId, muxers } = this.#remote!
    const session = new NoiseSession(send, receive)
    return { publicKey, peerId, muxers, session, rest: this.#frames.rest() }
  }

  #read(message: Uint8Array): void {
    const payload = this.#state.read(message)
    const remoteStatic = this.#state.remoteStatic
    if (remoteStatic !== undefined) {
      this.#opened?.()
      this.#remote = verifyPayload(payload, remoteStatic, this.#expected)
    }
    if (this.#state.mayWrite) this.#write(this.#identity.payload)
  }

  #write(payload: Uint8Array): void {
    this.#out.push(encodeFrame16(this.#state.write(payload)))
  }
}
