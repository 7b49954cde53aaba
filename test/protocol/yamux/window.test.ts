import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import {
  GrowthBudget,
  growthLimits,
  INITIAL_WINDOW,
  ReceiveWindow,
  SendWindow,
} from '#src/protocol/yamux/window'
import { refuses } from '../../support/wire.ts'

const KiB = 1024
const MiB = 1024 * KiB

/** Receives and consumes half of the window's size, then grants. */
function turnOver(window: ReceiveWindow, now: number, rtt: number): number {
  const half = window.size / 2
  window.receive(half)
  assert.equal(window.consume(half), true)
  return window.grant(now, rtt)
}

describe('SendWindow', () => {
  test('begins with 256 KiB, shrinks by what is sent and grows by what is granted', () => {
    const window = new SendWindow()
    assert.equal(window.credit, 256 * KiB)
    window.spend(256 * KiB)
    assert.equal(window.credit, 0)
    window.grant(5)
    window.grant(0)
    assert.equal(window.credit, 5)
  })

  test('refuses more credit than 32 bits hold, and keeps what it had', () => {
    const window = new SendWindow()
    refuses('ERR_YAMUX', () => window.grant(0xffff_ffff))
    window.grant(0xffff_ffff - INITIAL_WINDOW)
    assert.equal(window.credit, 0xffff_ffff)
    refuses('ERR_YAMUX', () => window.grant(1))
    assert.equal(window.credit, 0xffff_ffff)
  })
})

describe('GrowthBudget', () => {
  test('gives what is left, and takes it back', () => {
    const budget = new GrowthBudget(100)
    assert.deepEqual([budget.take(60), budget.take(60), budget.take(1)], [60, 40, 0])
    budget.giveBack(60)
    assert.equal(budget.take(80), 60)
  })
})

describe('growthLimits', () => {
  test('keeps the largest window between the first one and what 32 bits hold', () => {
    const cases = [
      [0, INITIAL_WINDOW],
      [MiB, MiB],
      [2 ** 40, 0xffff_ffff],
    ] as const
    for (const [wanted, possible] of cases) assert.equal(growthLimits(wanted, 0).maxWindow, possible)
  })
})

