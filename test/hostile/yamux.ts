import assert from 'node:assert/strict'
import { setTimeout as wait } from 'node:timers/promises'
import type { Stream } from '#src/net/stream'
import { encodeMessage } from '#src/protocol/negotiate'
import { INITIAL_WINDOW } from '#src/protocol/yamux/window'
import { concat, EMPTY, hex, utf8 } from '#src/wire/bytes'
import { ParleyError } from '#src/wire/errors'
import {
  ACK,
  data,
  FIN,
  type Frame,
  framesOf,
  goAway,
  ping,
  RST,
  SYN,
  told,
  update,
  Yamux,
} from '../protocol/yamux/frames.ts'
import { answers, breaches, events, recording } from '../protocol/yamux/hostile.ts'
import { feedAtRandom, randomNumbers } from '../support/feed.ts'
import { echo, errorOf, type RawPeer, turns, until } from '../support/net.ts'
import { cuttings, pattern } from '../support/wire.ts'
import { type Attack, failureOf, type Intruder, soon } from './attack.ts'
import { bytesInUse } from './rules.ts'
import { header } from './speaker.ts'
import { type LiveOptions, live, pure, type Row } from './suite.ts'

const KiB = 1024
const hi = utf8('hi')
const block = pattern(64 * KiB)
const echoes = '/hostile/echo'
const silent = '/hostile/silent'
const endless = '/hostile/endless'
const reads = '/hostile/reads'

/** The first frame of a stream: it is opened, and its protocol proposed. */
function opening(id: number, protocol: string, body: Uint8Array = EMPTY, flags = 0): Uint8Array {
  return data(id, concat([header, encodeMessage(protocol), body]), SYN | flags)
}

/** The numbers of the first so many streams of a dialer. */
const idsOf = (count: number, from = 0) => Array.from({ length: count }, (_, i) => 2 * (from + i) + 1)

/** So many times the same bytes, in records as full as they may be. */
function* flood(peer: RawPeer, frame: Uint8Array, count: number): Generator<Uint8Array> {
  const perRecord = Math.floor(60_000 / frame.length)
  const full = concat(Array<Uint8Array>(perRecord).fill(frame))
  for (let left = count; left > 0; left -= perRecord) {
    yield peer.seal(full.subarray(0, Math.min(left, perRecord) * frame.length))
  }
}

/** The same bytes in records, wherever they are cut. */
function* records(peer: RawPeer, bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 60_000) yield peer.seal(bytes.subarray(at, at + 60_000))
}

/** Sends records as fast as they are taken, until the other side has had enough. */
async function pour(peer: RawPeer, sealed: Iterable<Uint8Array>): Promise<void> {
  const { ear } = peer
  const over = () => ear.isClosed || ear.ends > 0
  for (const record of sealed) {
    const { drains } = ear
    if (over()) return
    if (!peer.write(record)) await until(() => ear.drains > drains || over(), 'the socket takes more')
  }
}

/** The frames that a peer hears from now on. */
function heardBy(peer: RawPeer): () => Frame[] {
  const pieces: Uint8Array[] = []
  peer.onHeard = piece => pieces.push(piece.slice())
  return () => framesOf(concat([EMPTY, ...pieces]))
}

/** The connection stands, and all that was sent so far has been taken in. */
async function goesOn({ peer, connection }: Intruder): Promise<void> {
  const before = peer.count('pong')
  peer.yamux.ping()
  peer.flush()
  await until(() => peer.count('pong') > before || connection.status !== 'open', 'a ping is answered')
  assert.equal(connection.status, 'open', 'R3: the connection goes on')
}

/** What inbound streams of a protocol have come to, as soon as they are over for whoever reads them. */
function outcomesOf(attack: Attack): string[] {
  const outcomes: string[] = []
  attack.host.handle(reads, async stream => {
    outcomes.push(await outcomeOf(stream))
  })
  return outcomes
}

async function outcomeOf(stream: Stream): Promise<string> {
  const chunks: Uint8Array[] = []
  try {
    for await (const chunk of stream) chunks.push(chunk.slice())
    return `${hex(concat([EMPTY, ...chunks]))} end`
  } catch (error) {
    return error instanceof ParleyError ? error.code : String(error)
  }
}

/** Streams that the other side has opened and that have a protocol. */
const standing = ({ connection }: Intruder, protocol: string) =>
  connection.streams.filter(stream => stream.protocol === protocol && stream.direction === 'inbound').length

