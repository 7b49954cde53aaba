/**
 * From raw bytes to a secured, multiplexed connection: negotiate Noise, shake hands, settle on yamux.
 *
 * | phase | dialer sends | listener sends |
 * |---|---|---|
 * | negotiate | header, `/noise`, and Noise message 1 at once | header, `/noise` |
 * | noise | message 3, once message 2 proved the peer | message 2 |
 * | muxer | only without early negotiation: header, `/yamux/1.0.0` | header, `/yamux/1.0.0` |
 */
import type { DhKeyPair } from '../crypto/index.ts'
import {
  type Negotiated,
  type Negotiation,
  NegotiationDialer,
  NegotiationListener,
} from '../protocol/negotiate.ts'
import {
  NOISE_PROTOCOL,
  NoiseHandshake,
  type NoiseIdentity,
  type Secured,
} from '../protocol/noise/handshake.ts'
import type { NoiseSession } from '../protocol/noise/session.ts'
import { YAMUX_PROTOCOL } from '../protocol/yamux/session.ts'
import { concat } from '../wire/bytes.ts'
import { type DialStage, ParleyError, remoteError } from '../wire/errors.ts'
import type { PublicKey } from '../wire/keys.ts'
import type { PeerId } from '../wire/peer-id.ts'
import type { SpareKey } from './spare-key.ts'
import { aborted, deferred, onAbort } from './timer.ts'
import type { Socket } from './transport.ts'

/** Who began a connection or a stream. */
export type Direction = 'inbound' | 'outbound'

/** The muxer of a connection, and how the two sides agreed on it. */
export interface Muxer {
  readonly protocol: string
  /** Whether inside the Noise handshake, which saves a round trip; else by multistream-select behind it. */
  readonly early: boolean
}

/** A stage of an upgrade that is behind it, and what came of it. */
export type UpgradeProgress =
  | { readonly stage: 'negotiate' }
  | { readonly stage: 'noise' }
  | { readonly stage: 'identity'; readonly peerId: PeerId; readonly publicKey: PublicKey }
  | { readonly stage: 'muxer'; readonly muxer: Muxer }

/** What an upgrade starts from. */
export interface UpgradeOptions {
  direction: Direction
  identity: NoiseIdentity
  /** Whom we mean to talk to. */
  expected?: PeerId | undefined
  /** Whether the dialer sends Noise message 1 without waiting to hear that Noise is spoken. Default true. */
  optimistic?: boolean | undefined
  /** Fresh unless given; only the specification's transcript gives it. */
  ephemeralKey?: DhKeyPair | undefined
  /** Called as each stage is passed, before anything that follows from it is sent. */
  passed?: ((progress: UpgradeProgress) => void) | undefined
}

/** An upgraded connection: who the other side is, and what was sent or received beyond the upgrade. */
export interface Upgraded {
  peerId: PeerId
  publicKey: PublicKey
  muxer: Muxer
  session: NoiseSession
  /** Plaintext that came behind the upgrade. */
  rest: Uint8Array[]
}

/** The upgrade as a machine: bytes in, bytes out, and in the end a session. */
export class Upgrade {
  readonly #dialer: boolean
  readonly #optimistic: boolean
  readonly #handshake: NoiseHandshake
  readonly #passed: ((progress: UpgradeProgress) => void) | undefined
  #negotiation: Negotiation
  #secured: Secured | undefined
  #out: Uint8Array[] = []
  #stage: DialStage = 'negotiate'

  constructor({ direction, identity, expected, optimistic = true, ephemeralKey, passed }: UpgradeOptions) {
    this.#dialer = direction === 'outbound'
    this.#optimistic = this.#dialer && optimistic
    this.#passed = passed
    const role = this.#dialer ? 'initiator' : 'responder'
    const opened = () => this.#pass({ stage: 'noise' }, 'identity')
    this.#handshake = new NoiseHandshake({ role, identity, expected, ephemeralKey, opened })
    this.#negotiation = this.#negotiate(NOISE_PROTOCOL)
    this.#out.push(this.#negotiation.take())
    if (this.#optimistic) this.#out.push(this.#handshake.take())
  }

  /** How far the upgrade has come. */
  get stage(): DialStage {
    return this.#stage
  }

  /** What is to be sent now; empty when there is nothing. */
  take(): Uint8Array {
    const out = concat(this.#out)
    this.#out = []
    return out
  }

  /** Takes in bytes; returns the result once the connection stands, for which `take()` may have last bytes. Errors carry the stage they happened at. */
  receive(chunk: Uint8Array): Upgraded | undefined {
    try {
      if (this.#secured) return this.#settleMuxer(this.#secured, this.#secured.session.receive(chunk))
      return this.#stage === 'negotiate' ? this.#settleSecurity(chunk) : this.#shakeHands(chunk)
    } catch (error) {
      if (error instanceof ParleyError) error.stage = this.#stage
      throw error
    }
  }

  #pass(progress: UpgradeProgress, next: DialStage): void {
    this.#stage = next
    this.#passed?.(progress)
  }

  #negotiate(protocol: string): Negotiation {
    return this.#dialer
      ? new NegotiationDialer([protocol])
      : new NegotiationListener(proposal => proposal === protocol)
  }

  #settleSecurity(chunk: Uint8Array): Upgraded | undefined {
    const negotiated = this.#negotiation.receive(chunk)
    this.#out.push(this.#negotiation.take())
    if (!negotiated) return undefined
    this.#pass({ stage: 'negotiate' }, 'noise')
    this.#out.push(this.#handshake.take())
    return negotiated.rest.length > 0 ? this.#shakeHands(negotiated.rest) : undefined
  }

