/** A timer that is not due yet. */
interface Timer {
  due: number
  callback: () => void
  unref(): Timer
  ref(): Timer
}

// The real ones, which are put back afterwards.
const real = {
  setTimeout: globalThis.setTimeout,
  clearTimeout: globalThis.clearTimeout,
  setImmediate: globalThis.setImmediate,
  performanceNow: performance.now,
  dateNow: Date.now,
}

/** A fixed moment, so that an input is replayed at the time at which it was found. */
const start = 1_700_000_000_000

/**
 * Time that stands still until it is moved: it takes the place of the process's timers and clocks while it is installed. What
 * happens between two moves takes turns of the event loop and no time.
 */
export class VirtualTime {
  readonly #timers = new Set<Timer>()
  #now = 0

  /** Takes the place of the real time. */
  install(): void {
    Object.assign(globalThis, {
      setTimeout: (callback: () => void, delay = 0) => this.#add(callback, delay),
      clearTimeout: (timer: Timer) => this.#timers.delete(timer),
    })
    performance.now = () => this.#now
    Date.now = () => start + this.#now
  }

  /** Gives the real time back. */
  uninstall(): void {
    Object.assign(globalThis, { setTimeout: real.setTimeout, clearTimeout: real.clearTimeout })
    performance.now = real.performanceNow
    Date.now = real.dateNow
  }

  /** Timers that wait. */
  get waiting(): number {
    return this.#timers.size
  }

  /** Moves on by so many milliseconds. Every timer that is due by then goes off in its order, and what follows happens. */
  async advance(milliseconds: number): Promise<void> {
    const end = this.#now + milliseconds
    for (let timer = this.#next(end); timer; timer = this.#next(end)) {
      this.#timers.delete(timer)
      this.#now = Math.max(this.#now, timer.due)
      timer.callback()
      await this.settle(4)
    }
    this.#now = end
    await this.settle(4)
  }

  /** Lets everything happen that can without time. */
  async settle(turns: number): Promise<void> {
    for (let i = 0; i < turns; i++) await new Promise<void>(resolve => void real.setImmediate(resolve))
  }

  #add(callback: () => void, delay: number): Timer {
    const timer: Timer = {
      due: this.#now + Math.max(1, delay),
      callback,
      unref: () => timer,
      ref: () => timer,
    }
    this.#timers.add(timer)
    return timer
  }

  /** The earliest one that is due by then; of several at one moment the one that was set first. */
  #next(end: number): Timer | undefined {
    let next: Timer | undefined
    for (const timer of this.#timers) if (timer.due <= end && (!next || timer.due < next.due)) next = timer
    return next
  }
}
