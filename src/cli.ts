#!/usr/bin/env node
/** The chat program: flags make a host, the host a table, and the table meets the terminal. */
import { jsonReport, type Report, textReport } from './chat/report.ts'
import { Terminal } from './chat/terminal.ts'
import { Chat, exitCodeOf } from './cli/chat.ts'
import { type Flags, parseFlags, usage } from './cli/flags.ts'
import { createHost, type Host, VERSION } from './host/host.ts'
import { debugIdentity, identityFile, loadIdentity } from './host/identity.ts'
import { startTimer } from './net/timer.ts'
import { ParleyError } from './wire/errors.ts'
import { generateKey, type PrivateKey } from './wire/keys.ts'

/** What is still open when the chat is over, such as a name that is being looked up, keeps nobody waiting longer. */
const exitDelay = 250

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

async function main(terminal: Terminal, report: Report): Promise<number> {
  try {
    const flags = parseFlags(process.argv.slice(2))
    if (flags.help || flags.version) return print(flags.help ? usage : `${VERSION}\n`)
    if (flags.debug)
      report.warning(
        'DEBUG: this identity is computed from the port. Anyone can compute it and pass for you.',
      )
    const chat = new Chat({ flags, terminal, report, host: await openHost(flags) })
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

function print(text: string): number {
  process.stdout.write(text)
  return 0
}

/** The first signal leaves in good order, a second one at once. A reader who has gone is a reason to leave too. */
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

// Nobody reads any more; that is no reason to complain.
process.stdout.on('error', () => {})
process.stderr.on('error', () => {})
const json = process.argv.includes('--json')
const terminal = new Terminal(process, { json, env: process.env })
const report = json ? jsonReport(terminal) : textReport(terminal, terminal.colours)
process.exitCode = await main(terminal, report)
startTimer(exitDelay, () => process.exit())
