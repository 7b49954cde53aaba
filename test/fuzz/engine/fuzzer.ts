import { Coverage } from './coverage.ts'
import { Mutator, type Random, seededRandom } from './mutator.ts'
import type { Target } from './target.ts'
import type { Watchdog } from './watchdog.ts'

const defaultMaxLength = 1024

/** One input may take as long, in milliseconds, unless its target says otherwise: what takes longer could be used to stop us. */
const slowInput = 100

/** So many of the corpus were found lately, and are tried as often as all others together. */
const lately = 32

const EMPTY = new Uint8Array(0)

// The real ones, whatever a target puts in their place.
const { setImmediate } = globalThis
const now = performance.now.bind(performance)

/** What a fuzzer is made of. */
export interface FuzzerOptions {
  target: Target
  seed: number
  /** Places in the instrumented code; none when it is not instrumented. */
  places: number
  watchdog?: Watchdog | undefined
}

/** An input that has broken a promise. */
export interface Crash {
  input: Uint8Array
  error: unknown
}

/** Tries inputs on a target, and keeps those that reach something new. */
export class Fuzzer {
  readonly #target: Target
  readonly #coverage: Coverage
  readonly #random: Random
  readonly #mutator: Mutator
  readonly #watchdog: Watchdog | undefined
  readonly #corpus: Uint8Array[] = []
  /** What was thrown outside of any call. */
  #stray: { error: unknown } | undefined
  executions = 0
  crash: Crash | undefined

  constructor({ target, seed, places, watchdog }: FuzzerOptions) {
    this.#target = target
    this.#coverage = new Coverage(places)
    this.#random = seededRandom(seed)
    this.#mutator = new Mutator(this.#random, target.words ?? [], target.maxLength ?? defaultMaxLength)
    this.#watchdog = watchdog
  }

  /** Something was thrown that nobody has caught: the input that is being tried is to blame. */
  blame(error: unknown): void {
    this.#stray ??= { error }
  }

  /** Inputs of which each reached something that none before it had reached. */
  get corpus(): readonly Uint8Array[] {
    return this.#corpus
  }

  /** Places that were reached. */
  get places(): number {
    return this.#coverage.places
  }

  /** Tries given inputs first. Those that reach nothing new are kept all the same, if `always` says so. */
  async begin(inputs: readonly Uint8Array[], always: boolean): Promise<void> {
    for (const input of inputs) {
      if (this.crash) return
      if ((await this.#try(input)) || always) this.#corpus.push(input)
    }
  }

  /** Tries mutations for so long, in seconds, and no more than so many. */
  async run({ seconds, runs }: { seconds: number; runs: number }): Promise<void> {
    const deadline = now() + seconds * 1_000
    for (let run = 0; run < runs && !this.crash && now() < deadline; run++) {
      const input = this.#mutator.mutate(this.#choose(), this.#choose())
      const news = this.#try(input)
      // A target that needs no promises shall not pay for any.
      if (news === true || (news !== false && (await news))) this.#corpus.push(input)
    }
  }

  /** A few of the corpus that reach the same places: whatever others reach as well goes, those first that reach least. */
  async cover(): Promise<Uint8Array[]> {
    const reached = new Map<Uint8Array, number[]>()
    for (const input of this.#corpus) reached.set(input, await this.#passedBy(input))
    const times = new Map<number, number>()
    for (const place of [...reached.values()].flat()) times.set(place, (times.get(place) ?? 0) + 1)
    for (const [input, places] of [...reached].sort(([, a], [, b]) => a.length - b.length)) {
      if (places.some(place => times.get(place) === 1)) continue
      for (const place of places) times.set(place, times.get(place)! - 1)
      reached.delete(input)
    }
    return [...reached.keys()]
  }

  async #passedBy(input: Uint8Array): Promise<number[]> {
    this.#watchdog?.begin(input)
    this.#coverage.reset()
    await this.#target.run(input)
    return this.#coverage.passed
  }

  /** Takes from the input that broke a promise whatever it also breaks it without. */
  async shorten(): Promise<void> {
    if (!this.crash) return
    let { input, error } = this.crash
    const deadline = now() + 10_000
    for (let size = input.length >> 1; size > 0; size >>= 1) {
      for (let at = 0; at + size <= input.length && now() < deadline; ) {
        const shorter = new Uint8Array([...input.subarray(0, at), ...input.subarray(at + size)])
        const found = await this.#crashOf(shorter)
        if (found && kindOf(found.error) === kindOf(error)) ({ input, error } = found)
        else at += size
      }
    }
    this.crash = { input, error }
  }

  async #crashOf(input: Uint8Array): Promise<Crash | undefined> {
    this.crash = undefined
    this.#stray = undefined
    await this.#try(input)
    return this.crash
  }

  /** Of two the shorter one: it is sooner tried, and easier to hit. */
  #choose(): Uint8Array {
    const [one, other] = [this.#pick(), this.#pick()]
    return one.length < other.length ? one : other
  }

  #pick(): Uint8Array {
    const size = this.#corpus.length
    if (size === 0) return EMPTY
    const recent = this.#random(2) === 0 ? Math.min(size, lately) : size
    return this.#corpus[size - 1 - this.#random(recent)]!
  }

  /** Whether the input reaches something new. */
  #try(input: Uint8Array): boolean | Promise<boolean> {
    this.executions++
    this.#watchdog?.begin(input)
    this.#coverage.reset()
    const begin = now()
    try {
      const running = this.#target.run(input)
      return running ? this.#await(input, running, begin) : this.#finish(input, begin)
    } catch (error) {
      return this.#broken(input, error)
    }
  }

  async #await(input: Uint8Array, running: Promise<void>, begin: number): Promise<boolean> {
    try {
      await running
      // Rejections that nobody has handled are told by then.
      await new Promise(resolve => setImmediate(resolve))
      return await this.#finish(input, begin)
    } catch (error) {
      return this.#broken(input, error)
    }
  }

  #broken(input: Uint8Array, error: unknown): false {
    this.crash ??= { input, error }
    return false
  }

  #finish(input: Uint8Array, begin: number): boolean | Promise<boolean> {
    if (this.#stray) throw this.#stray.error
    const news = this.#coverage.absorb()
    return now() - begin > this.#slow ? this.#timeAgain(input, news) : news
  }

  get #slow(): number {
    return this.#target.slowInput ?? slowInput
  }

  /** Slow once may be the machine's fault, or the compiler's; slow again and again is not. */
  async #timeAgain(input: Uint8Array, news: boolean): Promise<boolean> {
    const times: number[] = []
    for (let i = 0; i < 5; i++) {
      this.#watchdog?.begin(input)
      const begin = process.cpuUsage()
      await this.#target.run(input)
      const { user, system } = process.cpuUsage(begin)
      times.push((user + system) / 1_000)
    }
    const least = Math.min(...times)
    if (least <= this.#slow) return news
    return this.#broken(
      input,
      new Error(`it takes ${Math.round(least)} ms, which is more than ${this.#slow}`),
    )
  }
}

function kindOf(error: unknown): string {
  return error instanceof Error ? `${error.name} ${error.message.slice(0, 24)}` : String(error)
}
