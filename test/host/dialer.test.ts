import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { race, SharedDials } from '#src/host/dialer'
import { aborted, onAbort } from '#src/net/timer'
import { type DialStage, ParleyError } from '#src/wire/errors'
import { errorOf, never, turns, withResolvers } from '../support/net.ts'

/** An attempt that a test brings to its end, or that ends when it is aborted. */
function attempt(name: string) {
  const { promise, resolve, reject } = withResolvers<string>()
  const seen = { started: false, aborted: false }
  const run = (signal: AbortSignal) => {
    seen.started = true
    onAbort(signal, () => {
      seen.aborted = true
      if (!name.startsWith('stubborn')) reject(aborted(signal))
    })
    return promise
  }
  return { run, seen, succeed: () => resolve(name), fail: (error: unknown) => reject(error) }
}

function failure(stage: DialStage): ParleyError {
  return new ParleyError('ERR_UNREACHABLE', `Failed at ${stage}.`, { stage })
}

const discarded: string[] = []
const options = { stagger: 100, parallel: 2, discard: (name: string) => discarded.push(name) }

describe('a race', () => {
  test('starts one attempt after the other, and not more at once than it may', async t => {
    t.mock.timers.enable({ apis: ['setTimeout'] })
    const attempts = ['a', 'b', 'c'].map(attempt)
    const started = () => attempts.filter(({ seen }) => seen.started).length
    const result = race(
      attempts.map(({ run }) => run),
      options,
      never,
    )
    assert.equal(started(), 1)
    t.mock.timers.tick(99)
    assert.equal(started(), 1)
    t.mock.timers.tick(1)
    assert.equal(started(), 2)
    t.mock.timers.tick(1_000)
    assert.equal(started(), 2)
    attempts[0]!.fail(failure('tcp'))
    await turns()
    assert.equal(started(), 3)
    attempts[2]!.succeed()
    assert.equal(await result, 'c')
    assert.deepEqual(
      attempts.map(({ seen }) => seen.aborted),
      [true, true, true],
    )
  })

  test('does not wait for ever for those that swallow all', async t => {
    t.mock.timers.enable({ apis: ['setTimeout'] })
    const attempts = ['a', 'b', 'c', 'd'].map(attempt)
    const started = () => attempts.filter(({ seen }) => seen.started).length
    const result = race(
      attempts.map(({ run }) => run),
      { ...options, stagger: 0, patience: 1 },
      never,
    )
    const gone = () => attempts.filter(({ seen }) => seen.aborted).length
    while (started() < 4) {
      t.mock.timers.tick(1)
      await turns()
      assert.ok(started() - gone() <= 2)
    }
    attempts[3]!.succeed()
    assert.equal(await result, 'd')
  })

  test('starts the next at once when the one before fails', async () => {
    const [a, b] = [attempt('a'), attempt('b')]
    const result = race([a.run, b.run], { ...options, stagger: 1_000_000 }, never)
    a.fail(failure('tcp'))
    await turns()
    assert.ok(b.seen.started)
    b.succeed()
    assert.equal(await result, 'b')
  })

  test('discards what succeeds too late', async t => {
    t.mock.timers.enable({ apis: ['setTimeout'] })
    const [a, b] = [attempt('stubborn a'), attempt('b')]
    const result = race([a.run, b.run], options, never)
    t.mock.timers.tick(100)
    b.succeed()
    assert.equal(await result, 'b')
    assert.ok(a.seen.aborted)
    a.succeed()
    await turns()
    assert.deepEqual(discarded.splice(0), ['stubborn a'])
  })

  test('ends with its signal: nothing more starts, and what still succeeds is discarded', async t => {
    t.mock.timers.enable({ apis: ['setTimeout'] })
    const [a, b] = [attempt('stubborn a'), attempt('b')]
    const controller = new AbortController()
    const result = errorOf(race([a.run, b.run], options, controller.signal))
    controller.abort(new ParleyError('ERR_TIMEOUT', 'Too late.'))
    assert.equal((await result).code, 'ERR_TIMEOUT')
    t.mock.timers.tick(1_000)
    a.succeed()
    await turns()
    assert.equal(b.seen.started, false)
    assert.deepEqual(discarded.splice(0), ['stubborn a'])
  })

  test('does not begin when its signal has fired', async () => {
    const a = attempt('a')
    assert.equal((await errorOf(race([a.run], options, AbortSignal.abort()))).code, 'ERR_ABORTED')
    assert.equal(a.seen.started, false)
  })

  test('fails with the only error as it is, and else with the one that came furthest', async () => {
    const only = failure('tcp')
    assert.equal(await errorOf(race([() => Promise.reject<string>(only)], options, never)), only)
    const stages = ['tcp', 'identity', 'negotiate'] as const
    const error = await errorOf(
      race(
        stages.map(stage => () => Promise.reject<string>(failure(stage))),
        options,
        never,
      ),
    )
    assert.equal(error.stage, 'identity')
    assert.match(error.message, /3 addresses.*Failed at identity\./)
  })

  test('gives on an error that is nobody’s fault but the program’s', async () => {
    const bug = new TypeError('no such function')
    const attempts = [failure('identity'), bug].map(error => () => Promise.reject<string>(error))
    assert.equal(await errorOf(race(attempts, options, never)), bug)
  })
})