describe('ReceiveWindow', () => {
  const limits = (maxWindow = 16 * MiB, growth = 32 * MiB) => growthLimits(maxWindow, growth)

  test('takes in its size and not a byte more, in one piece or many', () => {
    const whole = new ReceiveWindow(limits(), 0)
    refuses('ERR_YAMUX', () => whole.receive(INITIAL_WINDOW + 1))
    whole.receive(INITIAL_WINDOW)
    whole.receive(0)
    refuses('ERR_YAMUX', () => whole.receive(1))

    const many = new ReceiveWindow(limits(), 0)
    for (let i = 0; i < 256; i++) many.receive(KiB)
    refuses('ERR_YAMUX', () => many.receive(1))
  })

  test('owes nothing for what nobody has taken, and a grant once a quarter of it was', () => {
    const window = new ReceiveWindow(limits(), 0)
    window.receive(INITIAL_WINDOW)
    assert.equal(window.consume(INITIAL_WINDOW / 4 - 1), false)
    assert.equal(window.consume(1), true)
    assert.equal(window.grant(1_000, 1), INITIAL_WINDOW / 4)
    window.receive(INITIAL_WINDOW / 4)
    refuses('ERR_YAMUX', () => window.receive(1))
    assert.equal(window.consume(INITIAL_WINDOW / 4), true)
  })

  test('owes a grant for every mebibyte of a large window', () => {
    const window = new ReceiveWindow(limits(), 0)
    while (window.size < 16 * MiB) turnOver(window, 0, 0)
    window.receive(MiB)
    assert.equal(window.consume(MiB - 1), false)
    assert.equal(window.consume(1), true)
  })

  const paces: [elapsed: number, rtt: number, grows: boolean][] = [
    [0, 0, true],
    [2, 0, true],
    [3, 0, false],
    [5, 5, true],
    [6, 5, false],
    [2, 0.1, true],
    [60_000, 5, false],
  ]
  for (const [elapsed, rtt, grows] of paces) {
    test(`${grows ? 'doubles' : 'stays'} when half of it goes by in ${elapsed} ms at a round trip of ${rtt} ms`, () => {
      const window = new ReceiveWindow(limits(), 500)
      const granted = turnOver(window, 500 + elapsed, rtt)
      assert.equal(window.size, grows ? 2 * INITIAL_WINDOW : INITIAL_WINDOW)
      assert.equal(granted, INITIAL_WINDOW / 2 + (grows ? INITIAL_WINDOW : 0))
    })
  }

  const longWays: [elapsed: number, rtt: number, factor: number][] = [
    [50, 50, 4],
    [6.25, 50, 4],
    [6.2, 50, 16],
    [0, 10, 16],
    [0, 9.9, 2],
  ]
  for (const [elapsed, rtt, factor] of longWays) {
    test(`becomes ${factor} times as large when half of it goes by in ${elapsed} ms at a round trip of ${rtt} ms`, () => {
      const window = new ReceiveWindow(limits(), 500)
      const granted = turnOver(window, 500 + elapsed, rtt)
      assert.equal(window.size, factor * INITIAL_WINDOW)
      assert.equal(granted, INITIAL_WINDOW / 2 + (factor - 1) * INITIAL_WINDOW)
    })
  }

  test('is wide open after two bursts over a long way', () => {
    const window = new ReceiveWindow(limits(64 * MiB, 64 * MiB), 0)
    const piece = 64 * KiB
    let credit = INITIAL_WINDOW
    const burst = (now: number) => {
      const sent = credit
      credit = 0
      window.receive(sent)
      for (let taken = 0; taken < sent; taken += piece) {
        if (window.consume(piece)) credit += window.grant(now, 50)
      }
      return window.size
    }
    assert.deepEqual([burst(0), burst(50)], [4 * MiB, 64 * MiB])
  })

  test('measures its pace anew where one was slow, and over many grants', () => {
    const window = new ReceiveWindow(limits(), 0)
    turnOver(window, 1_000, 5)
    assert.equal(window.size, INITIAL_WINDOW)
    const quarter = INITIAL_WINDOW / 4
    for (const [now, size] of [
      [1_002, INITIAL_WINDOW],
      [1_004, 2 * INITIAL_WINDOW],
    ] as const) {
      window.receive(quarter)
      window.consume(quarter)
      window.grant(now, 5)
      assert.equal(window.size, size)
    }
  })

  test('does not take for speed what an idle stretch has gathered', () => {
    const window = new ReceiveWindow(limits(), 0)
    for (let now = 0; now < 100_000; now += 10_000) {
      turnOver(window, now + 10_000, 5)
      assert.equal(window.size, INITIAL_WINDOW)
    }
  })

  test('doubles up to the largest size and no further', () => {
    const window = new ReceiveWindow(limits(MiB + 1), 0)
    const sizes = Array.from({ length: 5 }, () => {
      turnOver(window, 0, 0)
      return window.size
    })
    assert.deepEqual(sizes, [512 * KiB, MiB, MiB + 1, MiB + 1, MiB + 1])
  })

  test('shares its growth with the other windows, and gives it back when it is over', () => {
    const shared = limits(16 * MiB, INITIAL_WINDOW + 1000)
    const windows = [new ReceiveWindow(shared, 0), new ReceiveWindow(shared, 0)] as const
    for (const window of windows) turnOver(window, 0, 0)
    assert.deepEqual([windows[0].size, windows[1].size], [2 * INITIAL_WINDOW, INITIAL_WINDOW + 1000])
    windows[0].release()
    windows[0].release()
    const third = new ReceiveWindow(shared, 0)
    turnOver(third, 0, 0)
    turnOver(third, 0, 0)
    assert.equal(third.size, 2 * INITIAL_WINDOW)
  })

  test('goes back to half of its first size beside a conversation, by no more than is owed at a time', () => {
    const window = new ReceiveWindow(limits(), 0)
    while (window.size < 4 * MiB) turnOver(window, 0, 0)
    const take = (count: number, isBesideConversation = true) => {
      window.receive(count)
      assert.equal(window.consume(count - 1), false)
      assert.equal(window.consume(1), true)
      return [window.grant(0, 1.9, { isBesideConversation, grows: false }), window.size, window.open]
    }
    assert.deepEqual(take(MiB), [0, 3 * MiB, 3 * MiB])
    assert.deepEqual(take((3 / 4) * MiB), [0, (9 / 4) * MiB, (9 / 4) * MiB])
    while (window.size > INITIAL_WINDOW) take(window.size / 4)
    while (window.open > INITIAL_WINDOW / 2) take(window.open / 4)
    assert.deepEqual(take(32 * KiB), [32 * KiB, INITIAL_WINDOW, INITIAL_WINDOW / 2])
    assert.deepEqual(take(32 * KiB, false), [160 * KiB, INITIAL_WINDOW, INITIAL_WINDOW])
    assert.equal(turnOver(window, 0, 1.9), INITIAL_WINDOW / 2 + INITIAL_WINDOW)
  })

  test('stays open over a long way, and grows nowhere where it may not, beside a conversation or not', () => {
    const window = new ReceiveWindow(limits(), 0)
    turnOver(window, 0, 0)
    for (const isBesideConversation of [true, false]) {
      window.receive(INITIAL_WINDOW)
      window.consume(INITIAL_WINDOW)
      assert.equal(window.grant(0, 2, { grows: false, isBesideConversation }), INITIAL_WINDOW)
      assert.equal(window.size, 2 * INITIAL_WINDOW)
    }
  })

  test('gives back the growth that it loses', () => {
    const shared = limits(16 * MiB, INITIAL_WINDOW)
    const [first, second] = [new ReceiveWindow(shared, 0), new ReceiveWindow(shared, 0)]
    turnOver(first, 0, 0)
    first.receive(INITIAL_WINDOW)
    first.consume(INITIAL_WINDOW)
    assert.equal(first.grant(0, 0, { isBesideConversation: true }), 0)
    turnOver(second, 0, 0)
    assert.deepEqual([first.size, second.size], [INITIAL_WINDOW, 2 * INITIAL_WINDOW])
  })

  test('never lets more come than its size, and always lets the sender go on once all is taken', () => {
    const step = fc.tuple(
      fc.nat({ max: 3 * INITIAL_WINDOW }),
      fc.nat({ max: 3 * INITIAL_WINDOW }),
      fc.nat({ max: 5 }),
      fc.boolean(),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), steps => {
        const window = new ReceiveWindow(limits(MiB, MiB), 0)
        let credit = INITIAL_WINDOW
        let unread = 0
        let now = 0
        const read = (wanted: number, isBesideConversation: boolean) => {
          const count = Math.min(wanted, unread)
          unread -= count
          if (window.consume(count)) credit += window.grant(now, 1, { isBesideConversation })
        }
        for (const [sent, taken, elapsed, isBesideConversation] of steps) {
          now += elapsed
          const count = Math.min(sent, credit)
          window.receive(count)
          credit -= count
          unread += count
          assert.ok(unread + credit <= window.size && window.size <= MiB)
          read(taken, isBesideConversation)
        }
        read(unread, false)
        const isWhole = steps.every(([, , , isBesideConversation]) => !isBesideConversation)
        assert.ok(credit > ((isWhole ? window.size : INITIAL_WINDOW / 2) * 3) / 4)
        refuses('ERR_YAMUX', () => window.receive(credit + 1))
        window.receive(credit)
      }),
    )
  })
})
