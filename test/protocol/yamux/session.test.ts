import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { defaultYamuxLimits } from '#src/protocol/limits'
import { YAMUX_PROTOCOL, YamuxSession } from '#src/protocol/yamux/session'
import { INITIAL_WINDOW } from '#src/protocol/yamux/window'
import { concat, utf8 } from '#src/wire/bytes'
import { pattern, refuses } from '../../support/wire.ts'
import {
  ACK,
  data,
  FIN,
  framesOf,
  goAway,
  ping,
  RECORD,
  RST,
  SYN,
  update,
  withAccepted,
  withOpened,
  Yamux,
} from './frames.ts'

const hi = utf8('hi')

/** Carries frames both ways until neither side has more to say; gives what each heard. */
function settle(a: Yamux, b: Yamux): { a: string[]; b: string[] } {
  const heard: { a: string[]; b: string[] } = { a: [], b: [] }
  while (a.session.wantsTurn || b.session.wantsTurn) {
    heard.b.push(...b.hear(a.takeAll()))
    heard.a.push(...a.hear(b.takeAll()))
  }
  return heard
}

describe('yamux streams', () => {
  test('have odd IDs at the client and even ones at the server', () => {
    assert.equal(YAMUX_PROTOCOL, '/yamux/1.0.0')
    const ids = (role: 'client' | 'server') => {
      const { session } = new Yamux(role)
      return [session.open().id, session.open().id, session.open().id]
    }
    assert.deepEqual(
      [ids('client'), ids('server')],
      [
        [1, 3, 5],
        [2, 4, 6],
      ],
    )
  })

  test('are opened in order with the next bytes that leave, data or none', () => {
    const side = new Yamux('client')
    assert.equal(side.session.wantsTurn, false)
    const [first, second] = [side.session.open(), side.session.open()]
    second.write(hi)
    second.end()
    assert.deepEqual(side.say(), ['update 1 SYN 0', 'data 3 SYN 6869', 'update 3 FIN 0'])
    first.end()
    assert.deepEqual(side.say(), ['update 1 FIN 0'])
  })

  test('are accepted on an update or on data, and answered with what is sent first', () => {
    const side = new Yamux('server')
    assert.deepEqual(
      side.hear(update(1, 0, SYN), data(3, hi, SYN), update(5, 9, SYN), data(7, utf8(''), SYN)),
      ['open 1', 'open 3', 'data 3 6869', 'open 5', 'open 7'],
    )
    side.accepted(3).write(hi)
    side.accepted(5).end()
    side.accepted(7).reset()
    assert.deepEqual(side.say(), [
      'update 7 RST 0',
      'update 1 ACK 0',
      'data 3 ACK 6869',
      'update 5 ACK 0',
      'update 5 FIN 0',
    ])
  })

  test('carry data before they are accepted', () => {
    const side = new Yamux('client')
    const stream = side.session.open()
    stream.write(hi)
    side.say()
    stream.write(hi)
    assert.deepEqual(side.say(), ['data 1 6869'])
    assert.equal(stream.acked, false)
    assert.deepEqual(side.hear(data(1, hi, ACK)), ['data 1 6869'])
    assert.equal(stream.acked, true)
  })

  test('may be opened, filled and ended by one frame', () => {
    const side = new Yamux('server')
    assert.deepEqual(side.hear(data(1, hi, SYN | FIN)), ['open 1', 'data 1 6869', 'end 1'])
    assert.deepEqual(side.hear(update(3, 0, SYN | FIN)), ['open 3', 'end 3'])
  })

  test('take FIN with data, which comes first', () => {
    const { side } = withAccepted()
    assert.deepEqual(side.hear(data(1, hi, FIN)), ['data 1 6869', 'end 1'])
  })

  test('end in both orders, each direction once, and go on in the other until then', () => {
    const { side: first, stream: ours } = withOpened()
    ours.end()
    assert.deepEqual(first.say(), ['update 1 FIN 0'])
    assert.deepEqual(first.hear(data(1, hi)), ['data 1 6869'])
    assert.equal(first.session.streamCount, 1)
    assert.deepEqual(first.hear(update(1, 0, FIN)), ['end 1'])
    assert.equal(first.session.streamCount, 0)

    const { side: second, stream: theirs } = withAccepted()
    assert.deepEqual(second.hear(update(1, 0, FIN), update(1, 0, FIN), update(1, 5)), ['end 1'])
    theirs.write(hi)
    theirs.end()
    assert.equal(second.session.streamCount, 1)
    assert.deepEqual(second.say(), ['data 1 6869', 'update 1 FIN 0'])
    assert.equal(second.session.streamCount, 0)
  })

  test('give credit after their own FIN', () => {
    const { side, stream } = withOpened()
    stream.end()
    side.say()
    side.hear(data(1, pattern(INITIAL_WINDOW / 2)))
    side.clock.advance(60_000)
    stream.consume(INITIAL_WINDOW / 2)
    assert.deepEqual(side.say(), [`update 1 ${INITIAL_WINDOW / 2}`])
  })

  test('give credit with their greeting where it is owed by then', () => {
    const side = new Yamux('server')
    side.hear(data(1, pattern(INITIAL_WINDOW), SYN))
    side.clock.advance(60_000)
    side.accepted(1).consume(INITIAL_WINDOW)
    assert.deepEqual(side.say(), [`update 1 ACK ${INITIAL_WINDOW}`])
  })

  test('grow their windows while readers keep up, within the limits of one stream and of all', () => {
    const limits = { maxWindow: 4 * INITIAL_WINDOW, windowGrowth: 4 * INITIAL_WINDOW }
    const side = new Yamux('server', { limits })
    side.hear(update(1, 0, SYN), update(3, 0, SYN), ping(1, SYN))
    side.say()
    const turnOver = (id: number, size: number) => {
      side.hear(data(id, pattern(size)))
      side.accepted(id).consume(size)
      return side.say()
    }
    const half = INITIAL_WINDOW / 2
    // Growth asks for the round trip, once until the answer comes.
    assert.deepEqual(turnOver(1, half), [`update 1 ${3 * half}`, 'ping SYN 1'])
    assert.deepEqual(turnOver(1, 2 * half), [`update 1 ${6 * half}`])
    assert.deepEqual(turnOver(1, 4 * half), [`update 1 ${4 * half}`])
    assert.deepEqual(turnOver(3, half), [`update 3 ${3 * half}`])
    assert.deepEqual(turnOver(3, 2 * half), [`update 3 ${2 * half}`])
    // The first stream's growth is free again once it is over.
    side.accepted(1).reset()
    side.say()
    assert.deepEqual(turnOver(3, 2 * half), [`update 3 ${6 * half}`])
    side.clock.advance(60_000)
    assert.deepEqual(turnOver(3, 4 * half), [`update 3 ${4 * half}`])
  })

  test('lose what their windows grew by while others converse, and tell no credit of nothing', () => {
    const side = new Yamux('server')
    side.hear(update(1, 0, SYN), update(3, 0, SYN))
    side.say()
    const turnOver = (size: number) => {
      side.hear(data(1, pattern(size)))
      side.accepted(1).consume(size)
      return side.say()
    }
    const half = INITIAL_WINDOW / 2
    assert.deepEqual(turnOver(half), [`update 1 ${3 * half}`, 'ping SYN 1'])
    side.hear(data(3, hi))
    assert.deepEqual(turnOver(2 * half), [])
    assert.deepEqual(turnOver(half), [], 'half of the first window is kept back')
    assert.deepEqual(turnOver(half), [`update 1 ${half}`])
    side.clock.advance(200)
    assert.deepEqual(turnOver(half), [`update 1 ${2 * half}`])
    assert.deepEqual(turnOver(half), [`update 1 ${3 * half}`])
  })

  test('have the round trip measured while messages come, and bulk is no message', () => {
    const { side } = withAccepted()
    const at = (elapsed: number, length: number) => {
      side.clock.advance(elapsed)
      side.session.heard()
      side.hear(data(1, pattern(length)))
      return side.say()
    }
    assert.deepEqual(at(250, 4_096), [])
    assert.deepEqual(at(1, 4_097), [])
    assert.deepEqual(at(0, 4_096), ['ping SYN 1'])
    assert.deepEqual(at(251, 1), [], 'the answer is still awaited')
    side.hear(ping(1, ACK))
    assert.deepEqual(at(0, 1), ['ping SYN 2'])
  })

  test('that send bulk want small batches while others converse', () => {
    const side = new Yamux('client')
    const [bulk, talk] = [side.session.open(), side.session.open()]
    const wants = () => side.session.wantsSmallBatches
    side.say()
    side.hear(data(talk.id, hi, ACK))
    assert.equal(wants(), false, 'before there is bulk')
    bulk.write(pattern(5_000))
    side.say()
    assert.equal(wants(), true)
    side.clock.advance(200)
    side.session.heard()
    assert.equal(wants(), false)
    side.hear(data(bulk.id, hi, ACK))
    assert.equal(wants(), false, 'who speaks is not beside itself')
  })

  test('fill one window of a reader that does not read, and leave its siblings alone', () => {
    const client = new Yamux('client')
    const server = new Yamux('server')
    const [slow, fast] = [client.session.open(), client.session.open()]
    slow.write(pattern(3 * INITIAL_WINDOW))
    settle(client, server)
    assert.equal(slow.queued, 2 * INITIAL_WINDOW)
    for (let i = 0; i < 20; i++) {
      fast.write(pattern(INITIAL_WINDOW / 2))
      const heard = settle(client, server).b.filter(event => !event.startsWith('pong'))
      assert.deepEqual(heard, [`data 3 ${INITIAL_WINDOW / 2} bytes`])
      server.accepted(3).consume(INITIAL_WINDOW / 2)
    }
    assert.equal(slow.queued, 2 * INITIAL_WINDOW)
  })
})

