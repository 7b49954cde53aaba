import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { HandshakeState } from '#src/protocol/noise/handshake-state'
import { concat, EMPTY, hex } from '#src/wire/bytes'
import { bytesOf, pattern, refuses } from '../../support/wire.ts'
import { pretender, worthless } from './hostile.ts'
import { flip } from './peers.ts'
import { initiatorOptions, publishedVectors, replay, responderOptions, type Vector } from './vector.ts'

/** The cacophony vector set's session of the XX pattern. */
const vector: Vector = {
  protocol_name: 'Noise_XX_25519_ChaChaPoly_SHA256',
  init_prologue: '4a6f686e2047616c74',
  init_static: 'e61ef9919cde45dd5f82166404bd08e38bceb5dfdfded0a34c8df7ed542214d1',
  init_ephemeral: '893e28b9dc6ca8d611ab664754b8ceb7bac5117349a4439a6b0569da977c464a',
  resp_prologue: '4a6f686e2047616c74',
  resp_static: '4a3acbfdb163dec651dfa3194dece676d437029c62a408b4c5ea9114246e4893',
  resp_ephemeral: 'bbdb4cdbd309f1a1f2e1456967fe288cadd6f712d65dc7b7793d5e63da6b375b',
  handshake_hash: 'c8e5f64e846193be2a834104c2a009868d6c9f3bd3c186299888b488b2f1f58e',
  messages: [
    {
      payload: '4c756477696720766f6e204d69736573',
      ciphertext:
        'ca35def5ae56cec33dc2036731ab14896bc4c75dbb07a61f879f8e3afa4c79444c756477696720766f6e204d69736573',
    },
    {
      payload: '4d757272617920526f746862617264',
      ciphertext:
        '95ebc60d2b1fa672c1f46a8aa265ef51bfe38e7ccb39ec5be34069f14480884381cbad1f276e038c48378ffce2b65285' +
        'e08d6b68aaa3629a5a8639392490e5b9bd5269c2f1e4f488ed8831161f19b7815528f8982ffe09be9b5c412f8a0db50f' +
        '8814c7194e83f23dbd8d162c9326ad',
    },
    {
      payload: '462e20412e20486179656b',
      ciphertext:
        'c7195ffacac1307ff99046f219750fc47693e23c3cb08b89c2af808b444850a80ae475b9df0f169ae80a89be0865b57f' +
        '58c9fea0d4ec82a286427402f113e4b6ae769a1d95941d49b25030',
    },
    {
      payload: '4361726c204d656e676572',
      ciphertext: '96763ed773f8e47bb3712f0e29b3060ffc956ffc146cee53d5e1df',
    },
    {
      payload: '4a65616e2d426170746973746520536179',
      ciphertext: '3e40f15f6f3a46ae446b253bf8b1d9ffb6ed9b174d272328ff91a7e2e5c79c07f5',
    },
    {
      payload: '457567656e2042f6686d20766f6e2042617765726b',
      ciphertext: 'eb3f3515110702e047a6c9da4478b6ead94873c11c0f2d710ddb3f09fce024b3a58502ae3f',
    },
  ],
}

const message = (index: number): Uint8Array => bytesOf(vector.messages[index]!.ciphertext)
const payload = (index: number): Uint8Array => bytesOf(vector.messages[index]!.payload)

/** Both sides of the vector, `count` messages on. */
function afterMessages(count: number): [writer: HandshakeState, reader: HandshakeState] {
  const sides = [
    new HandshakeState(initiatorOptions(vector)),
    new HandshakeState(responderOptions(vector)),
  ] as const
  for (let i = 0; i < count; i++) {
    sides[i % 2]!.write(payload(i))
    sides[1 - (i % 2)]!.read(message(i))
  }
  return [sides[count % 2]!, sides[1 - (count % 2)]!]
}

