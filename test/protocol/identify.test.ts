import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import {
  encodeIdentify,
  encodeIdentifyParts,
  IDENTIFY_PROTOCOL,
  IDENTIFY_PUSH_PROTOCOL,
  type IdentifyMessage,
  IdentifyReader,
} from '#src/protocol/identify'
import { concat, EMPTY, utf8 } from '#src/wire/bytes'
import { ParleyError } from '#src/wire/errors'
import { encodeFrame } from '#src/wire/frame'
import { Multiaddr } from '#src/wire/multiaddr'
import { ProtobufWriter } from '#src/wire/protobuf'
import { cuttingKinds, feed } from '../support/feed.ts'
import { anyBytes, bytesOf, cuttings, pattern, refuses } from '../support/wire.ts'

const address = (port: number) => Multiaddr.parse(`/ip4/127.0.0.1/tcp/${port}`)

const full: IdentifyMessage = {
  publicKey: pattern(36),
  addresses: [address(1), address(2)],
  protocols: ['/chat/1.0.0', '/ipfs/id/1.0.0'],
  observedAddress: address(3),
  protocolVersion: 'ipfs/0.1.0',
  agent: 'parley/0.1.0',
  signedPeerRecord: pattern(100),
}

function read(chunks: readonly Uint8Array[]): IdentifyMessage {
  const reader = new IdentifyReader()
  for (const chunk of chunks) reader.receive(chunk)
  return reader.finish()
}

const framed = (writer: ProtobufWriter) => encodeFrame(writer.finish())

test('identify has the names and the field numbers of the specification', () => {
  assert.deepEqual([IDENTIFY_PROTOCOL, IDENTIFY_PUSH_PROTOCOL], ['/ipfs/id/1.0.0', '/ipfs/id/push/1.0.0'])
  const writer = new ProtobufWriter()
    .bytes(1, pattern(36))
    .bytes(2, address(1).bytes)
    .bytes(2, address(2).bytes)
    .string(3, '/chat/1.0.0')
    .string(3, '/ipfs/id/1.0.0')
    .bytes(4, address(3).bytes)
    .string(5, 'ipfs/0.1.0')
    .string(6, 'parley/0.1.0')
    .bytes(8, pattern(100))
  assert.deepEqual(encodeIdentify(full), framed(writer))
  assert.deepEqual(encodeIdentify({}), Uint8Array.of(0))
})