describe('a reset', () => {
  const states: [name: string, prepare: () => ReturnType<typeof withOpened>][] = [
    ['accepted by us', withAccepted],
    ['accepted by them', withOpened],
    [
      'opened and not accepted',
      () => {
        const side = new Yamux('client')
        const stream = side.session.open()
        side.say()
        return { side, stream }
      },
    ],
    [
      'not yet answered',
      () => {
        const side = new Yamux('server')
        side.hear(update(1, 0, SYN))
        return { side, stream: side.accepted(1) }
      },
    ],
    [
      'with data queued',
      () => {
        const prepared = withOpened()
        prepared.stream.write(pattern(2 * INITIAL_WINDOW))
        return prepared
      },
    ],
    [
      'blocked by its window',
      () => {
        const prepared = withOpened()
        prepared.stream.write(pattern(2 * INITIAL_WINDOW))
        prepared.side.say()
        return prepared
      },
    ],
    [
      'ended by us',
      () => {
        const prepared = withOpened()
        prepared.stream.end()
        prepared.side.say()
        return prepared
      },
    ],
    [
      'ended by us, FIN not sent',
      () => {
        const prepared = withOpened()
        prepared.stream.end()
        return prepared
      },
    ],
    [
      'ended by them',
      () => {
        const prepared = withAccepted()
        prepared.side.hear(update(1, 0, FIN))
        return prepared
      },
    ],
    [
      'owing credit',
      () => {
        const prepared = withAccepted()
        prepared.side.hear(data(1, pattern(INITIAL_WINDOW)))
        prepared.stream.consume(INITIAL_WINDOW)
        return prepared
      },
    ],
  ]
  for (const [name, prepare] of states) {
    test(`ends a stream ${name} at once, by us`, () => {
      const { side, stream } = prepare()
      stream.reset(0x1001)
      assert.deepEqual([stream.isOver, side.session.streamCount], [true, 0])
      assert.deepEqual(side.say(), ['update 1 RST 4097'])
      assert.deepEqual(
        side.hear(data(1, hi), update(1, 1), update(1, 0, FIN), update(1, 0, RST), data(1, hi, ACK)),
        [],
      )
      assert.deepEqual(side.say(), [])
    })

    for (const [form, frame, code] of [
      ['an update', update(1, 0x1002, RST), 0x1002],
      ['data', data(1, hi, RST | FIN), 0],
    ] as const) {
      if (name === 'ended by them' && form === 'data') continue
      test(`ends a stream ${name} at once, by them on ${form}`, () => {
        const { side, stream } = prepare()
        if (name === 'owing credit') side.say()
        assert.deepEqual(side.hear(frame), [`reset 1 ${code}`])
        assert.deepEqual([stream.isOver, side.session.streamCount], [true, 0])
        stream.write(hi)
        stream.end()
        stream.reset()
        stream.consume(INITIAL_WINDOW)
        assert.deepEqual(side.say(), [])
        assert.deepEqual(side.hear(update(1, 0, RST), data(1, hi)), [])
      })
    }
  }

  test('tells nobody of a stream that was never announced', () => {
    const side = new Yamux('client')
    side.session.open().write(hi)
    side.session.open().reset()
    assert.deepEqual(side.say(), ['data 1 SYN 6869'])
    assert.equal(side.session.streamCount, 1)
  })

  test('carries a code where other updates carry credit, which it never is', () => {
    const { side, stream } = withOpened()
    stream.write(pattern(INITIAL_WINDOW + 1))
    side.say()
    assert.deepEqual(side.hear(update(1, 0xffff_ffff, RST)), ['reset 1 4294967295'])
    assert.deepEqual(side.say(), [])
  })

  test('drops the rest of a body in mid-frame, and the next frames are read', () => {
    const { side, stream } = withAccepted()
    const frame = data(1, pattern(40), FIN)
    assert.deepEqual(side.hear(frame.subarray(0, 20)), ['data 1 001f3e5d7c9bbad9'])
    stream.reset()
    assert.deepEqual(side.hear(frame.subarray(20, 30)), [])
    assert.deepEqual(side.hear(concat([frame.subarray(30), update(3, 0, SYN)])), ['open 3'])
  })

  test('by the other side behind a SYN opens nothing when both come in one frame', () => {
    const side = new Yamux('server')
    assert.deepEqual(side.hear(update(1, 0, SYN | RST), data(3, hi, SYN | RST), update(5, 0, SYN)), [
      'open 5',
    ])
    assert.deepEqual([side.session.streamCount, side.say()], [1, ['update 5 ACK 0']])
  })

  test('leaves before everything else, and many of them stop the reading', () => {
    const side = new Yamux('server')
    const busy = side.session.open()
    busy.write(pattern(1000))
    for (let i = 0; i < 65; i++) {
      assert.equal(side.session.congested, false)
      side.hear(update(2 * i + 1, 0, SYN))
      side.accepted(2 * i + 1).reset()
    }
    assert.equal(side.session.congested, true)
    const said = side.say()
    assert.deepEqual([said.length, said[0], said.at(-1)], [66, 'update 1 RST 0', 'data 2 SYN 1000 bytes'])
    assert.equal(side.session.congested, false)
  })
})

