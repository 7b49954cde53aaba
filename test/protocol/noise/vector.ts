import assert from 'node:assert/strict'
import { provider } from '#src/crypto/index'
import { type HandshakeOptions, HandshakeState } from '#src/protocol/noise/handshake-state'
import { concat, hex } from '#src/wire/bytes'
import { bytesOf, vectorFile } from '../../support/wire.ts'

/** A session of the cacophony vector set: keys, and what both sides say. */
export interface Vector {
  protocol_name: string
  init_prologue: string
  init_static: string
  init_ephemeral: string
  resp_prologue: string
  resp_static: string
  resp_ephemeral: string
  handshake_hash: string
  messages: { payload: string; ciphertext: string }[]
}

/** The vectors of the file. */
export function publishedVectors(): Vector[] {
  return (JSON.parse(vectorFile('noise-xx-25519-chachapoly-sha256.json')) as { vectors: Vector[] }).vectors
}

const keyPair = (secret: string) => provider.x25519(bytesOf(secret))

/** What the initiator of a vector starts from. */
export const initiatorOptions = (v: Vector): HandshakeOptions => ({
  role: 'initiator',
  staticKey: keyPair(v.init_static),
  ephemeralKey: keyPair(v.init_ephemeral),
  prologue: bytesOf(v.init_prologue),
})

/** What its responder starts from. */
export const responderOptions = (v: Vector): HandshakeOptions => ({
  role: 'responder',
  staticKey: keyPair(v.resp_static),
  ephemeralKey: keyPair(v.resp_ephemeral),
  prologue: bytesOf(v.resp_prologue),
})

/** Goes through a vector: handshake, transcript hash, and the messages of the session. */
export function replay(v: Vector): void {
  const sides = [new HandshakeState(initiatorOptions(v)), new HandshakeState(responderOptions(v))] as const
  const handshake = v.messages.slice(0, 3)
  for (const [i, { payload, ciphertext }] of handshake.entries()) {
    assert.equal(hex(sides[i % 2]!.write(bytesOf(payload))), ciphertext)
    assert.equal(hex(sides[1 - (i % 2)]!.read(bytesOf(ciphertext))), payload)
  }
  assert.deepEqual(sides[0].remoteStatic, keyPair(v.resp_static).publicKey)
  assert.deepEqual(sides[1].remoteStatic, keyPair(v.init_static).publicKey)
  const ends = sides.map(side => side.finish())
  for (const { hash } of ends) assert.equal(hex(hash), v.handshake_hash)
  for (const [i, { payload, ciphertext }] of v.messages.slice(3).entries()) {
    const sent = ends[(i + 1) % 2]!.send.encrypt(bytesOf(payload))
    assert.equal(hex(concat(sent)), ciphertext)
    assert.equal(hex(concat(ends[i % 2]!.receive.decrypt([sent[0]], sent[1])!)), payload)
  }
}
