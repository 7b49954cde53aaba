import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { encodeHeader, FrameType } from '#src/protocol/yamux/header'
import { INITIAL_WINDOW } from '#src/protocol/yamux/window'
import { concat, EMPTY, utf8 } from '#src/wire/bytes'
import { cuttingKinds, feed, feedAtRandom, randomNumbers } from '../../support/feed.ts'
import { anyBytes, bytesOf, cuttings, parsed, pattern, refuses } from '../../support/wire.ts'
import {
  ACK,
  data,
  FIN,
  goAway,
  ping,
  RST,
  SYN,
  told,
  update,
  withAccepted,
  withOpened,
  Yamux,
} from './frames.ts'
import { answers, breaches, events, recording } from './hostile.ts'

const hi = utf8('hi')
const open1 = update(1, 0, SYN)

/** A server that has heard these frames. */
function after(...frames: Uint8Array[]): Yamux {
  const side = new Yamux('server')
  side.hear(...frames)
  return side
}

describe('a yamux session breaks', () => {
  for (const { what, before, bytes } of breaches) {
    test(`at ${what}, for good and for every cutting`, () => {
      for (const chunks of cuttings(bytes)) {
        const side = after(...before)
        refuses('ERR_YAMUX', () => side.hearChunks(chunks))
        for (const later of [EMPTY, update(9, 0, SYN), data(1, hi)])
          refuses('ERR_YAMUX', () => side.hear(later))
      }
    })
  }

  test('and can still say why', () => {
    const side = after(open1)
    refuses('ERR_YAMUX', () => side.hear(update(0, 5)))
    side.session.goAway(1)
    assert.equal(side.say()[0], 'goAway 1')
  })
})

