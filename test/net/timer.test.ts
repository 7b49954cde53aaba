import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { aborted, defer, onAbort, throwIfAborted, unlessAborted, withDeadline } from '#src/net/timer'
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
