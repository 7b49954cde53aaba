import assert from 'node:assert/strict'
import test from 'node:test'
import { Redialer, type Retry } from '#src/chat/redialer'
import { type ErrorCode, ParleyError } from '#src/wire/errors'
import { Multiaddr } from '#src/wire/multiaddr'
import { SleepingClock } from '../support/clock.ts'
import { keyOf, peerIdOf, turns, withResolvers } from '../support/net.ts'

const [ann, bob] = [peerIdOf(keyOf(1)), peerIdOf(keyOf(2))]
const place = Multiaddr.parse('/memory/1')
const otherPlace = Multiaddr.parse('/memory/2')
const broken = new ParleyError('ERR_CONNECTION_CLOSED', 'The connection was closed.')

function refusal(code: ErrorCode = 'ERR_CONNECTION_REFUSED'): ParleyError {
  return new ParleyError(code, `It failed with ${code}.`)
}

/** A redialer, what it does when, and what comes of it. */
class Scene {
  readonly clock = new SleepingClock(0)
  /** When it was tried, and where. */
  readonly tries: [time: number, address: string][] = []
  readonly retries: Retry[] = []
  readonly givenUp: [time: number, code: string][] = []
  readonly signals: AbortSignal[] = []
  /** What the next tries end in; all further ones are refused. */
  outcomes: (ParleyError | 'here' | Promise<void>)[] = []
  readonly redialer: Redialer

  constructor(patience: (error: ParleyError | undefined) => number = () => Number.POSITIVE_INFINITY) {
    const { now, sleep } = this.clock
    this.redialer = new Redialer({
      join: (address, signal) => this.#join(address, signal),
      patience,
      retry: retry => this.retries.push(retry),
      giveUp: (_peer, { code }) => this.givenUp.push([now(), code]),
      now,
      sleep,
      random: () => 0.999_999,
    })
    this.redialer.remember(ann, place)
  }

  get times(): number[] {
    return this.tries.map(([time]) => Math.round(time))
  }

  async #join(address: Multiaddr, signal: AbortSignal): Promise<void> {
    this.tries.push([this.clock.now(), String(address)])
    this.signals.push(signal)
    const outcome = this.outcomes.shift() ?? refusal()
    if (outcome instanceof ParleyError) throw outcome
    if (outcome !== 'here') return outcome
    this.redialer.back(ann)
  }
}

test('one who is lost is tried after half a second, then less and less, and as long as it takes', async () => {
  const scene = new Scene()
  scene.redialer.lost(ann, broken)
  await scene.clock.pass(100_000)
  assert.deepEqual(scene.times, [500, 1_500, 3_500, 7_500, 15_500, 31_500, 61_500, 91_500])
  await scene.clock.pass(10 * 3_600_000)
  assert.equal(scene.tries.length, 8 + 1_200)
  assert.deepEqual(scene.givenUp, [])
})

test('each try is told before it is made: its number, when it will be, and why the one before failed', async () => {
  const scene = new Scene()
  scene.redialer.lost(ann, broken)
  await scene.clock.pass(2_000)
  const told = scene.retries.map(({ peer, attempt, delay, error }) => [
    peer,
    attempt,
    Math.round(delay),
    error?.code,
  ])
  assert.deepEqual(told, [
    [ann, 1, 500, 'ERR_CONNECTION_CLOSED'],
    [ann, 2, 1_000, 'ERR_CONNECTION_REFUSED'],
    [ann, 3, 2_000, 'ERR_CONNECTION_REFUSED'],
  ])
})

test('once it is back nobody tries any more', async () => {
  const scene = new Scene()
  scene.outcomes = [refusal(), 'here']
  scene.redialer.lost(ann, broken)
  await scene.clock.pass(1_000_000)
  assert.deepEqual(scene.times, [500, 1_500])
})

test('one who comes by himself is not dialled any more, not even by the dial that is under way', async () => {
  const scene = new Scene()
  const { promise } = withResolvers()
  scene.outcomes = [promise]
  scene.redialer.lost(ann, broken)
  await scene.clock.pass(600)
  assert.equal(scene.tries.length, 1)
  scene.redialer.back(ann)
  assert.ok(scene.signals[0]!.aborted)
  await scene.clock.pass(1_000_000)
  assert.equal(scene.tries.length, 1)
})

test('the waits are short again after a time together that is as long as the last one, and not before', async () => {
  const scene = new Scene()
  scene.redialer.lost(ann, broken)
  await scene.clock.pass(10_000)
  for (const [together, next] of [
    [7_999, 16_000],
    [30_000, 500],
  ] as const) {
    scene.redialer.back(ann)
    await scene.clock.pass(together)
    const lostAt = scene.clock.now()
    scene.tries.length = 0
    scene.redialer.lost(ann, broken)
    await scene.clock.pass(next)
    assert.deepEqual(scene.times, [lostAt + next])
  }
})