/** Each breach of the rules under that number, over a real connection: it is closed, and the intruder is told. */
function breaking(id: string, title: string, options: LiveOptions = {}): Row {
  const run = async (attack: Attack) => {
    for (const { what, before, bytes } of breaches.filter(breach => breach.id === id)) {
      await attack.attempt(what, () => breaks(attack, [...before, bytes]))
    }
  }
  return live(id, title, run, options)
}

async function breaks(attack: Attack, frames: readonly Uint8Array[]): Promise<void> {
  const intruder = await attack.intrude()
  await pour(intruder.peer, records(intruder.peer, concat(frames)))
  await breaksOver(attack, intruder)
}

async function breaksOver(attack: Attack, intruder: Intruder): Promise<void> {
  await attack.closes(intruder, 'ERR_YAMUX')
  const goodbyes = intruder.peer.events.flatMap(event => (event.type === 'goAway' ? [event.code] : []))
  assert.deepEqual(goodbyes, [1], 'the intruder is told that it broke the rules')
  intruder.peer.destroy()
}

/** A flood of one frame, which ends the connection. */
async function floods(attack: Attack, name: string, frame: Uint8Array, count: number): Promise<void> {
  const act = ({ peer }: Intruder) => pour(peer, flood(peer, frame, count))
  // The host takes its turns meanwhile, so that on a busy machine 20,000 frames may last longer than a second.
  await attack.dismissed(name, 'ERR_FLOOD', act, { by: 3_000 })
  attack.weigh()
}

/** An intruder opens a stream and pours frames of one byte on it, so many that the window is full but for some bytes. */
async function fillsWindow(intruder: Intruder, frame: Uint8Array, left: number): Promise<void> {
  const first = opening(1, silent)
  intruder.peer.send(first)
  const length = frame.length - 12
  const count = Math.floor((INITIAL_WINDOW - (first.length - 12) - left) / length)
  await pour(intruder.peer, flood(intruder.peer, frame, count))
  await goesOn(intruder)
}

/** Frames of a stream, each list of them in one record and each frame in its own. */
async function inEitherWay(
  attack: Attack,
  cases: readonly [what: string, frames: Uint8Array[], outcomes: string[]][],
): Promise<void> {
  const outcomes = outcomesOf(attack)
  for (const [what, frames, expected] of cases) {
    for (const together of [true, false]) {
      await attack.attempt(`${what}, ${together ? 'in one record' : 'one by one'}`, async () => {
        const intruder = await attack.intrude()
        for (const record of together ? [frames] : frames.map(frame => [frame])) {
          intruder.peer.send(...record)
          if (!together) await goesOn(intruder)
        }
        await goesOn(intruder)
        await turns(2)
        assert.deepEqual(outcomes.splice(0), expected)
        intruder.peer.destroy()
      })
    }
  }
}

/** One stream more than there may be is reset, and the others are unhurt. */
async function refusesOneMore(attack: Attack, most: number): Promise<void> {
  attack.host.handle(echoes, echo)
  const intruder = await attack.intrude()
  const { peer } = intruder
  for (let count = 0; count < most; count += 128) {
    peer.send(...idsOf(128, count).map(id => opening(id, echoes)))
    await until(() => standing(intruder, echoes) === count + 128, 'the streams stand')
  }
  const heard = heardBy(peer)
  const [last] = idsOf(1, most)
  peer.send(opening(last!, echoes))
  await goesOn(intruder)
  assert.deepEqual(resetIds(heard()), [last])
  peer.send(...idsOf(most).map(id => data(id, hi)))
  await until(() => bodies(heard()).length === most, 'every stream that stands echoes')
  assert.deepEqual([...bodies(heard())].sort(byNumber), idsOf(most))
  assert.deepEqual(resetIds(heard()), [last])
}

const byNumber = (a: number, b: number) => a - b
const resetIds = (frames: Frame[]) => frames.flatMap(({ flags, id }) => (flags & RST ? [id] : []))

/** The streams on which `hi` came, perhaps behind the answer to the proposal. */
const bodies = (frames: Frame[]) =>
  frames.flatMap(({ body, id }) => (hex(body).endsWith(hex(hi)) ? [id] : []))

/** Opens 100 streams that echo, and says goodbye with that code. */
async function saysGoodbye(attack: Attack, code: number): Promise<Intruder> {
  const intruder = await attack.intrude()
  intruder.peer.send(...idsOf(100).map(id => opening(id, echoes)))
  await until(() => standing(intruder, echoes) === 100, 'the streams stand')
  intruder.peer.send(goAway(code))
  await until(() => intruder.connection.status !== 'open', 'the goodbye is heard')
  attack.expect('ERR_CONNECTION_CLOSED', await failureOf(intruder.connection.open(echoes)))
  return intruder
}

