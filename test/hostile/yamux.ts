import assert from 'node:assert/strict'
import { setTimeout as wait } from 'node:timers/promises'
import { encodeHeader } from '#src/protocol/yamux/header'
import { INITIAL_WINDOW } from '#src/protocol/yamux/window'
import { concat, utf8 } from '#src/wire/bytes'
import { ACK, data, FIN, goAway, ping, RST, SYN, told, update, Yamux } from '../protocol/yamux/frames.ts'
import { announced, breakingFrames, open1 } from '../protocol/yamux/hostile.ts'
import { feedAtRandom, randomNumbers } from '../support/feed.ts'
import { type RawPeer, until } from '../support/net.ts'
import { bytesOf, cuttings, pattern } from '../support/wire.ts'
import { type Attack, failureOf, type Intruder, soon } from './attack.ts'
import { live, pure, type Row } from './suite.ts'
import { opening, proposal, Witness } from './witness.ts'

/** Floods are a tenth of what the list has, unless the slow tests are wanted. */
export const slow: boolean = process.env.PARLEY_SLOW === '1'
const many = slow ? 1_000_000 : 100_000

/** Says frames that break a session: it must be closed, and the last thing heard be GOAWAY 1. */
async function breaks(attack: Attack, name: string, ...frames: Uint8Array[]): Promise<void> {
  await attack.attempt(name, async () => {
    const intruder = await attack.intrude()
    sendAll(intruder.peer, concat(frames))
    await attack.closes(intruder, 'ERR_YAMUX')
    const last = intruder.peer.events.findLast(({ type }) => type === 'goAway')
    assert.deepEqual(last, { type: 'goAway', code: 1 })
    intruder.peer.destroy()
  })
}

/** Sends frames in as many records as they take. */
function sendAll(peer: RawPeer, frames: Uint8Array): void {
  for (let at = 0; at < frames.length; at += 60_000) peer.send(frames.subarray(at, at + 60_000))
}

/** Those of the listed sequences whose names fit. */
const listed = (pattern: RegExp) => breakingFrames.filter(([name]) => pattern.test(name))

async function breaksListed(attack: Attack, pattern: RegExp): Promise<void> {
  const found = listed(pattern)
  assert.ok(found.length > 0)
  for (const [name, before, bytes] of found) await breaks(attack, name, ...before, bytes)
}

/** Sends a frame again and again, as fast as it is taken, until the connection is gone. */
async function pour(
  { peer, connection }: Intruder,
  frames: (at: number) => Uint8Array,
  count: number,
): Promise<void> {
  const batch = 2_000
  for (let at = 0; at < count && connection.status !== 'closed'; at += batch) {
    const drains = peer.ear.drains
    const block = concat(Array.from({ length: batch }, (_, i) => frames(at + i)))
    const full = !peer.write(peer.seal(block))
    const free = () => peer.ear.drains > drains || connection.status === 'closed' || peer.ear.isClosed
    if (full) await until(free, 'the flood goes on')
    else await wait(0)
  }
}

/** A stream of the intruder's that the host has agreed on. */
async function openTo(intruder: Intruder, { protocol }: { protocol: string }): Promise<number> {
  const stream = intruder.peer.yamux.open()
  stream.write(proposal(protocol))
  intruder.peer.flush()
  await until(() => intruder.peer.textOf(stream.id).includes(protocol), 'the stream is agreed on')
  return stream.id
}

/** The connection stands, and a new stream on it works. */
async function stands(intruder: Intruder, witness: Witness): Promise<void> {
  const before = witness.streams
  const id = await openTo(intruder, witness)
  assert.ok(witness.streams > before)
  intruder.peer.send(update(id, 0, RST))
  assert.equal(intruder.connection.status, 'open')
}

const counts = (peer: RawPeer) => ({ resets: peer.count('reset'), ends: peer.count('end') })

