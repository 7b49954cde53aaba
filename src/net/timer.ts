import { type DialStage, ParleyError } from '../wire/errors.ts'

/** Calls back after `delay` milliseconds unless cancelled; by itself it does not keep a program running, unless told to. */
export function startTimer(
  delay: number,
  callback: () => void,
  { keepsRunning = false }: { keepsRunning?: boolean } = {},
): () => void {
  const timer = setTimeout(callback, delay)
  if (typeof timer === 'object' && !keepsRunning) timer.unref()
  return () => clearTimeout(timer)
}

/**
 * Runs a callback at the end of this turn. Where there is `process.nextTick`, a loop of awaited small writes still
 * counts as one turn, so that all of them leave together; a microtask would run in the middle of it.
 */
export const defer: (callback: () => void) => void =
  'nextTick' in (globalThis.process ?? {}) ? callback => process.nextTick(callback) : queueMicrotask

/** Milliseconds on a clock that never goes back. */
export function monotonicNow(): number {
  return performance.now()
}

/** Throws `ERR_ABORTED` when the signal has fired. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw aborted(signal)
}

/** The error for a signal that fired: its own reason where that is one of ours, else `ERR_ABORTED`. */
export function aborted(signal: AbortSignal, stage?: DialStage): ParleyError {
  const { reason } = signal
  const error =
    reason instanceof ParleyError
      ? reason
      : new ParleyError('ERR_ABORTED', 'The operation was cancelled.', { cause: reason })
  error.stage ??= stage
  return error
}

/** Calls back when the signal fires; at once, before this returns, when it already has. Returns the undo. */
export function onAbort(signal: AbortSignal | undefined, callback: () => void): () => void {
  if (!signal) return () => {}
  if (signal.aborted) callback()
  else signal.addEventListener('abort', callback, { once: true })
  return () => signal.removeEventListener('abort', callback)
}

/** A promise, and the two ways to settle it. */
export interface Deferred<T> {
  promise: Promise<T>
  resolve: (value: T) => void
  reject: (error: unknown) => void
}

/** Makes a `Deferred`. Its rejection counts as handled even when nobody waits for it. */
export function deferred<T = void>(): Deferred<T> {
  let resolve!: (value: T) => void
  let reject!: (error: unknown) => void
  const promise = new Promise<T>((onResolve, onReject) => {
    resolve = onResolve
    reject = onReject
  })
  promise.catch(() => {})
  return { promise, resolve, reject }
}

/**
 * Runs work under a deadline: its signal fires with `ERR_TIMEOUT` and the given sentence after `delay` milliseconds,
 * or with the outer signal. The program keeps running until the work is over, for somebody waits for it.
 */
export async function withDeadline<T>(
  { delay, message, signal }: { delay: number; message: string; signal?: AbortSignal | undefined },
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController()
  const expire = () => controller.abort(new ParleyError('ERR_TIMEOUT', message))
  const cancelTimer = startTimer(delay, expire, { keepsRunning: true })
  const undo = onAbort(signal, () => controller.abort(signal?.reason))
  try {
    return await work(controller.signal)
  } finally {
    cancelTimer()
    undo()
  }
}

/** The work's result, unless the signal fires first; the work itself is not stopped. */
export function unlessAborted<T>(work: Promise<T>, signal: AbortSignal, stage?: DialStage): Promise<T> {
  const { promise, resolve, reject } = deferred<T>()
  const undo = onAbort(signal, () => reject(aborted(signal, stage)))
  work.then(resolve, reject)
  return promise.finally(undo)
}
