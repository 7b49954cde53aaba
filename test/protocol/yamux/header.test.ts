import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import {
  decodeHeader,
  encodeHeader,
  Flag,
  FrameType,
  GoAwayCode,
  HEADER_LENGTH,
} from '#src/protocol/yamux/header'
import { concat, hex } from '#src/wire/bytes'
import { pattern } from '../../support/wire.ts'

const uint16 = fc.nat({ max: 0xffff })
const uint32 = fc.nat({ max: 0xffff_ffff })

/** The slow way, to compare with. */
function naive(version: number, type: number, flags: number, id: number, length: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(12))
  view.setUint8(0, version)
  view.setUint8(1, type)
  view.setUint16(2, flags)
  view.setUint32(4, id)
  view.setUint32(8, length)
  return new Uint8Array(view.buffer)
}

describe('a yamux header', () => {
  test('has the numbers of the specification', () => {
    assert.equal(HEADER_LENGTH, 12)
    assert.deepEqual(FrameType, { data: 0, windowUpdate: 1, ping: 2, goAway: 3 })
    assert.deepEqual(Flag, { syn: 1, ack: 2, fin: 4, rst: 8 })
    assert.deepEqual(GoAwayCode, { normal: 0, protocolError: 1, internalError: 2 })
    assert.equal(hex(encodeHeader(FrameType.data, Flag.syn, 1, 0x40001)), '000000010000000100040001')
    assert.equal(hex(encodeHeader(FrameType.ping, Flag.ack, 0, 0xdeadbeef)), '0002000200000000deadbeef')
    assert.equal(hex(encodeHeader(FrameType.goAway, 0, 0, 1)), '000300000000000000000001')
  })

  test('is written and read as twelve big-endian bytes, at any offset', () => {
    fc.assert(
      fc.property(
        fc.nat({ max: 3 }),
        fc.nat({ max: 15 }),
        uint32,
        uint32,
        fc.nat({ max: 9 }),
        (type, flags, id, length, at) => {
          const bytes = encodeHeader(type, flags, id, length)
          assert.deepEqual(bytes, naive(0, type, flags, id, length))
          const header = decodeHeader(concat([pattern(at), bytes, pattern(3)]), at)
          assert.deepEqual(header, { version: 0, type, flags, id, length })
        },
      ),
    )
  })

  test('is read whatever it holds', () => {
    const byte = fc.nat({ max: 255 })
    fc.assert(
      fc.property(byte, byte, uint16, uint32, uint32, (version, type, flags, id, length) => {
        const header = decodeHeader(naive(version, type, flags, id, length), 0)
        assert.deepEqual(header, { version, type, flags, id, length })
      }),
    )
  })
})