describe('the bounds of a session', () => {
  test('have defaults, each of which can be changed alone', () => {
    assert.deepEqual(defaultYamuxLimits, {
      inboundStreams: 1024,
      outboundStreams: 256,
      unacknowledged: 256,
      maxWindow: 64 * 1024 * 1024,
      windowGrowth: 64 * 1024 * 1024,
      idleBurst: 20_000,
      idleRate: 1_000,
      keepAliveInterval: 30_000,
      keepAliveTimeout: 10_000,
    })
    const { session } = new Yamux('client')
    for (let i = 0; i < 256; i++) session.open()
    assert.equal(session.canOpen, false)
    refuses('ERR_STREAM_LIMIT', () => session.open())
  })

  test('let only so many streams wait to be accepted', () => {
    const side = new Yamux('client', { limits: { unacknowledged: 2 } })
    const { session } = side
    const streams = [session.open(), session.open()] as const
    side.say()
    assert.equal(session.canOpen, false)
    side.hear(update(1, 0, ACK), update(1, 0, ACK), update(3, 0))
    assert.equal(session.canOpen, true)
    session.open()
    assert.equal(session.canOpen, false)
    // One that was accepted makes no room when it ends, one that was not does.
    streams[0].reset()
    assert.equal(session.canOpen, false)
    streams[1].reset()
    assert.equal(session.canOpen, true)
    session.open()
    assert.equal(session.canOpen, false)
    side.say()
    side.hear(update(5, 0, ACK | RST), update(7, 0, RST))
    assert.deepEqual([session.open().id, session.open().id, session.canOpen], [9, 11, false])
  })

  test('let only so many of our streams live', () => {
    const side = new Yamux('client', { limits: { outboundStreams: 2 } })
    const { session } = side
    const streams = [session.open(), session.open()] as const
    side.say()
    side.hear(update(1, 0, ACK), update(3, 0, ACK), update(2, 0, SYN))
    refuses('ERR_STREAM_LIMIT', () => session.open())
    streams[0].end()
    side.say()
    refuses('ERR_STREAM_LIMIT', () => session.open())
    side.hear(update(1, 0, FIN))
    assert.equal(session.open().id, 5)
    refuses('ERR_STREAM_LIMIT', () => session.open())
  })

  test('reset the streams of theirs that are too many, and them alone', () => {
    const side = new Yamux('server', { limits: { inboundStreams: 2 } })
    side.session.open()
    side.say()
    assert.deepEqual(
      side.hear(update(1, 0, SYN), data(3, hi, SYN), data(5, hi, SYN | FIN), update(7, 0, SYN)),
      ['open 1', 'open 3', 'data 3 6869'],
    )
    assert.deepEqual(side.say(), ['update 5 RST 0', 'update 7 RST 0', 'update 1 ACK 0', 'update 3 ACK 0'])
    assert.deepEqual(side.hear(data(5, hi), data(3, hi)), ['data 3 6869'])
    side.accepted(1).reset()
    side.hear(update(3, 0, RST))
    assert.deepEqual(side.hear(update(9, 0, SYN), update(11, 0, SYN), update(13, 0, SYN)), [
      'open 9',
      'open 11',
    ])
  })

  test('give back all room when streams are over, however they came to be so', () => {
    const limits = { inboundStreams: 3, outboundStreams: 3, unacknowledged: 3 }
    const client = new Yamux('client', { limits })
    const server = new Yamux('server', { limits })
    for (let round = 0; round < 50; round++) {
      const ours = [0, 1, 2].map(() => client.session.open())
      if (round % 3 > 0) settle(client, server)
      const theirs = ours.map(stream => server.accepted(stream.id))
      for (const [i, stream] of ours.entries()) {
        if ((round + i) % 4 === 0) stream.reset()
        else if ((round + i) % 4 === 1 && round % 3 > 0) theirs[i]!.reset()
        else {
          stream.end()
          if (round % 3 > 0) theirs[i]!.end()
        }
      }
      settle(client, server)
      for (const { id } of ours) server.accepted(id)?.end()
      settle(client, server)
      assert.deepEqual([client.session.streamCount, server.session.streamCount], [0, 0], `round ${round}`)
    }
  })

  test('end with the last ID', () => {
    for (const [role, firstId] of [
      ['client', 0xffff_fffd],
      ['server', 0xffff_fffc],
    ] as const) {
      const side = new Yamux(role, { firstId })
      assert.deepEqual([side.session.open().id, side.session.open().id], [firstId, firstId + 2])
      refuses('ERR_STREAM_LIMIT', () => side.session.open())
      assert.deepEqual(side.say(), [`update ${firstId} SYN 0`, `update ${firstId + 2} SYN 0`])
      assert.deepEqual(side.hear(data(firstId + 2, hi, ACK)), [`data ${firstId + 2} 6869`])
    }
  })
})

