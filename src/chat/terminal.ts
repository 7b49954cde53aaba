import { clearScreenDown, createInterface, cursorTo, type Interface, moveCursor } from 'node:readline'
import type { Readable } from 'node:stream'
import type { WriteStream } from 'node:tty'
import { LineReader } from '../protocol/lines.ts'
import { ParleyError } from '../wire/errors.ts'
import type { Colours, Sink } from './report.ts'
import { rowsOf } from './rows.ts'

type Output = Pick<WriteStream, 'write' | 'isTTY' | 'columns'> & NodeJS.WritableStream

/** The streams that a program talks through. */
export interface Stdio {
  stdin: Readable & { isTTY?: boolean }
  stdout: Output
  stderr: Output
}

/** After which of its events an output is no longer waited for. */
const caughtUp = ['drain', 'close', 'error'] as const

/** What a terminal is told beside its streams. */
export interface TerminalOptions {
  /** Whether a program reads here, and not a person. */
  json: boolean
  env: Record<string, string | undefined>
}

/**
 * A user at a terminal, or a pipe in his place. At a terminal there is a prompt, and a line that is printed never breaks
 * the line being typed; in a pipe there are only lines.
 */
export class Terminal implements Sink {
  /** Whether a person types and reads here. */
  readonly interactive: boolean
  /** Where lines may be coloured: at a terminal, unless NO_COLOR asks otherwise (https://no-color.org). */
  readonly colours: Colours
  readonly #stdio: Stdio
  /** Whether the prompt can be wiped and drawn again. */
  readonly #redraws: boolean
  #readline: Interface | undefined
  /** What is to be printed at the end of this turn. */
  #waiting: { output: Output; text: string }[] = []
  #scheduled: NodeJS.Immediate | undefined
  /** Settles when the output that is behind has caught up. */
  #behind: Promise<void> | undefined

  constructor(stdio: Stdio, { json, env }: TerminalOptions) {
    this.#stdio = stdio
    // In this order: Node takes a millisecond to open the input, for which a program in a pipe can wait.
    this.interactive = !json && Boolean(stdio.stdout.isTTY && stdio.stdin.isTTY)
    this.#redraws = this.interactive && env.TERM !== 'dumb'
    const coloured = !json && !env.NO_COLOR && env.TERM !== 'dumb'
    this.colours = {
      out: coloured && Boolean(stdio.stdout.isTTY),
      err: coloured && Boolean(stdio.stderr.isTTY),
    }
  }

  out(line: string): void {
    this.#print(this.#stdio.stdout, line)
  }

  err(line: string): void {
    this.#print(this.#stdio.stderr, line)
  }

  /**
   * The user's lines until the end of input, without the empty ones. The input is not read before it is asked for, nor
   * faster than it is taken. `interrupt` is called when the user presses Ctrl-C at the prompt.
   */
  lines(interrupt: () => void): AsyncGenerator<string> {
    return this.interactive ? this.#typed(interrupt) : this.#piped()
  }

  /** Settles when whoever reads here is ready for more; nothing to wait for when he is. */
  drained(): Promise<void> | undefined {
    return this.#behind
  }

  /** Gives the terminal back as it was found. */
  close(): void {
    this.#flush()
    this.#readline?.close()
    this.#stdio.stdin.destroy()
  }

  async *#typed(interrupt: () => void): AsyncGenerator<string> {
    const { stdin: input, stdout: output } = this.#stdio
    const readline = createInterface({
      input,
      output,
      prompt: '> ',
      historySize: 500,
      terminal: this.#redraws,
    })
    this.#readline = readline
    mendPaste(readline)
    readline.on('SIGINT', interrupt)
    // Brought back after Ctrl-Z it is paused, and stays deaf until it is asked to prompt.
    readline.on('SIGCONT', () => readline.prompt(true))
    readline.on('close', () => {
      this.#wipe(readline)
      this.#readline = undefined
    })
    this.#flush()
    for await (const line of readline) {
      if (line.trim() !== '') yield line
      this.#readline?.prompt(true)
    }
  }

  /** Cut as the other side will cut them. */
  async *#piped(): AsyncGenerator<string> {
    const { stdin } = this.#stdio
    const reader = new LineReader()
    try {
      for await (const chunk of stdin) yield* reader.receive(chunk)
      yield* reader.finish()
    } catch (cause) {
      // Destroyed by `close`, it ends in an error too.
      if (stdin.errored)
        throw new ParleyError('ERR_USAGE', `The input cannot be read: ${stdin.errored.message}.`, {
          scope: 'host',
          cause,
        })
    }
  }

  #print(output: Output, line: string): void {
    // A line that begins with a blank is there to be copied, and stays whole.
    const hangs = this.#redraws && !line.startsWith(' ')
    const text = `${hangs ? rowsOf(line, output.columns).join('\n') : line}\n`
    const last = this.#waiting.at(-1)
    if (last?.output === output) last.text += text
    else this.#waiting.push({ output, text })
    this.#scheduled ??= setImmediate(() => this.#flush())
  }

  /** Prints all lines of a turn at once: to draw the prompt costs more than to print a line. */
  #flush(): void {
    clearImmediate(this.#scheduled)
    this.#scheduled = undefined
    if (this.#readline) this.#wipe(this.#readline)
    for (const { output, text } of this.#waiting.splice(0)) {
      if (!output.write(text)) this.#behind ??= this.#catchUp(output)
    }
    this.#readline?.prompt(true)
  }

  /** An output that fails or closes is waited for no longer. */
  async #catchUp(output: Output): Promise<void> {
    await new Promise<void>(resolve => {
      const done = () => {
        for (const event of caughtUp) output.off(event, done)
        resolve()
      }
      for (const event of caughtUp) output.on(event, done)
    })
    this.#behind = undefined
  }

  /** Wipes the prompt and what is typed, over as many rows as it takes; the next prompt draws them again. */
  #wipe(readline: Interface): void {
    if (!this.#redraws) return
    const { stdout } = this.#stdio
    moveCursor(stdout, 0, -readline.getCursorPos().rows)
    cursorTo(stdout, 0)
    clearScreenDown(stdout)
    // readline remembers on which row the cursor was, and would go up as many rows again.
    Object.assign(readline, { prevRows: 0 })
  }
}

/**
 * Of several characters that come at once readline puts all but the last at the end of the line, wherever the cursor is,
 * and loses count of the rows that they take. It marks them by this property, up to the last one.
 */
function mendPaste(readline: Interface): void {
  let typed = true
  Object.defineProperty(readline, 'isCompletionEnabled', {
    get: () => typed || readline.cursor < readline.line.length,
    set(value: boolean) {
      typed = value
      Object.assign(readline, { prevRows: readline.getCursorPos().rows })
    },
  })
}
