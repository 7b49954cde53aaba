import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { defaultYamuxLimits } from '#src/protocol/limits'
import { FrameType } from '#src/protocol/yamux/header'
import { type YamuxEvent, YamuxSession } from '#src/protocol/yamux/session'
import type { YamuxStream } from '#src/protocol/yamux/stream'
import { INITIAL_WINDOW } from '#src/protocol/yamux/window'
import { concat } from '#src/wire/bytes'
import { Clock } from '../../support/clock.ts'
import { pattern } from '../../support/wire.ts'
import { ACK, FIN, type Frame, framesOf, RECORD, RST, SYN } from './frames.ts'

const maxWindow = 3 * INITIAL_WINDOW
const windowGrowth = 3 * INITIAL_WINDOW
const unacknowledged = 3
const longestWrite = 300_000

/** What both ends of all streams say, each from a place of its own: 256 bytes over and over. */
const text = pattern(longestWrite + 512)

/** What a direction of a stream says from an offset on. */
function spoken(id: number, fromClient: boolean, offset: number, length: number): Uint8Array {
  const start = (offset + 7 * id + (fromClient ? 0 : 100)) & 0xff
  return text.subarray(start, start + length)
}

/** What the model knows of one end of a stream. */
interface End {
  readonly stream: YamuxStream
  written: number
  ended: boolean
  heard: number
  unread: number
  endHeard: boolean
  /** Reset by either side, as far as this end knows. */
  reset: boolean
}

/** What one side has put on the wire for a stream; checks each frame against the rules. */
class Referee {
  greeted = false
  ended = false
  reset = false
  sent = 0
  granted = INITIAL_WINDOW

  check({ type, flags, length }: Frame, greeting: number, credit: number): void {
    assert.equal(this.reset, false, 'nothing follows a reset')
    assert.equal(
      (flags & (SYN | ACK)) !== 0,
      !this.greeted && !(flags & RST),
      'the first frame greets, and no other',
    )
    if (!(flags & RST)) assert.ok(this.greeted || flags & greeting)
    this.greeted = true
    this.reset = (flags & RST) !== 0
    if (type === FrameType.data) {
      assert.ok(!this.ended && length > 0 && flags === (flags & greeting))
      this.sent += length
      assert.ok(this.sent <= credit, 'no more is sent than was granted')
    } else if (!this.reset) this.granted += length
    if (flags & FIN) {
      assert.ok(!this.ended && length === 0)
      this.ended = true
    }
  }
}

/** One session, what its application did and saw, and what it has sent that has not arrived. */
class Side {
  readonly isClient: boolean
  readonly session: YamuxSession
  readonly ends = new Map<number, End>()
  readonly referees = new Map<number, Referee>()
  readonly resets = new Set<number>()
  wire: Uint8Array = new Uint8Array(0)
  /** What was asked and not yet answered. The session asks by itself, too. */
  readonly pings = new Set<number>()
  other!: Side

  constructor(isClient: boolean, clock: Clock, inboundStreams: number) {
    this.isClient = isClient
    const limits = {
      ...defaultYamuxLimits,
      maxWindow,
      windowGrowth,
      unacknowledged,
      inboundStreams,
      outboundStreams: 4,
    }
    this.session = new YamuxSession({ role: isClient ? 'client' : 'server', now: clock.now, limits })
  }

  open(): void {
    if (this.session.canOpen) this.#add(this.session.open())
  }

  write(end: End, length: number): void {
    end.stream.write(spoken(end.stream.id, this.isClient, end.written, length))
    if (!end.ended && !end.reset) end.written += length
  }

  end(end: End): void {
    end.stream.end()
    end.ended = true
  }

  reset(end: End, code: number): void {
    const over = this.isOver(end)
    end.stream.reset(code)
    if (over) return
    this.resets.add(end.stream.id)
    end.reset = true
  }

  /** Whether a stream is done both ways, as far as this side knows. */
  isOver({ stream, endHeard, reset }: End): boolean {
    const over = reset || (endHeard && this.referees.get(stream.id)?.ended === true)
    assert.equal(stream.isOver, over)
    return over
  }

  consume(end: End, wanted: number): void {
    const count = Math.min(wanted, end.unread)
    end.unread -= count
    end.stream.consume(count)
  }

  ping(): void {
    this.pings.add(this.session.ping())
  }

  /** Puts the next frames on the wire. */
  take(limit: number): void {
    const bytes = concat(this.session.take(limit))
    assert.ok(bytes.length <= limit)
    for (const frame of framesOf(bytes)) if (frame.id > 0) this.#watch(frame)
    this.wire = concat([this.wire, bytes])
  }

  /** Lets bytes of the other side's wire arrive. */
  arrive(count: number): void {
    const chunk = this.other.wire.subarray(0, count)
    this.other.wire = this.other.wire.subarray(count)
    this.session.heard()
    for (const event of this.session.receive(chunk)) this.#note(event)
  }