describe('take', () => {
  test('gives whole frames within any limit, until nothing is left', () => {
    for (const limit of [12, 13, 23, 24, 1023, 1024, 1025, 1036, 5000, RECORD]) {
      const { session } = new Yamux('client')
      const written: Record<number, number> = {}
      for (let i = 0; i < 20; i++) {
        const stream = session.open()
        stream.write(pattern(i * 997))
        stream.end()
        written[stream.id] = i * 997
      }
      session.ping()
      const frames: ReturnType<typeof framesOf> = []
      for (let taken = session.take(limit); taken.length > 0; taken = session.take(limit)) {
        const bytes = concat(taken)
        assert.ok(bytes.length <= limit)
        frames.push(...framesOf(bytes))
      }
      assert.equal(frames[0]?.type, 2)
      if (limit < 1024) {
        assert.equal(frames.length, 1, 'there is no turn for streams in so little room')
        continue
      }
      const received: Record<number, number> = {}
      for (const { type, id, length } of frames.slice(1))
        received[id] = (received[id] ?? 0) + (type === 0 ? length : 0)
      assert.deepEqual(received, written)
      assert.equal(session.wantsTurn, false)
    }
  })

  test('gives nothing where there is nothing, or no room', () => {
    const { session } = new Yamux('client')
    assert.deepEqual(session.take(RECORD), [])
    session.ping()
    assert.deepEqual(session.take(11), [])
    assert.equal(session.take(12).length, 1)
  })

  test('puts answers before streams, in their order', () => {
    const { side, stream } = withOpened()
    stream.write(hi)
    side.hear(ping(7, SYN), ping(8, SYN))
    side.session.goAway(0)
    assert.deepEqual(side.say(), ['ping ACK 7', 'ping ACK 8', 'goAway 0', 'data 1 6869'])
  })

  test('serves streams in turn, however much each has to send', () => {
    const { session } = new Yamux('client')
    const streams = Array.from({ length: 10 }, () => session.open())
    for (const [i, stream] of streams.entries()) stream.write(pattern(i === 0 ? INITIAL_WINDOW : 100_000))
    const order = Array.from({ length: 20 }, () =>
      framesOf(concat(session.take(RECORD))).map(frame => frame.id),
    ).flat()
    for (const half of [order.slice(0, 10), order.slice(10, 20)]) {
      assert.deepEqual(
        half,
        streams.map(stream => stream.id),
      )
    }
  })

  test('lets a stream that comes late wait for one record of each other at most', () => {
    const { session } = new Yamux('client')
    const busy = [session.open(), session.open()]
    for (const stream of busy) stream.write(pattern(INITIAL_WINDOW))
    session.take(RECORD)
    session.open().write(hi)
    const ids = [1, 2, 3].map(() => framesOf(concat(session.take(RECORD))).map(frame => frame.id))
    assert.ok(ids.flat().includes(5))
  })
})

