import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { concat, hex } from '#src/wire/bytes'
import { encodeFrame, encodeFrame16, FrameReader, type FrameReaderOptions } from '#src/wire/frame'
import { bytesOf, cutAt, cuttings, pattern, refuses } from '../support/wire.ts'

type Prefix = 'varint' | 'u16'
const encoders = { varint: encodeFrame, u16: encodeFrame16 }
const prefixes: readonly Prefix[] = ['varint', 'u16']

/** All frames in the chunks, as hexadecimal digits; the chunks are pushed one by one or several at a time. */
function framesOf(reader: FrameReader, chunks: readonly Uint8Array[], pushAtOnce = 1): string[] {
  const frames: string[] = []
  chunks.forEach((chunk, i) => {
    reader.push(chunk)
    if (i % pushAtOnce !== pushAtOnce - 1 && i < chunks.length - 1) return
    for (let frame = reader.next(); frame !== undefined; frame = reader.next()) frames.push(hex(frame))
  })
  return frames
}

describe('frames', () => {
  test('are written behind a varint or a 16-bit length', () => {
    assert.equal(hex(encodeFrame(bytesOf('2f6e6f6973650a'))), '07 2f6e6f6973650a'.replace(' ', ''))
    assert.equal(hex(encodeFrame(pattern(300)).subarray(0, 2)), 'ac02')
    assert.equal(hex(encodeFrame(bytesOf(''))), '00')
    assert.equal(hex(encodeFrame16(bytesOf('aabb'))), '0002aabb')
    assert.equal(encodeFrame16(pattern(65_535)).length, 65_537)
    refuses('ERR_FRAME', () => encodeFrame16(pattern(65_536)))
  })
})

for (const prefix of prefixes) {
  describe(`FrameReader, ${prefix}`, () => {
    const encode = encoders[prefix]

    test('gives the same frames for every cutting, and keeps the tail', () => {
      const payloads = [pattern(3), bytesOf(''), pattern(140), pattern(1)]
      const tail = encode(pattern(9)).subarray(0, 5)
      const bytes = concat([...payloads.map(encode), tail])
      for (const chunks of cuttings(bytes)) {
        const reader = new FrameReader({ max: 1000, prefix })
        assert.deepEqual(framesOf(reader, chunks), payloads.map(hex))
        assert.equal(reader.buffered, tail.length)
        assert.deepEqual(reader.rest(), tail)
        assert.equal(reader.buffered, 0)
        assert.equal(reader.next(), undefined)
      }
    })

    test('gives the same frames for any sizes, cuts and pushes at once', () => {
      const sizes = fc.array(fc.oneof(fc.nat({ max: 10 }), fc.constantFrom(127, 128, 511, 600, 20_000)), {
        maxLength: 12,
      })
      fc.assert(
        fc.property(
          sizes,
          fc.array(fc.nat(), { maxLength: 20 }),
          fc.integer({ min: 1, max: 4 }),
          (lengths, cuts, n) => {
            const payloads = lengths.map(pattern)
            const reader = new FrameReader({ max: 20_000, prefix })
            const chunks = cutAt(concat([...payloads.map(encode), bytesOf('')]), cuts)
            assert.deepEqual(framesOf(reader, chunks, n), payloads.map(hex))
            assert.equal(reader.buffered, 0)
          },
        ),
      )
    })

    test('delivers two frames and a half that come in one chunk, and the rest later', () => {
      const reader = new FrameReader({ max: 100, prefix })
      const bytes = concat([encode(pattern(5)), encode(pattern(6)), encode(pattern(7))])
      assert.deepEqual(framesOf(reader, [bytes.subarray(0, -3)]), [hex(pattern(5)), hex(pattern(6))])
      assert.deepEqual(framesOf(reader, [bytes.subarray(-3)]), [hex(pattern(7))])
    })

    test('gives views of frames that lie in one chunk', () => {
      const reader = new FrameReader({ max: 100, prefix })
      const bytes = concat([encode(pattern(50)), encode(pattern(60))])
      reader.push(bytes)
      assert.equal(reader.next()!.buffer, bytes.buffer)
      assert.equal(reader.next()!.buffer, bytes.buffer)
    })

    test('hands all that follows a frame to whoever reads on', () => {
      const reader = new FrameReader({ max: 100, prefix })
      reader.push(encode(pattern(4)).subarray(0, 3))
      assert.equal(reader.next(), undefined)
      reader.push(concat([encode(pattern(4)).subarray(3), pattern(20)]))
      reader.push(pattern(30))
      assert.deepEqual(reader.next(), pattern(4))
      assert.deepEqual(reader.rest(), concat([pattern(20), pattern(30)]))
    })
  })
}

describe('FrameReader', () => {
  // B1, B2, B4, B5, B51, B52: each is refused at the prefix, and for as long as the reader is asked.
  const refused: [digits: string, options: FrameReaderOptions][] = [
    ['8140', { max: 8192 }],
    ['8080808008', { max: 65_536 }],
    ['ffffffffffffffff7f', { max: Number.MAX_SAFE_INTEGER }],
    ['8108', { max: 1024 }],
    ['ffff', { max: 1024 }],
    ['80', { max: 127 }],
    ['8100', { max: 8192 }],
    ['9300', { max: 1024 }],
    ['80808080808080808001', { max: 1e15 }],
    ['2001', { max: 8192, prefix: 'u16' }],
  ]

  test('refuses a length at its prefix, before any of the body', () => {
    for (const [digits, options] of refused) {
      for (const chunks of cuttings(bytesOf(digits))) {
        const reader = new FrameReader({ ...options, error: 'ERR_NEGOTIATE' })
        refuses('ERR_NEGOTIATE', () => framesOf(reader, chunks), digits)
        refuses('ERR_NEGOTIATE', () => reader.next(), digits)
      }
    }
  })

  test('reports ERR_FRAME, as the fault of the other side, unless told otherwise', () => {
    const reader = new FrameReader({ max: 10 })
    reader.push(bytesOf('0b'))
    assert.throws(() => reader.next(), { code: 'ERR_FRAME', remote: true })
  })

  test('accepts a frame of exactly the largest size', () => {
    for (const max of [0, 127, 128, 16_383, 16_384]) {
      assert.deepEqual(framesOf(new FrameReader({ max }), [encodeFrame(pattern(max))]), [hex(pattern(max))])
      const larger = encodeFrame(pattern(max + 1))
      refuses('ERR_FRAME', () => framesOf(new FrameReader({ max }), [larger]))
    }
  })

  test('delivers the frames before a bad one', () => {
    const reader = new FrameReader({ max: 10 })
    reader.push(concat([encodeFrame(pattern(2)), bytesOf('ff')]))
    assert.deepEqual(reader.next(), pattern(2))
    refuses('ERR_FRAME', () => reader.next())
    assert.deepEqual(reader.rest(), bytesOf('ff'))
  })

  test('allocates for what has arrived, not for what was announced', () => {
    const before = process.memoryUsage().arrayBuffers
    const readers = Array.from({ length: 100 }, () => new FrameReader({ max: 2 ** 31 }))
    for (const reader of readers) {
      reader.push(bytesOf('8080808008 00'))
      assert.equal(reader.next(), undefined)
      assert.equal(reader.buffered, 6)
    }
    assert.ok(process.memoryUsage().arrayBuffers - before < 100 * 65_536)
  })
})
