import { provider } from '#src/crypto/index'
import { createNoiseIdentity, NoiseHandshake, type Secured } from '#src/protocol/noise/handshake'
import { type HandshakeResult, HandshakeState, type NoiseRole } from '#src/protocol/noise/handshake-state'
import { concat, EMPTY, utf8 } from '#src/wire/bytes'
import type { ParleyError } from '#src/wire/errors'
import { encodeFrame16 } from '#src/wire/frame'
import { keyOf, peerIdOf } from '../../support/net.ts'
import { Input } from '../engine/input.ts'
import { must, mustEqual, outcome, staysBroken } from '../engine/promise.ts'

const pairOf = (byte: number) => provider.x25519(new Uint8Array(32).fill(byte))
const ours = createNoiseIdentity(keyOf(1), ['/yamux/1.0.0'], pairOf(11))
const theirKey = keyOf(2)
const theirs = createNoiseIdentity(theirKey, ['/yamux/1.0.0', '/mplex'], pairOf(12))
const theirId = peerIdOf(theirKey)
const strangerId = peerIdOf(keyOf(3))
const [ourEphemeral, theirEphemeral] = [pairOf(21), pairOf(22)]
const codes = ['ERR_NOISE', 'ERR_IDENTITY', 'ERR_PEER_MISMATCH'] as const
const greeting = utf8('greeting')

/**
 * A handshake between our machine and a peer who has its keys, but says what the input tells him to: any payload, any damage
 * on the wire. Whatever he does, he is either refused for good or has proved to be himself.
 */
export class NoisePlay {
  readonly #input: Input
  readonly #machine: NoiseHandshake
  readonly #peer: HandshakeState
  #secured: Secured | undefined
  #error: ParleyError | undefined

  constructor(bytes: Uint8Array, role: NoiseRole) {
    this.#input = new Input(bytes)
    const expected = this.#input.pick([undefined, theirId, strangerId])
    this.#machine = new NoiseHandshake({ role, identity: ours, expected, ephemeralKey: ourEphemeral })
    this.#peer = new HandshakeState({
      role: role === 'initiator' ? 'responder' : 'initiator',
      staticKey: theirs.staticKey,
      ephemeralKey: theirEphemeral,
    })
  }

  /** Plays it to its end. */
  run(): void {
    if (this.#input.flag()) this.#tell(this.#input.rest())
    let goesOn = true
    while (goesOn) goesOn = !this.#secured && !this.#error && this.#step()
    if (this.#error) staysBroken(this.#error, () => this.#machine.receive(EMPTY))
    if (this.#secured) this.#check(this.#secured)
  }

  /** The peer hears what there is, and speaks if it is his turn; returns whether anything can still happen. */
  #step(): boolean {
    const heard = this.#machine.take()
    if (heard.length > 0 && outcome(() => this.#peer.read(heard.subarray(2)), 'ERR_NOISE').error) return false
    if (!this.#peer.mayWrite) return false
    const frame = encodeFrame16(this.#peer.write(this.#payload()))
    this.#tell(this.#input.tamper(frame))
    return true
  }

  /** Mostly the right one, or nothing, or it with some damage or something behind it, or any bytes. */
  #payload(): Uint8Array {
    const choice = this.#input.byte()
    if (choice < 96) return theirs.payload
    if (choice < 128) return EMPTY
    if (choice < 192) return this.#input.tamper(theirs.payload)
    const bytes = this.#input.take(this.#input.byte())
    return choice < 224 ? concat([theirs.payload, bytes]) : bytes
  }

  #tell(bytes: Uint8Array): void {
    for (const chunk of this.#input.cut(bytes)) {
      if (this.#secured || this.#error) return
      const { value, error } = outcome(() => this.#machine.receive(chunk), ...codes)
      this.#secured = value
      this.#error = error
    }
  }

  #check({ peerId, session, rest, muxers }: Secured): void {
    must(peerId.equals(theirId), 'nobody can prove to be somebody else')
    must(muxers.length <= 100, 'the muxers are bounded')
    const last = this.#machine.take()
    if (last.length > 0) this.#peer.read(last.subarray(2))
    const { send, receive } = this.#peer.finish()
    mustEqual(concat([EMPTY, ...session.receive(sealed(send))]), greeting, 'what the peer says arrives')
    const record = concat(session.seal([greeting]))
    const heard = receive.decrypt([record.subarray(2, -16)], record.subarray(-16))
    mustEqual(concat(heard ?? [EMPTY]), greeting, 'what we say arrives')
    must(rest.length < 70_000, 'the rest is what came behind')
  }
}

function sealed(send: HandshakeResult['send']): Uint8Array {
  const [ciphertext, tag] = send.encrypt(greeting)
  return encodeFrame16(concat([ciphertext, tag]))
}

/** Inputs that begin with a choice of whom we expect. */
export function noiseSeeds(): Uint8Array[] {
  return [
    Uint8Array.of(0, 0),
    Uint8Array.of(1, 0, 0, 0, 1),
    Uint8Array.of(2, 0, 100, 0, 0, 0),
    Uint8Array.of(0, 0, 100, 0, 0, 200, 3, 0x22, 1, 0x61),
    Uint8Array.of(0, 0, 100, 0, 1, 150, 0, 0, 0, 40, 130, 0, 0, 0, 9, 1),
    Uint8Array.of(0, 0, 100, 140, 0, 0, 0, 5, 1, 0),
    Uint8Array.of(0, 0, 240, 10, 8, 1, 18, 32, 1, 2, 3, 4, 5, 6),
    Uint8Array.of(0, 1, 0, 32, ...new Uint8Array(32)),
    Uint8Array.of(0, 1, 255, 255, 0, 0),
    concat([Uint8Array.of(0, 1), encodeFrame16(theirEphemeral.publicKey)]),
    concat([Uint8Array.of(0, 0, 210, 80), theirs.payload.slice(-80)]),
  ]
}
