import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { type KeyType, provider } from '#src/crypto/index'
import { NOISE_PROTOCOL, type NoiseIdentity } from '#src/protocol/noise/handshake'
import { HandshakeState } from '#src/protocol/noise/handshake-state'
import { concat, EMPTY, hex, utf8 } from '#src/wire/bytes'
import type { ErrorCode } from '#src/wire/errors'
import { encodeFrame16 } from '#src/wire/frame'
import type { PrivateKey } from '#src/wire/keys'
import { PeerId } from '#src/wire/peer-id'
import { cuttingKinds } from '../../support/feed.ts'
import { bytesOf, pattern, refuses } from '../../support/wire.ts'
import { hostilePayloads } from './hostile.ts'
import { flip, identityKey, identityOf, identityTypes, messagesOf, Side, shakeHands } from './peers.ts'

const ephemeralKeys = [pattern(32), pattern(64).subarray(32)].map(secret => provider.x25519(secret))

const idOf = (key: PrivateKey) => PeerId.fromPublicKey(key.publicKey)

describe('the Noise handshake of libp2p', () => {
  const keys = new Map<KeyType, [PrivateKey, PrivateKey]>()
  let alice: NoiseIdentity
  let bob: NoiseIdentity
  before(async () => {
    for (const type of identityTypes) keys.set(type, [await identityKey(type), await identityKey(type)])
    const [first, second] = keys.get('ed25519')!
    alice = identityOf(first)
    bob = identityOf(second)
  })

  /** A new pair of sides whose ephemeral keys are fixed, so that their messages are always the same. */
  const fixedPair = () => ({
    a: new Side({ role: 'initiator', identity: alice, ephemeralKey: ephemeralKeys[0] }),
    b: new Side({
      role: 'responder',
      identity: bob,
      ephemeralKey: ephemeralKeys[1],
    }),
  })

  /** Asserts that the side refuses the bytes, for good, and says nothing more. */
  function staysShut(side: Side, code: ErrorCode, bytes: Uint8Array, message?: string): void {
    refuses(code, () => side.receive(bytes), message)
    refuses(code, () => side.receive(EMPTY), message)
    refuses(code, () => side.receive(bytes), message)
    assert.equal(side.secured, undefined, message)
    assert.equal(side.take().length, 0, message)
  }

  test('proves each side to the other, for all types of key and any cutting', () => {
    assert.equal(NOISE_PROTOCOL, '/noise')
    for (const [i, typeA] of identityTypes.entries()) {
      for (const [j, typeB] of identityTypes.entries()) {
        const keyA = keys.get(typeA)![0]
        const keyB = keys.get(typeB)![1]
        const { a, b } = shakeHands(
          { identity: identityOf(keyA), expected: idOf(keyB) },
          { identity: identityOf(keyB), expected: idOf(keyA) },
          cuttingKinds[(i + j) % cuttingKinds.length],
        )
        assert.ok(a.secured && b.secured)
        assert.ok(a.secured.peerId.equals(idOf(keyB)) && a.secured.publicKey.equals(keyB.publicKey))
        assert.ok(b.secured.peerId.equals(idOf(keyA)) && b.secured.publicKey.equals(keyA.publicKey))
        b.receiveAll(concat(a.secured.session.seal([utf8('to b')])))
        a.receiveAll(concat(b.secured.session.seal([utf8('to a')])))
        assert.deepEqual([b.heard(), a.heard()], [utf8('to b'), utf8('to a')])
      }
    }
  })

  test('sends messages of the sizes that others send', () => {
    const [first, second, third] = messagesOf(fixedPair())
    assert.equal(hex(first.subarray(0, 2)), '0020')
    assert.equal(first.length, 2 + 32)
    assert.equal(second.length, 2 + 216)
    assert.equal(third.length, 2 + 216 - 32)
  })

  test('tells each side what muxers the other offers', () => {
    const [keyA, keyB] = keys.get('ed25519')!
    for (const [ofA, ofB] of [
      [['/yamux/1.0.0'], []],
      [[], ['/b', '/yamux/1.0.0']],
    ]) {
      const { a, b } = shakeHands({ identity: identityOf(keyA, ofA) }, { identity: identityOf(keyB, ofB) })
      assert.deepEqual([a.secured?.muxers, b.secured?.muxers], [ofB, ofA])
    }
  })

  test('hands over what came behind the last message, for every cutting', () => {
    const { a, b } = fixedPair()
    const first = a.take()
    b.receive(first)
    a.receive(b.take())
    const { session } = a.secured!
    const early = [utf8('early'), pattern(300)]
    const last = concat([a.take(), ...early.flatMap(plaintext => session.seal([plaintext]))])
    for (const cutting of cuttingKinds) {
      const { b: again } = fixedPair()
      again.receive(first)
      again.take()
      again.receiveAll(last, cutting)
      assert.deepEqual(again.heard(), concat(early))
    }
  })

  test('has fresh ephemeral keys, and so fresh secrets, each time', () => {
    const messages = [1, 2].map(() => hex(new Side({ role: 'initiator', identity: alice }).take()))
    assert.notEqual(messages[0], messages[1])
  })

  test('passes over what message 1 carries beside its key', () => {
    for (const extra of [1, 65_503]) {
      const b = new Side({ role: 'responder', identity: bob })
      b.receive(encodeFrame16(concat([pattern(32), pattern(extra)])))
      assert.equal(b.take().length, 2 + 216)
    }
  })

  for (const type of identityTypes) {
    test(`refuses another peer of ${type} than the one expected, on both sides, before it says who it is`, () => {
      const [key, stranger] = keys.get(type)!
      const wary = new Side({ role: 'initiator', identity: alice, expected: idOf(stranger) })
      const falseB = new Side({ role: 'responder', identity: identityOf(key) })
      falseB.receive(wary.take())
      staysShut(wary, 'ERR_PEER_MISMATCH', falseB.take())

      const waryB = new Side({ role: 'responder', identity: bob, expected: idOf(stranger) })
      const falseA = new Side({ role: 'initiator', identity: identityOf(key) })
      waryB.receive(falseA.take())
      falseA.receive(waryB.take())
      staysShut(waryB, 'ERR_PEER_MISMATCH', falseA.take())
    })
  }

  test('refuses whoever proves nothing, on both sides', () => {
    const [key, otherKey] = keys.get('ed25519')!
    const staticKey = provider.x25519()
    const payloads = hostilePayloads(key, otherKey, staticKey.publicKey, alice.staticKey.publicKey)
    for (const [fault, payload] of payloads) {
      const a = new Side({ role: 'initiator', identity: alice })
      const falseB = new HandshakeState({ role: 'responder', staticKey })
      falseB.read(a.take().subarray(2))
      staysShut(a, 'ERR_IDENTITY', encodeFrame16(falseB.write(payload)), fault)

      const b = new Side({ role: 'responder', identity: bob })
      const falseA = new HandshakeState({ role: 'initiator', staticKey })
      b.receive(encodeFrame16(falseA.write(EMPTY)))
      falseA.read(b.take().subarray(2))
      staysShut(b, 'ERR_IDENTITY', encodeFrame16(falseA.write(payload)), fault)
    }
  })

  test('never becomes a session when any bit of message 2 or 3 is turned over', () => {
    const [first, second, third] = messagesOf(fixedPair())
    for (let bit = 0; bit < 8 * Math.max(second.length, third.length); bit++) {
      const { a, b } = fixedPair()
      neverSecured(a, second, bit)
      if (bit >= 8 * third.length) continue
      b.receive(first)
      b.take()
      neverSecured(b, third, bit)
    }
  })

  /** A length that grew leaves the side waiting for the rest; everything else it refuses. */
  function neverSecured(side: Side, message: Uint8Array, bit: number): void {
    const bad = flip(message, bit)
    const announced = bad[0]! * 256 + bad[1]!
    if (announced > message.length - 2) side.receive(bad)
    else refuses('ERR_NOISE', () => side.receive(bad), `bit ${bit}`)
    assert.equal(side.secured, undefined, `bit ${bit}`)
  }

  test('refuses messages that are too short', () => {
    const [first, second, third] = messagesOf(fixedPair())
    for (const length of [0, 1, 16, 31]) {
      const tiny = encodeFrame16(pattern(length))
      const { a, b } = fixedPair()
      staysShut(b, 'ERR_NOISE', tiny)
      a.take()
      staysShut(a, 'ERR_NOISE', tiny)
    }
    for (const length of [32, 79, 80, 95, 96, second.length - 3]) {
      const { a } = fixedPair()
      a.take()
      staysShut(a, 'ERR_NOISE', encodeFrame16(second.subarray(2, 2 + length)))
    }
    for (const length of [0, 47, 48, 63, 64, third.length - 3]) {
      const { b } = fixedPair()
      b.receive(first)
      b.take()
      staysShut(b, 'ERR_NOISE', encodeFrame16(third.subarray(2, 2 + length)))
    }
  })

  test('refuses its own messages sent back to it', () => {
    const { a, b } = fixedPair()
    const first = a.take()
    staysShut(a, 'ERR_NOISE', first)
    b.receive(first)
    staysShut(b, 'ERR_NOISE', b.take())
  })

  test('refuses a second initiator', () => {
    const { a } = fixedPair()
    a.take()
    staysShut(a, 'ERR_NOISE', new Side({ role: 'initiator', identity: bob }).take())
  })

  test('refuses a worthless ephemeral key', () => {
    const { a, b } = fixedPair()
    staysShut(b, 'ERR_NOISE', encodeFrame16(new Uint8Array(32)))
    a.take()
    staysShut(a, 'ERR_NOISE', encodeFrame16(concat([new Uint8Array(32), pattern(200)])))
  })

  test('becomes one session and no second one', () => {
    const { a, b } = shakeHands({ identity: alice }, { identity: bob })
    for (const side of [a, b]) {
      for (const bytes of [EMPTY, bytesOf('0020'), pattern(100)]) {
        refuses('ERR_NOISE', () => side.handshake.receive(bytes))
      }
    }
  })
})