/** What may be said on stream 1 behind a hello, and how the one who reads there sees it end. */
const endings: readonly [name: string, frames: Uint8Array[], ends: readonly string[]][] = [
  ['data after FIN', [update(1, 0, FIN), data(1, utf8('late'))], ['end']],
  ['two FINs', [update(1, 0, FIN), update(1, 0, FIN)], ['end']],
  ['FIN, then credit', [update(1, 0, FIN), update(1, 1_000)], ['end']],
  ['FIN with credit', [update(1, 1_000, FIN)], ['end']],
  ['RST, then data', [update(1, 0, RST), data(1, utf8('late'))], ['ERR_STREAM_RESET']],
  ['RST twice', [update(1, 0, RST), update(1, 0, RST)], ['ERR_STREAM_RESET']],
  ['FIN, then RST', [update(1, 0, FIN), update(1, 0, RST)], ['end']],
  ['RST, then FIN', [update(1, 0, RST), update(1, 0, FIN)], ['ERR_STREAM_RESET']],
  ['FIN and RST at once', [update(1, 0, FIN | RST)], ['ERR_STREAM_RESET']],
]

/** A recording: frames of all types for a server, with streams that come and go. */
const recording = concat([
  update(1, 0, SYN),
  data(1, utf8('one')),
  ping(7, SYN),
  data(3, utf8('three'), SYN),
  update(1, 500),
  data(1, pattern(300)),
  update(3, 0, FIN),
  data(5, utf8('five'), SYN | FIN),
  update(7, 0, SYN | FIN),
  data(9, pattern(3)),
  update(1, 0, RST),
  data(11, new Uint8Array(0), SYN),
  goAway(0),
])

const longAnswer = pattern(1_500_000)