describe('pings', () => {
  test('are answered with their value, whatever else is flagged', () => {
    const { side } = withAccepted()
    const heard = side.hear(ping(0xdeadbeef, SYN), ping(5, SYN | ACK), ping(6, 0), ping(7, FIN | RST))
    assert.deepEqual([heard, side.say()], [[], ['ping ACK 3735928559', 'ping ACK 5']])
  })

  test('measure the round trip', () => {
    const side = new Yamux('client')
    const values = [side.session.ping(), side.session.ping()] as const
    assert.deepEqual(
      side.say(),
      values.map(value => `ping SYN ${value}`),
    )
    side.clock.advance(40)
    assert.deepEqual(side.hear(ping(values[1], ACK)), [`pong ${values[1]} 40`])
    assert.equal(side.session.rtt, 40)
    side.clock.advance(2)
    assert.deepEqual(side.hear(ping(values[0], ACK)), [`pong ${values[0]} 42`])
    assert.equal(side.session.rtt, 42)
  })

  test('that were never sent may be answered 32 times, and complete nothing', () => {
    const side = new Yamux('client')
    side.session.ping()
    const stray = ping(0xdeadbeef, ACK)
    assert.deepEqual(side.hear(...Array(32).fill(stray)), [])
    assert.equal(side.session.rtt, 0)
    refuses('ERR_YAMUX', () => side.hear(stray))
  })

  test('are answered 32 at a time, and the rest of them not at all', () => {
    const side = new Yamux('server')
    for (let i = 0; i < 3; i++) {
      side.hear(...Array(1_000).fill(ping(1, SYN)))
      assert.deepEqual(side.say(), Array(32).fill('ping ACK 1'))
    }
  })

  test('keep the connection alive, each interval one', () => {
    const side = new Yamux('client')
    const { clock, session } = side
    for (let round = 1; round <= 3; round++) {
      assert.equal(session.tick(), clock.now() + 30_000)
      clock.advance(29_999)
      assert.equal(session.tick(), clock.now() + 1)
      assert.deepEqual(side.say(), [])
      clock.advance(1)
      assert.equal(session.tick(), clock.now() + 10_000)
      assert.deepEqual(side.say(), [`ping SYN ${round}`])
      assert.deepEqual(side.hear(ping(round, ACK)), [`pong ${round} 0`])
    }
  })

  test('that stay without answer end the connection, unless other bytes come', () => {
    const side = new Yamux('client', { limits: { keepAliveInterval: 100, keepAliveTimeout: 50 } })
    const { clock, session } = side
    clock.advance(100)
    assert.equal(session.tick(), clock.now() + 50)
    clock.advance(49)
    side.hear(update(2, 0, SYN).subarray(0, 1))
    clock.advance(49)
    assert.equal(session.tick(), clock.now() + 1)
    clock.advance(1)
    refuses('ERR_TIMEOUT', () => session.tick())
  })
})

