import { provider } from '#src/crypto/index'
import { type Direction, Upgrade, type Upgraded } from '#src/net/upgrade'
import { createNoiseIdentity } from '#src/protocol/noise/handshake'
import { MAX_PLAINTEXT } from '#src/protocol/noise/session'
import { concat, EMPTY } from '#src/wire/bytes'
import { dialStages, type ParleyError } from '#src/wire/errors'
import { keyOf, peerIdOf } from '../../support/net.ts'
import { Input } from '../engine/input.ts'
import { must, mustEqual, outcome } from '../engine/promise.ts'
import type { Target } from '../engine/target.ts'

const keys = [keyOf(1), keyOf(2)] as const
const statics = [31, 32].map(byte => provider.x25519(new Uint8Array(32).fill(byte)))
const identities = [['/yamux/1.0.0'], []].map(muxers =>
  keys.map((key, i) => createNoiseIdentity(key, muxers, statics[i]!)),
)
const ephemerals = [41, 42].map(byte => provider.x25519(new Uint8Array(32).fill(byte)))
const hello = Uint8Array.of(1, 2, 3)
const longest = new Uint8Array(MAX_PLAINTEXT)

/** One side of a connection. */
class Side {
  readonly #machine: Upgrade
  upgraded: Upgraded | undefined
  error: ParleyError | undefined

  constructor(direction: Direction, input: Input) {
    const index = direction === 'outbound' ? 0 : 1
    const identity = input.pick(identities)[index]!
    const ephemeralKey = ephemerals[index]!
    const optimistic = input.flag()
    this.#machine = new Upgrade({ direction, identity, optimistic, ephemeralKey })
  }

  take(): Uint8Array {
    return this.#machine.take()
  }

  /** What comes behind the upgrade is the session's. */
  hear(chunk: Uint8Array): void {
    if (this.error || this.upgraded) return
    const { value, error } = outcome(() => this.#machine.receive(chunk))
    this.upgraded = value
    this.error = error
    must(
      !error || (error.stage !== undefined && dialStages.includes(error.stage)),
      'a failure says how far it came',
    )
  }
}

/** Two honest sides, and somebody between them who changes, drops and adds bytes. */
function run(bytes: Uint8Array): void {
  const input = new Input(bytes)
  const dialer = new Side('outbound', input)
  const listener = new Side('inbound', input)
  for (let turn = 0; turn < 8; turn++) {
    carry(dialer, listener, input)
    carry(listener, dialer, input)
  }
  check(dialer, 1)
  check(listener, 0)
  if (dialer.upgraded && listener.upgraded) mustBeJoined(dialer.upgraded, listener.upgraded)
}

function carry(from: Side, to: Side, input: Input): void {
  if (from.upgraded && to.upgraded) return
  const sent = from.take()
  const damaged = sent.length > 0 ? input.tamper(sent) : EMPTY
  if (damaged.length > 0) for (const chunk of input.cut(damaged)) to.hear(chunk)
}

function check({ upgraded }: Side, other: 0 | 1): void {
  must(!upgraded || upgraded.peerId.equals(peerIdOf(keys[other])), 'the other side is who it says')
}

function mustBeJoined(dialer: Upgraded, listener: Upgraded): void {
  const send = (bytes: Uint8Array) =>
    outcome(() => listener.session.receive(concat(dialer.session.seal([bytes]))), 'ERR_NOISE')
  const { value, error } = send(hello)
  if (error) return
  const heard = concat([EMPTY, ...value!])
  if (heard.length > 0) return mustEqual(heard.subarray(-hello.length), hello, 'both have the same keys')
  // Who stands between them has begun a record: it swallows what comes, and is refused once it is whole.
  must(send(longest).error !== undefined, 'a record that a stranger began is not genuine')
}

const target: Target = {
  run,
  maxLength: 400,
  seeds: () => [
    Uint8Array.of(0, 1, 0, 0),
    Uint8Array.of(1, 0, 1, 0, 0, 1, 0, 5),
    Uint8Array.of(0, 0, 1, 1, 130, 0, 0, 0, 22, 1, 0),
    Uint8Array.of(0, 1, 0, 0, 0, 0, 130, 0, 0, 0, 60, 1, 0),
    Uint8Array.of(1, 1, 1, 0, 0, 0, 240, 0, 0, 0, 3, 4, 1, 2, 3, 4, 0),
  ],
}

export default target
