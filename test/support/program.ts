import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/** The project's root, from build/test/support. */
export const root: string = fileURLToPath(new URL('../../../', import.meta.url))

/** How long a program may take for what is waited for, in milliseconds; generous, since machines are busy. */
const patience = 30_000

/** A program under test: what it has printed, and how it ended. */
export class Program implements AsyncDisposable {
  readonly #process: ChildProcess
  readonly #exited: Promise<unknown[]>
  #printed = ''

  /** Starts it in the project's root, in a process group of its own. */
  constructor(command: string, args: readonly string[], env: Record<string, string> = {}) {
    this.#process = spawn(command, args, { cwd: root, env: { ...process.env, ...env }, detached: true })
    this.#exited = once(this.#process, 'exit')
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#printed += text
      })
    }
  }

  /** All that it has printed. */
  get printed(): string {
    return this.#printed
  }

  /** Waits until it has printed this, and returns the first group, or the whole. */
  async prints(pattern: RegExp): Promise<string> {
    const deadline = AbortSignal.timeout(patience)
    for (;;) {
      const found = this.#printed.match(pattern)
      if (found) return found[1] ?? found[0]
      if (deadline.aborted || this.#process.exitCode !== null) {
        throw new Error(`It never printed ${pattern}, but:\n${this.#printed}`)
      }
      await new Promise(resolve => setTimeout(resolve, 20))
    }
  }

  /** Types text. */
  types(text: string): void {
    this.#process.stdin?.write(text)
  }

  /** Waits for its end; the exit code. */
  async exit(): Promise<number | null> {
    const [code] = await this.#exited
    return code as number | null
  }

  /** Ends it and all that it started. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.pid === undefined) return
    process.kill(-this.#process.pid, 'SIGKILL')
    await this.#exited
  }
}