test('who was never dialled is not dialled now', async () => {
  const scene = new Scene()
  assert.deepEqual([scene.redialer.knows(ann), scene.redialer.knows(bob)], [true, false])
  scene.redialer.lost(bob, broken)
  await scene.clock.pass(100_000)
  assert.deepEqual(scene.retries, [])
})

test('of several addresses each has its turn', async () => {
  const scene = new Scene()
  scene.redialer.remember(ann, otherPlace)
  scene.redialer.lost(ann, broken)
  await scene.clock.pass(8_000)
  assert.deepEqual(
    scene.tries.map(([, address]) => address),
    ['/memory/1', '/memory/2', '/memory/1', '/memory/2'],
  )
})

test('patience has an end, which depends on how it was lost, and the last try is made there', async () => {
  const scene = new Scene(error => (error ? 60_000 : 5_000))
  scene.redialer.lost(ann, undefined)
  await scene.clock.pass(100_000)
  assert.deepEqual(scene.times, [500, 1_500, 3_500, 5_000])
  assert.deepEqual(scene.givenUp, [[5_000, 'ERR_CONNECTION_REFUSED']])
  scene.redialer.back(ann)
  scene.redialer.lost(ann, broken)
  await scene.clock.pass(100_000)
  assert.deepEqual(scene.givenUp.at(-1), [160_000, 'ERR_CONNECTION_REFUSED'])
})

test('another peer in its place is final', async () => {
  const scene = new Scene()
  scene.outcomes = [refusal(), refusal('ERR_PEER_MISMATCH')]
  scene.redialer.lost(ann, broken)
  await scene.clock.pass(100_000)
  assert.deepEqual(scene.times, [500, 1_500])
  assert.deepEqual(
    scene.givenUp.map(([, code]) => code),
    ['ERR_PEER_MISMATCH'],
  )
})

test('one who says that he does not chat may be starting or leaving; five times in a row it is final', async () => {
  const scene = new Scene()
  const unspoken = refusal('ERR_PROTOCOL_UNSUPPORTED')
  scene.outcomes = [...Array(4).fill(unspoken), refusal(), ...Array(9).fill(unspoken)]
  scene.redialer.lost(ann, broken)
  await scene.clock.pass(1_000_000)
  assert.equal(scene.tries.length, 4 + 1 + 5)
  assert.deepEqual(
    scene.givenUp.map(([, code]) => code),
    ['ERR_PROTOCOL_UNSUPPORTED'],
  )
})

test('two who are lost are tried each by itself, and one who is lost twice once', async () => {
  const scene = new Scene()
  scene.redialer.remember(bob, otherPlace)
  scene.redialer.lost(ann, broken)
  scene.redialer.lost(ann, broken)
  await scene.clock.pass(1_000)
  scene.redialer.lost(bob, broken)
  await scene.clock.pass(1_000)
  assert.deepEqual(
    scene.tries.map(([time, address]) => [Math.round(time), address]),
    [
      [500, '/memory/1'],
      [1_500, '/memory/1'],
      [1_500, '/memory/2'],
    ],
  )
})

test('to stop ends every wait and every dial, and begins none', async () => {
  const scene = new Scene()
  const { promise } = withResolvers()
  scene.redialer.remember(bob, otherPlace)
  scene.outcomes = [promise]
  scene.redialer.lost(ann, broken)
  await scene.clock.pass(600)
  scene.redialer.lost(bob, broken)
  scene.redialer.stop()
  assert.ok(scene.signals[0]!.aborted)
  await turns()
  assert.equal(scene.clock.sleepers, 0)
  scene.redialer.lost(ann, broken)
  await scene.clock.pass(100_000)
  assert.equal(scene.tries.length, 1)
  assert.equal(scene.redialer.knows(ann), false)
})

test('without a clock of the test it sleeps by the real one, and a stop wakes it', async () => {
  let tried = 0
  const { promise, resolve } = withResolvers()
  const redialer = new Redialer({
    join: async () => {
      tried++
      resolve()
      throw refusal()
    },
    patience: () => Number.POSITIVE_INFINITY,
    retry: () => {},
    giveUp: () => assert.fail('there is no end to its patience'),
    now: () => 0,
    random: () => 0,
  })
  redialer.remember(ann, place)
  redialer.lost(ann, broken)
  assert.equal(tried, 0)
  await promise
  redialer.stop()
  assert.equal(tried, 1)
})
