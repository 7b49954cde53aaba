import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { MAX_PERF_BYTES, PERF_PROTOCOL, PerfRequester, PerfResponder, zeros } from '#src/protocol/perf'
import { concat, hex } from '#src/wire/bytes'
import { cuttingKinds, feed } from '../support/feed.ts'
import { bytesOf, cutAt, pattern, refuses } from '../support/wire.ts'

/** Requests, and their eight bytes. */
const requests: readonly (readonly [amount: bigint, digits: string])[] = [
  [0n, '0000000000000000'],
  [1n, '0000000000000001'],
  [0x0102030405060708n, '0102030405060708'],
  [2n ** 53n + 1n, '0020000000000001'],
  [MAX_PERF_BYTES, 'ffffffffffffffff'],
]

test('perf has the name of the specification, and room for any number of 64 bits', () => {
  assert.equal(PERF_PROTOCOL, '/perf/1.0.0')
  assert.equal(MAX_PERF_BYTES, 18_446_744_073_709_551_615n)
})

describe('zeros', () => {
  for (const amount of [0, 1, 65_535, 65_536, 65_537, 200_000]) {
    test(`of ${amount} bytes are so many, in blocks of 64 KiB of which the last may be shorter`, () => {
      const blocks = [...zeros(BigInt(amount))]
      assert.equal(blocks.length, Math.ceil(amount / 65_536))
      assert.ok(blocks.slice(0, -1).every(({ length }) => length === 65_536))
      assert.deepEqual(concat(blocks, amount), new Uint8Array(amount))
    })
  }

  test('of the largest amount take no more memory than one block', () => {
    const blocks = zeros(MAX_PERF_BYTES)
    const [first, second] = [blocks.next().value, blocks.next().value]
    assert.equal(first?.length, 65_536)
    assert.equal(first, second)
  })
})

describe('PerfResponder', () => {
  for (const [amount, digits] of requests) {
    test(`reads that ${amount} bytes are wanted, however it is cut, and passes over the upload`, () => {
      for (const cutting of cuttingKinds) {
        for (const upload of [0, 1, 1_000]) {
          const responder = new PerfResponder()
          for (const chunk of feed(concat([bytesOf(digits), pattern(upload)]), cutting))
            responder.receive(chunk)
          assert.equal(responder.finish(), amount)
        }
      }
    })
  }

  test('refuses a stream that ended before the request had come whole', () => {
    for (let length = 0; length < 8; length++) {
      const responder = new PerfResponder()
      responder.receive(pattern(length))
      refuses('ERR_UNEXPECTED_END', () => responder.finish())
    }
  })
})

describe('PerfRequester', () => {
  for (const [amount, digits] of requests) {
    test(`asks for ${amount} bytes`, () => {
      assert.equal(hex(new PerfRequester(amount).request), digits)
    })
  }

  test('counts what comes, however it is cut, and is content with what it asked for', () => {
    fc.assert(
      fc.property(fc.nat(5_000), fc.array(fc.nat(), { maxLength: 8 }), (amount, places) => {
        const requester = new PerfRequester(BigInt(amount))
        for (const chunk of cutAt(pattern(amount), places)) requester.receive(chunk)
        assert.equal(requester.received, amount)
        requester.finish()
      }),
    )
  })

  test('refuses a byte too many', () => {
    refuses('ERR_PROTOCOL', () => new PerfRequester(0n).receive(pattern(1)))
    const requester = new PerfRequester(100n)
    requester.receive(pattern(100))
    refuses('ERR_PROTOCOL', () => requester.receive(pattern(1)))
  })

  test('refuses an end that comes too early', () => {
    const requester = new PerfRequester(100n)
    refuses('ERR_UNEXPECTED_END', () => requester.finish())
    requester.receive(pattern(99))
    refuses('ERR_UNEXPECTED_END', () => requester.finish())
  })
})

test('what one asks the other understands', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: MAX_PERF_BYTES }), amount => {
      const responder = new PerfResponder()
      responder.receive(new PerfRequester(amount).request)
      assert.equal(responder.finish(), amount)
    }),
  )
})
