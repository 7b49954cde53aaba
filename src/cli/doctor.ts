import { jsonReport, textReport } from '../chat/report.ts'
import { Terminal } from '../chat/terminal.ts'
import { systemResolver } from '../host/resolver.ts'
import { tcp } from '../net/tcp.ts'
import { ParleyError } from '../wire/errors.ts'
import type { Multiaddr } from '../wire/multiaddr.ts'
import { exitCodeOf } from './chat.ts'
import { examine } from './doctor/examine.ts'
import { type DoctorReport, jsonReport as doctorJson, textReport as doctorText } from './doctor/report.ts'
import { parseTarget } from './doctor/target.ts'
import { parseArguments, usageError } from './options.ts'

/** The text of `doctor --help`. */
export const doctorUsage = `parley doctor: find out why a connection to a libp2p node does not work.

  parley doctor /ip4/192.0.2.1/tcp/4001/p2p/<id>
  parley doctor /dns/node.example/tcp/4001

It tries the address stage by stage and tells how long each took. Where one
fails it says what is wrong and what to try. Without /p2p/<id> it finds out
whose address that is. Of several addresses behind a name each is tried, up
to the first that works.

Options
      --timeout <s>   give each stage that many seconds; 5 unless given
      --json          print one JSON object a line: each stage, then the summary
  -h, --help          print this

Exit codes
   0  all well
   2  wrong usage, or an address that is not for plain TCP
  10  dns        the name leads nowhere
  11  tcp        no connection: nothing listens, or a firewall is in between
  12  negotiate  not libp2p, or a node without Noise
  13  noise      the handshake failed
  14  identity   another node than the expected one, or one without proof
  15  muxer      a node without yamux, or one that does not admit you
  16  identify   the node does not say who it is
  17  ping       the node does not answer pings
`

const options = {
  timeout: { type: 'string' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const

interface DoctorFlags {
  target: Multiaddr
  timeout: number
}

/** `parley doctor`: examines an address. Returns the exit code. */
export async function doctor(args: readonly string[]): Promise<number> {
  const json = args.includes('--json')
  const terminal = new Terminal(process, { json, env: process.env })
  try {
    const flags = parseDoctorFlags(args)
    if (flags) return await report(flags, json ? doctorJson(terminal) : forPerson(terminal))
    // Not through the terminal, which would take it for one line and break it.
    process.stdout.write(doctorUsage)
    return 0
  } catch (error) {
    if (!(error instanceof ParleyError)) throw error
    const refusal = json ? jsonReport(terminal) : textReport(terminal, terminal.colours)
    refusal.error(error)
    return exitCodeOf(error)
  } finally {
    terminal.close()
  }
}

function forPerson(terminal: Terminal): DoctorReport {
  return doctorText(terminal, terminal.colours.out, process.stdout.columns)
}

async function report({ target, timeout }: DoctorFlags, to: DoctorReport): Promise<number> {
  const resolver = systemResolver()
  const summary = await examine(target, { resolver, transport: tcp(), timeout, tell: to.finding })
  to.summary(summary)
  return summary.exit
}

/** What the user wants examined, and how many milliseconds a stage may take; nothing when he asks for help. */
function parseDoctorFlags(args: readonly string[]): DoctorFlags | undefined {
  const { values, positionals } = parseArguments(args, options)
  if (values.help) return undefined
  const [address, ...others] = positionals
  if (address === undefined || others.length > 0)
    throw usageError('Give the doctor one address; see parley doctor --help.')
  return { target: parseTarget(address), timeout: parseTimeout(values.timeout) }
}

function parseTimeout(text = '5'): number {
  const seconds = Number(text)
  if (seconds > 0 && seconds <= 600) return seconds * 1_000
  throw usageError(`The timeout must be a number of seconds up to 600, not '${text}'.`)
}
