import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import {
  aborted,
  Deadlines,
  defer,
  Outcome,
  onAbort,
  throwIfAborted,
  unlessAborted,
  withDeadline,
} from '#src/net/timer'
import { ParleyError } from '#src/wire/errors'
import { errorOf, withResolvers } from '../support/net.ts'
import { refuses } from '../support/wire.ts'

describe('a signal that fired', () => {
  test('gives its own reason where that is one of ours, else ERR_ABORTED with the reason as cause', () => {
    const reason = new ParleyError('ERR_TIMEOUT', 'Too late.')
    assert.equal(aborted(AbortSignal.abort(reason)), reason)
    const error = aborted(AbortSignal.abort('because'), 'tcp')
    assert.equal(error.code, 'ERR_ABORTED')
    assert.equal(error.stage, 'tcp')
    assert.equal(error.cause, 'because')
    assert.equal(aborted(AbortSignal.abort(error), 'noise').stage, 'tcp', 'the first stage stands')
    refuses('ERR_ABORTED', () => throwIfAborted(AbortSignal.abort()))
    throwIfAborted(undefined)
  })

  test('is heard at once or later, and not after the undo', () => {
    const heard: string[] = []
    onAbort(AbortSignal.abort(), () => heard.push('fired'))
    const controller = new AbortController()
    onAbort(controller.signal, () => heard.push('later'))
    const undo = onAbort(controller.signal, () => heard.push('never'))
    undo()
    onAbort(undefined, () => heard.push('never'))()
    assert.deepEqual(heard, ['fired'])
    controller.abort()
    assert.deepEqual(heard, ['fired', 'later'])
  })
})

describe('work', () => {
  test('without a hurry gives its result or its error, and leaves no listener', async () => {
    const controller = new AbortController()
    assert.equal(await unlessAborted(Promise.resolve(1), controller.signal), 1)
    await assert.rejects(unlessAborted(Promise.reject(new Error('no')), controller.signal), { message: 'no' })
    controller.abort()
  })

  test('is no longer waited for once the signal fires, and may fail later unheard', async () => {
    const { promise, reject } = withResolvers<number>()
    const controller = new AbortController()
    const waiting = errorOf(unlessAborted(promise, controller.signal))
    controller.abort()
    assert.equal((await waiting).code, 'ERR_ABORTED')
    reject(new Error('late'))
  })

  test('under a deadline hears of it, of the outer signal, and of nothing once it is done', async t => {
    t.mock.timers.enable({ apis: ['setTimeout'] })
    const options = { delay: 100, message: 'Too late.' }
    const hear = (signal: AbortSignal) =>
      new Promise<never>((_, reject) => onAbort(signal, () => reject(aborted(signal))))
    const late = errorOf(withDeadline(options, hear))
    t.mock.timers.tick(100)
    const error = await late
    assert.deepEqual([error.code, error.message], ['ERR_TIMEOUT', 'Too late.'])
    const outer = new AbortController()
    const cancelled = errorOf(withDeadline({ ...options, signal: outer.signal }, hear))
    outer.abort()
    assert.equal((await cancelled).code, 'ERR_ABORTED')
    assert.equal(
      (await errorOf(withDeadline({ ...options, signal: AbortSignal.abort() }, hear))).code,
      'ERR_ABORTED',
    )
    let heard: AbortSignal | undefined
    await withDeadline(options, async signal => {
      heard = signal
    })
    t.mock.timers.tick(1_000)
    assert.equal(heard?.aborted, false)
  })
})

test('what is deferred comes after an awaited loop, and before input', async () => {
  const order: string[] = []
  await new Promise<void>(resolve => {
    setImmediate(() => {
      order.push('input')
      resolve()
    })
    void Promise.resolve().then(async () => {
      defer(() => order.push('deferred'))
      for (let i = 0; i < 100; i++) await Promise.resolve()
      order.push('loop')
    })
  })
  assert.deepEqual(order, ['loop', 'deferred', 'input'])
})

describe('an outcome', () => {
  test('is told to who asks before and after, and stays as it was first settled', async () => {
    const good = new Outcome<number>()
    const early = good.promise
    assert.deepEqual([good.resolve(1), good.resolve(2), good.reject(new Error('late'))], [true, false, false])
    assert.deepEqual([await early, await good.promise], [1, 1])
    assert.equal(good.promise, early)
    const bad = new Outcome()
    assert.deepEqual([bad.reject(new Error('first')), bad.resolve()], [true, false])
    await assert.rejects(bad.promise, { message: 'first' })
  })
})

describe('deadlines', () => {
  /** Deadlines of 100 ms on clocks that stand still, what has passed, and how to move the clocks on. */
  function start(t: TestContext): {
    deadlines: Deadlines<string>
    passed: string[]
    advance(ms: number): void
  } {
    let time = 1_000
    t.mock.timers.enable({ apis: ['setTimeout'] })
    t.mock.method(performance, 'now', () => time)
    const passed: string[] = []
    const deadlines = new Deadlines<string>(100, item => passed.push(item))
    const advance = (ms: number) => {
      time += ms
      t.mock.timers.tick(ms)
    }
    return { deadlines, passed, advance }
  }

  test('begin anew behind those that began meanwhile', t => {
    const { deadlines, passed, advance } = start(t)
    deadlines.add('a')
    deadlines.add('b')
    advance(60)
    deadlines.renew('a')
    advance(40)
    assert.deepEqual(passed, ['b'])
    advance(60)
    assert.deepEqual([passed, deadlines.size], [['b', 'a'], 0])
  })

  test('pass one by one, each in its own time, unless they are deleted first', t => {
    const { deadlines, passed, advance } = start(t)
    deadlines.add('a')
    advance(30)
    deadlines.add('b')
    deadlines.add('c')
    advance(69)
    assert.deepEqual(passed, [])
    advance(1)
    assert.deepEqual(passed, ['a'])
    deadlines.delete('b')
    advance(29)
    assert.deepEqual(passed, ['a'])
    advance(1)
    assert.deepEqual(passed, ['a', 'c'])
    deadlines.add('d')
    advance(100)
    assert.deepEqual(passed, ['a', 'c', 'd'])
  })

  test('that are forgotten never pass, and new ones do', t => {
    const { deadlines, passed, advance } = start(t)
    deadlines.add('a')
    deadlines.clear()
    advance(200)
    assert.deepEqual(passed, [])
    deadlines.add('b')
    advance(100)
    assert.deepEqual(passed, ['b'])
  })
})

test('the end of a turn comes behind the promises that are settled by then, and what follows from them', async () => {
  const order: string[] = []
  await new Promise<void>(resolve => {
    setImmediate(() => {
      defer(() => {
        order.push('end')
        resolve()
      })
      void Promise.resolve()
        .then(() => order.push('promise'))
        .then(() => order.push('what follows'))
      order.push('turn')
    })
  })
  assert.deepEqual(order, ['turn', 'promise', 'what follows', 'end'])
})
