import type { Report } from '../chat/report.ts'
import { Table, type TableEvents } from '../chat/table.ts'
import type { Terminal } from '../chat/terminal.ts'
import type { Host } from '../host/host.ts'
import { onAbort, unlessAborted, withDeadline } from '../net/timer.ts'
import { type ErrorCode, ParleyError } from '../wire/errors.ts'
import type { Multiaddr } from '../wire/multiaddr.ts'
import { hasPlace } from './address.ts'
import type { Flags } from './flags.ts'
import { commandLine, forPeople, invitations } from './invitation.ts'
import { Reunion } from './reunion.ts'

/** What the user has to put right before another try can succeed. */
const usageErrors: readonly ErrorCode[] = [
  'ERR_USAGE',
  'ERR_MULTIADDR',
  'ERR_NO_TRANSPORT',
  'ERR_DIAL_SELF',
  'ERR_IDENTITY_FILE',
]

/** Exit codes: 0 done, 1 the network or a peer failed, 2 wrong usage. */
export function exitCodeOf({ code }: ParleyError): number {
  return usageErrors.includes(code) ? 2 : 1
}

/** How long the last lines may take to reach the others, in milliseconds; a person is kept waiting less. */
const leaveTimeout = { pipe: 60_000, person: 5_000 }

/** What a chat is made of. */
export interface ChatOptions {
  flags: Flags
  terminal: Terminal
  report: Report
  host: Host
}

/** A running chat, and all that it needs to end in good order. */
export class Chat {
  readonly #flags: Flags
  readonly #terminal: Terminal
  readonly #report: Report
  readonly #host: Host
  readonly #table: Table
  readonly #reunion: Reunion
  readonly #leaving = new AbortController()
  /** Whether whoever leaves now leaves because we do. */
  #over = false
  #exitCode = 0