/** The muxer: frames and what they ask for. */
export const yamux: readonly Row[] = [
  live('B61', 'another version, an unknown type, data without a stream', async attack => {
    await breaksListed(attack, /version|type|without a stream/)
    for (const version of [1, 2, 0x7f, 0xff])
      await breaks(attack, `version ${version}`, Uint8Array.of(version, ...bytesOf('0200010000000000000000')))
    for (const type of [4, 5, 0x80]) await breaks(attack, `type ${type}`, encodeHeader(type, 0, 0, 0))
  }),
  live('B62', 'a first frame beyond the window', async attack => {
    await breaksListed(attack, /first frame beyond/)
    for (const more of [1, 2, 1_000, 2 ** 20]) {
      await breaks(attack, `${more} too many`, announced(1, INITIAL_WINDOW + more, SYN))
    }
  }),
  live('B63', 'the longest of all frames, for streams known and unknown', async attack => {
    await breaksListed(attack, /longest|largest/)
  }),
  live('B64', 'a byte more than the window has', async attack => {
    const deaf = new Witness(attack, { deaf: true })
    await breaksListed(attack, /beyond the (rest of the )?window$|one byte beyond/)
    await attack.attempt('to a program that does not read', async () => {
      const intruder = await attack.intrude()
      const id = await openTo(intruder, deaf)
      sendAll(intruder.peer, data(id, pattern(INITIAL_WINDOW - 1_000)))
      await wait(30)
      assert.equal(intruder.connection.status, 'open')
      intruder.peer.send(data(id, pattern(60_000)))
      await attack.closes(intruder, 'ERR_YAMUX')
    })
    deaf.listen()
  }),
  live('B65', 'more credit than there can be', async attack => {
    await breaksListed(attack, /credit/)
    const deaf = new Witness(attack)
    await attack.attempt('on a stream in use', async () => {
      const intruder = await attack.intrude()
      const id = await openTo(intruder, deaf)
      intruder.peer.send(update(id, 0x8000_0000), update(id, 0x8000_0000))
      await attack.closes(intruder, 'ERR_YAMUX')
    })
  }),
  live(
    'B66',
    `${many} pings whose answers are never read, and as many by somebody who reads`,
    async attack => {
      await attack.attempt('never read', async () => {
        const intruder = await attack.intrude()
        intruder.peer.stopReading()
        await pour(intruder, at => ping(at, SYN), many)
        attack.weigh()
        await attack.ends(intruder, ['ERR_FLOOD', 'ERR_TIMEOUT'], 5_000)
      })
      await attack.attempt('read', async () => {
        const intruder = await attack.intrude()
        intruder.peer.deaf = true
        await pour(intruder, at => ping(at, SYN), many)
        attack.weigh()
        if (intruder.connection.status === 'closed') await attack.closes(intruder, 'ERR_FLOOD')
      })
    },
    { flood: true },
  ),
  live(
    'B67',
    'answers to pings that were never asked: some are passed over, as with go; many break the session, as one does with js',
    async attack => {
      await breaksListed(attack, /ping|pong/)
      const witness = new Witness(attack)
      const strays = (count: number) => Array.from({ length: count }, (_, i) => ping(0xdead_0000 + i, ACK))
      for (const count of [1, 16, 32]) {
        await attack.attempt(`${count} of them`, async () => {
          const intruder = await attack.intrude()
          intruder.peer.send(...strays(count))
          await stands(intruder, witness)
        })
      }
      await attack.dismissed('1,000 of them', 'ERR_YAMUX', ({ peer }) => peer.send(...strays(1_000)))
      await attack.attempt('none completes a ping that is under way', async () => {
        const intruder = await attack.intrude({ polite: false })
        let answered = false
        const pinged = failureOf(intruder.connection.ping()).then(() => {
          answered = true
        })
        intruder.peer.send(...strays(20))
        await wait(50)
        assert.equal(answered, false)
        intruder.peer.destroy()
        await pinged
      })
      await attack.attempt('SYN and ACK at once is a question', async () => {
        const intruder = await attack.intrude()
        intruder.peer.send(ping(5, SYN | ACK))
        await stands(intruder, witness)
      })
    },
  ),
  live(
    'B68',
    'a stream that the program never reads',
    async attack => {
      const deaf = new Witness(attack, { protocol: '/hostile/deaf', deaf: true })
      const reads = new Witness(attack)
      await attack.attempt('beside one that it does', async () => {
        const { there } = await attack.guest()
        const stuck = await there.open(deaf.protocol)
        for (let i = 0; i < 16; i++) stuck.write(pattern(65_536))
        const open = await there.open(reads.protocol)
        for (let i = 0; i < 64; i++) if (!open.write(pattern(65_536))) await open.drained()
        await open.end()
        await until(() => reads.ends.length === 1, 'the other stream goes on')
        assert.equal(reads.length, 64 * 65_536)
        assert.ok(
          attack.host.usage().bytes <= 2 * INITIAL_WINDOW,
          `${attack.host.usage().bytes} bytes are held`,
        )
        stuck.reset()
      })
      deaf.listen()
    },
    { flood: true },
  ),
  live(
    'B69',
    `${many} frames of no byte or of one`,
    async attack => {
      const witness = new Witness(attack)
      await attack.attempt('no byte', async () => {
        const intruder = await attack.intrude()
        const id = await openTo(intruder, witness)
        await pour(intruder, () => data(id, new Uint8Array(0)), many)
        attack.weigh()
        await attack.closes(intruder, 'ERR_FLOOD')
      })
      await attack.attempt('one byte', async () => {
        const intruder = await attack.intrude()
        const id = await openTo(intruder, witness)
        const before = witness.length
        await pour(intruder, () => data(id, Uint8Array.of(97)), many / 2)
        await until(() => witness.length - before === many / 2, 'all of them arrive')
        intruder.peer.destroy()
      })
      const deaf = new Witness(attack, { protocol: '/hostile/deaf', deaf: true })
      await attack.attempt('one byte, unread', async () => {
        const intruder = await attack.intrude()
        const id = await openTo(intruder, deaf)
        await pour(intruder, () => data(id, Uint8Array.of(97)), many)
        attack.weigh()
        assert.ok(attack.host.usage().bytes <= 2 * INITIAL_WINDOW)
        intruder.peer.destroy()
      })
      deaf.listen()
    },
    { flood: true },
  ),
  live(
    'B70',
    '300 streams at once on which nothing is proposed: 256 may wait, as with go and rust; the rest is reset',
    async attack => {
      await attack.attempt('300', async () => {
        const { peer, connection } = await attack.intrude()
        for (let i = 0; i < 300; i++) peer.yamux.open()
        peer.flush()
        await until(() => peer.count('reset') === 44, 'the surplus is reset')
        assert.equal(connection.status, 'open')
        assert.ok(attack.host.usage().streams <= 256 + 3)
        peer.destroy()
      })
    },
  ),
  live(
    'B71',
    `streams that are opened and reset at once, ${many} times`,
    async attack => {
      const witness = new Witness(attack)
      const floods: [name: string, frames: (at: number) => Uint8Array][] = [
        ['in one frame', at => update(2 * at + 1, 0, SYN | RST)],
        ['in two frames', at => update(2 * (at >> 1) + 1, 0, at % 2 === 0 ? SYN : RST)],
        ['with a proposal', at => (at % 2 === 0 ? opening(at + 1, witness.protocol) : update(at, 0, RST))],
      ]
      for (const [name, frames] of floods) {
        await attack.attempt(name, async () => {
          const intruder = await attack.intrude()
          await pour(intruder, frames, many)
          attack.weigh()
          await attack.closes(intruder, 'ERR_FLOOD', 5_000)
          intruder.peer.destroy()
        })
      }
      assert.ok(witness.streams <= 20_000 + 5_000)
    },
    { flood: true },
  ),
  live(
    'B72',
    'a SYN of the wrong parity or for a stream that lives; IDs may come in any order, as with go',
    async attack => {
      await breaksListed(attack, /parity|second SYN|half closed/)
      const witness = new Witness(attack)
      await attack.attempt('an ID below the last', async () => {
        const intruder = await attack.intrude()
        intruder.peer.send(opening(9, witness.protocol), opening(7, witness.protocol))
        await until(() => witness.streams === 2, 'both are there')
        assert.equal(intruder.connection.status, 'open')
        intruder.peer.destroy()
      })
    },
  ),
  live(
    'B73',
    'one stream more than there may be',
    async attack => {
      const witness = new Witness(attack)
      await attack.attempt('the 17th of 16', async () => {
        const intruder = await attack.intrude()
        for (let i = 0; i < 16; i++) await openTo(intruder, witness)
        const { resets } = counts(intruder.peer)
        intruder.peer.yamux.open().write(proposal(witness.protocol))
        intruder.peer.flush()
        await until(() => intruder.peer.count('reset') === resets + 1, 'the 17th is reset')
        for (let id = 1; id <= 31; id += 2) intruder.peer.send(data(id, utf8('x')))
        await until(() => witness.length === 16, 'the others are unhurt')
        intruder.peer.destroy()
      })
    },
    // The list has 256, our default is 1,024: 16 show the same.
    { limits: { yamux: { inboundStreams: 16 } } },
  ),
  live(
    'B74',
    'streams of ours that are never accepted',
    async attack => {
      await attack.attempt('the fifth of four', async () => {
        const { peer, connection } = await attack.intrude({ polite: false })
        const waiting = Array.from({ length: 5 }, () =>
          failureOf(connection.open('/never', { signal: AbortSignal.timeout(200) })),
        )
        let early = false
        void Promise.race(waiting).then(() => {
          early = true
        })
        await wait(100)
        assert.equal(early, false, 'it waits')
        for (const error of await Promise.all(waiting)) attack.expect('ERR_ABORTED', error)
        peer.destroy()
      })
    },
    { limits: { yamux: { unacknowledged: 4 } } },
  ),
  live('B75', 'frames behind the end of a stream: the program sees one end', async attack => {
    for (const [name, frames, ends] of endings) {
      const witness = new Witness(attack)
      await attack.attempt(name, async () => {
        const { peer, connection } = await attack.intrude()
        peer.send(opening(1, witness.protocol))
        await until(() => witness.streams === 1, 'the stream arrives')
        peer.send(...frames)
        await until(() => witness.ends.length > 0, 'it ends')
        await wait(10)
        assert.deepEqual(witness.ends, ends)
        assert.equal(connection.status, 'open')
        assert.equal(witness.text, '')
        peer.destroy()
      })
    }
  }),
  live('B76', 'SYN, FIN and all bytes in one frame; SYN and RST in one frame', async attack => {
    const witness = new Witness(attack)
    await attack.attempt('SYN and FIN', async () => {
      const { peer } = await attack.intrude()
      peer.send(data(1, concat([proposal(witness.protocol), utf8('everything')]), SYN | FIN))
      await until(() => witness.ends.length === 1, 'it ends')
      assert.deepEqual([witness.text, witness.ends], ['everything', ['end']])
      peer.destroy()
    })
    await attack.attempt('SYN and RST', async () => {
      const intruder = await attack.intrude()
      intruder.peer.send(data(1, proposal(witness.protocol), SYN | RST))
      await wait(20)
      assert.equal(witness.streams, 1, 'the program hears nothing')
      assert.equal(intruder.connection.status, 'open')
      intruder.peer.destroy()
    })
  }),
  live('B77', 'frames for streams that were never opened', async attack => {
    const witness = new Witness(attack)
    for (const [name, frame] of [
      ['ACK', (id: number) => update(id, 0, ACK)],
      ['credit', (id: number) => update(id, 100)],
      ['FIN', (id: number) => update(id, 0, FIN)],
      ['RST', (id: number) => update(id, 0, RST)],
      ['data', (id: number) => data(id, pattern(50))],
    ] as const) {
      await attack.attempt(name, async () => {
        const intruder = await attack.intrude()
        await wait(10)
        const heard = intruder.peer.ear.length
        for (let id = 101; id < 2_101; id += 2) intruder.peer.send(frame(id), frame(id + 1))
        await wait(30)
        assert.ok(intruder.peer.ear.length - heard < 200, 'no frame is answered')
        await stands(intruder, witness)
        intruder.peer.destroy()
      })
    }
  }),
  live('B78', 'GOAWAY of every kind with streams open', async attack => {
    for (const code of [0, 1, 2, 0xdead_beef]) {
      const witness = new Witness(attack)
      await attack.attempt(`code ${code}`, async () => {
        const intruder = await attack.intrude()
        for (let i = 0; i < 100; i++) intruder.peer.yamux.open().write(proposal(witness.protocol))
        intruder.peer.flush()
        await until(() => witness.streams === 100, 'all are there')
        intruder.peer.send(goAway(code))
        await until(() => intruder.connection.status !== 'open', 'the host takes its leave')
        attack.expect('ERR_CONNECTION_CLOSED', await failureOf(intruder.connection.open('/new')))
        if (code === 0) for (let id = 1; id <= 199; id += 2) intruder.peer.send(update(id, 0, FIN))
        await until(() => witness.ends.length === 100, 'all streams end')
        assert.deepEqual([...new Set(witness.ends)], code === 0 ? ['end'] : ['ERR_CONNECTION_CLOSED'])
        intruder.peer.destroy()
      })
    }
  }),
  pure('B79', 'our last stream ID: there is no other', trial => {
    for (const firstId of [0xffff_ffff, 0xffff_fffd]) {
      trial.refuses('ERR_STREAM_LIMIT', String(firstId), () => {
        const side = new Yamux('client', { firstId })
        for (let i = firstId; i <= 0xffff_ffff; i += 2) assert.equal(side.session.open().id, i)
        side.session.open()
      })
    }
  }),
  live(
    'B80',
    'a stream whose other side grants no credit',
    async attack => {
      const other = new Witness(attack, { protocol: '/hostile/other' })
      for (const waits of [true, false]) {
        const witness = new Witness(attack, { answers: longAnswer, waits })
        await attack.attempt(waits ? 'a writer that waits' : 'a writer that reads on', async () => {
          const intruder = await attack.intrude({ polite: false })
          intruder.peer.send(opening(1, witness.protocol))
          await soon(
            until(() => witness.ends.length === 1, 'the stream is reset'),
            2_000,
          )
          assert.deepEqual(witness.ends, ['ERR_TIMEOUT'])
          const before = other.streams
          intruder.peer.send(opening(3, other.protocol))
          await until(() => other.streams > before, 'the connection goes on')
          intruder.peer.destroy()
        })
      }
    },
    { limits: { stallTimeout: 200 } },
  ),
  pure('B81', 'a header cut at each of its offsets, and a recording cut at random, 4,096 times', trial => {
    const whole = told(new Yamux('server').hearChunks([recording]))
    for (const [i, chunks] of cuttings(open1).entries()) {
      trial.try(`cutting ${i}`, () =>
        assert.deepEqual(told(new Yamux('server').hearChunks(chunks)), ['open 1']),
      )
    }
    for (let seed = 0; seed < 4_096; seed++) {
      trial.try(`seed ${seed}`, () => {
        const chunks = feedAtRandom(recording, randomNumbers(seed))
        assert.deepEqual(told(new Yamux('server').hearChunks(chunks)), whole)
      })
    }
  }),
]
