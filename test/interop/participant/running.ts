import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { constants } from 'node:os'

/** More than this is no result any more. */
const maxOutput = 64 * 1024

/** How long a program may take to end when asked to, in milliseconds: what a container engine grants by default. */
const grace = 10_000

/** A program at work, leader of a process group of its own. */
export class Running {
  /** The exit code. A signal counts as the shell has it: 128 and its number. */
  readonly ended: Promise<number>
  stdout = ''
  stderr = ''
  readonly #child: ChildProcess
  #isRunning = true

  constructor(child: ChildProcess) {
    this.#child = child
    child.stdout!.setEncoding('utf8').on('data', (text: string) => {
      this.stdout = (this.stdout + text).slice(0, maxOutput)
    })
    child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.stderr = (this.stderr + text).slice(-maxOutput)
    })
    child.stdin?.on('error', () => {})
    this.ended = new Promise(resolve => {
      child.on('error', error => resolve(this.#end(127, error.message)))
      child.on('close', (code, signal) => resolve(this.#end(code ?? 128 + constants.signals[signal!])))
    })
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  /** The last line on stderr. */
  get lastWords(): string {
    return this.stderr.trim().split('\n').at(-1) || 'it said nothing on stderr'
  }

  /** Waits until it ends by itself, for its exit code. Throws when the signal fires first. */
  async end(signal: AbortSignal): Promise<number> {
    const done = new AbortController()
    const fired = signal.aborted || once(signal, 'abort', { signal: done.signal }).catch(() => {})
    const code = await Promise.race([this.ended, Promise.resolve(fired)])
    done.abort()
    if (typeof code === 'number') return code
    throw new Error(`it did not end in time: ${this.lastWords}`)
  }

  /** Ends its stdin. */
  release(): void {
    this.#child.stdin?.end()
  }

  /** Asks it to end, as a container engine does. Returns whether it did. */
  stop(): Promise<boolean> {
    this.#signal('SIGTERM')
    return this.end(AbortSignal.timeout(grace)).then(
      () => true,
      () => false,
    )
  }

  /** Ends it and all of its group at once. */
  async kill(): Promise<void> {
    this.#signal('SIGKILL')
    await this.ended
  }

  #signal(signal: NodeJS.Signals): void {
    if (!this.#isRunning || this.pid === undefined) return
    try {
      process.kill(-this.pid, signal)
    } catch (error) {
      // It has just ended, and we have not heard of it yet.
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    }
  }

  #end(code: number, why = ''): number {
    this.#isRunning = false
    this.stderr += why
    return code
  }
}