describe('shared dials', () => {
  test('are one for all callers of a key, and others for other keys', async () => {
    const dials = new SharedDials<string>(10_000)
    const [a, b, other] = [attempt('a'), attempt('b'), attempt('other')]
    const joined = [dials.join('x', undefined, a.run), dials.join('x', undefined, b.run)]
    const another = dials.join('y', undefined, other.run)
    a.succeed()
    other.succeed()
    assert.deepEqual(await Promise.all(joined), ['a', 'a'])
    assert.equal(await another, 'other')
    assert.equal(b.seen.started, false)
    const next = attempt('next')
    const again = dials.join('x', undefined, next.run)
    next.succeed()
    assert.equal(await again, 'next', 'a dial that is over is forgotten')
  })

  test('go on until the last caller has given up', async () => {
    const dials = new SharedDials<string>(10_000)
    const a = attempt('a')
    const controllers = [new AbortController(), new AbortController()]
    const joined = controllers.map(({ signal }) => errorOf(dials.join('x', signal, a.run)))
    controllers[0]!.abort()
    assert.equal((await joined[0]!).code, 'ERR_ABORTED')
    await turns()
    assert.equal(a.seen.aborted, false)
    controllers[1]!.abort()
    assert.equal((await joined[1]!).code, 'ERR_ABORTED')
    await turns()
    assert.equal(a.seen.aborted, true)
  })

  test('may be joined by another in the very turn in which a caller gives up', async () => {
    const dials = new SharedDials<string>(10_000)
    const a = attempt('a')
    const controller = new AbortController()
    const first = errorOf(dials.join('x', controller.signal, a.run))
    controller.abort()
    const second = dials.join('x', undefined, attempt('never').run)
    await first
    await turns()
    assert.equal(a.seen.aborted, false)
    a.succeed()
    assert.equal(await second, 'a')
  })

  test('do not begin for a caller whose signal has fired', async () => {
    const a = attempt('a')
    const dials = new SharedDials<string>(10_000)
    assert.equal((await errorOf(dials.join('x', AbortSignal.abort(), a.run))).code, 'ERR_ABORTED')
    assert.equal(a.seen.started, false)
  })

  test('are all aborted at once, each for a reason of its own', async () => {
    const dials = new SharedDials<string>(10_000)
    const joined = ['x', 'y'].map(key => errorOf(dials.join(key, undefined, attempt(key).run)))
    dials.abort(() => new ParleyError('ERR_HOST_STOPPED', 'Stopped.'))
    const [x, y] = await Promise.all(joined)
    assert.deepEqual([x!.code, y!.code], ['ERR_HOST_STOPPED', 'ERR_HOST_STOPPED'])
    assert.notEqual(x, y)
  })
})
