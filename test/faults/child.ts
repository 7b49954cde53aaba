import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { until } from '../support/net.ts'

/** Programs before node on the command line, such as `prlimit`, and flags of node's. */
export interface ChildOptions {
  before?: readonly string[]
  flags?: readonly string[]
}

/** What a program says on stdout, one JSON value a line. */
type Word = Record<string, unknown>

/** A module in a process of its own, with the project's aliases. It may be killed at any moment. */
export class Child {
  readonly #process: ChildProcess
  readonly #words: Word[] = []
  #ended = false
  stderr = ''

  constructor(source: string, { before = [], flags = [] }: ChildOptions = {}) {
    const args = [...before, process.execPath, ...flags, '--input-type=module', '--eval', source]
    this.#process = spawn(args[0]!, args.slice(1), { stdio: ['ignore', 'pipe', 'pipe'] })
    createInterface(this.#process.stdout!).on('line', line => this.#words.push(JSON.parse(line) as Word))
    this.#process.stderr!.setEncoding('utf8').on('data', text => {
      this.stderr += text
    })
    this.#process.on('close', () => {
      this.#ended = true
    })
  }

  get pid(): number {
    return this.#process.pid!
  }

  /** What it has said and nobody has heard, for errors. */
  get said(): string {
    return this.#words.map(word => JSON.stringify(word)).join(' ')
  }

  get isAlive(): boolean {
    return !this.#ended
  }

  /** The next thing that it says of that name, passing over others. */
  async next(name: string): Promise<Word> {
    const find = () => this.#words.findIndex(word => name in word)
    await until(() => find() >= 0 || this.#ended, `the program says ${name}`)
    const index = find()
    if (index < 0) throw new Error(`it ended without saying ${name}: ${this.stderr}`)
    return this.#words.splice(0, index + 1).at(-1)!
  }

  /** All that it has said of that name and nobody has heard. */
  all(name: string): unknown[] {
    return this.#words.filter(word => name in word).map(word => word[name])
  }

  /** What it says of that name from now on. */
  fresh(name: string): Promise<Word> {
    this.#words.length = 0
    return this.next(name)
  }

  signal(signal: NodeJS.Signals): void {
    this.#process.kill(signal)
  }

  /** Waits for its end; gives its code, or the name of the signal. */
  async end(): Promise<number | string> {
    if (!this.#ended) await once(this.#process, 'close')
    return this.#process.exitCode ?? this.#process.signalCode ?? 'unknown'
  }

  async kill(): Promise<void> {
    this.signal('SIGKILL')
    await this.end()
  }
}
