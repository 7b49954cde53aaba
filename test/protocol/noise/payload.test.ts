import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import fc from 'fast-check'
import { encodePayload, verifyPayload } from '#src/protocol/noise/payload'
import { concat, EMPTY, utf8 } from '#src/wire/bytes'
import { ParleyError } from '#src/wire/errors'
import type { PrivateKey } from '#src/wire/keys'
import { PeerId } from '#src/wire/peer-id'
import { ProtobufWriter } from '#src/wire/protobuf'
import { anyBytes, parsed, pattern, refuses } from '../../support/wire.ts'
import { hostilePayloads, payloadOf, signedBytes } from './hostile.ts'
import { identityKey, identityTypes } from './peers.ts'

const staticKey = pattern(32)
const yamux = '/yamux/1.0.0'

/** Extensions that offer these muxers. */
function offering(muxers: readonly string[]): ProtobufWriter {
  const writer = new ProtobufWriter()
  for (const muxer of muxers) writer.string(2, muxer)
  return writer
}

describe('the handshake payload', () => {
  let key: PrivateKey
  let otherKey: PrivateKey
  let signature: Uint8Array
  before(async () => {
    key = await identityKey('ed25519')
    otherKey = await identityKey('ed25519')
    signature = key.sign(signedBytes(staticKey))
  })
  const check = (bytes: Uint8Array, expected?: PeerId) => verifyPayload(bytes, staticKey, expected)

  for (const type of identityTypes) {
    test(`proves an identity of ${type}, and no other than the one expected`, async () => {
      const own = await identityKey(type)
      const peerId = PeerId.fromPublicKey(own.publicKey)
      const payload = encodePayload(own, staticKey, [yamux])
      for (const expected of [undefined, peerId]) {
        const proved = check(payload, expected)
        assert.ok(proved.publicKey.equals(own.publicKey))
        assert.ok(proved.peerId.equals(peerId))
        assert.deepEqual(proved.muxers, [yamux])
      }
      const stranger = PeerId.fromPublicKey((await identityKey(type)).publicKey)
      refuses('ERR_PEER_MISMATCH', () => check(payload, stranger))
      refuses('ERR_IDENTITY', () => verifyPayload(payload, pattern(33).subarray(1), peerId))
    })
  }

  test('holds key, signature and muxers under the numbers of the specification', () => {
    const parts = payloadOf(key.publicKey.bytes, signature, offering([yamux, '/mplex/6.7.0']).finish())
    assert.deepEqual(encodePayload(key, staticKey, [yamux, '/mplex/6.7.0']), parts)
    assert.deepEqual(encodePayload(key, staticKey, []), payloadOf(key.publicKey.bytes, signature))
    assert.deepEqual(signedBytes(staticKey).subarray(0, 24), utf8('noise-libp2p-static-key:'))
  })

  test('offers the muxers of its extension, in their order, and none without it', () => {
    const muxersOf = (extensions?: Uint8Array) =>
      check(payloadOf(key.publicKey.bytes, signature, extensions)).muxers
    assert.deepEqual(muxersOf(), [])
    assert.deepEqual(muxersOf(EMPTY), [])
    assert.deepEqual(muxersOf(offering(['/b', yamux, '/a']).finish()), ['/b', yamux, '/a'])
    const webTransport = new ProtobufWriter().bytes(1, pattern(34)).string(2, yamux).string(1000, 'unknown')
    assert.deepEqual(muxersOf(webTransport.finish()), [yamux])
    assert.deepEqual(muxersOf(new ProtobufWriter().uint64(2, 7).finish()), [])
    const many = Array.from({ length: 1000 }, (_, i) => `/muxer/${i}`)
    assert.deepEqual(muxersOf(offering(many).finish()), many.slice(0, 100))
    refuses('ERR_IDENTITY', () => muxersOf(offering(Array(10_000).fill(yamux)).finish()))
  })

  test('may hold fields that nobody knows', () => {
    const writer = new ProtobufWriter().bytes(3, pattern(5)).uint64(1000, 7).bytes(2, signature)
    assert.deepEqual(check(concat([writer.finish(), payloadOf(key.publicKey.bytes, undefined)])).muxers, [])
  })

  test('is refused for its peer before its signature is looked at', () => {
    const stranger = PeerId.fromPublicKey(otherKey.publicKey)
    refuses('ERR_PEER_MISMATCH', () => check(payloadOf(key.publicKey.bytes, EMPTY), stranger))
  })

  test('is refused when it proves nothing, with the stage for the dial', () => {
    for (const [fault, payload] of hostilePayloads(key, otherKey, staticKey, pattern(40).subarray(8))) {
      assert.throws(
        () => check(payload),
        error => error instanceof ParleyError && error.code === 'ERR_IDENTITY' && error.stage === 'identity',
        fault,
      )
    }
  })

  test('is refused with any bit of the signature turned over', () => {
    for (let bit = 0; bit < 8 * signature.length; bit++) {
      const bad = signature.slice()
      bad[bit >> 3]! ^= 1 << (bit & 7)
      refuses('ERR_IDENTITY', () => check(payloadOf(key.publicKey.bytes, bad)), `bit ${bit}`)
    }
  })

  test('gives nothing but ERR_IDENTITY for any bytes', () => {
    fc.assert(
      fc.property(anyBytes(200), bytes =>
        assert.equal(
          parsed('ERR_IDENTITY', () => check(bytes)),
          undefined,
        ),
      ),
    )
  })
})