describe('a yamux session bears', () => {
  const cases: [
    promise: string,
    before: Uint8Array[],
    bytes: Uint8Array,
    events: string[],
    answers: string[],
  ][] = [
    [
      'exactly the window',
      [],
      data(1, pattern(INITIAL_WINDOW), SYN),
      ['open 1', 'data 1 262144 bytes'],
      ['update 1 ACK 0'],
    ],
    ['exactly all credit', [open1], update(1, 0xffff_ffff - INITIAL_WINDOW), [], ['update 1 ACK 0']],
    [
      'data for a stream it does not know',
      [],
      concat([data(5, pattern(100)), open1]),
      ['open 1'],
      ['update 1 ACK 0'],
    ],
    [
      'any frame of a stream that was never opened',
      [],
      concat([
        update(5, 0, ACK),
        update(5, 9),
        update(5, 0, FIN),
        update(5, 7, RST),
        data(5, hi, FIN),
        data(6, hi, RST),
      ]),
      [],
      [],
    ],
    [
      'any frame of a stream of its own that was never opened',
      [],
      concat([update(2, 9, ACK), data(4, hi, ACK)]),
      [],
      [],
    ],
    ['data without bytes', [open1], concat([data(1, EMPTY), data(1, EMPTY, ACK)]), [], ['update 1 ACK 0']],
    [
      'data without bytes after FIN',
      [open1],
      concat([update(1, 0, FIN), data(1, EMPTY), data(1, EMPTY, FIN)]),
      ['end 1'],
      ['update 1 ACK 0'],
    ],
    ['credit after FIN', [open1], concat([data(1, EMPTY, FIN), update(1, 5)]), ['end 1'], ['update 1 ACK 0']],
    ['flags that nobody knows', [], bytesOf('00 01 fff1 00000001 00000000'), ['open 1'], ['update 1 ACK 0']],
    [
      'IDs in any order, since SYN may leave late',
      [update(9, 0, SYN)],
      open1,
      ['open 1'],
      ['update 9 ACK 0', 'update 1 ACK 0'],
    ],
    [
      'GoAway twice, and on a stream',
      [],
      concat([goAway(0), encodeHeader(FrameType.goAway, 0, 3, 7)]),
      ['goAway 0', 'goAway 7'],
      [],
    ],
  ]
  for (const [promise, before, bytes, events, answers] of cases) {
    test(promise, () => {
      for (const cutting of bytes.length < 1000 ? cuttingKinds : (['whole', 1, 2] as const)) {
        const side = after(...before)
        assert.deepEqual(told(side.hearChunks(feed(bytes, cutting))), events)
        assert.deepEqual(side.say(), answers)
      }
    })
  }

  test('data after FIN by ending that stream alone', () => {
    for (const flags of [0, FIN, RST]) {
      const { side, stream } = withAccepted()
      assert.deepEqual(side.hear(update(1, 0, FIN), data(1, hi, flags), update(3, 0, SYN)), [
        'end 1',
        'reset 1 0',
        'open 3',
      ])
      assert.equal(stream.isOver, true)
      assert.deepEqual(side.say(), ['update 1 RST 0', 'update 3 ACK 0'])
      assert.deepEqual(side.hear(data(1, hi)), [])
    }
  })

  test('the ID of a stream that is over, for a new one', () => {
    const { side, stream } = withAccepted()
    stream.reset()
    assert.deepEqual(side.hear(data(1, hi, SYN)), ['open 1', 'data 1 6869'])
    assert.notEqual(side.accepted(1), stream)
  })

  test('frames up to 256 KiB for a stream that it just reset, however small its windows', () => {
    const { side, stream } = withAccepted({ limits: { maxWindow: 1 } })
    stream.reset()
    assert.deepEqual(side.hear(data(1, pattern(INITIAL_WINDOW)), update(3, 0, SYN)), ['open 3'])
  })

  test('an answer before the stream was announced', () => {
    for (const [frame, said] of [
      [update(1, 0, ACK), ['update 1 SYN 0']],
      [update(1, 0, RST), []],
    ] as const) {
      const side = new Yamux('client', { limits: { unacknowledged: 1 } })
      side.session.open()
      side.hear(frame)
      assert.equal(side.session.canOpen, true)
      assert.deepEqual(side.say(), said)
    }
  })

  test('a hundred thousand streams opened and reset, and keeps nothing of them', () => {
    const side = new Yamux('server', { limits: { inboundStreams: 4, idleBurst: 100_000 } })
    for (let i = 0; i < 100_000; i += 1000) {
      const frames: Uint8Array[] = []
      for (let id = 2 * i + 1; id < 2 * (i + 1000); id += 2)
        frames.push(update(id, 0, SYN), update(id, 0, RST))
      assert.equal(side.hear(...frames).length, 2000)
      assert.deepEqual([side.session.streamCount, side.session.wantsTurn], [0, false])
    }
  })

  test('a million tiny frames, each counted against the window', () => {
    const { side, stream } = withAccepted()
    const tiny = concat(Array(1000).fill(data(1, Uint8Array.of(1))))
    for (let i = 0; i < INITIAL_WINDOW - 1000; i += 1000) side.hear(tiny)
    refuses('ERR_YAMUX', () => side.hear(tiny))
    assert.equal(stream.isOver, false)
    const { side: idle } = withAccepted({ limits: { idleBurst: 1_000_000 } })
    const empty = concat(Array(5000).fill(data(1, EMPTY)))
    for (let i = 0; i < 200; i++) assert.deepEqual(idle.hear(empty), [])
  })
})

