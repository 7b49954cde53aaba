import { type ChildProcess, spawn } from 'node:child_process'
import { deferred, within } from './async.ts'
import type { Program } from './peer.ts'

/** A program that a person would use, at work: what is typed, and what it shows. */
export class Running {
  readonly #name: string
  readonly #child: ChildProcess
  readonly #exited = deferred<number | null>()
  #waiting = new Set<() => void>()
  /** What it has shown so far, on both of its outputs. */
  shown = ''

  constructor({ command, args }: Program) {
    this.#name = [command.split('/').at(-1), ...args].join(' ')
    this.#child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'] })
    for (const output of [this.#child.stdout!, this.#child.stderr!])
      output.setEncoding('utf8').on('data', (text: string) => this.#show(text))
    this.#child.stdin!.on('error', () => {})
    this.#child.on('error', error => this.#show(`${error.message}\n`))
    this.#child.on('close', code => this.#exited.resolve(code))
  }

  /** Types a line. */
  type(line: string): void {
    this.#child.stdin!.write(`${line}\n`)
  }

  /** Waits until it shows what fits, and returns that. */
  async sees(what: RegExp, timeout = 20_000): Promise<string> {
    const found = deferred<string>()
    const look = () => {
      const [match] = what.exec(this.shown) ?? []
      if (match !== undefined) found.resolve(match)
    }
    this.#waiting.add(look)
    look()
    const sentence = `${this.#name} did not show ${what.source}`
    return within(timeout, sentence, found.promise).finally(() => this.#waiting.delete(look))
  }

  /** Waits until it has ended, and returns its exit code. */
  exit(timeout = 20_000): Promise<number | null> {
    return within(timeout, `${this.#name} did not end`, this.#exited.promise)
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.#exited.promise
  }

  #show(text: string): void {
    this.shown += text
    for (const look of this.#waiting) look()
  }
}