describe('GoAway', () => {
  test('is said once, and refuses new streams of either side while old ones go on', () => {
    const { side, stream } = withAccepted()
    side.session.goAway(0)
    side.session.goAway(1)
    refuses('ERR_CONNECTION_CLOSED', () => side.session.open())
    assert.deepEqual(side.hear(update(3, 0, SYN), data(1, hi)), ['data 1 6869'])
    stream.write(hi)
    assert.deepEqual(side.say(), ['goAway 0', 'update 3 RST 0', 'data 1 6869'])
  })

  test('is told with its code, and refuses new streams of ours while old ones go on', () => {
    for (const code of [0, 1, 2, 0x1006, 0xdeadbeef]) {
      const { side, stream } = withOpened()
      assert.deepEqual(side.hear(goAway(code), data(1, hi), update(2, 0, SYN)), [
        `goAway ${code}`,
        'data 1 6869',
        'open 2',
      ])
      refuses('ERR_CONNECTION_CLOSED', () => side.session.open())
      stream.write(hi)
      assert.deepEqual(side.say(), ['update 2 ACK 0', 'data 1 6869'])
    }
  })
})

test('two sessions talk with each other over any limit of take', () => {
  for (const limit of [1024, 1500, RECORD]) {
    const now = () => 0
    const client = new YamuxSession({ role: 'client', now })
    const server = new YamuxSession({ role: 'server', now })
    const stream = client.open()
    stream.write(pattern(600_000))
    stream.end()
    const received: Uint8Array[] = []
    let ended = false
    while (client.wantsTurn || server.wantsTurn) {
      for (const event of server.receive(concat(client.take(limit)))) {
        if (event.type === 'end') ended = true
        if (event.type !== 'data') continue
        received.push(event.bytes)
        event.stream.consume(event.bytes.length)
      }
      client.receive(concat(server.take(limit)))
    }
    assert.ok(ended)
    assert.deepEqual(concat(received), pattern(600_000))
  }
})

test('a session knows what its streams hold, though more is written while room is made for the first', () => {
  let meanwhile = () => {}
  const hold = () => {
    const work = meanwhile
    meanwhile = () => {}
    work()
    return true
  }
  const allowance = { stream: () => ({ release() {} }), hold, accepts: true, grows: true }
  const session = new YamuxSession({ role: 'client', now: () => 0, allowance })
  const [one, two] = [session.open(), session.open()]
  meanwhile = () => two.write(new Uint8Array(100))
  one.write(new Uint8Array(100_000))
  assert.equal(session.held, 100_100)
  one.reset()
  two.reset()
  assert.equal(session.held, 0)
})
