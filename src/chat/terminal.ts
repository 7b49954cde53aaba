import { clearScreenDown, createInterface, cursorTo, type Interface, moveCursor } from 'node:readline'
import type { Readable } from 'node:stream'
import type { WriteStream } from 'node:tty'
import type { Sink } from './report.ts'

/** The streams that a program talks through. */
export interface Stdio {
  stdin: Readable & { isTTY?: boolean }
  stdout: Pick<WriteStream, 'write' | 'isTTY'> & NodeJS.WritableStream
  stderr: Pick<WriteStream, 'write' | 'isTTY'> & NodeJS.WritableStream
}

/**
 * A user at a terminal, or a pipe in his place. At a terminal there is a prompt, and a line that is printed never breaks
 * the line being typed; in a pipe there are only lines.
 */
export class Terminal implements Sink {
  /** Whether a person types and reads here. */
  readonly interactive: boolean
  readonly #stdio: Stdio
  #readline: Interface | undefined

  constructor(stdio: Stdio, options: { json: boolean }) {
    this.#stdio = stdio
    this.interactive = !options.json && Boolean(stdio.stdin.isTTY && stdio.stdout.isTTY)
  }

  /** Whether lines may be coloured: at a terminal, unless NO_COLOR asks otherwise (https://no-color.org). */
  colours(env: Record<string, string | undefined>): boolean {
    return this.interactive && !env.NO_COLOR && env.TERM !== 'dumb'
  }

  out(line: string): void {
    this.#print(this.#stdio.stdout, line)
  }

  err(line: string): void {
    this.#print(this.#stdio.stderr, line)
  }

  /**
   * The user's lines until the end of input. The input is not read before it is asked for, nor faster than it is taken.
   * `interrupt` is called when the user presses Ctrl-C at the prompt.
   */
  async *lines(interrupt: () => void): AsyncGenerator<string> {
    const { stdin: input, stdout: output } = this.#stdio
    const readline = this.interactive
      ? createInterface({ input, output, prompt: '> ', historySize: 500 })
      : createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })
    this.#readline = readline
    readline.on('SIGINT', interrupt)
    this.#prompt()
    for await (const line of readline) {
      yield line
      this.#prompt()
    }
  }

  /** Gives the terminal back as it was found. */
  close(): void {
    if (this.#readline && this.interactive) this.#wipe(this.#readline)
    this.#readline?.close()
    this.#readline = undefined
    this.#stdio.stdin.destroy()
  }

  #prompt(): void {
    if (this.interactive) this.#readline?.prompt(true)
  }

  #print(stream: NodeJS.WritableStream & { isTTY?: boolean }, line: string): void {
    const readline = this.interactive && stream.isTTY ? this.#readline : undefined
    if (readline) this.#wipe(readline)
    stream.write(`${line}\n`)
    this.#prompt()
  }

  /** Wipes the prompt and what is typed, over as many rows as it takes; the next prompt draws them again. */
  #wipe(readline: Interface): void {
    const { stdout } = this.#stdio
    moveCursor(stdout, 0, -readline.getCursorPos().rows)
    cursorTo(stdout, 0)
    clearScreenDown(stdout)
    // readline remembers on which row the cursor was, and would go up as many rows again.
    Object.assign(readline, { prevRows: 0 })
  }
}
