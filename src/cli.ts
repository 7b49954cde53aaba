#!/usr/bin/env node
/** The chat program: flags make a host, the host a table, and the table meets the terminal. */
import { basename, relative } from 'node:path'
import { jsonReport, type Report, textReport } from './chat/report.ts'
import { Table } from './chat/table.ts'
import { Terminal } from './chat/terminal.ts'
import { type Flags, parseFlags, usage } from './cli/flags.ts'
import { createHost, type Host, VERSION } from './host/host.ts'
import { debugIdentity, identityFile, loadIdentity } from './host/identity.ts'
import { withDeadline } from './net/timer.ts'
import { type ErrorCode, ParleyError } from './wire/errors.ts'
import { generateKey, type PrivateKey } from './wire/keys.ts'
import type { Multiaddr } from './wire/multiaddr.ts'

/** Exit codes: 0 done, 1 the network or a peer failed, 2 wrong usage. */
const usageErrors: readonly ErrorCode[] = [
  'ERR_USAGE',
  'ERR_MULTIADDR',
  'ERR_NO_TRANSPORT',
  'ERR_DIAL_SELF',
  'ERR_IDENTITY_FILE',
]

function exitCodeOf(error: ParleyError): number {
  return usageErrors.includes(error.code) ? 2 : 1
}

/** How long the last lines may take to reach the others, in milliseconds. */
const leaveTimeout = 60_000

/** A running chat, and all that it needs to end in good order. */
class Chat {
  readonly #flags: Flags
  readonly #terminal: Terminal
  readonly #report: Report
  readonly #host: Host
  readonly #table: Table
  readonly #leaving = new AbortController()
  #exitCode = 0

  constructor(flags: Flags, terminal: Terminal, report: Report, host: Host) {
    this.#flags = flags
    this.#terminal = terminal
    this.#report = report
    this.#host = host
    this.#table = new Table(host, { relay: flags.relay })
    this.#table.on('join', event => report.connected(event))
    this.#table.on('message', event => report.message(event))
    this.#table.on('leave', event => report.disconnected(event))
  }

  /** Runs until the user leaves or the input ends; returns the exit code. */
  async run(): Promise<number> {
    this.#greet()
    await Promise.all(this.#flags.dial.map(address => this.#dial(address)))
    const alone = this.#flags.port === undefined && this.#table.peers.length === 0
    if (!alone && !this.#leaving.signal.aborted) await this.#talk()
    await this.#host.stop()
    return this.#exitCode
  }

  /** Leaves: cuts short what is under way. */
  interrupt(): void {
    this.#leaving.abort()
    this.#terminal.close()
  }

  #greet(): void {
    const { peerId } = this.#host
    if (this.#flags.port === undefined) return
    const addresses = sortForHumans(this.#host.addresses).map(String)
    this.#report.listening(peerId, addresses)
    const { here, elsewhere } = invitations(addresses)
    if (here) this.#report.notice(`To join from another terminal on this computer, run:\n    ${here}`)
    if (elsewhere) this.#report.notice(`From another computer on your network:\n    ${elsewhere}`)
    this.#report.notice('Waiting for others. Type a line and press Enter to send it; Ctrl-C leaves.')
  }

  async #dial(address: Multiaddr): Promise<void> {
    const { signal } = this.#leaving
    try {
      this.#report.notice(`Connecting to ${address} ...`)
      await this.#table.join(address, { signal })
      this.#report.notice('Type a line and press Enter to send it; Ctrl-C leaves.')
    } catch (error) {
      if (!signal.aborted) this.#fail(error)
    }
  }

  #fail(error: unknown): void {
    if (!(error instanceof ParleyError)) throw error
    this.#exitCode = exitCodeOf(error)
    this.#report.error(error)
  }

  async #talk(): Promise<void> {
    for await (const line of this.#terminal.lines(() => this.interrupt())) {
      if (line.trim() !== '') await this.#say(line)
      if (this.#leaving.signal.aborted) return
    }
    // At a terminal the end of input is the wish to leave; a pipe that ends leaves a listener listening.
    if (!this.#leaving.signal.aborted && (this.#terminal.interactive || this.#flags.port === undefined)) {
      return this.#leave()
    }
    await aborted(this.#leaving.signal)
  }

  async #say(line: string): Promise<void> {
    if (this.#table.peers.length === 0) {
      if (this.#terminal.interactive)
        return this.#report.notice('Nobody is here yet, so that was sent to no one.')
      await this.#company()
    }
    await this.#table.say(line)
  }

  /** Waits for someone to talk to. A pipe that only dialled has lost whom it had, and that is a failure. */
  async #company(): Promise<void> {
    if (this.#flags.port === undefined) {
      this.interrupt()
      return this.#fail(
        new ParleyError('ERR_CONNECTION_CLOSED', 'Everyone has left before all lines were sent.'),
      )
    }
    await new Promise<void>(resolve => {
      const settle = () => {
        undo()
        resolve()
      }
      const undo = this.#table.on('join', settle)
      this.#leaving.signal.addEventListener('abort', settle)
    })
  }