  #add(stream: YamuxStream): void {
    this.ends.set(stream.id, {
      stream,
      written: 0,
      ended: false,
      heard: 0,
      unread: 0,
      endHeard: false,
      reset: false,
    })
  }

  #isOurs(id: number): boolean {
    return (id % 2 === 1) === this.isClient
  }

  #watch(frame: Frame): void {
    const { id } = frame
    const referee = this.referees.get(id) ?? new Referee()
    this.referees.set(id, referee)
    const credit = this.other.referees.get(id)?.granted ?? INITIAL_WINDOW
    referee.check(frame, this.#isOurs(id) ? SYN : ACK, credit)
    const end = this.ends.get(id)
    if (end)
      assert.ok(referee.granted <= end.heard - end.unread + maxWindow, 'credit is given for what was taken')
  }

  #note(event: YamuxEvent): void {
    if (event.type === 'pong') this.pings.delete(event.value)
    if (event.type === 'pong' || event.type === 'goAway') return
    const { id } = event.stream
    if (event.type === 'open') {
      assert.ok(!this.ends.has(id) && !this.#isOurs(id))
      return this.#add(event.stream)
    }
    const end = this.ends.get(id)!
    const theirs = this.other.ends.get(id)
    assert.equal(end.stream, event.stream)
    assert.equal(end.reset, false, 'nothing happens behind a reset')
    if (event.type === 'reset') {
      const refused = theirs === undefined
      assert.ok(refused || this.other.resets.has(id), 'nobody has reset the stream')
      end.reset = true
      return
    }
    assert.equal(end.endHeard, false, 'nothing but a reset happens behind the end')
    if (event.type === 'end') {
      assert.ok(theirs!.ended && end.heard === theirs!.written, 'the end comes behind all data')
      end.endHeard = true
      return
    }
    const { bytes } = event
    assert.equal(Buffer.compare(bytes, spoken(id, !this.isClient, end.heard, bytes.length)), 0)
    end.heard += bytes.length
    end.unread += bytes.length
    assert.ok(bytes.length > 0 && end.heard <= theirs!.written && end.unread <= maxWindow)
  }
}

/** Moves all bytes, and reads all that comes, until nothing more happens. */
function settle(sides: readonly Side[]): void {
  const busy = (side: Side) => side.session.wantsTurn || side.wire.length > 0
  while (sides.some(busy)) {
    for (const side of sides) side.take(RECORD)
    for (const side of sides) side.arrive(Number.POSITIVE_INFINITY)
    for (const side of sides) for (const end of side.ends.values()) side.consume(end, end.unread)
  }
}

/** What was written has arrived, with ends and resets, and both sides agree on what lives. */
function checkSettled(sides: readonly Side[]): void {
  for (const side of sides) {
    let alive = 0
    for (const [id, end] of side.ends) {
      const theirs = side.other.ends.get(id)
      if (!end.reset) {
        // A reset may come too late, behind the regular end.
        assert.ok(theirs && (!theirs.reset || side.isOver(end)), `stream ${id} is reset on one side alone`)
        assert.deepEqual([end.heard, end.endHeard], [theirs.written, theirs.ended], `stream ${id}`)
      }
      if (!side.isOver(end)) alive++
    }
    assert.equal(side.session.streamCount, alive)
    assert.equal(side.pings.size, 0)
  }
}

/** Every counter is back where it began: as many streams can be opened as at first, and windows can grow again. */
function checkCounters(sides: readonly Side[]): void {
  for (const side of sides) for (const end of side.ends.values()) side.reset(end, 0)
  settle(sides)
  for (const { session } of sides) {
    assert.equal(session.streamCount, 0)
    assert.equal(session.growth.budget.take(Number.MAX_SAFE_INTEGER), windowGrowth)
    for (let i = 0; i < unacknowledged; i++) session.open()
    assert.equal(session.canOpen, false)
  }
  settle(sides)
  for (const { session } of sides) assert.equal(session.streamCount, 2 * unacknowledged)
}

const sizes = fc.oneof(fc.nat({ max: 40 }), fc.nat({ max: 2000 }), fc.nat({ max: longestWrite }))
const verbs = fc.constantFrom(
  ...([
    'open',
    'open',
    'write',
    'write',
    'write',
    'end',
    'end',
    'reset',
    'consume',
    'consume',
    'ping',
    'advance',
  ] as const),
  ...(['take', 'take', 'take', 'arrive', 'arrive', 'arrive', 'settle'] as const),
)
const script = fc.array(fc.tuple(verbs, fc.boolean(), fc.nat({ max: 9 }), sizes), {
  maxLength: 120,
  size: 'max',
})

test('two sessions deliver what was written, in order, with ends and resets, whatever is done to them', () => {
  fc.assert(
    fc.property(script, fc.constantFrom(unacknowledged, 8), (steps, inboundStreams) => {
      const clock = new Clock()
      const sides = [new Side(true, clock, inboundStreams), new Side(false, clock, inboundStreams)] as const
      for (const side of sides) side.other = sides[side.isClient ? 1 : 0]
      for (const [verb, client, pick, size] of steps) {
        const side = sides[client ? 0 : 1]
        const end = [...side.ends.values()].at(-1 - (pick % Math.max(side.ends.size, 1)))
        if (verb === 'open') side.open()
        else if (verb === 'ping') side.ping()
        else if (verb === 'advance') clock.advance(pick)
        else if (verb === 'take') side.take(1024 + (size % RECORD))
        else if (verb === 'arrive') side.arrive(size)
        else if (verb === 'settle') settle(sides)
        else if (end && verb === 'write') side.write(end, size)
        else if (end && verb === 'consume') side.consume(end, size)
        else if (end && verb === 'end') side.end(end)
        else if (end && verb === 'reset') side.reset(end, size)
      }
      settle(sides)
      checkSettled(sides)
      checkCounters(sides)
    }),
    { numRuns: 1000 },
  )
})
