import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { type StreamOwner, YamuxStream } from '#src/protocol/yamux/stream'
import { type GrowthBudget, growthLimits, INITIAL_WINDOW } from '#src/protocol/yamux/window'
import { concat, EMPTY } from '#src/wire/bytes'
import { pattern, refuses } from '../../support/wire.ts'
import { ACK, FIN, type Frame, framesOf, RECORD, RST, SYN } from './frames.ts'

/** A session that only takes notes. */
class Owner implements StreamOwner {
  readonly growth = growthLimits(INITIAL_WINDOW, 0)
  readonly shortestRtt = 0
  readonly now = () => 0
  readonly answers: Uint8Array[] = []
  readonly grows = true
  readonly accepts = true
  conversing = false
  held = 0
  /** What may be held. */
  memory = Number.POSITIVE_INFINITY
  releases = 0
  strays = 0
  readyCount = 0
  overCount = 0
  measureCount = 0

  measure(): void {
    this.measureCount++
  }

  isBesideConversation(): boolean {
    return this.conversing
  }

  ready(): void {
    this.readyCount++
  }

  answer(frame: Uint8Array): void {
    this.answers.push(frame)
  }

  over(): void {
    this.overCount++
  }

  stray(bytes: number): void {
    this.strays += bytes
  }

  hold(bytes: number): boolean {
    if (this.held + bytes > this.memory) return false
    this.held += bytes
    return true
  }

  /** As the room that a stream takes up. */
  release(): void {
    this.releases++
  }
}

function start(outbound: boolean): { owner: Owner; stream: YamuxStream } {
  const owner = new Owner()
  return { owner, stream: new YamuxStream(owner, outbound ? 1 : 2, outbound, owner) }
}

/** The frame of one turn, or `undefined` when there is none. */
function turnOf(stream: YamuxStream, limit = RECORD): Frame | undefined {
  const out: Uint8Array[] = []
  const size = stream.turn(limit, out)
  const bytes = concat(out)
  assert.equal(size, bytes.length)
  assert.ok(size <= limit)
  const frames = framesOf(bytes)
  assert.ok(frames.length <= 1)
  return frames[0]
}

const brief = (frame: Frame | undefined) => frame && [frame.type, frame.flags, frame.length]

