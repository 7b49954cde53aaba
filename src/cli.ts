#!/usr/bin/env node
/** The program: a command, or the chat, where flags make a host, the host a table, and the table meets the terminal. */
import { withPatience } from './chat/patience.ts'
import { jsonReport, type Report, textReport } from './chat/report.ts'
import { Terminal } from './chat/terminal.ts'
import { hasPlace } from './cli/address.ts'
import { Chat, exitCodeOf } from './cli/chat.ts'
import { doctor } from './cli/doctor.ts'
import { type Flags, parseFlags, usage } from './cli/flags.ts'
import { usageError } from './cli/options.ts'
import { perf } from './cli/perf.ts'
import { onSignals } from './cli/signals.ts'
import { createHost, type Host, VERSION } from './host/host.ts'
import { debugIdentity, identityFile, loadIdentity, lockIdentity } from './host/identity.ts'
import { PeerStore, peersFile } from './host/peer-store.ts'
import { startTimer } from './net/timer.ts'
import { ParleyError } from './wire/errors.ts'
import { generateKey, type PrivateKey } from './wire/keys.ts'

/** What the first argument may name; each command takes those behind it and gives the exit code. Without a name it is the chat. */
const commands: Record<string, (args: readonly string[]) => Promise<number>> = { doctor, perf }

/** What is still open when the chat is over, such as a name that is being looked up, keeps nobody waiting longer. */
const exitDelay = 250

async function identityFor({ identity, ephemeral, debug, keyType, port }: Flags): Promise<PrivateKey> {
  if (debug) return debugIdentity(port ?? 0)
  const file = identity ?? (port && !ephemeral ? identityFile(port) : undefined)
  if (file === undefined) return generateKey(keyType)
  const key = await loadIdentity(file, keyType)
  if (keyType !== undefined && key.type !== keyType)
    throw usageError(`The identity in ${file} is of type ${key.type}, not ${keyType}; name another file.`)
  await lockIdentity(file)
  return key
}

/** A school or an office behind one address may come together; two thirds of the places for guests are still for others. */
const limits = { perSource: 64, sourceBurst: 64 }

/** IPv6 is listened on where there is any. */
async function openHost(flags: Flags, identity: PrivateKey): Promise<Host> {
  const host = await createHost({ identity, limits })
  if (flags.port === undefined) return host
  await host.listen(`/ip4/0.0.0.0/tcp/${flags.port}`)
  const [first] = host.addresses
  await host.listen(`/ip6/::/tcp/${first?.value('tcp') ?? flags.port}`).catch(() => {})
  return host
}

/** Throws `ERR_USAGE` when somebody shall be dialled by his ID alone, and the address book does not know where he is. */
async function openBook({ dial }: Flags, report: Report): Promise<PeerStore> {
  const book = await PeerStore.open(peersFile(), { warn: sentence => report.warning(sentence) })
  for (const address of dial) {
    const { peerId } = address
    if (hasPlace(address) || !peerId || book.knows(peerId)) continue
    throw usageError(
      `The address book has no address of ${peerId}; dial it once in full: /ip4/.../tcp/.../p2p/<id>.`,
    )
  }
  return book
}

async function chat(args: readonly string[]): Promise<number> {
  const json = args.includes('--json')
  const terminal = new Terminal(process, { json, env: process.env })
  const plain = json ? jsonReport(terminal) : textReport(terminal, terminal.colours)
  const report = terminal.interactive ? withPatience(plain) : plain
  try {
    const flags = parseFlags(args)
    if (flags.help || flags.version) return print(flags.help ? usage : `${VERSION}\n`)
    if (flags.debug)
      report.warning(
        'DEBUG: this identity is computed from the port. Anyone can compute it and pass for you.',
      )
    const [book, identity] = await Promise.all([openBook(flags, report), identityFor(flags)])
    const host = await openHost(flags, identity)
    for (const { peerId } of flags.dial) if (peerId) book.restore(host, peerId)
    // Who leaves nothing of himself behind leaves nothing of others either.
    if (!flags.ephemeral) book.follow(host)
    const chat = new Chat({ flags, terminal, report, host })
    onSignals(() => chat.interrupt())
    const code = await chat.run()
    await book.save()
    return code
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

// Nobody reads any more; that is no reason to complain.
process.stdout.on('error', () => {})
process.stderr.on('error', () => {})
const [name = '', ...args] = process.argv.slice(2)
const command = Object.hasOwn(commands, name) ? commands[name] : undefined
process.exitCode = await (command ? command(args) : chat(process.argv.slice(2)))
startTimer(exitDelay, () => process.exit())