describe('a yamux session ends as a flood', () => {
  const limits = { idleBurst: 100, idleRate: 10 }
  const floods: [string, Uint8Array][] = [
    ['pings', ping(1, SYN)],
    ['frames without a byte', data(1, EMPTY)],
    ['credit of nothing', update(1, 0)],
    ['answers to a stream that was answered', update(1, 0, ACK)],
    ['streams opened and reset in one frame', update(3, 0, SYN | RST)],
    ['frames of streams that are not there', data(99, hi)],
    ['credit for streams that are not there', update(99, 1)],
    ['answers to streams that were never opened', update(2, 0, ACK)],
  ]

  for (const [name, frame] of floods) {
    test(`what goes on without end: ${name}`, () => {
      const { side } = withAccepted({ limits })
      side.hear(...Array(100).fill(frame))
      side.clock.advance(500)
      side.hear(...Array(5).fill(frame))
      refuses('ERR_FLOOD', () => side.hear(frame))
    })
  }

  const repeated: [string, Uint8Array][] = [
    ['ends of a stream that has ended', update(1, 0, FIN)],
    ['goodbyes', goAway(0)],
  ]

  for (const [name, frame] of repeated) {
    test(`what has been said before: ${name}`, () => {
      const { side } = withAccepted({ limits })
      side.hear(...Array(101).fill(frame))
      refuses('ERR_FLOOD', () => side.hear(frame))
    })
  }

  test('streams refused or reset again and again, of which none is kept', () => {
    const side = new Yamux('server', { limits: { ...limits, inboundStreams: 1 } })
    side.hear(open1)
    refuses('ERR_FLOOD', () => {
      for (let id = 3; id < 300; id += 2) side.hear(update(id, 0, SYN))
    })
    const other = new Yamux('server', { limits })
    refuses('ERR_FLOOD', () => {
      for (let id = 1; id < 300; id += 2) other.hear(update(id, 0, SYN), update(id, 0, RST))
    })
    assert.equal(other.session.streamCount, 1)
  })

  test('never for what was on its way when a stream was reset here, in frames as small as may be', () => {
    const { side, stream } = withAccepted({ limits })
    stream.reset()
    const late = Array(1_000).fill(data(1, hi))
    for (let sent = 2_000; sent <= INITIAL_WINDOW; sent += 2_000) side.hear(...late)
    refuses('ERR_FLOOD', () => side.hear(...late))
  })

  test('never for what moves bytes, grants credit, or opens and ends streams in good order', () => {
    const side = new Yamux('server', { limits })
    for (let id = 1; id < 1000; id += 2) {
      side.hear(update(id, 0, SYN), data(id, hi), update(id, 1), update(id, 0, FIN))
      side.accepted(id).end()
      side.say()
    }
    assert.equal(side.session.streamCount, 0)
  })
})

describe('a yamux session tells the same', () => {
  test('for a recording cut at each offset, and byte by byte', () => {
    for (const chunks of cuttings(recording)) {
      const side = new Yamux('server')
      assert.deepEqual(told(side.hearChunks(chunks)), events)
      assert.deepEqual(side.say(), answers)
    }
  })

  test('for 4,096 random cuttings of it', () => {
    const random = randomNumbers(1)
    for (let i = 0; i < 4096; i++) {
      assert.deepEqual(told(new Yamux('server').hearChunks(feedAtRandom(recording, random))), events)
    }
  })

  test('for any bytes, or breaks over them: it throws nothing but ERR_YAMUX', () => {
    const small = fc.nat({ max: 20 })
    const frame = fc
      .tuple(
        fc.nat({ max: 4 }),
        fc.nat({ max: 15 }),
        fc.nat({ max: 6 }),
        fc.oneof(small, fc.nat({ max: 0xffff_ffff })),
        anyBytes(20),
      )
      .map(([type, flags, id, length, body]) => concat([encodeHeader(type, flags, id, length), body]))
    fc.assert(
      fc.property(
        fc.array(fc.oneof(frame, frame, anyBytes(30)), { maxLength: 20 }),
        fc.nat(),
        (pieces, seed) => {
          const bytes = concat(pieces)
          const outcomes = [[bytes], feedAtRandom(bytes, randomNumbers(seed))].map(chunks => {
            const { side } = withOpened()
            return parsed('ERR_YAMUX', () => told(side.hearChunks(chunks)))
          })
          assert.deepEqual(outcomes[1], outcomes[0])
        },
      ),
      { numRuns: 1000 },
    )
  })
})
