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

/** Deadlines of one length for many: they pass in the order they began, so a single timer will do. */
export class Deadlines<T> {
  readonly #delay: number
  readonly #passed: (item: T) => void
  /** When each passes, the earliest first; nothing is kept while there are none. */
  #due: Map<T, number> | undefined
  #cancelTimer: (() => void) | undefined

  /** @param delay milliseconds from `add` until `passed` is called, unless the item is deleted first */
  constructor(delay: number, passed: (item: T) => void) {
    this.#delay = delay
    this.#passed = passed
  }

  add(item: T): void {
    this.#due ??= new Map()
    this.#due.set(item, monotonicNow() + this.#delay)
    this.#cancelTimer ??= startTimer(this.#delay, () => this.#look())
  }

  delete(item: T): void {
    this.#due?.delete(item)
  }

  /** The item's deadline begins anew: it passes behind all others. */
  renew(item: T): void {
    this.delete(item)
    this.add(item)
  }

  /** How many have not passed. */
  get size(): number {
    return this.#due?.size ?? 0
  }

  /** Forgets all of them. */
  clear(): void {
    this.#due = undefined
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
  }

  #look(): void {
    this.#cancelTimer = undefined
    for (const [item, due] of this.#due ?? []) {
      // Timers may be early by a fraction of a millisecond.
      const left = due - monotonicNow()
      if (left >= 1) {
        this.#cancelTimer = startTimer(left, () => this.#look())
        return
      }
      this.#due?.delete(item)
      this.#passed(item)
    }
    if (this.#due?.size === 0) this.#due = undefined
  }
}

const settled = Promise.resolve()

/**
 * Runs a callback, which must not throw, behind the promises that are settled by now. `queueMicrotask` would do; but Node's makes
 * an object for its tracing each time, which costs a short stream more than its bytes.
 */
export function soon(callback: () => void): void {
  void settled.then(callback)
}

/**
 * Runs a callback at the end of this turn, when all promises that are settled by now have been followed up. Node's ticks come
 * before the promises of an event and behind those of a promise: hence one after the other. A loop of awaited small writes, and
 * what a handler answers to what has just come in, are each one turn, and leave together.
 */
export const defer: (callback: () => void) => void =
  'nextTick' in (globalThis.process ?? {}) ? callback => soon(() => process.nextTick(callback)) : soon

/** Runs a callback in a turn of its own, behind what other timers and sockets have to do. */
export const nextTurn: (callback: () => void) => void =
  globalThis.setImmediate ?? (callback => setTimeout(callback, 0))

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

function ignore(): void {}

/** Makes a `Deferred`. Its rejection counts as handled even when nobody waits for it. */
export function deferred<T = void>(): Deferred<T> {
  let resolve!: (value: T) => void
  let reject!: (error: unknown) => void
  const promise = new Promise<T>((onResolve, onReject) => {
    resolve = onResolve
    reject = error => {
      // Not before: it makes a promise, and most never reject.
      promise.catch(ignore)
      onReject(error)
    }
  })
  return { promise, resolve, reject }
}

/** How something ends. A promise is made only for who asks, since of most things nobody does. */
export class Outcome<T = void> {
  #state: 'open' | 'resolved' | 'rejected' = 'open'
  #value: unknown
  #deferred: Deferred<T> | undefined

  /** Settles as the thing does; a rejection counts as handled. */
  get promise(): Promise<T> {
    if (!this.#deferred) {
      this.#deferred = deferred()
      this.#tell(this.#deferred)
    }
    return this.#deferred.promise
  }

  /** Returns whether it was still open. */
  resolve(value: T): boolean {
    return this.#settle('resolved', value)
  }

  /** Returns whether it was still open. */
  reject(error: unknown): boolean {
    return this.#settle('rejected', error)
  }

  #settle(state: 'resolved' | 'rejected', value: unknown): boolean {
    if (this.#state !== 'open') return false
    this.#state = state
    this.#value = value
    if (this.#deferred) this.#tell(this.#deferred)
    return true
  }

  #tell({ resolve, reject }: Deferred<T>): void {
    if (this.#state === 'resolved') resolve(this.#value as T)
    if (this.#state === 'rejected') reject(this.#value)
  }
}

/**
 * Runs work under a deadline: its signal fires with `ERR_TIMEOUT` and the given sentence after `delay` milliseconds,
 * or with the outer signal. The program keeps running until the work is over, for somebody waits for it.
 *
 * @param options.controller whose signal it is, where others may end the work too; default: a fresh one
 */
export async function withDeadline<T>(
  {
    delay,
    message,
    signal,
    controller = new AbortController(),
  }: { delay: number; message: string; signal?: AbortSignal | undefined; controller?: AbortController },
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
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
