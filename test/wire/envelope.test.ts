import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { hex, utf8 } from '#src/wire/bytes'
import { openEnvelope, sealEnvelope } from '#src/wire/envelope'
import { generateKey, PrivateKey } from '#src/wire/keys'
import { Multiaddr } from '#src/wire/multiaddr'
import { PeerId } from '#src/wire/peer-id'
import { openPeerRecord, sealPeerRecord } from '#src/wire/peer-record'
import { fields, ProtobufWriter } from '#src/wire/protobuf'
import { anyBytes, bytesOf, parsed, refuses } from '../support/wire.ts'

const DOMAIN = 'libp2p-peer-record'
const TYPE = bytesOf('0301')
const key = PrivateKey.fromSeed(new Uint8Array(32).fill(7))
const peerId = PeerId.fromPublicKey(key.publicKey)
const payload = utf8('a payload')

/** The envelope with one of its fields replaced, or left out for `undefined`. */
function altered(envelope: Uint8Array, number: number, value: Uint8Array | undefined): Uint8Array {
  const writer = new ProtobufWriter()
  for (const field of fields(envelope))
    writer.bytes(field.number, field.number === number ? value : field.bytes)
  return writer.finish()
}

describe('the signed envelope', () => {
  const sealed = sealEnvelope(key, 'a domain', TYPE, payload)

  test('signs the domain, type and payload, each behind its length (RFC 0002)', () => {
    const [publicKey, type, body, signature] = fields(sealed)
    assert.deepEqual(
      [publicKey, type, body, signature].map(field => field?.number),
      [1, 2, 3, 5],
    )
    assert.deepEqual(publicKey!.bytes, key.publicKey.bytes)
    const signed = `08${hex(utf8('a domain'))}02${hex(TYPE)}09${hex(payload)}`
    assert.ok(key.publicKey.verify(bytesOf(signed), signature!.bytes!))
  })

  test('gives back what was sealed, for every type of key and for empty payloads', async () => {
    for (const type of ['ed25519', 'secp256k1', 'ecdsa'] as const) {
      const own = await generateKey(type)
      for (const body of [payload, bytesOf('')]) {
        const opened = openEnvelope(sealEnvelope(own, 'a domain', body, body), 'a domain')
        assert.ok(opened.publicKey.equals(own.publicKey))
        assert.deepEqual([opened.payloadType, opened.payload], [body, body])
      }
    }
  })

  test('opens with unknown fields in it', () => {
    const more = new ProtobufWriter().bytes(9, payload).finish()
    assert.deepEqual(openEnvelope(Uint8Array.of(...sealed, ...more), 'a domain').payload, payload)
  })

  test('refuses another domain, and any field changed, swapped or missing', async () => {
    refuses('ERR_ENVELOPE', () => openEnvelope(sealed, 'another domain'))
    const other = (await generateKey()).publicKey.bytes
    const changes: [number: number, value: Uint8Array | undefined][] = [
      [1, other],
      [1, bytesOf('0801')],
      [2, bytesOf('0302')],
      [3, utf8('another one')],
      [5, new Uint8Array(64)],
      [5, bytesOf('')],
      ...[1, 2, 3, 5].map((number): [number, undefined] => [number, undefined]),
    ]
    for (const [number, value] of changes) {
      refuses(
        'ERR_ENVELOPE',
        () => openEnvelope(altered(sealed, number, value), 'a domain'),
        `field ${number}`,
      )
    }
    // The bytes between type and payload cannot be moved, since each has its length signed.
    const moved = altered(altered(sealed, 2, bytesOf('03')), 3, Uint8Array.of(1, ...payload))
    refuses('ERR_ENVELOPE', () => openEnvelope(moved, 'a domain'))
  })

  test('refuses an empty domain on both sides', () => {
    refuses('ERR_ENVELOPE', () => sealEnvelope(key, '', TYPE, payload))
    refuses('ERR_ENVELOPE', () => openEnvelope(sealed, ''))
  })

  test('takes no bytes with a bit flipped for what was sealed', () => {
    fc.assert(
      fc.property(fc.nat({ max: sealed.length * 8 - 1 }), bit => {
        const flipped = new Uint8Array(sealed)
        flipped[bit >> 3]! ^= 1 << (bit & 7)
        refuses('ERR_ENVELOPE', () => openEnvelope(flipped, 'a domain'))
      }),
    )
  })

  test('refuses every beginning of itself, and takes any bytes or refuses them', () => {
    for (let length = 0; length < sealed.length; length++) {
      refuses('ERR_ENVELOPE', () => openEnvelope(sealed.subarray(0, length), 'a domain'))
    }
    fc.assert(fc.property(anyBytes(80), bytes => void parsed('ERR_ENVELOPE', () => openEnvelope(bytes, 'x'))))
  })
})

