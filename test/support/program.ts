import { type ChildProcessByStdio, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { after, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { withResolvers } from './net.ts'
import { Screen } from './screen.ts'

const root = new URL('../../../', import.meta.url)
const cli = fileURLToPath(new URL('dist/cli.js', root))
const pseudoTerminal = fileURLToPath(new URL('test/support/pseudo-terminal.py', root))

/** How long to wait for anything before the test fails, in milliseconds: far more than it ever takes. */
const patience = 30_000

/** What the tests of one file keep on disk. */
export const folder: string = mkdtempSync(join(tmpdir(), 'parley-test-'))
after(() => rmSync(folder, { recursive: true, force: true }))

/** What a program writes to one of its outputs. */
export class Output {
  text = ''
  #watchers = new Set<() => void>()
  #ended = false

  constructor(stream: Readable) {
    stream.setEncoding('utf8')
    stream.on('data', (text: string) => {
      this.text += text
      this.#tell()
    })
    stream.on('close', () => {
      this.#ended = true
      this.#tell()
    })
  }

  /** Waits until there is something in it that `find` gives back; fails when it ends without that. */
  wait<Found>(find: (text: string) => Found | undefined, delay: number = patience): Promise<Found> {
    const { promise, resolve, reject } = withResolvers<Found>()
    const look = () => {
      const found = find(this.text)
      if (found !== undefined) resolve(found)
      else if (this.#ended) fail('The output ended')
    }
    const fail = (what: string) => reject(new Error(`${what}; until then it was: ${this.text.slice(-2_000)}`))
    const timer = setTimeout(() => fail('What was waited for did not come'), delay)
    this.#watchers.add(look)
    look()
    return promise.finally(() => {
      clearTimeout(timer)
      this.#watchers.delete(look)
    })
  }

  /** Waits until the pattern is found in it. */
  match(pattern: RegExp, delay?: number): Promise<RegExpExecArray> {
    return this.wait(text => pattern.exec(text) ?? undefined, delay)
  }

  #tell(): void {
    for (const look of this.#watchers) look()
  }
}

/** How a program ended, and all that it wrote. */
export interface Ended {
  code: number | null
  signal: string | null
  stdout: string
  stderr: string
}

/** What a program prints with `--json`. */
export type Event = { event: string } & Record<string, unknown>

/** A running program; it is killed when the test is over. */
export class Program {
  readonly stdout: Output
  readonly stderr: Output
  readonly stdin: Writable
  readonly pid: number
  readonly ended: Promise<Ended>
  readonly #process: ChildProcessByStdio<Writable, Readable, Readable>
  #taken = 0

  constructor(t: TestContext, [command = '', ...args]: readonly string[], env: NodeJS.ProcessEnv = {}) {
    const child = spawn(command, args, {
      env: { ...process.env, TERM: 'xterm', NO_COLOR: '', XDG_DATA_HOME: folder, ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    this.#process = child
    this.pid = child.pid ?? 0
    this.stdin = child.stdin
    // A program may end before it has read its input.
    child.stdin.on('error', () => {})
    this.stdout = new Output(child.stdout)
    this.stderr = new Output(child.stderr)
    const { promise, resolve } = withResolvers<Ended>()
    child.on('close', (code, signal) => {
      resolve({ code, signal, stdout: this.stdout.text, stderr: this.stderr.text })
    })
    this.ended = promise
    t.after(() => {
      child.kill('SIGKILL')
      return promise
    })
  }

  /** Lines typed, or piped in. */
  say(...lines: string[]): void {
    for (const line of lines) this.stdin.write(`${line}\n`)
  }

  signal(signal: NodeJS.Signals): void {
    this.#process.kill(signal)
  }

  /** Stops reading what it writes. */
  closeOutput(): void {
    this.#process.stdout.destroy()
  }

  /** The events that it has printed. */
  get events(): Event[] {
    return parseEvents(this.stdout.text)
  }

  /** Waits for the next event of that name, passing over others. */
  async next(name: string): Promise<Event> {
    const [index, event] = await this.stdout.wait(text => {
      const found = [...parseEvents(text).entries()]
      return found.find(([index, { event }]) => index >= this.#taken && event === name)
    })
    this.#taken = index + 1
    return event
  }

  /** The texts of the next so many messages. */
  async texts(count: number): Promise<unknown[]> {
    const texts: unknown[] = []
    for (let i = 0; i < count; i++) texts.push((await this.next('message')).text)
    return texts
  }
}

function parseEvents(text: string): Event[] {
  return text
    .split('\n')
    .slice(0, -1)
    .map(line => JSON.parse(line))
}

/** Starts the chat with pipes for its input and outputs. */
export function start(t: TestContext, args: readonly string[], env?: NodeJS.ProcessEnv): Program {
  return new Program(t, [process.execPath, cli, ...args], env)
}

/** Runs the chat to its end on that input. */
export function run(
  t: TestContext,
  args: readonly string[],
  input = '',
  env?: NodeJS.ProcessEnv,
): Promise<Ended> {
  const program = start(t, args, env)
  program.stdin.end(input)
  return program.ended
}

/** A chat that listens, and where. */
export interface Listening {
  program: Program
  peer: string
  /** On this machine. */
  address: string
}

/** Starts a chat that listens, with `--json`. */
export async function listen(t: TestContext, ...args: string[]): Promise<Listening> {
  const port = args.includes('--port') ? [] : ['--port', '0']
  const program = start(t, ['--json', ...port, ...args])
  const { peer, addresses } = await program.next('listening')
  const address = (addresses as string[]).find(one => one.startsWith('/ip4/127.0.0.1/'))
  return { program, peer: peer as string, address: address! }
}

/** Starts a chat that dials, with `--json`, and waits until it's there. */
export async function dial(t: TestContext, address: string, ...args: string[]): Promise<Program> {
  const program = start(t, ['--json', '--dial', address, ...args])
  await program.next('connected')
  return program
}

/** A port that nobody listens on. */
export async function freePort(): Promise<number> {
  const { promise, resolve } = withResolvers<number>()
  const server = createServer().listen(0, () => resolve((server.address() as { port: number }).port))
  const port = await promise
  server.close()
  return port
}

/** Why the tests with a pseudo-terminal are skipped, or false. */
export const noTerminal: string | false =
  spawnSync('python3', ['-c', 'import fcntl, termios']).status !== 0 &&
  'this needs python3, whose standard library has pseudo-terminals'

/** The chat at a pseudo-terminal of its own. */
export class TerminalProgram extends Program {
  readonly screen: Screen

  constructor(t: TestContext, args: readonly string[], env: NodeJS.ProcessEnv = {}, columns = 80) {
    super(t, ['python3', pseudoTerminal, String(columns), process.execPath, cli, ...args], env)
    this.screen = new Screen(columns)
  }

  /** The rows on the screen once the pattern is found in them. */
  see(pattern: RegExp): Promise<string[]> {
    return this.stdout.wait(text => {
      this.screen.write(text.slice(this.screen.written.length))
      const { rows } = this.screen
      return pattern.test(rows.join('\n')) ? rows : undefined
    })
  }

  type(keys: string): void {
    this.stdin.write(keys)
  }

  /** The process id of the chat itself. */
  async chatPid(): Promise<number> {
    const [, pid] = await this.stderr.match(/^(\d+)\n/)
    return Number(pid)
  }

  /** How the chat ended, and whether the terminal's settings were then as before. */
  async left(): Promise<{ code: number; restored: boolean }> {
    const { stderr } = await this.ended
    const [, code, word] = /^(-?\d+) (restored|changed)$/m.exec(stderr) ?? []
    return { code: Number(code), restored: word === 'restored' }
  }
}