describe('IdentifyReader', () => {
  test('gives back what was said, for every cutting', () => {
    for (const chunks of cuttings(encodeIdentify(full))) assert.deepEqual(read(chunks), full)
  })

  test('leaves out what was not said', () => {
    assert.deepEqual(read([encodeIdentify({})]), {})
    assert.deepEqual(read([encodeIdentify({ agent: 'x' })]), { agent: 'x' })
  })

  test('merges several messages: lists grow, and the last word counts elsewhere', () => {
    const second = { addresses: [address(9)], protocols: ['/x'], agent: 'later' }
    assert.deepEqual(read([encodeIdentify(full), encodeIdentify(second)]), {
      ...full,
      addresses: [address(1), address(2), address(9)],
      protocols: ['/chat/1.0.0', '/ipfs/id/1.0.0', '/x'],
      agent: 'later',
    })
  })

  test('drops an address that it cannot read, and keeps the others', () => {
    const writer = new ProtobufWriter()
      .bytes(2, bytesOf('047f00'))
      .bytes(2, address(1).bytes)
      .bytes(2, bytesOf('a503221221'))
      .bytes(4, bytesOf('ffffff'))
    const { addresses, observedAddress } = read([framed(writer)])
    assert.deepEqual(addresses, [address(1)])
    assert.equal(observedAddress, undefined)
  })

  test('skips unknown fields, and known ones of another wire type', () => {
    const writer = new ProtobufWriter()
      .uint64(1, 5)
      .uint64(3, 7)
      .string(7, 'x')
      .string(1000, 'y')
      .string(6, 'agent')
    assert.deepEqual(read([framed(writer)]), { agent: 'agent' })
  })

  test('keeps 32 addresses and 256 protocols of all messages', () => {
    const many = encodeIdentify({
      addresses: Array.from({ length: 100 }, (_, i) => address(i)),
      protocols: Array.from({ length: 300 }, (_, i) => `/p/${i}`),
    })
    const { addresses, protocols } = read([many, many])
    assert.deepEqual([addresses?.length, protocols?.length], [32, 256])
  })

  test('looks at 64 addresses, sound or not, and at no more however many there are', () => {
    for (const number of [2, 4]) {
      const bad = (count: number) => {
        const writer = new ProtobufWriter()
        for (let i = 0; i < count; i++) writer.bytes(number, EMPTY)
        return framed(writer.bytes(number, address(7).bytes))
      }
      const kept = (count: number) => {
        const { addresses, observedAddress } = read([bad(count)])
        return number === 2 ? addresses?.[0] : observedAddress
      }
      assert.ok(kept(63)?.equals(address(7)))
      assert.equal(kept(64), undefined)
      assert.equal(kept(2_000), undefined)
    }
  })

  test('cuts texts to 128 characters, between characters', () => {
    for (const character of ['x', 'é', '語', '👋']) {
      const text = `-${character.repeat(200)}`
      const { agent, protocolVersion } = read([encodeIdentify({ agent: text, protocolVersion: text })])
      assert.equal(agent, `-${character.repeat(127)}`)
      assert.equal(protocolVersion, agent)
    }
    assert.equal(read([encodeIdentify({ agent: '👋'.repeat(128) })]).agent, '👋'.repeat(128))
    assert.equal(read([framed(new ProtobufWriter().bytes(6, bytesOf('61ff')))]).agent, 'a\ufffd')
  })

  test('is cut into parts, none of which is too long, and which come to the same', () => {
    const { protocols: _, ...said } = full
    for (const count of [0, 1, 40, 60, 200, 250]) {
      const protocols = Array.from({ length: count }, (_, i) => `/a/protocol/of/${'x'.repeat(i)}/1.0.0`)
      const message = { ...full, protocols }
      const parts = encodeIdentifyParts(message, 4_096)
      assert.ok(parts.length <= 10 && parts.every(({ length }) => length <= 4_096))
      const { protocols: heard, ...rest } = read(parts)
      assert.deepEqual(rest, said)
      const kept = (heard ?? []).length
      assert.deepEqual(
        heard ?? [],
        protocols.slice(0, kept).map(text => text.slice(0, 128)),
      )
      assert.ok(kept === count || parts.length === 10, 'only what ten parts cannot hold is left out')
      assert.equal(parts.length === 1, encodeIdentify(message).length <= 4_096)
      assert.ok(read([parts[0]!]).publicKey, 'the first says who it is')
    }
  })

  test('is cut to the byte, however little the other fields take', () => {
    const lengths = fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 10, maxLength: 40 })
    fc.assert(
      fc.property(fc.nat(150), lengths, fc.integer({ min: 500, max: 1_000 }), (key, sizes, max) => {
        const message = { publicKey: pattern(key), protocols: sizes.map(size => 'x'.repeat(size)) }
        for (const part of encodeIdentifyParts(message, max)) assert.ok(part.length <= max)
      }),
    )
    const protocols = ['x'.repeat(300), 'y'.repeat(191), 'z']
    const lengthsOf = (max: number) => encodeIdentifyParts({ protocols }, max).map(({ length }) => length)
    assert.deepEqual([lengthsOf(502), lengthsOf(501), lengthsOf(498)], [[502], [499, 4], [305, 199]])
  })

  test('keeps copies of what it read', () => {
    const chunk = encodeIdentify(full)
    const reader = new IdentifyReader()
    reader.receive(chunk)
    chunk.fill(0)
    assert.deepEqual(reader.finish(), full)
  })

  test('hears ten messages and no more', () => {
    const ten = concat(Array(10).fill(encodeIdentify({ agent: 'x' })))
    assert.deepEqual(read([ten]), { agent: 'x' })
    for (const cutting of cuttingKinds) {
      refuses('ERR_PROTOCOL', () => read(feed(concat([ten, encodeIdentify({})]), cutting)))
    }
  })

  test('accepts 8 KiB a message, and refuses a byte more at its length', () => {
    const padding = new Uint8Array(8 * 1024 - 3)
    assert.deepEqual(read([framed(new ProtobufWriter().bytes(7, padding))]), {})
    refuses('ERR_FRAME', () => new IdentifyReader().receive(bytesOf('8140')))
    refuses('ERR_FRAME', () => new IdentifyReader().receive(bytesOf('8080808008')))
  })

  test('refuses a stream that ends before a message is whole', () => {
    refuses('ERR_UNEXPECTED_END', () => read([]))
    const bytes = concat([encodeIdentify(full), encodeIdentify(full)])
    const borders = [bytes.length / 2, bytes.length]
    for (let length = 0; length < bytes.length; length++) {
      if (!borders.includes(length)) refuses('ERR_UNEXPECTED_END', () => read([bytes.subarray(0, length)]))
    }
  })

  test('refuses what is no message, with an error of its own for any bytes', () => {
    refuses('ERR_PROTOBUF', () => read([encodeFrame(bytesOf('0aff01'))]))
    refuses('ERR_PROTOBUF', () => read([encodeFrame(concat(Array(3000).fill(bytesOf('1a00'))))]))
    fc.assert(
      fc.property(anyBytes(300), fc.boolean(), fc.constantFrom(...cuttingKinds), (bytes, whole, cutting) => {
        try {
          read(feed(whole ? encodeFrame(bytes) : bytes, cutting))
        } catch (error) {
          assert.ok(error instanceof ParleyError)
          assert.equal(error.remote, true)
        }
      }),
    )
  })

  test('takes empty values for what they are', () => {
    const writer = new ProtobufWriter().bytes(1, EMPTY).bytes(3, EMPTY).bytes(6, utf8('')).bytes(8, EMPTY)
    assert.deepEqual(read([framed(writer)]), {
      publicKey: EMPTY,
      protocols: [''],
      agent: '',
      signedPeerRecord: EMPTY,
    })
  })
})
