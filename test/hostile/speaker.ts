import { setTimeout as wait } from 'node:timers/promises'
import { type DhKeyPair, provider } from '#src/crypto/index'
import { type Direction, Upgrade } from '#src/net/upgrade'
import { encodeMessage, MULTISTREAM_PROTOCOL } from '#src/protocol/negotiate'
import { NOISE_PROTOCOL } from '#src/protocol/noise/handshake'
import { HandshakeState } from '#src/protocol/noise/handshake-state'
import { concat, EMPTY } from '#src/wire/bytes'
import { encodeFrame16 } from '#src/wire/frame'
import type { PrivateKey } from '#src/wire/keys'
import { keyOf, noiseOf, until } from '../support/net.ts'
import type { Stranger } from './stranger.ts'
import { thrownBy } from './trial.ts'

/** The attackers' key, where any will do, and another one. */
export const key: PrivateKey = keyOf(66)
/** See `key`. */
export const otherKey: PrivateKey = keyOf(67)
const identity = noiseOf(key)
const victim = noiseOf(keyOf(68))

/** What both sides of a negotiation send first. */
export const header: Uint8Array = encodeMessage(MULTISTREAM_PROTOCOL)

/** What a dialer says before its Noise message 1, and what a listener answers. */
export const greeting: Uint8Array = concat([header, encodeMessage(NOISE_PROTOCOL)])

/** Says bytes to someone, and gives what that one answers. */
export type Say = (...chunks: Uint8Array[]) => Uint8Array

/** The error with which the upgrade of an honest host ends that is spoken to like this. */
export function refusalOf(direction: Direction, talk: (say: Say, first: Uint8Array) => void): unknown {
  const upgrade = new Upgrade({ direction, identity: victim })
  const say: Say = (...chunks) => {
    for (const chunk of chunks) upgrade.receive(chunk)
    return upgrade.take()
  }
  return thrownBy(() => talk(say, upgrade.take()))
}

/** An upgrade that plays by the rules, whose bytes a stranger sends as he likes. */
export function honest(direction: Direction, by: PrivateKey = key): Upgrade {
  return new Upgrade({ direction, identity: by === key ? identity : noiseOf(by) })
}

/** What may be wrong with a handshake. */
export interface Falsehood {
  /** In place of an honest static key. */
  staticKey?: DhKeyPair
  /** In place of an honest ephemeral key. */
  ephemeralKey?: DhKeyPair
  /** What takes the place of the bytes of the message that holds the payload, whole. */
  altered?: (message: Uint8Array) => Uint8Array
}

/** The message with its length in front, as Noise frames it. */
export const framed = (message: Uint8Array): Uint8Array => encodeFrame16(message)

/** Dials: greets, sends message 1, and when message 2 has come a third one with that payload. */
export async function shakeAsDialer(
  stranger: Stranger,
  payload: Uint8Array,
  { staticKey = provider.x25519(), ephemeralKey, altered = message => message }: Falsehood = {},
): Promise<void> {
  const noise = new HandshakeState({ role: 'initiator', staticKey, ephemeralKey })
  stranger.send(concat([greeting, framed(noise.write(EMPTY))]))
  const second = await heardBehind(stranger, greeting.length)
  if (!second) return
  noise.read(second)
  stranger.send(framed(altered(noise.write(payload))))
}

/** Answers: waits for greeting and message 1, and sends the second one with that payload. */
export async function shakeAsListener(
  stranger: Stranger,
  payload: Uint8Array,
  { staticKey = provider.x25519(), ephemeralKey, altered = message => message }: Falsehood = {},
): Promise<void> {
  const noise = new HandshakeState({ role: 'responder', staticKey, ephemeralKey })
  const first = await heardBehind(stranger, greeting.length)
  if (!first) return
  noise.read(first)
  stranger.send(concat([greeting, framed(altered(noise.write(payload)))]))
}

/** The Noise message behind so many bytes of what a stranger has heard; nothing when he is shown the door before. */
export async function heardBehind(stranger: Stranger, offset: number): Promise<Uint8Array | undefined> {
  const whole = () => {
    const { received } = stranger
    if (received.length < offset + 2) return undefined
    const end = offset + 2 + received[offset]! * 256 + received[offset + 1]!
    return received.length < end ? undefined : received.subarray(offset + 2, end)
  }
  await until(() => whole() !== undefined || stranger.isOver, 'a Noise message comes')
  return whole()
}

/** An honest listener with that key, at the other end of a socket. */
export async function listenHonestly(stranger: Stranger, by: PrivateKey = key): Promise<void> {
  const upgrade = honest('inbound', by)
  for (let heard = 0; !stranger.isOver; await wait(1)) {
    const { received } = stranger
    if (received.length > heard) upgrade.receive(received.slice(heard))
    heard = received.length
    stranger.send(upgrade.take())
  }
}
