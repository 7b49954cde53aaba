import { type DhKeyPair, provider } from '../../crypto/index.ts'
import { concat, latin1Text } from '../../wire/bytes.ts'
import { ParleyError, remoteError } from '../../wire/errors.ts'
import { Recent } from '../../wire/recent.ts'
import type { CipherState } from './cipher-state.ts'
import { SymmetricState } from './symmetric-state.ts'

type Token = 'e' | 's' | 'ee' | 'es' | 'se'

/** The XX pattern: what each message carries and which secrets it mixes in. */
const pattern: readonly (readonly Token[])[] = [['e'], ['e', 'ee', 's', 'es'], ['s', 'se']]

const keyLength = 32

/** Static keys come again with their peers. In the array that it was in before, the provider knows a key that it has read in. */
const seen = new Recent<Uint8Array>(128)

/** Which side one is: the dialer of a connection is the initiator. */
export type NoiseRole = 'initiator' | 'responder'

/** What a handshake starts from. */
export interface HandshakeOptions {
  role: NoiseRole
  /** Our static key pair, `s`. */
  staticKey: DhKeyPair
  /** Our ephemeral key pair, `e`; fresh unless given, and only tests give it. */
  ephemeralKey?: DhKeyPair | undefined
  /** Bytes that both sides must agree on; none over TCP. */
  prologue?: Uint8Array
}

/** The ciphers of the session that a finished handshake becomes, and its transcript hash. */
export interface HandshakeResult {
  send: CipherState
  receive: CipherState
  hash: Uint8Array
}

/** What reading a message learns; kept only when the whole message was good. */
interface Draft {
  symmetric: SymmetricState
  re: Uint8Array | undefined
  rs: Uint8Array | undefined
}

/**
 * Noise's HandshakeState for the XX pattern: messages are written and read in turn, and after the third it
 * becomes a session. Payloads are opaque here.
 *
 * Specification: https://noiseprotocol.org/noise.html, section 5.3
 */
export class HandshakeState {
  readonly #initiator: boolean
  readonly #s: DhKeyPair
  readonly #e: DhKeyPair
  #state: Draft
  #turn = 0

  constructor({ role, staticKey, ephemeralKey, prologue = new Uint8Array(0) }: HandshakeOptions) {
    this.#initiator = role === 'initiator'
    this.#s = staticKey
    this.#e = ephemeralKey ?? provider.x25519()
    this.#state = { symmetric: new SymmetricState(), re: undefined, rs: undefined }
    this.#state.symmetric.mixHash(prologue)
  }

  /** Whether the next message is ours to write. */
  get mayWrite(): boolean {
    return this.#turn < pattern.length && (this.#turn % 2 === 0) === this.#initiator
  }

  /** Whether all three messages have passed. */
  get done(): boolean {
    return this.#turn >= pattern.length
  }

  /** The other side's static public key, once it was read. */
  get remoteStatic(): Uint8Array | undefined {
    return this.#state.rs
  }

  /** The next message, with `payload` inside. */
  write(payload: Uint8Array): Uint8Array {
    const out: Uint8Array[] = []
    for (const token of this.#tokens(true)) {
      const part = this.#writeToken(token)
      if (part) out.push(part)
    }
    out.push(this.#state.symmetric.encryptAndHash(payload))
    this.#turn++
    return concat(out)
  }

  /** Reads the other side's next message and returns its payload. A refused one (`ERR_NOISE`) leaves no trace. */
  read(message: Uint8Array): Uint8Array {
    const { symmetric, re, rs } = this.#state
    const draft = { symmetric: symmetric.clone(), re, rs }
    let rest = message
    for (const token of this.#tokens(false)) rest = this.#readToken(token, draft, rest)
    const payload = draft.symmetric.decryptAndHash(rest)
    this.#state = draft
    this.#turn++
    return payload
  }

  /** What the finished handshake becomes, once: a second pair of ciphers would use the first one's nonces again. */
  finish(): HandshakeResult {
    if (this.#turn !== pattern.length) {
      throw new ParleyError('ERR_NOISE', 'The handshake is not at the point where it becomes a session.')
    }
    this.#turn++
    const [first, second] = this.#state.symmetric.split()
    const hash = this.#state.symmetric.h
    return this.#initiator ? { send: first, receive: second, hash } : { send: second, receive: first, hash }
  }

  #tokens(writing: boolean): readonly Token[] {
    const tokens = pattern[this.#turn]
    if (tokens === undefined || this.mayWrite !== writing) {
      throw new ParleyError('ERR_NOISE', 'A handshake message came out of turn.')
    }
    return tokens
  }

  #writeToken(token: Token): Uint8Array | undefined {
    const { symmetric } = this.#state
    if (token === 's') return symmetric.encryptAndHash(this.#s.publicKey)
    if (token === 'e') symmetric.mixHash(this.#e.publicKey)
    else symmetric.mixKey(this.#dh(token, this.#state))
    return token === 'e' ? this.#e.publicKey : undefined
  }

  #readToken(token: Token, draft: Draft, rest: Uint8Array): Uint8Array {
    if (token === 'e') {
      draft.re = cut(rest, keyLength)
      draft.symmetric.mixHash(draft.re)
      return rest.subarray(keyLength)
    }
    if (token === 's') {
      const length = keyLength + draft.symmetric.overhead
      const key = draft.symmetric.decryptAndHash(cut(rest, length))
      draft.rs = seen.getOrSet(latin1Text(key), key.slice())
      return rest.subarray(length)
    }
    draft.symmetric.mixKey(this.#dh(token, draft))
    return rest
  }

  /** `es` is the initiator's ephemeral with the responder's static; the role says which half is ours. */
  #dh(token: 'ee' | 'es' | 'se', { re, rs }: Draft): Uint8Array {
    const ours = token === 'ee' || (token === 'es') === this.#initiator ? this.#e : this.#s
    const theirs = token === 'ee' || (token === 'se') === this.#initiator ? re : rs
    try {
      return ours.agree(theirs ?? new Uint8Array(0))
    } catch (cause) {
      throw remoteError('ERR_NOISE', 'The secure handshake failed: the other side sent a worthless key.', {
        stage: 'noise',
        cause,
      })
    }
  }
}

function cut(bytes: Uint8Array, length: number): Uint8Array {
  if (bytes.length < length) {
    throw remoteError('ERR_NOISE', 'The secure handshake failed: a message is too short.', { stage: 'noise' })
  }
  return bytes.slice(0, length)
}
