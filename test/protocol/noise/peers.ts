import { type KeyType, provider } from '#src/crypto/index'
import {
  createNoiseIdentity,
  NoiseHandshake,
  type NoiseHandshakeOptions,
  type NoiseIdentity,
  type Secured,
} from '#src/protocol/noise/handshake'
import { concat } from '#src/wire/bytes'
import { generateKey, type PrivateKey } from '#src/wire/keys'
import { type Cutting, feed } from '../../support/feed.ts'
import { exchange, type Machine } from '../../support/pair.ts'

/** The types of identity that this provider knows. */
export const identityTypes: KeyType[] =
  provider.name === 'native' ? ['ed25519', 'secp256k1', 'ecdsa', 'rsa'] : ['ed25519', 'secp256k1', 'ecdsa']

/** A fresh identity key; RSA ones of the smallest size, which are the quickest to make. */
export function identityKey(type: KeyType): Promise<PrivateKey> {
  return type === 'rsa' ? generateKey('rsa', { bits: 2048 }) : generateKey(type)
}

/** What the handshakes of a key share; offers yamux unless told otherwise. */
export function identityOf(key: PrivateKey, muxers: readonly string[] = ['/yamux/1.0.0']): NoiseIdentity {
  return createNoiseIdentity(key, muxers)
}

/** One side of a handshake that remembers what came of it, and keeps early bytes for the session. */
export class Side implements Machine<void> {
  readonly handshake: NoiseHandshake
  secured: Secured | undefined
  /** Bytes that came after the end of the handshake. */
  readonly late: Uint8Array[] = []

  constructor(options: NoiseHandshakeOptions) {
    this.handshake = new NoiseHandshake(options)
  }

  take(): Uint8Array {
    return this.handshake.take()
  }

  receive(chunk: Uint8Array): void {
    if (this.secured) this.late.push(chunk)
    else this.secured = this.handshake.receive(chunk)
  }

  receiveAll(bytes: Uint8Array, cutting: Cutting = 'whole'): void {
    for (const chunk of feed(bytes, cutting)) this.receive(chunk)
  }

  /** What came behind the handshake, decrypted. */
  heard(): Uint8Array {
    const { rest, session } = this.secured!
    return concat([rest, ...this.late].flatMap(chunk => session.receive(chunk)))
  }
}

/** Two sides that have shaken hands. */
export function shakeHands(
  initiator: Omit<NoiseHandshakeOptions, 'role'>,
  responder: Omit<NoiseHandshakeOptions, 'role'>,
  cutting: Cutting = 'whole',
): { a: Side; b: Side } {
  const a = new Side({ role: 'initiator', ...initiator })
  const b = new Side({ role: 'responder', ...responder })
  exchange(a, b, cutting)
  return { a, b }
}

/** The three messages of the handshake of two sides, framed. */
export function messagesOf({ a, b }: { a: Side; b: Side }): [Uint8Array, Uint8Array, Uint8Array] {
  const first = a.take()
  b.receive(first)
  const second = b.take()
  a.receive(second)
  return [first, second, a.take()]
}

/** The bytes with one bit turned over. */
export function flip(bytes: Uint8Array, bit: number): Uint8Array {
  const flipped = bytes.slice()
  flipped[bit >> 3]! ^= 1 << (bit & 7)
  return flipped
}