describe('YamuxStream', () => {
  test('asks for a turn to greet, and greets once', () => {
    for (const [outbound, greeting] of [
      [true, SYN],
      [false, ACK],
    ] as const) {
      const { owner, stream } = start(outbound)
      assert.deepEqual([owner.readyCount, stream.wantsTurn, stream.acked], [1, true, !outbound])
      assert.deepEqual(brief(turnOf(stream)), [1, greeting, 0])
      assert.equal(stream.wantsTurn, false)
      assert.equal(turnOf(stream), undefined)
    }
  })

  test('greets with its first frame, whichever that is', () => {
    const { stream: writing } = start(true)
    writing.write(pattern(3))
    assert.deepEqual(brief(turnOf(writing)), [0, SYN, 3])
    const { stream: crediting } = start(false)
    crediting.receiveData(INITIAL_WINDOW)
    crediting.consume(INITIAL_WINDOW)
    crediting.write(pattern(3))
    assert.deepEqual(brief(turnOf(crediting)), [1, ACK, INITIAL_WINDOW])
    assert.deepEqual(brief(turnOf(crediting)), [0, 0, 3])
    assert.equal(crediting.wantsTurn, false)
  })

  test('sends what was written in frames that fit, as the window allows', () => {
    const { owner, stream } = start(true)
    const written = [pattern(1000), EMPTY, pattern(INITIAL_WINDOW), pattern(10)]
    for (const bytes of written) stream.write(bytes)
    assert.equal(stream.queued, INITIAL_WINDOW + 1010)
    const bodies: Uint8Array[] = []
    for (let frame = turnOf(stream, 5000); frame; frame = turnOf(stream, 5000)) bodies.push(frame.body)
    assert.equal(concat(bodies).length, INITIAL_WINDOW)
    assert.deepEqual([stream.queued, stream.wantsTurn], [1010, false])

    const readyCount = owner.readyCount
    stream.receiveCredit(0)
    stream.write(pattern(5))
    assert.equal(owner.readyCount, readyCount, 'without credit there is nothing to send')
    stream.receiveCredit(1012)
    assert.equal(owner.readyCount, readyCount + 1)
    bodies.push(turnOf(stream)!.body)
    assert.deepEqual([stream.queued, stream.wantsTurn], [3, false])
    stream.receiveCredit(3)
    bodies.push(turnOf(stream)!.body)
    assert.deepEqual(concat(bodies), concat([...written, pattern(5)]))
  })

  test('sends any pieces in any frames, in order', () => {
    const sizes = fc.array(fc.nat({ max: 40 }), { maxLength: 60 })
    fc.assert(
      fc.property(sizes, fc.array(fc.integer({ min: 13, max: 100 }), { minLength: 1 }), (written, limits) => {
        const { stream } = start(true)
        const all = pattern(written.reduce((sum, size) => sum + size, 0))
        const bodies: Uint8Array[] = []
        let at = 0
        for (const [i, size] of written.entries()) {
          stream.write(all.subarray(at, at + size))
          at += size
          if (i % 3 === 2) bodies.push(turnOf(stream, limits[i % limits.length])!.body)
        }
        while (stream.wantsTurn) bodies.push(turnOf(stream, limits[bodies.length % limits.length])!.body)
        assert.deepEqual(concat(bodies), all)
        assert.equal(stream.queued, 0)
      }),
    )
  })

  test('sends FIN on a frame of its own behind all data, and nothing after it', () => {
    const { owner, stream } = start(true)
    stream.write(pattern(INITIAL_WINDOW + 1))
    stream.end()
    stream.end()
    stream.write(pattern(9))
    while (stream.wantsTurn) assert.equal(turnOf(stream)!.flags & FIN, 0)
    assert.deepEqual([stream.queued, stream.finSent], [1, false])
    stream.receiveCredit(1)
    assert.deepEqual(brief(turnOf(stream)), [0, 0, 1])
    assert.deepEqual(brief(turnOf(stream)), [1, FIN, 0])
    assert.deepEqual([stream.finSent, stream.wantsTurn, stream.isOver], [true, false, false])
    assert.equal(stream.receiveFin(), true)
    assert.deepEqual([stream.isOver, owner.overCount], [true, 1])
  })

  test('hears one FIN, and is over once both have gone', () => {
    const { owner, stream } = start(false)
    assert.equal(stream.receiveFin(), true)
    assert.equal(stream.receiveFin(), false)
    stream.write(pattern(4))
    stream.end()
    assert.deepEqual(brief(turnOf(stream)), [0, ACK, 4])
    assert.equal(stream.isOver, false)
    assert.deepEqual(brief(turnOf(stream)), [1, FIN, 0])
    assert.deepEqual([stream.isOver, owner.overCount, stream.wantsTurn], [true, 1, false])
  })

  test('lets nothing come after FIN but empty frames', () => {
    const { stream } = start(false)
    stream.receiveFin()
    assert.deepEqual([stream.receiveData(0), stream.receiveData(1)], [true, false])
  })

  test('gives credit only for what was taken, after its own FIN too, and none after theirs', () => {
    const { stream } = start(false)
    turnOf(stream)
    stream.receiveData(INITIAL_WINDOW)
    refuses('ERR_YAMUX', () => stream.receiveData(1))
    stream.consume(INITIAL_WINDOW / 4 - 1)
    assert.equal(stream.wantsTurn, false)
    stream.consume(1)
    assert.deepEqual(brief(turnOf(stream)), [1, 0, INITIAL_WINDOW / 4])
    stream.end()
    assert.deepEqual(brief(turnOf(stream)), [1, FIN, 0])
    stream.consume(INITIAL_WINDOW / 4)
    assert.deepEqual(brief(turnOf(stream)), [1, 0, INITIAL_WINDOW / 4])

    const { stream: ended } = start(false)
    turnOf(ended)
    ended.receiveData(INITIAL_WINDOW)
    ended.receiveFin()
    ended.consume(INITIAL_WINDOW)
    assert.equal(ended.wantsTurn, false)
  })

  test('answers a reset at once, unless nobody knows of the stream', () => {
    const { owner: unknown, stream: fresh } = start(true)
    fresh.reset(7)
    assert.deepEqual([unknown.answers, unknown.overCount, fresh.wantsTurn], [[], 1, false])

    for (const outbound of [true, false]) {
      const { owner, stream } = start(outbound)
      if (outbound) turnOf(stream)
      stream.write(pattern(5))
      stream.reset(7)
      stream.reset(8)
      assert.deepEqual(framesOf(concat(owner.answers)).map(brief), [[1, RST, 7]])
      assert.deepEqual([stream.isOver, stream.wantsTurn, stream.queued, owner.overCount], [true, false, 0, 1])
    }
  })

  test('is over at once when the other side resets it, and then ignores all verbs', () => {
    const { owner, stream } = start(true)
    stream.write(pattern(5))
    stream.receiveReset()
    const { readyCount } = owner
    stream.write(pattern(5))
    stream.end()
    stream.consume(INITIAL_WINDOW)
    stream.reset()
    assert.deepEqual([stream.isOver, stream.wantsTurn, stream.queued], [true, false, 0])
    assert.deepEqual([owner.overCount, owner.readyCount, owner.answers.length], [1, readyCount, 0])
  })

  test('gives its growth back when it is over, once', () => {
    const owner = Object.assign(new Owner(), { growth: growthLimits(2 * INITIAL_WINDOW, INITIAL_WINDOW) })
    const stream = new YamuxStream(owner, 2, false, owner)
    stream.receiveData(INITIAL_WINDOW)
    stream.consume(INITIAL_WINDOW)
    assert.equal(turnOf(stream)!.length, 2 * INITIAL_WINDOW)
    assert.equal(owner.measureCount, 1, 'the way may be longer than was thought')
    const left = (budget: GrowthBudget) => budget.take(Number.MAX_SAFE_INTEGER)
    assert.equal(left(owner.growth.budget), 0)
    stream.reset()
    stream.receiveReset()
    assert.equal(left(owner.growth.budget), INITIAL_WINDOW)
  })

  test('lets go of what it has sent, though its queue is never empty', async () => {
    setFlagsFromString('--expose-gc')
    const collectGarbage: () => void = runInNewContext('gc')
    const { stream } = start(true)
    stream.receiveCredit(0xfff0_0000 - INITIAL_WINDOW)
    const written: WeakRef<Uint8Array>[] = []
    for (let i = 0; i < 300; i++) {
      for (; stream.queued < 100_000; ) {
        const bytes = new Uint8Array(40_000)
        written.push(new WeakRef(bytes))
        stream.write(bytes)
      }
      turnOf(stream)
    }
    await turn()
    collectGarbage()
    const kept = written.filter(ref => ref.deref() !== undefined).length
    assert.ok(kept <= 10, `${kept} of ${written.length} are kept`)
  })
})
