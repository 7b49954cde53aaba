import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { type Deferred, deferred, within } from './async.ts'

/** A program, and what goes before the flags of the contract. */
export interface Program {
  command: string
  args: readonly string[]
}

/** The first line of a peer program. */
export interface Ready {
  implementation: string
  version: string
  peer: string
  addresses: string[]
  keys: string[]
}

/** An event line of a peer program. */
export type PeerEvent = { event: string } & Record<string, unknown>

type Answer = { id: number; ok?: unknown; error?: string }

/** What a library does not have, in its program's own words. The cell is not run, and says why. */
export class NotOffered extends Error {}

/** What this machine could not do. The cell is shown so. */
export class NotRun extends Error {}

const startTimeout = 30_000
const commandTimeout = 60_000

/** The exit code of a program that was asked for what its library does not have. */
const notOffered = 3

/** One peer program at work: commands in, answers and events out. See the contract in README.md. */
export class Peer {
  readonly name: string
  readonly #child: ChildProcess
  readonly #ready = deferred<Ready>()
  readonly #exited = deferred()
  readonly #commands = new Map<number, Deferred<unknown>>()
  #listeners = new Set<{ fits: (event: PeerEvent) => boolean; resolve: (event: PeerEvent) => void }>()
  #events: PeerEvent[] = []
  #info: Ready | undefined
  #lastId = 0
  #log = ''

  /** Starts the program and waits for its first line. Throws `NotOffered` when it refuses a flag. */
  static async start(name: string, { command, args }: Program, flags: readonly string[]): Promise<Peer> {
    const peer = new Peer(name, spawn(command, [...args, ...flags], { stdio: ['pipe', 'pipe', 'pipe'] }))
    try {
      peer.#info = await within(startTimeout, `${name} did not start in time`, peer.#ready.promise)
      return peer
    } catch (error) {
      await peer.kill()
      throw error
    }
  }

  private constructor(name: string, child: ChildProcess) {
    this.name = name
    this.#child = child
    createInterface({ input: child.stdout! }).on('line', line => this.#read(line))
    child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.#log = (this.#log + text).slice(-4_000)
    })
    child.on('error', error => this.#end(error))
    child.on('close', code => this.#end(this.#died(code)))
    child.stdin!.on('error', () => {})
    this.#ready.promise.catch(() => {})
  }

  /** What its first line said. */
  get info(): Ready {
    return this.#info!
  }

  /** Its peer ID. */
  get id(): string {
    return this.info.peer
  }

  /** Where it can be dialled. */
  get address(): string {
    return this.info.addresses[0]!
  }

  /** Has the program do something, and returns its answer. */
  do<T = Record<string, never>>(
    command: string,
    parameters: object = {},
    timeout = commandTimeout,
  ): Promise<T> {
    const id = ++this.#lastId
    const answer = deferred<unknown>()
    this.#commands.set(id, answer)
    this.#child.stdin!.write(`${JSON.stringify({ id, do: command, ...parameters })}\n`)
    return within(timeout, `${this.name} did not answer "${command}" in time`, answer.promise) as Promise<T>
  }

  /** The first event of that name that fits and that nobody has waited for yet. */
  async event(
    name: string,
    fits: (event: PeerEvent) => boolean = () => true,
    timeout = 10_000,
  ): Promise<PeerEvent> {
    const wanted = (event: PeerEvent) => event.event === name && fits(event)
    const index = this.#events.findIndex(wanted)
    if (index >= 0) return this.#events.splice(index, 1)[0]!
    const come = deferred<PeerEvent>()
    const listener = { fits: wanted, resolve: come.resolve }
    this.#listeners.add(listener)
    return within(timeout, `${this.name} did not report "${name}" in time`, come.promise).finally(() =>
      this.#listeners.delete(listener),
    )
  }

  /** Whether an event of that name that fits has come and nobody has waited for it; it stays. */
  heard(name: string, fits: (event: PeerEvent) => boolean = () => true): boolean {
    return this.#events.some(event => event.event === name && fits(event))
  }

  /** Forgets the events that nobody waited for. */
  forget(): void {
    this.#events = []
  }

  /** Has the node stop and the program end. Throws when it does not. */
  async stop(): Promise<void> {
    await this.do('stop', {}, 10_000)
    await within(10_000, `${this.name} did not exit after "stop"`, this.#exited.promise)
  }

  /** Ends the program at once. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.#exited.promise
  }

  #read(line: string): void {
    const message = parse(line)
    if (!message) return this.#end(new Error(`${this.name} printed what is not JSON: ${line.slice(0, 200)}`))
    if (isAnswer(message)) return this.#answer(message)
    if (message.event === 'ready') return this.#ready.resolve(message as unknown as Ready)
    for (const listener of this.#listeners) {
      if (!listener.fits(message)) continue
      this.#listeners.delete(listener)
      return listener.resolve(message)
    }
    this.#events.push(message)
  }

  #answer({ id, ok, error }: Answer): void {
    const command = this.#commands.get(id)
    this.#commands.delete(id)
    if (error === undefined) command?.resolve(ok)
    else command?.reject(new Error(`${this.name}: ${error}`))
  }

  #end(error: Error): void {
    this.#ready.reject(error)
    for (const command of this.#commands.values()) command.reject(error)
    this.#commands.clear()
    this.#exited.resolve()
  }

  #died(code: number | null): Error {
    const lastWords = this.#log.trim().split('\n').at(-1) ?? ''
    if (code === notOffered) return new NotOffered(lastWords)
    return new Error(`${this.name} ended (${code ?? 'killed'}): ${lastWords}`)
  }
}

function isAnswer(message: Answer | PeerEvent): message is Answer {
  return 'id' in message
}

function parse(line: string): Answer | PeerEvent | undefined {
  try {
    return JSON.parse(line) as Answer | PeerEvent
  } catch {
    return undefined
  }
}
