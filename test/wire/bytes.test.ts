import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import {
  ByteQueue,
  compare,
  concat,
  EMPTY,
  equals,
  fromHex,
  hex,
  latin1Text,
  utf8,
  utf8Strict,
  utf8Text,
} from '#src/wire/bytes'
import { anyBytes, bytesOf, cuttings, pattern, refuses } from '../support/wire.ts'

describe('bytes', () => {
  test('joins pieces, and gives back a single one as it is', () => {
    const one = bytesOf('0102')
    assert.equal(concat([one]), one)
    assert.deepEqual(concat([one, bytesOf(''), bytesOf('03')]), bytesOf('010203'))
    assert.deepEqual(concat([one, one], 4), bytesOf('01020102'))
    assert.deepEqual(concat([]), bytesOf(''))
  })

  test('orders byte by byte, a prefix before the whole', () => {
    const ordered = ['', '00', '0000', '01', '0100', '7f', '80', 'ff', 'ff00'].map(text => fromHex(text))
    for (const [i, a] of ordered.entries()) {
      for (const [j, b] of ordered.entries()) {
        assert.equal(Math.sign(compare(a, b)), Math.sign(i - j))
        assert.equal(equals(a, b), i === j)
      }
    }
  })

  test('writes and reads hexadecimal digits, and refuses other text', () => {
    fc.assert(fc.property(anyBytes(64), bytes => assert.deepEqual(fromHex(hex(bytes)), bytes)))
    assert.equal(hex(bytesOf('00 0f f0 ff')), '000ff0ff')
    assert.deepEqual(fromHex('AbCd'), Uint8Array.of(0xab, 0xcd))
    for (const text of ['0', 'zz', '0x', ' 1', '1\n']) refuses('ERR_USAGE', () => fromHex(text))
  })

  test('reads Latin-1, a character for each byte, and another text for other bytes', () => {
    const either = fc.oneof(anyBytes(4), anyBytes(64))
    fc.assert(
      fc.property(either, either, (a, b) => {
        assert.equal(latin1Text(a) === latin1Text(b), equals(a, b))
        assert.equal(latin1Text(a).length, a.length)
      }),
    )
    assert.equal(latin1Text(bytesOf('00 0f f0 ff')), '\0\x0f\xf0\xff')
  })

  test('reads UTF-8 leniently or strictly', () => {
    const cases: [bytes: string, lossy: string, sound: boolean][] = [
      ['68c3a9', 'hé', true],
      ['f09f918b', '👋', true],
      ['efbbbf61', '\ufeffa', true],
      ['00', '\0', true],
      ['61ff62', 'a\ufffdb', false],
      ['c3', '\ufffd', false],
      ['eda080', '\ufffd\ufffd\ufffd', false],
    ]
    for (const [digits, lossy, sound] of cases) {
      assert.equal(utf8Text(fromHex(digits)), lossy)
      assert.equal(utf8Strict(fromHex(digits)), sound ? lossy : undefined)
      if (sound) assert.equal(hex(utf8(lossy)), digits)
    }
    assert.equal(hex(utf8('\ud800')), 'efbfbd')
  })
})

