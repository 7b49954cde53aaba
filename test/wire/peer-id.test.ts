import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { inspect } from 'node:util'
import fc from 'fast-check'
import { hex } from '#src/wire/bytes'
import { generateKey, PublicKey } from '#src/wire/keys'
import { base58, multibase64url } from '#src/wire/multibase'
import { PeerId } from '#src/wire/peer-id'
import { anyBytes, bytesOf, parsed, refuses, vectorFile } from '../support/wire.ts'
import { refusedIds, refusedMultihashes } from './hostile.ts'

// The keys of the peer ID specification; the IDs follow from them.
const vectors = [
  {
    key: '080112201ed1e8fae2c4a144b8be8fd4b47bf3d3b34b871c3cacf6010f0e42d474fce27e',
    text: '12D3KooWBtg3aaRMjxwedh83aGiUkwSxDwUZkzuJcfaqUmo7R3pq',
    cid: 'bafzaajaiaejcahwr5d5ofrfbis4l5d6uwr57hu5tjodrypfm6yaq6dsc2r2pzyt6',
    bytes: '0024080112201ed1e8fae2c4a144b8be8fd4b47bf3d3b34b871c3cacf6010f0e42d474fce27e',
  },
  {
    key: '08021221037777e994e452c21604f91de093ce415f5432f701dd8cd1a7a6fea0e630bfca99',
    text: '16Uiu2HAmLhLvBoYaoZfaMUKuibM6ac163GwKY74c5kiSLg5KvLpY',
  },
  {
    key: '0803125b3059301306072a8648ce3d020106082a8648ce3d03010703420004de3d300fa36ae0e8f5d530899d83abab44abf3161f162a4bc901d8e6ecda020e8b6d5f8da30525e71d6851510c098e5c47c646a597fb4dcec034e9f77c409e62',
    text: 'QmVMT29id3TUASyfZZ6k9hmNyc2nYabCo4uMSpDw4zrgDk',
  },
]
const [inlined, , hashed] = vectors

describe('PeerId', () => {
  test('is derived from a key as the specification says', () => {
    for (const vector of vectors) {
      const key = PublicKey.fromBytes(bytesOf(vector.key))
      const id = PeerId.fromPublicKey(key)
      assert.equal(id.toString(), vector.text)
      assert.equal(id.short, vector.text.slice(-8))
      if (vector.cid) assert.equal(id.toCid(), vector.cid)
      if (vector.bytes) assert.equal(hex(id.bytes), vector.bytes)
      assert.ok(id.matches(key))
      for (const other of vectors) {
        assert.equal(PeerId.parse(other.text).matches(key), other === vector)
        assert.equal(PeerId.parse(other.text).equals(id), other === vector)
      }
    }
  })

  test('reads each of its forms, and gives the key back where it is inlined', () => {
    for (const { key, text } of vectors) {
      const id = PeerId.parse(text)
      for (const same of [
        PeerId.parse(id.toCid()),
        PeerId.fromBytes(id.bytes),
        PeerId.parse(JSON.parse(JSON.stringify(id))),
      ]) {
        assert.ok(same.equals(id))
        assert.equal(same.toString(), text)
      }
      assert.equal(id.publicKey && hex(id.publicKey.bytes), key.length / 2 <= 42 ? key : undefined)
      assert.equal(inspect(id), `PeerId(${text})`)
    }
  })

  test('knows the IDs of the vector file', () => {
    const { keys } = JSON.parse(vectorFile('keys.json')) as {
      keys: Record<string, { public: string; peerIds?: string[] }>
    }
    for (const { public: key, peerIds = [] } of Object.values(keys)) {
      for (const text of peerIds) {
        const id = PeerId.fromPublicKey(PublicKey.fromBytes(bytesOf(key)))
        assert.ok(PeerId.parse(text).equals(id), text)
      }
    }
  })

  test('reads CIDs in other bases than it prints', () => {
    const cid = Uint8Array.of(1, 0x72, ...bytesOf(inlined!.bytes!))
    const upper = `B${inlined!.cid!.slice(1).toUpperCase()}`
    const published = [
      [upper, inlined!.text],
      [`z${base58(cid)}`, inlined!.text],
      [multibase64url(cid), inlined!.text],
      [
        'bafzbeigvf25ytwc3akrijfecaotc74udrhcxzh2cx3we5qqnw5vgrei4bm',
        'QmcgpsyWgH8Y8ajJz1Cu72KnS5uo2Aa2LpzU7kinSupNKC',
      ],
    ]
    for (const [form, text] of published) assert.equal(PeerId.parse(form!).toString(), text)
  })

  for (const [what, digits] of refusedMultihashes) {
    test(`refuses ${what}`, () => refuses('ERR_PEER_ID', () => PeerId.fromBytes(bytesOf(digits))))
  }

  test('refuses text that is none (B21, B22)', () => {
    for (const text of refusedIds) refuses('ERR_PEER_ID', () => PeerId.parse(text), text.slice(0, 60))
  })

  test('keeps control characters out of its messages', () => {
    assert.throws(
      () => PeerId.parse('Qm\u001b[2J\u202e\u0085'),
      (error: Error) => !/\p{C}/u.test(error.message) && error.message.includes('\\u{1b}'),
    )
  })

  test('has no key, and matches none, when what it holds is not a key', () => {
    const id = PeerId.fromBytes(bytesOf('0003080112'))
    assert.equal(id.publicKey, undefined)
    assert.equal(id.matches(PublicKey.fromBytes(bytesOf(inlined!.key))), false)
    assert.equal(PeerId.parse(id.toString()).equals(id), true)
  })

  test('does not match a key whose hash it holds where it should hold the key', async () => {
    const { publicKey } = await generateKey()
    assert.ok(PeerId.fromPublicKey(publicKey).matches(publicKey))
    assert.ok(!PeerId.parse(hashed!.text).matches(publicKey))
  })

  test('takes any bytes and text for an ID, or refuses them', () => {
    const multihash = fc
      .tuple(fc.constantFrom(0x00, 0x12), fc.uint8Array({ minLength: 1, maxLength: 44 }))
      .map(([code, digest]) => Uint8Array.of(code, digest.length, ...digest))
    fc.assert(
      fc.property(fc.oneof(anyBytes(48), multihash), bytes => {
        const id = parsed('ERR_PEER_ID', () => PeerId.fromBytes(bytes))
        if (id === undefined) return
        assert.deepEqual(id.bytes, bytes)
        assert.deepEqual(PeerId.parse(id.toString()).bytes, bytes)
        assert.deepEqual(PeerId.parse(id.toCid()).bytes, bytes)
        void id.publicKey
      }),
    )
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary' }),
        text => void parsed('ERR_PEER_ID', () => PeerId.parse(text)),
      ),
    )
  })
})