  constructor({ flags, terminal, report, host }: ChatOptions) {
    this.#flags = flags
    this.#terminal = terminal
    this.#report = report
    this.#host = host
    const { relay, framing, reconnect } = flags
    const { interactive } = terminal
    const table = new Table(host, { relay, framing, ready: () => terminal.drained() })
    table.on('join', event => report.connected(event))
    table.on('message', event => report.message(event))
    table.on('misjudged', event => report.error(misjudged(event)))
    table.on('leave', event => this.#left(event))
    this.#table = table
    this.#reunion = new Reunion({
      table,
      report,
      interactive,
      reconnect,
      fail: error => this.#fail(error),
      gaveUp: () => this.#deserted(),
    })
  }

  /** Runs until the user leaves or the input ends; returns the exit code. */
  async run(): Promise<number> {
    try {
      if (this.#listens) this.#invite()
      await Promise.all(this.#flags.dial.map(address => this.#dial(address)))
      // The wish to leave does not wait for whoever is slow to take in what was said.
      if (this.#listens || this.#hasCompany) await Promise.race([this.#talk(), aborted(this.#leaving.signal)])
    } finally {
      this.#over = true
      this.#reunion.stop()
      await this.#host.stop()
    }
    return this.#exitCode
  }

  /** Leaves: cuts short what is under way. */
  interrupt(): void {
    this.#over = true
    this.#leaving.abort()
    this.#terminal.close()
  }

  get #listens(): boolean {
    return this.#flags.port !== undefined
  }

  get #alone(): boolean {
    return this.#table.peers.length === 0
  }

  /** Whether what is said reaches anyone, be it later. */
  get #hasCompany(): boolean {
    return !this.#alone || this.#reunion.isPending
  }

  #invite(): void {
    const addresses = forPeople(this.#host.addresses)
    this.#report.listening(this.#host.peerId, addresses.map(String))
    for (const { text, command } of invitations(addresses)) this.#report.notice(text, [command])
  }

  async #dial(address: Multiaddr): Promise<void> {
    const { signal } = this.#leaving
    this.#reunion.remember(address.peerId!, address)
    try {
      this.#report.notice(`Connecting to ${address.peerId?.short} ...`)
      await this.#table.join(address, { signal })
    } catch (error) {
      if (signal.aborted) return
      this.#fail(error)
      this.#sendToDoctor(address, error as ParleyError)
    }
  }

  /** A person who could not connect is told of what tells more. */
  #sendToDoctor(address: Multiaddr, { stage }: ParleyError): void {
    if (!this.#terminal.interactive || stage === undefined || stage === 'protocol' || !hasPlace(address))
      return
    this.#report.notice('To find out more, run:', [commandLine(`doctor ${address}`)])
  }

  #left(event: TableEvents['leave']): void {
    if (this.#over) return
    this.#report.disconnected(event)
    this.#reunion.left(event)
    if (this.#terminal.interactive) this.#deserted()
  }

  /** There may be nobody left to wait for. */
  #deserted(): void {
    if (this.#listens || this.#hasCompany) return
    if (!this.#terminal.interactive) return this.interrupt()
    this.#report.notice('Nobody else is here any more. Ctrl-C leaves; the same command joins again.')
  }

  #fail(error: unknown): void {
    if (!(error instanceof ParleyError)) throw error
    this.#exitCode = exitCodeOf(error)
    this.#report.error(error)
  }

  async #talk(): Promise<void> {
    const { interactive } = this.#terminal
    const { short } = this.#host.peerId
    if (interactive)
      this.#report.notice(`You are ${short}. Type a line and press Enter to send it; Ctrl-C leaves.`)
    if (this.#alone) this.#report.notice('Waiting for others to join ...')
    const said = await this.#sayAll()
    if (this.#leaving.signal.aborted) return
    // At a terminal the end of input is the wish to leave; a pipe that ends leaves one who only listens listening.
    if (!interactive && this.#flags.dial.length === 0) return aborted(this.#leaving.signal)
    if (!interactive) await this.#reunion.finish()
    if (!interactive && said && this.#alone) return this.#fail(leftAlone())
    await this.#leave()
  }

  /** Says what the user types or pipes in; returns whether there was anything. */
  async #sayAll(): Promise<boolean> {
    let said = false
    for await (const line of this.#terminal.lines(() => process.emit('SIGINT'))) {
      await this.#say(line)
      said = true
    }
    return said
  }

  async #say(line: string): Promise<void> {
    const { interactive } = this.#terminal
    if (interactive && !this.#hasCompany)
      return this.#report.notice('Nobody else is here, so nobody got that.')
    if (!interactive) await this.#company()
    await this.#table.say(line)
  }

  /**
   * Waits for someone to talk to, and until there is room for one more line for whoever is expected. A pipe that only dialled has
   * lost whom it had, and that is a failure.
   */
  async #company(): Promise<void> {
    const { absent } = this.#table
    if (absent.isFull) await absent.until(() => !absent.isFull)
    if (this.#hasCompany || this.#leaving.signal.aborted) return
    if (!this.#listens) {
      this.interrupt()
      return this.#fail(leftAlone())
    }
    await new Promise<void>(resolve => {
      const undo = this.#table.on('join', () => {
        undo()
        resolve()
      })
      onAbort(this.#leaving.signal, resolve)
    })
  }

  async #leave(): Promise<void> {
    this.#over = true
    const delay = leaveTimeout[this.#terminal.interactive ? 'person' : 'pipe']
    const message = 'The others did not take in the last lines in time.'
    const { signal } = this.#leaving
    try {
      await withDeadline({ delay, message, signal }, deadline => unlessAborted(this.#table.leave(), deadline))
    } catch (error) {
      if (!signal.aborted) this.#fail(error)
    }
  }
}

function misjudged({ peer: { short }, dialect }: TableEvents['misjudged']): ParleyError {
  return new ParleyError(
    'ERR_PROTOCOL',
    `${short} speaks ${dialect}, which could not be known before: it may have lost what was said so far; --framing ${dialect} helps.`,
    { scope: 'stream' },
  )
}

function leftAlone(): ParleyError {
  return new ParleyError(
    'ERR_CONNECTION_CLOSED',
    'Everyone has left before the input ended; the last lines may be lost.',
  )
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    onAbort(signal, resolve)
  })
}
