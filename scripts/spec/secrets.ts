/** The handshake worked out once more, step by step as the page describes it, to show what no machine gives away. */
import { provider } from '#src/crypto/index'
import { concat, EMPTY, utf8 } from '#src/wire/bytes'

/** The X25519 keys of one side: its own secrets. */
export interface NoiseSecrets {
  readonly staticSecret: Uint8Array
  readonly ephemeralSecret: Uint8Array
}

/** A value of the key schedule. */
export interface Step {
  readonly label: string
  readonly value: Uint8Array
}

/** What comes out: every value on the way, the payloads of messages 2 and 3, and the keys of the two directions. */
export interface KeySchedule {
  readonly steps: readonly Step[]
  readonly payloads: readonly [Uint8Array, Uint8Array]
  readonly dialerKey: Uint8Array
  readonly listenerKey: Uint8Array
}

const sealedKeyLength = 32 + 16

/** Follows three handshake messages, without their length prefixes. */
export function keySchedule(
  dialer: NoiseSecrets,
  listener: NoiseSecrets,
  [first, second, third]: readonly [Uint8Array, Uint8Array, Uint8Array],
): KeySchedule {
  const steps: Step[] = []
  const note = (label: string, value: Uint8Array) => {
    steps.push({ label, value })
    return value
  }
  let h = note('h and ck: the name', utf8('Noise_XX_25519_ChaChaPoly_SHA256'))
  let ck = h
  let k = EMPTY
  let n = 0
  const mixHash = (label: string, data: Uint8Array) => {
    h = note(`h after ${label}`, provider.sha256(h, data))
  }
  const mixKey = (label: string, secret: Uint8Array) => {
    const derived = provider.hkdf(ck, note(label, secret), 64)
    ck = note(`ck after ${label}`, derived.slice(0, 32))
    k = note(`k after ${label}`, derived.slice(32))
    n = 0
  }
  const open = (label: string, sealed: Uint8Array) => {
    const tagAt = sealed.length - 16
    const opened = provider.open(k, nonce(n++), h, [sealed.subarray(0, tagAt)], sealed.subarray(tagAt))
    if (!opened) throw new Error(`The ${label} does not open.`)
    mixHash(label, sealed)
    return concat(opened)
  }
  const keys = {
    dialer: { e: provider.x25519(dialer.ephemeralSecret), s: provider.x25519(dialer.staticSecret) },
    listener: { e: provider.x25519(listener.ephemeralSecret), s: provider.x25519(listener.staticSecret) },
  }

  mixHash('the empty prologue', EMPTY)

  mixHash('e of message 1', first)
  mixHash('the empty payload of message 1', EMPTY)

  mixHash('e of message 2', second.subarray(0, 32))
  mixKey('ee', keys.dialer.e.agree(keys.listener.e.publicKey))
  open('s of message 2', second.subarray(32, 32 + sealedKeyLength))
  mixKey('es', keys.dialer.e.agree(keys.listener.s.publicKey))
  const listenersPayload = open('payload of message 2', second.subarray(32 + sealedKeyLength))

  open('s of message 3', third.subarray(0, sealedKeyLength))
  mixKey('se', keys.dialer.s.agree(keys.listener.e.publicKey))
  const dialersPayload = open('payload of message 3', third.subarray(sealedKeyLength))

  const split = provider.hkdf(ck, EMPTY, 64)
  return {
    steps,
    payloads: [listenersPayload, dialersPayload],
    dialerKey: note("key of the dialer's records", split.slice(0, 32)),
    listenerKey: note("key of the listener's records", split.slice(32)),
  }
}

/** Four zero bytes, then the count in little-endian order. */
export function nonce(count: number): Uint8Array {
  const bytes = new Uint8Array(12)
  new DataView(bytes.buffer).setUint32(4, count, true)
  return bytes
}