describe('HandshakeState', () => {
  test('goes through the published vector byte for byte', () => replay(vector))

  test('goes through the file of published vectors', () => {
    const vectors = publishedVectors()
    assert.deepEqual(vectors[0], vector)
    for (const v of vectors) replay(v)
  })

  test('writes and reads in turn', () => {
    const [a, b] = afterMessages(0)
    assert.deepEqual([a.mayWrite, b.mayWrite, a.done], [true, false, false])
    refuses('ERR_NOISE', () => b.write(EMPTY))
    refuses('ERR_NOISE', () => a.read(message(1)))
    refuses('ERR_NOISE', () => a.finish())
    const first = a.write(payload(0))
    assert.deepEqual([a.mayWrite, a.remoteStatic], [false, undefined])
    refuses('ERR_NOISE', () => a.write(EMPTY))
    b.read(first)
    assert.deepEqual([b.mayWrite, b.remoteStatic], [true, undefined])
    refuses('ERR_NOISE', () => b.read(first))
    a.read(b.write(payload(1)))
    b.read(a.write(payload(2)))
    assert.deepEqual([a.done, b.done, a.mayWrite, b.mayWrite], [true, true, false, false])
    refuses('ERR_NOISE', () => a.write(EMPTY))
    refuses('ERR_NOISE', () => b.read(message(2)))
  })

  test('becomes a session once, so that no nonce is used twice', () => {
    const [writer, reader] = afterMessages(3)
    for (const side of [writer, reader]) {
      side.finish()
      refuses('ERR_NOISE', () => side.finish())
    }
  })

  test('has fresh ephemeral keys unless they are given', () => {
    const { staticKey } = initiatorOptions(vector)
    const messages = [0, 1].map(() => hex(new HandshakeState({ role: 'initiator', staticKey }).write(EMPTY)))
    assert.notEqual(messages[0], messages[1])
  })

  test('needs the same prologue on both sides', () => {
    const a = new HandshakeState(initiatorOptions(vector))
    const b = new HandshakeState({ ...responderOptions(vector), prologue: pattern(1) })
    b.read(a.write(EMPTY))
    refuses('ERR_NOISE', () => a.read(b.write(EMPTY)))
  })

  for (const index of [1, 2]) {
    test(`refuses message ${index + 1} with any bit turned over, and keeps no trace of it`, () => {
      const [, reader] = afterMessages(index)
      const good = message(index)
      for (let bit = 0; bit < 8 * good.length; bit++) {
        refuses('ERR_NOISE', () => reader.read(flip(good, bit)), `bit ${bit}`)
      }
      assert.equal(hex(reader.read(good)), vector.messages[index]!.payload)
    })
  }

  for (const index of [0, 1, 2]) {
    test(`refuses message ${index + 1} cut short, and keeps no trace of it`, () => {
      const [, reader] = afterMessages(index)
      const good = message(index)
      // Nothing in message 1 is encrypted: any 32 bytes are one.
      const shortest = index === 0 ? 32 : good.length
      for (let length = 0; length < shortest; length++) {
        refuses('ERR_NOISE', () => reader.read(good.subarray(0, length)), `${length} bytes`)
      }
      if (index > 0) refuses('ERR_NOISE', () => reader.read(concat([good, pattern(1)])))
      assert.equal(hex(reader.read(good)), vector.messages[index]!.payload)
    })
  }

  test('refuses ephemeral keys that give no secret', () => {
    for (const point of worthless) {
      const b = new HandshakeState(responderOptions(vector))
      b.read(point)
      refuses('ERR_NOISE', () => b.write(EMPTY), hex(point))
      const [, a] = afterMessages(1)
      refuses('ERR_NOISE', () => a.read(concat([point, message(1).subarray(32)])), hex(point))
      assert.deepEqual(a.read(message(1)), payload(1))
    }
  })

  test('refuses static keys that give no secret', () => {
    for (const point of worthless) {
      const a = new HandshakeState(initiatorOptions(vector))
      const falseB = new HandshakeState({ ...responderOptions(vector), staticKey: pretender(point) })
      falseB.read(a.write(EMPTY))
      refuses('ERR_NOISE', () => a.read(falseB.write(EMPTY)), hex(point))

      const falseA = new HandshakeState({ ...initiatorOptions(vector), staticKey: pretender(point) })
      const b = new HandshakeState(responderOptions(vector))
      b.read(falseA.write(EMPTY))
      falseA.read(b.write(EMPTY))
      refuses('ERR_NOISE', () => b.read(falseA.write(EMPTY)), hex(point))
      assert.equal(b.remoteStatic, undefined)
    }
  })
})