  async #leave(): Promise<void> {
    const message = 'The others did not take in the last lines in time.'
    const { signal } = this.#leaving
    try {
      await withDeadline({ delay: leaveTimeout, message, signal }, deadline =>
        Promise.race([this.#table.leave(), aborted(deadline).then(() => Promise.reject(deadline.reason))]),
      )
    } catch (error) {
      if (!signal.aborted) this.#fail(error)
    }
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}

/** IPv4 before IPv6 and the network before the machine itself: what one gives to others comes first. */
function sortForHumans(addresses: readonly Multiaddr[]): Multiaddr[] {
  const rank = (address: Multiaddr) => (address.has('ip6') ? 2 : 0) + (isLoopback(String(address)) ? 1 : 0)
  return addresses.toSorted((a, b) => rank(a) - rank(b))
}

function isLoopback(address: string): boolean {
  return address.startsWith('/ip4/127.') || address.startsWith('/ip6/::1/')
}

/** The lines to paste into another terminal. */
function invitations(addresses: readonly string[]): {
  here: string | undefined
  elsewhere: string | undefined
} {
  const command = (address: string | undefined) => address && `${program()} --dial ${address}`
  return {
    here: command(addresses.find(isLoopback)),
    elsewhere: command(addresses.find(one => !isLoopback(one))),
  }
}

/** How the user started this program. */
function program(): string {
  const script = process.argv[1] ?? 'parley'
  return basename(script) === 'cli.js' ? `node ${relative(process.cwd(), script) || script}` : 'parley'
}

async function identityFor({ identity, ephemeral, debug, keyType, port }: Flags): Promise<PrivateKey> {
  if (debug) return debugIdentity(port ?? 0)
  const file = identity ?? (port && !ephemeral ? identityFile(port) : undefined)
  if (file === undefined) return generateKey(keyType)
  const key = await loadIdentity(file, keyType)
  if (keyType === undefined || key.type === keyType) return key
  throw new ParleyError(
    'ERR_USAGE',
    `The identity in ${file} is of type ${key.type}, not ${keyType}; name another file.`,
  )
}

/** IPv6 is listened on where there is any. */
async function openHost(flags: Flags): Promise<Host> {
  const host = await createHost({ identity: await identityFor(flags) })
  if (flags.port === undefined) return host
  await host.listen(`/ip4/0.0.0.0/tcp/${flags.port}`)
  const [first] = host.addresses
  await host.listen(`/ip6/::/tcp/${first?.value('tcp') ?? flags.port}`).catch(() => {})
  return host
}

async function main(): Promise<number> {
  const terminal = new Terminal(process, { json: process.argv.includes('--json') })
  const report = process.argv.includes('--json')
    ? jsonReport(terminal)
    : textReport(terminal, { colours: terminal.colours(process.env) })
  try {
    const flags = parseFlags(process.argv.slice(2))
    if (flags.help || flags.version) return printAndExit(flags.help ? usage : `${VERSION}\n`)
    if (flags.debug)
      report.notice('DEBUG: this identity is computed from the port. Anyone can compute it and pass for you.')
    const chat = new Chat(flags, terminal, report, await openHost(flags))
    hearSignals(chat)
    return await chat.run()
  } catch (error) {
    if (!(error instanceof ParleyError)) throw error
    report.error(error)
    return exitCodeOf(error)
  } finally {
    terminal.close()
  }
}

function printAndExit(text: string): number {
  process.stdout.write(text)
  return 0
}

/** The first signal leaves in good order, a second one at once. A reader who has gone is no reason to complain. */
function hearSignals(chat: Chat): void {
  let asked = false
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (asked) process.exit(130)
      asked = true
      chat.interrupt()
    })
  }
  process.stdout.on('error', () => chat.interrupt())
}

process.exitCode = await main()