describe('ByteQueue', () => {
  const chunkSizes = fc.oneof(fc.integer({ min: 0, max: 20 }), fc.constantFrom(511, 512, 513, 2000, 5000))

  test('gives the bytes back in order, however they are pushed and taken', () => {
    const step = fc.tuple(fc.constantFrom('push', 'take', 'read', 'peek'), chunkSizes)
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), steps => {
        const queue = new ByteQueue()
        const handedOut: [view: Uint8Array, copy: string][] = []
        let expected = ''
        let next = 0
        for (const [verb, size] of steps) {
          const length = Math.min(size, queue.length)
          if (verb === 'push') {
            const chunk = Uint8Array.from({ length: size }, () => next++)
            queue.push(chunk)
            expected += hex(chunk)
          } else if (verb === 'peek') {
            if (length > 0) assert.equal(queue.peek(length - 1), fromHex(expected)[length - 1])
          } else {
            const views = verb === 'take' ? queue.take(length) : [queue.read(length)]
            const digits = expected.slice(0, 2 * length)
            assert.equal(views.map(hex).join(''), digits)
            expected = expected.slice(2 * length)
            for (const view of views) handedOut.push([view, hex(view)])
          }
          assert.equal(queue.length, expected.length / 2)
        }
        assert.equal(hex(queue.clear()), expected)
        assert.equal(queue.length, 0)
        for (const [view, copy] of handedOut)
          assert.equal(hex(view), copy, 'a view changed after it was handed out')
      }),
    )
  })

  test('gives the same bytes for every cutting', () => {
    const bytes = pattern(40)
    for (const chunks of cuttings(bytes)) {
      const queue = new ByteQueue()
      for (const chunk of chunks) queue.push(chunk)
      assert.equal(queue.peek(39), bytes[39])
      assert.deepEqual(concat(queue.take(13)), bytes.subarray(0, 13))
      assert.deepEqual(queue.read(20), bytes.subarray(13, 33))
      assert.deepEqual(queue.clear(), bytes.subarray(33))
    }
  })

  test('hands out large chunks as views, without a copy', () => {
    const queue = new ByteQueue()
    const chunk = pattern(1000)
    queue.push(chunk)
    assert.equal(queue.read(600).buffer, chunk.buffer)
    assert.equal(queue.take(400)[0]!.buffer, chunk.buffer)
  })

  test('may have its chunks written to once it has detached them, and gives the bytes as they were', () => {
    const step = fc.tuple(fc.constantFrom('push', 'push', 'take', 'next'), chunkSizes)
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), steps => {
        const queue = new ByteQueue()
        const shared = new Uint8Array(5000)
        let expected = ''
        let next = 0
        for (const [verb, size] of steps) {
          if (verb === 'push') {
            const chunk = shared.subarray(0, size)
            for (const i of chunk.keys()) chunk[i] = next++
            queue.push(chunk)
            expected += hex(chunk)
          }
          // What is taken before the chunk is detached may be a view of it, and is looked at before the chunk is used again.
          const length = verb === 'push' ? Math.min(size >> 1, queue.length) : Math.min(size, queue.length)
          const taken = verb === 'next' ? (queue.next() ?? EMPTY) : concat([EMPTY, ...queue.take(length)])
          assert.equal(hex(taken), expected.slice(0, 2 * taken.length))
          expected = expected.slice(2 * taken.length)
          queue.detach()
          shared.fill(0xee)
          assert.equal(queue.length, expected.length / 2)
          if (queue.length > 0) assert.equal(queue.peek(queue.length - 1), fromHex(expected.slice(-2))[0])
        }
        assert.equal(hex(queue.clear()), expected)
      }),
    )
  })

  test('keeps of a chunk that it detaches only what waits, and copies it once', () => {
    const queue = new ByteQueue()
    const chunk = pattern(100_000)
    queue.push(chunk)
    assert.equal(queue.read(99_000).buffer, chunk.buffer)
    queue.detach()
    const [kept] = queue.take(600)
    assert.notEqual(kept!.buffer, chunk.buffer)
    assert.equal(kept!.buffer.byteLength, 1_000)
    queue.push(Uint8Array.of(1))
    queue.detach()
    assert.equal(queue.take(400)[0]!.buffer, kept!.buffer)
    assert.deepEqual(queue.clear(), Uint8Array.of(1))
  })

  test('detaches nothing where nothing waits', () => {
    const queue = new ByteQueue()
    queue.detach()
    queue.push(pattern(1000))
    queue.clear()
    queue.detach()
    assert.equal(queue.length, 0)
    queue.push(pattern(700))
    assert.deepEqual(queue.clear(), pattern(700))
  })

  test('keeps nothing of a small chunk but its bytes', () => {
    const queue = new ByteQueue()
    const chunk = pattern(4096).subarray(0, 3)
    queue.push(chunk)
    const kept = queue.next()!
    assert.deepEqual(kept, chunk)
    assert.ok(kept.buffer.byteLength <= 64)
  })

  test('holds no chunk of a flood of tiny ones', () => {
    const queue = new ByteQueue()
    for (let i = 0; i < 100_000; i++) queue.push(Uint8Array.of(i))
    assert.ok(queue.take(100_000).length < 100, 'the bytes lie in few blocks')
  })

  test('keeps its order over many large chunks, of which more come as some are taken', () => {
    const queue = new ByteQueue()
    const push = (mark: number) => queue.push(new Uint8Array(600).fill(mark))
    for (let mark = 0; mark < 200; mark++) push(mark)
    for (let mark = 0; mark < 150; mark++) {
      assert.deepEqual(queue.read(600), new Uint8Array(600).fill(mark))
      push(200 + mark)
    }
    assert.deepEqual([queue.peek(0), queue.peek(600), queue.length], [150, 151, 120_000])
    assert.equal(queue.clear().at(-1), 349 & 0xff)
  })

  test('gives what comes first: the first chunk, small ones behind it joined, large ones as they came', () => {
    const queue = new ByteQueue()
    const large = pattern(4096)
    for (const chunk of [Uint8Array.of(1), Uint8Array.of(2, 3), Uint8Array.of(4)]) queue.push(chunk)
    queue.push(large)
    queue.push(Uint8Array.of(4))
    assert.deepEqual(queue.next(), Uint8Array.of(1))
    assert.deepEqual(queue.next(), Uint8Array.of(2, 3, 4))
    assert.equal(queue.next(), large)
    assert.deepEqual(queue.next(), Uint8Array.of(4))
    assert.equal(queue.next(), undefined)
  })

  test('refuses to give more than it has', () => {
    const queue = new ByteQueue()
    queue.push(pattern(3))
    for (const step of [() => queue.take(4), () => queue.read(4), () => queue.peek(3)])
      refuses('ERR_USAGE', step)
    assert.deepEqual(queue.clear(), pattern(3))
  })
})
