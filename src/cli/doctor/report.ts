import { escapeJson, escapeText } from '../../chat/escape.ts'
import { dim, green, painter, red, type Sink } from '../../chat/report.ts'
import type { Multiaddr } from '../../wire/multiaddr.ts'
import { endpoint } from './diagnosis.ts'
import { nameIn } from './lookup.ts'
import { ipOf, reachOf } from './reach.ts'
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

/** How wide a list may grow before it goes on in the next row. */
const listWidth = 72

type Details = { [S in Stage]: (facts: StageFacts[S], address: Multiaddr) => string[] }

/** What a person is told of a stage that was passed, in rows. */
const details: Details = {
  dns: ({ addresses, others }, address) => {
    const [kind, name] = nameIn(address)
    const found = kind === 'dnsaddr' ? addresses.map(String) : addresses.map(one => ipOf(one) ?? '')
    const rest = others.length === 0 ? [] : [`${others.length} more not on plain TCP`]
    return filled(`${name} →`, [...found, ...rest])
  },
  tcp: (_facts, address) => [endpoint({ address })],
  negotiate: ({ protocol }) => [protocol],
  noise: ({ handshake }) => [handshake],
  identity: ({ peer, key }) => [String(peer), `${key} key`],
  muxer: ({ protocol, early }) => [`${protocol}, agreed ${early ? 'inside Noise' : 'by multistream-select'}`],
  identify: ({ agent, protocolVersion, observedAddress, addresses = [], protocols = [] }) => [
    [agent || 'nameless', protocolVersion].filter(Boolean).join(' · '),
    `sees you at ${withReach(observedAddress?.withoutPeerId())}`,
    ...filled('listens at', addresses.map(withReach)),
    ...filled('speaks', protocols),
  ],
  ping: ({ rtts }) => [`${rtts.map(rtt => rtt.toFixed(1)).join(' · ')} ms`],
}

/** Aligned rows for a person. What the node says is shown as data, whatever is in it. */
export function textReport(sink: Pick<Sink, 'out'>, colours: boolean): DoctorReport {
  const paint = painter(colours)
  const print = (rows: readonly string[], address: readonly Multiaddr[] = []) => {
    for (const row of rows) sink.out(row)
    for (const one of address) sink.out(`    ${one}`)
  }
  const row = ({ stage, ok, ms }: Finding, text: string) => {
    const sign = ok ? paint(green, '✓') : paint(red, '✗')
    return `${stage.padEnd(9)} ${sign} ${paint(dim, duration(ms))}  ${escapeText(text)}`
  }
  return {
    finding(finding) {
      if (!finding.ok) {
        const { stage, address, message, instead } = finding
        const where = stage === 'dns' ? nameIn(address)[1] : endpoint({ address })
        return print([row(finding, where), `${paint(red, '!')} ${escapeText(message)}`], instead)
      }
      const [first = '', ...more] = detailsOf(finding)
      print([row(finding, first), ...more.map(text => `${' '.repeat(21)}${escapeText(text)}`)])
    },
    summary({ ok, stage, exit, notes }) {
      for (const { text, addresses } of notes) print([`${paint(dim, '*')} ${escapeText(text)}`], addresses)
      if (ok) print([paint(green, 'All well.')])
      else print([`Failed at ${stage}: exit code ${exit}.`])
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

/** A list behind its title, in rows of which none but a single long item is too wide. */
function filled(title: string, items: readonly string[]): string[] {
  const surplus = items.length - shownItems
  const shown = surplus > 0 ? [...items.slice(0, shownItems), `and ${surplus} more`] : items
  const rows: string[] = []
  let row = title
  for (const item of shown) {
    const longer = `${row} ${item}`
    if (longer.length > listWidth && row !== title) rows.push(row)
    row = longer.length > listWidth && row !== title ? `  ${item}` : longer
  }
  return items.length === 0 ? [] : [...rows, row]
}