  #shakeHands(chunk: Uint8Array): Upgraded | undefined {
    const secured = this.#handshake.receive(chunk)
    this.#out.push(this.#handshake.take())
    if (!secured) return undefined
    const { peerId, publicKey } = secured
    this.#pass({ stage: 'identity', peerId, publicKey }, 'muxer')
    const rest = secured.rest.length > 0 ? secured.session.receive(secured.rest) : []
    if (secured.muxers.includes(YAMUX_PROTOCOL)) return this.#finish(secured, rest, true)
    this.#secured = secured
    this.#negotiation = this.#negotiate(YAMUX_PROTOCOL)
    this.#seal(secured, this.#negotiation.take())
    return this.#settleMuxer(secured, rest)
  }

  #settleMuxer(secured: Secured, pieces: Uint8Array[]): Upgraded | undefined {
    for (const [index, piece] of pieces.entries()) {
      const negotiated: Negotiated | undefined = this.#negotiation.receive(piece)
      this.#seal(secured, this.#negotiation.take())
      if (negotiated) return this.#finish(secured, [negotiated.rest, ...pieces.slice(index + 1)], false)
    }
    return undefined
  }

  #seal({ session }: Secured, plaintext: Uint8Array): void {
    if (plaintext.length > 0) this.#out.push(...session.seal([plaintext]))
  }

  #finish({ peerId, publicKey, session }: Secured, pieces: Uint8Array[], early: boolean): Upgraded {
    const muxer = { protocol: YAMUX_PROTOCOL, early }
    this.#pass({ stage: 'muxer', muxer }, 'protocol')
    const rest = pieces.filter(piece => piece.length > 0)
    return { peerId, publicKey, muxer, session, rest }
  }
}

/** What the upgrade of a socket starts from. */
export interface SocketUpgradeOptions extends UpgradeOptions {
  /** Where the ephemeral key comes from if there is one, and one is made while this handshake waits. */
  spareKey?: SpareKey | undefined
}

/**
 * Upgrades a socket. The signal is the deadline: bytes that trickle in do not prolong it; who gives none destroys the socket. On
 * failure the socket is destroyed; the error's stage says how far it came.
 */
export function upgrade(
  socket: Socket,
  { direction, identity, expected, optimistic, passed, spareKey, ephemeralKey }: SocketUpgradeOptions,
  signal?: AbortSignal,
): Promise<Upgraded> {
  const key = ephemeralKey ?? spareKey?.take()
  const machine = new Upgrade({ direction, identity, expected, optimistic, ephemeralKey: key, passed })
  const { promise, resolve, reject } = deferred<Upgraded>()
  let settled = false
  const settle = (finish: () => void) => {
    if (settled) return
    settled = true
    finish()
  }
  const fail = (error: unknown) =>
    settle(() => {
      socket.destroy()
      reject(error)
    })
  const succeed = (upgraded: Upgraded) => {
    // Nothing may arrive between this handler and the connection's.
    socket.pause()
    settle(() => resolve(upgraded))
  }
  const undo = onAbort(signal, () => fail(aborted(signal!, machine.stage)))
  const step = (upgraded: Upgraded | undefined) => {
    if (settled) return
    // The last message too: the other side works on it while this one makes its first frames, which is worth a write.
    const out = machine.take()
    if (out.length > 0) socket.write([out])
    if (upgraded) succeed(upgraded)
    // The other side has something to do now, and this one has not.
    else if (out.length > 0) spareKey?.prepare()
  }
  socket.attach({
    data(chunk) {
      try {
        step(machine.receive(chunk.slice()))
      } catch (error) {
        fail(error)
      }
    },
    end: () => fail(closedEarly(machine.stage)),
    drain() {},
    close: () => fail(closedEarly(machine.stage)),
  })
  step(undefined)
  return promise.finally(undo)
}

function closedEarly(stage: DialStage): ParleyError {
  const message = 'The other side closed the connection before it was ready.'
  return remoteError('ERR_CONNECTION_CLOSED', message, { stage })
}
