import { monotonicNow, startTimer } from './timer.ts'

/** How `Stalls` judges. */
export interface StallsOptions<T> {
  /** Milliseconds without progress after which an item has stalled; it is found out at most a quarter later. */
  timeout: number
  /** How far an item has come, or `undefined` when there is nothing that should move. */
  progress(item: T): number | undefined
  /** The item has stalled, and is watched no more. */
  stalled(item: T): void
}

/** Finds what should move and does not. A look now and then at how far it has come costs less than a timer for each wait. */
export class Stalls<T> {
  readonly #options: StallsOptions<T>
  /** How far each had come when it was seen to move last; nothing is kept while nothing is watched. */
  #seen: Map<T, { progress: number; since: number }> | undefined
  #cancelTimer: (() => void) | undefined

  constructor(options: StallsOptions<T>) {
    this.#options = options
  }

  /** Watches an item until nothing of it should move any more. */
  watch(item: T): void {
    if (this.#seen?.has(item)) return
    const progress = this.#options.progress(item)
    if (progress === undefined) return
    this.#seen ??= new Map()
    this.#seen.set(item, { progress, since: monotonicNow() })
    this.#wait()
  }

  delete(item: T): void {
    this.#seen?.delete(item)
  }

  /** Watches nothing any more. */
  clear(): void {
    this.#seen = undefined
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
  }

  #wait(): void {
    const delay = this.#options.timeout / 4
    const due = monotonicNow() + delay
    this.#cancelTimer ??= startTimer(delay, () => {
      this.#cancelTimer = undefined
      this.#lookAtAll(monotonicNow() - due)
      if (this.#seen?.size) this.#wait()
      else this.#seen = undefined
    })
  }

  /** By how much the timer is late, the program itself was stopped: bytes may have moved since that it has yet to hear of. */
  #lookAtAll(late: number): void {
    for (const [item, seen] of this.#seen ?? []) {
      seen.since += Math.max(late, 0)
      this.#look(item, seen)
    }
  }

  #look(item: T, seen: { progress: number; since: number }): void {
    const { timeout, stalled } = this.#options
    const progress = this.#options.progress(item)
    const now = monotonicNow()
    if (progress !== undefined && progress !== seen.progress) Object.assign(seen, { progress, since: now })
    else if (progress === undefined) this.delete(item)
    else if (now - seen.since >= timeout) {
      this.delete(item)
      stalled(item)
    }
  }
}
