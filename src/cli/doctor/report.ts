import { escapeJson, escapeText } from '../../chat/escape.ts'
import { dim, green, painter, red, type Sink } from '../../chat/report.ts'
import { rowsOf } from '../../chat/rows.ts'
import { ipOf, reachOf } from '../../host/reach.ts'
import type { Multiaddr } from '../../wire/multiaddr.ts'
import { endpoint } from './diagnosis.ts'
import { nameIn } from './lookup.ts'
import type { Failed, Finding, Passed, Stage, StageFacts, Summary } from './stages.ts'

/** How an examination is told, to a person or to a program. */
export interface DoctorReport {
  finding(finding: Finding): void
  summary(summary: Summary): void
}

/** One JSON object a line: each stage, then the summary. */
export function jsonReport(sink: Pick<Sink, 'out'>): DoctorReport {
  const print = (event: string, fields: object) => sink.out(escapeJson({ event, ...fields }))
  return {
    finding(finding) {
      const { stage, ok, ms, address } = finding
      const { code, message, instead } = finding as Partial<Failed>
      const found = finding.ok ? finding.facts : { code, message, instead }
      print('stage', { stage, ok, ms: Number(ms.toFixed(3)), address, ...found })
    },
    summary: ({ ok, exit, stage = null, address = null, notes }) =>
      print('summary', { ok, exit, stage, address, notes }),
  }
}

/** Items of a list that are shown; a program gets all of them. */
const shownItems = 12

/** Where the details of a stage begin, behind its name, sign and time; below these where a peer ID fits no more beside them. */
const margin = { wide: 21, narrow: 4 }
const narrow = 21 + 52

type Details = { [S in Stage]: (facts: StageFacts[S], address: Multiaddr) => string[] }

/** What a person is told of a stage that was passed, in rows. */
const details: Details = {
  dns: ({ addresses, others }, address) => {
    const [kind, name] = nameIn(address)
    const found = kind === 'dnsaddr' ? addresses.map(String) : addresses.map(one => ipOf(one) ?? '')
    const rest = others.length === 0 ? [] : [`and ${others.length} not on plain TCP`]
    return listed(`${name} →`, [...found, ...rest])
  },
  tcp: (_facts, address) => [endpoint({ address })],
  negotiate: ({ protocol }) => [protocol],
  noise: ({ handshake }) => [handshake],
  identity: ({ peer, key }) => [String(peer), `${key} key`],
  muxer: ({ protocol, early }) => [`${protocol}, agreed ${early ? 'inside Noise' : 'by multistream-select'}`],
  identify: ({ agent, protocolVersion, observedAddress, addresses = [], protocols = [] }) => [
    [agent || 'nameless', protocolVersion].filter(Boolean).join(' · '),
    `sees you at ${withReach(observedAddress?.withoutPeerId())}`,
    ...listed('listens at', addresses.map(withReach)),
    ...listed('speaks', protocols),
  ],
  ping: ({ rtts }) => [`${rtts.map(rtt => rtt.toFixed(1)).join(' · ')} ms`],
}

/**
 * Aligned rows for a person, none wider than `columns` but addresses to be copied. What the node says is shown as data,
 * whatever is in it, and never at the margin.
 */
export function textReport(
  sink: Pick<Sink, 'out'>,
  colours: boolean,
  columns = Number.POSITIVE_INFINITY,
): DoctorReport {
  const paint = painter(colours)
  const indent = ' '.repeat(columns < narrow ? margin.narrow : margin.wide)
  const print = (text: string, below?: string) => {
    for (const row of rowsOf(text, columns, below)) sink.out(row)
  }
  const printWith = (text: string, addresses: readonly Multiaddr[]) => {
    print(text)
    for (const address of addresses) sink.out(`    ${address}`)
  }
  const printStage = ({ stage, ok, ms }: Finding, text: string) => {
    const sign = ok ? paint(green, '✓') : paint(red, '✗')
    print(`${stage.padEnd(9)} ${sign} ${paint(dim, duration(ms))}  ${escapeText(text)}`, indent)
  }
  return {
    finding(finding) {
      if (!finding.ok) {
        const { stage, address, message, instead } = finding
        printStage(finding, stage === 'dns' ? nameIn(address)[1] : endpoint({ address }))
        return printWith(`${paint(red, '!')} ${escapeText(message)}`, instead)
      }
      const [first = '', ...more] = detailsOf(finding)
      printStage(finding, first)
      for (const text of more) print(`${indent}${escapeText(text)}`, `${indent}  `)
    },
    summary({ ok, stage, exit, notes }) {
      for (const { text, addresses } of notes) printWith(`${paint(dim, '*')} ${escapeText(text)}`, addresses)
      print(ok ? paint(green, 'All well.') : `Failed at ${stage}: exit code ${exit}.`)
    },
  }
}

function detailsOf({ stage, facts, address }: Passed): string[] {
  // The two belong to the same stage, which the compiler cannot see.
  return details[stage](facts as never, address)
}

/** Nine thousand milliseconds and a hundredth of one are as wide. */
function duration(ms: number): string {
  return `${ms.toFixed(ms < 100 ? 1 : 0)} ms`.padStart(7)
}

function withReach(address: Multiaddr | undefined): string {
  if (address === undefined) return 'no address that it tells'
  const reach = reachOf(address)
  return reach === 'loopback' || reach === 'private' ? `${address} (${reach})` : address.toString()
}

/** A list behind its title, in one line; nothing when it is empty. */
function listed(title: string, items: readonly string[]): string[] {
  if (items.length === 0) return []
  const surplus = items.length - shownItems
  const shown = surplus > 0 ? [...items.slice(0, shownItems), `and ${surplus} more`] : items
  return [`${title} ${shown.join(' ')}`]
}
