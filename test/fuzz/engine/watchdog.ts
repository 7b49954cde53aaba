/**
 * A thread beside the one that fuzzes. An endless loop cannot be stopped from within, nor says what has led to it: this thread
 * sees that one input takes too long, keeps it, and ends the process.
 */
import { writeSync } from 'node:fs'
import { isMainThread, Worker, workerData } from 'node:worker_threads'
import { crashFolder, crashReport, keepInput } from './crashes.ts'

/** How long an input may compute before it counts as endless, in seconds. */
const patience = 20

/** How long it may take in all, for one that computes nothing; a busy machine may take its time. */
const longPatience = 120

const longest = 1 << 20

interface Shared {
  name: string
  /** How many inputs were begun, and the length of the latest one. */
  state: Int32Array
  bytes: Uint8Array
}

/** The side of the thread that fuzzes. */
export class Watchdog {
  readonly #shared: Shared
  readonly #worker: Worker

  constructor(name: string) {
    const bytes = new Uint8Array(new SharedArrayBuffer(longest))
    this.#shared = { name, state: new Int32Array(new SharedArrayBuffer(8)), bytes }
    this.#worker = new Worker(new URL(import.meta.url), { workerData: this.#shared, execArgv: [] })
    this.#worker.unref()
  }

  /** An input is about to be tried. */
  begin(input: Uint8Array): void {
    const { state, bytes } = this.#shared
    bytes.set(input)
    state[1] = input.length
    state[0]!++
  }

  async end(): Promise<void> {
    await this.#worker.terminate()
  }
}

function watch({ name, state, bytes }: Shared): void {
  let begun = 0
  let computed = 0
  let seconds = 0
  setInterval(() => {
    if (Atomics.load(state, 0) !== begun) {
      begun = Atomics.load(state, 0)
      computed = computedSeconds()
      seconds = 0
    }
    seconds++
    const isEndless = computedSeconds() - computed >= patience || seconds >= longPatience
    if (begun === 0 || !isEndless) return
    const file = keepInput(crashFolder(name), bytes.slice(0, state[1]))
    writeSync(2, `${crashReport(name, `it has not ended after ${seconds} seconds.`, file)}\n`)
    process.kill(process.pid, 'SIGKILL')
  }, 1_000)
}

/** Of all threads of the process, but there is one alone that works. */
function computedSeconds(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}

if (!isMainThread && workerData) watch(workerData as Shared)
