import { onAbort } from '#src/net/timer'

/** A clock that stands still until a test moves it, in milliseconds. */
export class Clock {
  #time: number

  constructor(time = 1_000) {
    this.#time = time
  }

  /** To be handed on as it is. */
  readonly now = (): number => this.#time

  advance(ms: number): void {
    this.#time += ms
  }
}

interface Sleeper {
  due: number
  wake: () => void
}

/** A clock that someone can sleep by. */
export class SleepingClock extends Clock {
  #sleeping: Sleeper[] = []

  /** How many sleep. */
  get sleepers(): number {
    return this.#sleeping.length
  }

  /** Settles after so much time of this clock, or when the signal fires. To be handed on as it is. */
  readonly sleep = (delay: number, signal: AbortSignal): Promise<void> =>
    new Promise(resolve => {
      const sleeper = { due: this.now() + delay, wake: resolve }
      this.#sleeping.push(sleeper)
      onAbort(signal, () => {
        this.#sleeping = this.#sleeping.filter(other => other !== sleeper)
        resolve()
      })
    })

  /** Lets so much time pass, and wakes the sleepers one by one, each at its time. */
  async pass(ms: number): Promise<void> {
    const end = this.now() + ms
    for (let next = this.#next(end); next; next = this.#next(end)) {
      this.#sleeping = this.#sleeping.filter(other => other !== next)
      this.advance(next.due - this.now())
      next.wake()
      await new Promise(resolve => setImmediate(resolve))
    }
    this.advance(end - this.now())
  }

  #next(end: number): Sleeper | undefined {
    const due = this.#sleeping.filter(({ due }) => due <= end)
    return due.toSorted((a, b) => a.due - b.due)[0]
  }
}
