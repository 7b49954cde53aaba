import { PassThrough } from 'node:stream'
import { Terminal, type TerminalOptions } from '#src/chat/terminal'
import { turns } from './net.ts'
import { Screen } from './screen.ts'

/** A keyboard that remembers whether its keys are handed on raw. */
export class Keyboard extends PassThrough {
  readonly isTTY = true
  raw = false

  setRawMode(raw: boolean): this {
    this.raw = raw
    return this
  }
}

/** A person at a terminal. */
export class Person {
  readonly keyboard = new Keyboard()
  readonly screen: Screen
  readonly terminal: Terminal
  /** The lines that the person has entered. */
  readonly entered: string[] = []
  interrupts = 0
  ended = false

  constructor(columns: number, env: TerminalOptions['env'] = { TERM: 'xterm' }) {
    this.screen = new Screen(columns)
    const stdio = { stdin: this.keyboard, stdout: this.screen as never, stderr: this.screen as never }
    this.terminal = new Terminal(stdio, { json: false, env })
    void this.#listen()
  }

  async type(keys: string): Promise<void> {
    this.keyboard.write(keys)
    await turns()
  }

  async hear(...lines: string[]): Promise<void> {
    for (const line of lines) this.terminal.out(line)
    await turns()
  }

  async #listen(): Promise<void> {
    for await (const line of this.terminal.lines(() => this.interrupts++)) this.entered.push(line)
    this.ended = true
  }
}