/** Frames of streams that are not there. */
const strays: readonly [what: string, frame: Uint8Array][] = [
  ['ACK', update(101, 0, ACK)],
  ['ACK of a stream of ours', update(102, 0, ACK)],
  ['credit', update(101, 1)],
  ['FIN', update(101, 0, FIN)],
  ['RST', update(101, 0, RST)],
  ['data', data(101, hi)],
  ['the end of data', data(101, hi, FIN)],
  ['data that is reset', data(102, hi, RST)],
]

async function endlessly(stream: Stream): Promise<void> {
  for (;;) if (!stream.write(block)) await stream.drained()
}

/** The muxer's frames. */
export const yamux: readonly Row[] = [
  breaking('B61', 'another version, an unknown type, or no stream'),
  breaking('B62', 'a first frame beyond the window, refused at its header'),
  breaking('B63', 'the longest of all frames, refused at its header, for unknown streams too'),
  breaking('B64', 'more than the window', { flood: true }),
  live(
    'B64',
    'one byte more than the window of a stream that nobody reads',
    async attack => {
      attack.host.handle(silent, () => {})
      for (const size of [1, 100, 16 * KiB]) {
        await attack.attempt(`in frames of ${size}`, async () => {
          const intruder = await attack.intrude()
          await fillsWindow(intruder, data(1, pattern(size)), 0)
          intruder.peer.send(data(1, pattern(size)))
          await breaksOver(attack, intruder)
        })
      }
    },
    { flood: true },
  ),
  breaking('B65', 'more credit than there can be'),
  live(
    'B66',
    'a million pings whose answers are never read, as a flood',
    async attack => {
      await attack.dismissed('as fast as they go', 'ERR_FLOOD', async ({ peer }) => {
        peer.pause()
        await pour(peer, flood(peer, ping(1, SYN), 1_000_000))
      })
    },
    { flood: true },
  ),
  live(
    'B66',
    'a million pings where no number is too many: at most 32 answers wait',
    async attack => {
      await attack.attempt('all are borne', async () => {
        const intruder = await attack.intrude()
        intruder.peer.pause()
        await pour(intruder.peer, flood(intruder.peer, ping(1, SYN), 1_000_000))
        attack.weigh()
        assert.equal(intruder.connection.status, 'open')
      })
    },
    { flood: true, limits: { yamux: { idleBurst: 2_000_000 } } },
  ),
  live(
    'B66',
    'pings of a peer that takes in nothing while much waits for it: the write stalls',
    async attack => {
      attack.host.handle(endless, endlessly)
      await attack.attempt('it is closed at the deadline', async () => {
        const intruder = await attack.intrude()
        intruder.peer.pause()
        intruder.peer.send(opening(1, endless), update(1, 0x4000_0000))
        await pour(intruder.peer, flood(intruder.peer, ping(1, SYN), 10_000))
        await soon(intruder.connection.closed, 2_000)
        intruder.peer.destroy()
        await attack.closes(intruder, 'ERR_TIMEOUT')
      })
    },
    { flood: true, limits: { writeTimeout: 500 } },
  ),
  live(
    'B66',
    '20,000 pings a second from a peer that reads the answers',
    async attack => {
      await attack.dismissed(
        'until it is too much',
        'ERR_FLOOD',
        async ({ peer }) => {
          peer.deaf = true
          for (let i = 0; i < 100 && !peer.ear.isClosed && peer.ear.ends === 0; i++) {
            await pour(peer, flood(peer, ping(i, SYN), 1_000))
            await wait(50)
          }
        },
        { polite: false },
      )
    },
    { flood: true },
  ),
  breaking('B67', 'pings on a stream'),
  live('B67', 'answers that nobody asked for', async attack => {
    await attack.attempt('32 of them are borne', async () => {
      const intruder = await attack.intrude()
      intruder.peer.send(...Array<Uint8Array>(32).fill(ping(0xdead_beef, ACK)))
      await goesOn(intruder)
      intruder.peer.send(ping(0xdead_beef, ACK))
      await breaksOver(attack, intruder)
    })
    await attack.attempt('a question that is an answer as well is a question', async () => {
      const intruder = await attack.intrude()
      const heard = heardBy(intruder.peer)
      intruder.peer.send(ping(77, SYN | ACK))
      await until(() =>
        heard().some(({ type, flags, length }) => type === 2 && flags === ACK && length === 77),
      )
      await goesOn(intruder)
    })
    await attack.attempt('none completes a ping that waits', async () => {
      const intruder = await attack.intrude({ polite: false })
      const heard = heardBy(intruder.peer)
      let answered = false
      const pinged = intruder.connection.ping().then(() => {
        answered = true
      })
      await until(() => heard().some(({ type, flags }) => type === 2 && flags === SYN))
      const { length: value } = heard().findLast(({ type, flags }) => type === 2 && flags === SYN)!
      for (const wrong of [0, value + 1, value ^ 0x8000_0000, 0xffff_ffff])
        intruder.peer.send(ping(wrong >>> 0, ACK))
      attack.host.handle(echoes, echo)
      intruder.peer.send(opening(1, echoes, hi))
      await until(() => bodies(heard()).includes(1), 'what was sent has been taken in')
      assert.equal(answered, false)
      intruder.peer.send(ping(value, ACK))
      await pinged
    })
  }),
  live(
    'B68',
    'a stream that the program never reads',
    async attack => {
      attack.host.handle(silent, () => {})
      attack.host.handle(echoes, echo)
      await attack.attempt('at most its window is kept, and others are as fast as ever', async () => {
        const { there, here } = await attack.guest()
        const stuck = await there.open(silent)
        assert.equal(stuck.write(pattern(2 * 1024 * KiB)), false)
        await until(() => here.held > INITIAL_WINDOW - KiB, 'the window is full')
        const quick = await there.open(echoes)
        for (let i = 0; i < 100; i++) {
          quick.write(pattern(KiB))
          await soon(quick[Symbol.asyncIterator]().next(), 1_000)
        }
        assert.ok(here.held <= INITIAL_WINDOW, `${here.held} bytes are held`)
        assert.ok(there.held > 1024 * KiB, 'the sender keeps the rest')
      })
    },
    { flood: true },
  ),
  live(
    'B69',
    'a million frames without a byte, as a flood',
    async attack => {
      attack.host.handle(silent, () => {})
      await floods(attack, 'on a stream', data(1, EMPTY), 1_000_000)
      await floods(attack, 'as credit', update(1, 0), 1_000_000)
    },
    { flood: true },
  ),
  live(
    'B69',
    'frames of one byte that nobody reads: they cost what their bytes cost',
    async attack => {
      attack.host.handle(silent, () => {})
      await attack.attempt('a window of them', async () => {
        const intruder = await attack.intrude()
        const before = bytesInUse()
        await fillsWindow(intruder, data(1, Uint8Array.of(1)), 0)
        const held = bytesInUse() - before
        assert.ok(held <= 2 * INITIAL_WINDOW + 256 * KiB, `R4: ${held} bytes are held`)
        intruder.peer.send(data(1, Uint8Array.of(1)))
        await breaksOver(attack, intruder)
      })
    },
    { flood: true },
  ),
  live(
    'B69',
    'a million frames of one byte, read as they come',
    async attack => {
      let read = 0
      attack.host.handle(silent, async stream => {
        for await (const { length } of stream) read += length
      })
      await attack.attempt('all come', async () => {
        const intruder = await attack.intrude()
        intruder.peer.send(opening(1, silent))
        for (let i = 1; i <= 10; i++) {
          await pour(intruder.peer, flood(intruder.peer, data(1, Uint8Array.of(i)), 100_000))
          await until(() => read === i * 100_000, 'they are read')
          await goesOn(intruder)
        }
        attack.weigh()
      })
    },
    { flood: true },
  ),
  // go, rust and js open 256 streams at once where 256 fit, so a backlog of 64 would reset honest streams.
  live(
    'B70',
    '300 streams opened at once that propose nothing: 256 wait, the rest is reset',
    async attack => {
      await attack.attempt('in one record', async () => {
        const intruder = await attack.intrude()
        const heard = heardBy(intruder.peer)
        intruder.peer.send(...idsOf(300).map(id => update(id, 0, SYN)))
        await goesOn(intruder)
        assert.deepEqual(resetIds(heard()).sort(byNumber), idsOf(44, 256))
        assert.equal(standing(intruder, ''), 256)
      })
    },
  ),
  live(
    'B71',
    '100,000 streams opened and reset, as a flood',
    async attack => {
      let started = 0
      attack.host.handle(silent, () => {
        started++
      })
      await floods(attack, 'in one frame', update(1, 0, SYN | RST), 100_000)
      await floods(attack, 'in two', concat([update(1, 0, SYN), update(1, 0, RST)]), 100_000)
      assert.equal(started, 0)
      await floods(attack, 'with a proposal', concat([opening(1, silent), update(1, 0, RST)]), 100_000)
      // Every start has cost a reset, and of those there is no more than the burst and some.
      assert.ok(started <= 25_000, `${started} handlers were started`)
    },
    { flood: true },
  ),
  breaking('B72', 'a stream under an ID that is not free or not theirs'),
  live('B72', 'IDs that go down are borne, since a SYN may leave late', async attack => {
    attack.host.handle(echoes, echo)
    await attack.attempt('from 199 down to 1', async () => {
      const intruder = await attack.intrude()
      intruder.peer.send(
        ...idsOf(100)
          .toReversed()
          .map(id => opening(id, echoes)),
      )
      await until(() => standing(intruder, echoes) === 100, 'the streams stand')
    })
  }),
  live(
    'B73',
    'the 257th stream where 256 may be is reset alone',
    attack => attack.attempt('of 256', () => refusesOneMore(attack, 256)),
    { limits: { yamux: { inboundStreams: 256 } } },
  ),
  live(
    'B73',
    'the 1,025th stream is reset alone',
    attack => attack.attempt('of 1,024', () => refusesOneMore(attack, 1024)),
    { flood: true },
  ),
  live(
    'B74',
    'streams of ours that are never accepted',
    async attack => {
      await attack.attempt('257 and more wait, and fail at their own deadlines', async () => {
        const { connection } = await attack.intrude({ polite: false })
        const signal = AbortSignal.timeout(100)
        const opens = Array.from({ length: 299 }, () => failureOf(connection.open(echoes)))
        const impatient = failureOf(connection.open(echoes, { signal }))
        await turns(2)
        assert.equal(connection.streams.length, 256)
        attack.expect('ERR_ABORTED', await soon(impatient, 300))
        for (const error of await soon(Promise.all(opens), 3_000)) attack.expect('ERR_TIMEOUT', error)
        assert.equal(connection.status, 'open')
      })
    },
    { limits: { negotiationTimeout: 400 } },
  ),
  live('B75', 'frames behind an end: whoever reads hears of one end', attack =>
    inEitherWay(attack, [
      ['FIN, then data', [opening(1, reads, hi), update(1, 0, FIN), data(1, hi)], ['6869 end']],
      ['FIN twice', [opening(1, reads, hi), update(1, 0, FIN), update(1, 0, FIN)], ['6869 end']],
      ['FIN on data twice', [opening(1, reads, hi), data(1, hi, FIN), data(1, EMPTY, FIN)], ['68696869 end']],
      ['FIN, then credit', [opening(1, reads, hi), data(1, EMPTY, FIN), update(1, 9)], ['6869 end']],
      ['FIN, then RST', [opening(1, reads, hi), update(1, 0, FIN), update(1, 0, RST)], ['6869 end']],
      ['RST, then data', [opening(1, reads, hi), update(1, 0, RST), data(1, hi)], ['ERR_STREAM_RESET']],
      ['RST, then FIN', [opening(1, reads, hi), update(1, 0, RST), data(1, hi, FIN)], ['ERR_STREAM_RESET']],
      ['RST twice', [opening(1, reads, hi), update(1, 0, RST), update(1, 0, RST)], ['ERR_STREAM_RESET']],
      ['RST on data', [opening(1, reads, hi), data(1, hi, RST), data(1, hi)], ['ERR_STREAM_RESET']],
    ]),
  ),
  live('B76', 'a whole stream in one frame, and one that is reset in its first', attack =>
    inEitherWay(attack, [
      ['SYN and FIN with bytes', [opening(1, reads, pattern(8), FIN)], [`${hex(pattern(8))} end`]],
      ['SYN and FIN without bytes behind the proposal', [opening(1, reads, EMPTY, FIN)], [' end']],
      ['SYN and RST', [update(1, 0, SYN | RST)], []],
      ['SYN and RST with bytes', [opening(1, reads, hi, RST)], []],
      ['SYN, FIN and RST with bytes', [opening(1, reads, hi, FIN | RST)], []],
    ]),
  ),
  live('B77', 'frames of streams that were never opened', async attack => {
    for (const [what, frame] of strays) {
      await attack.attempt(`${what}: nothing is answered`, async () => {
        const intruder = await attack.intrude()
        await goesOn(intruder)
        const heard = heardBy(intruder.peer)
        await pour(intruder.peer, flood(intruder.peer, frame, 10_000))
        await goesOn(intruder)
        assert.deepEqual(resetIds(heard()), [])
        intruder.peer.destroy()
      })
    }
  }),
  pure('B77', 'frames of streams that were never opened cost next to nothing', trial => {
    for (const [what, frame] of strays) {
      const chunk = concat(Array<Uint8Array>(10_000).fill(frame))
      const { session } = new Yamux('server', { limits: { idleBurst: 1_000_000 } })
      trial.try(what, () => trial.within(20, `10,000 times ${what}`, () => session.receive(chunk)))
    }
  }),
  live(
    'B78',
    'goodbye with any code and 100 streams open',
    async attack => {
      let ends = 0
      attack.host.handle(echoes, stream => echo(stream).finally(() => ends++))
      await attack.attempt('0 lets them finish', async () => {
        const { peer, connection } = await saysGoodbye(attack, 0)
        const heard = heardBy(peer)
        peer.send(...idsOf(100).map(id => data(id, hi, FIN)))
        await soon(connection.closed, 5_000)
        assert.deepEqual([...bodies(heard())].sort(byNumber), idsOf(100))
        peer.destroy()
      })
      for (const code of [1, 2, 3, 0x1001, 0xdead_beef]) {
        await attack.attempt(`${code} ends them`, async () => {
          const before = ends
          const intruder = await saysGoodbye(attack, code)
          await attack.closes(intruder, 'ERR_CONNECTION_CLOSED')
          await until(() => ends === before + 100, 'every handler hears of the end')
          intruder.peer.destroy()
        })
      }
    },
    { limits: { negotiationTimeout: 1_000 } },
  ),
  pure('B79', 'no IDs are left', trial => {
    for (const [role, firstId] of [
      ['client', 0xffff_fffb],
      ['server', 0xffff_fffc],
    ] as const) {
      const { session } = new Yamux(role, { firstId })
      const streams = [session.open(), session.open()]
      if (role === 'client') streams.push(session.open())
      trial.refuses('ERR_STREAM_LIMIT', `of a ${role}`, () => session.open())
      assert.deepEqual(
        streams.map(stream => stream.isOver),
        streams.map(() => false),
      )
    }
  }),
  live(
    'B80',
    'a peer that never grants a byte: the stream alone is reset',
    async attack => {
      const errors: Promise<unknown>[] = []
      attack.host.handle(endless, stream => {
        errors.push(errorOf(endlessly(stream)))
      })
      attack.host.handle(echoes, echo)
      await attack.attempt('the writer fails at the deadline', async () => {
        const intruder = await attack.intrude()
        const heard = heardBy(intruder.peer)
        intruder.peer.send(opening(1, endless), opening(3, echoes))
        await until(() => resetIds(heard()).length > 0, 'the stream is reset')
        assert.deepEqual(resetIds(heard()), [1])
        attack.expect('ERR_TIMEOUT', await errors[0])
        intruder.peer.send(data(3, hi))
        await until(() => bodies(heard()).includes(3), 'the other stream goes on')
      })
    },
    { limits: { stallTimeout: 400 } },
  ),
  pure('B81', 'a recording cut at each offset, byte by byte, and in 4,096 other ways', trial => {
    const random = randomNumbers(2)
    const others = Array.from({ length: 4096 }, () => feedAtRandom(recording, random))
    for (const [i, chunks] of [...cuttings(recording), ...others].entries()) {
      trial.try(`cutting ${i}`, () => {
        const side = new Yamux('server')
        assert.deepEqual(told(side.hearChunks(chunks)), events)
        assert.deepEqual(side.say(), answers)
      })
    }
  }),
  live('B81', 'a header cut at each offset, each part in a record of its own', async attack => {
    attack.host.handle(echoes, echo)
    const intruder = await attack.intrude()
    const heard = heardBy(intruder.peer)
    for (let offset = 0; offset <= 12; offset++) {
      await attack.attempt(`at ${offset}`, async () => {
        const [id] = idsOf(1, offset)
        for (const frame of [opening(id!, echoes), data(id!, hi)]) {
          for (const part of [frame.subarray(0, offset), frame.subarray(offset)]) intruder.peer.send(part)
        }
        await until(() => bodies(heard()).includes(id!), 'the stream echoes')
      })
    }
  }),
]