describe('the peer record', () => {
  const addresses = ['/ip4/127.0.0.1/tcp/3000', '/dns4/example.com/tcp/443/wss'].map(text =>
    Multiaddr.parse(text),
  )
  const addressInfo = (bytes: Uint8Array) => new ProtobufWriter().bytes(1, bytes).finish()
  const seal = (record: Uint8Array, domain = DOMAIN, type = TYPE) => sealEnvelope(key, domain, type, record)

  test('gives back what was sealed, with seq exact to its last bit (B15)', () => {
    for (const seq of [0n, 1n, 2n ** 53n + 1n, 2n ** 64n - 1n]) {
      const record = openPeerRecord(sealPeerRecord(key, { seq, addresses }))
      assert.equal(record.seq, seq)
      assert.ok(record.peerId.equals(peerId))
      assert.ok(record.publicKey.equals(key.publicKey))
      assert.deepEqual(record.addresses.map(String), addresses.map(String))
    }
    refuses('ERR_PROTOBUF', () => sealPeerRecord(key, { seq: 2n ** 64n, addresses }))
  })

  test('is laid out as RFC 0003 says, in the deployed domain and type', () => {
    const { payloadType, payload: body } = openEnvelope(sealPeerRecord(key, { seq: 5n, addresses }), DOMAIN)
    assert.equal(hex(payloadType), '0301')
    const infos = addresses.map(
      ({ bytes }) =>
        `1a${hex(Uint8Array.of(bytes.length + 2))}0a${hex(Uint8Array.of(bytes.length))}${hex(bytes)}`,
    )
    assert.equal(hex(body), `0a26${hex(peerId.bytes)}1005${infos.join('')}`)
  })

  test("is read in the RFC's own domain and type, too, as rust-libp2p signs it", () => {
    const own = new ProtobufWriter()
      .bytes(1, peerId.bytes)
      .uint64(2, 7)
      .message(3, addressInfo(addresses[0]!.bytes))
    const bytes = seal(own.finish(), 'libp2p-routing-state', utf8('/libp2p/routing-state-record'))
    const { seq, addresses: read } = openPeerRecord(bytes)
    assert.equal(seq, 7n)
    assert.deepEqual(read.map(String), [String(addresses[0])])
  })

  test('leaves out addresses that do not parse, one by one', () => {
    const record = new ProtobufWriter().bytes(1, peerId.bytes).uint64(2, 1)
    const infos = [
      addressInfo(bytesOf('7f')),
      addressInfo(addresses[0]!.bytes),
      bytesOf('0b'),
      bytesOf(''),
      addressInfo(addresses[1]!.bytes),
    ]
    for (const info of infos) record.message(3, info)
    assert.deepEqual(openPeerRecord(seal(record.finish())).addresses.map(String), addresses.map(String))
  })

  test('looks at 64 addresses, sound or not, and at no more', () => {
    for (const [bad, kept] of [
      [63, 1],
      [64, 0],
      [2_000, 0],
    ] as const) {
      const record = new ProtobufWriter().bytes(1, peerId.bytes).uint64(2, 1)
      for (let i = 0; i < bad; i++) record.message(3, bytesOf('0b'))
      record.message(3, addressInfo(addresses[0]!.bytes))
      assert.equal(openPeerRecord(seal(record.finish())).addresses.length, kept)
    }
  })

  test('refuses a record that is of another peer, domain or type, or malformed (B86)', async () => {
    const stranger = PeerId.fromPublicKey((await generateKey('ecdsa')).publicKey)
    const own = new ProtobufWriter().bytes(1, peerId.bytes).uint64(2, 1).finish()
    assert.equal(openPeerRecord(seal(own)).seq, 1n)
    const refused = [
      seal(new ProtobufWriter().bytes(1, stranger.bytes).uint64(2, 1).finish()),
      seal(new ProtobufWriter().bytes(1, bytesOf('0000')).uint64(2, 1).finish()),
      seal(new ProtobufWriter().uint64(2, 1).finish()),
      seal(own, 'libp2p-routing-state'),
      seal(own, DOMAIN, utf8('/libp2p/routing-state-record')),
      seal(bytesOf('0b')),
      bytesOf(''),
    ]
    for (const bytes of refused) refuses('ERR_ENVELOPE', () => openPeerRecord(bytes))
  })
})
