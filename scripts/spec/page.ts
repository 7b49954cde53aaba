/** SPEC.md and README.md: the parts of them that are written by a program, between marks. */
import { readFileSync, writeFileSync } from 'node:fs'
import { provider } from '#src/crypto/index'
import { hex } from '#src/wire/bytes'
import { converse, type Side, sides, type Taken } from './exchange.ts'
import { dissectFrames, dissectHandshake, dissectPayload, dissectRecord, printFields } from './fields.ts'
import { Party, type SealedRecord } from './party.ts'
import { type KeySchedule, keySchedule, type Step } from './secrets.ts'
import { boundsTable, limitsTable, multiaddrTable, root } from './tables.ts'

/** What is written by program, by page and by the name in the marks around it. */
const pages = {
  'SPEC.md': {
    multiaddr: multiaddrTable,
    limits: limitsTable,
    bounds: boundsTable,
    exchange: exchangeSection,
  },
  'README.md': { limits: limitsTable },
} as const

/** A page with parts that are written by program. */
export type Page = keyof typeof pages

/** The pages that have such parts. */
export const pageNames = Object.keys(pages) as Page[]

/** The page as it is. */
export function readPage(name: Page): string {
  return readFileSync(new URL(name, root), 'utf8')
}

/** Writes the pages anew. */
export function writePages(): void {
  for (const name of pageNames) writeFileSync(new URL(name, root), rewritten(name))
}

/** The page with each of its sections as a program writes it. Throws when one has no marks. */
export function rewritten(page: Page): string {
  return Object.entries(pages[page]).reduce((text, [name, lines]) => {
    const [begin, end] = [`<!-- begin ${name}: written by \`npm run spec\` -->\n`, `<!-- end ${name} -->`]
    const from = text.indexOf(begin) + begin.length
    const to = text.indexOf(end)
    if (from < begin.length || to < from) throw new Error(`${page} has no marks for the section ${name}.`)
    return `${text.slice(0, from)}\n${lines().join('\n')}\n\n${text.slice(to)}`
  }, readPage(page))
}

function exchangeSection(): string[] {
  const { taken } = converse()
  const [first, second, third] = taken.map(({ flight }) => flight.handshake)
  const messages = [afterNegotiation(first), afterNegotiation(second), afterNegotiation(third)] as const
  const schedule = keySchedule(sides.dialer, sides.listener, messages)
  return [
    ...keysSection(),
    ...schedulesSection(schedule.steps),
    ...taken.flatMap((one, at) => turnSection(one, at, taken, schedule)),
  ]
}

/** The Noise message at the end of a handshake flight, without its length: all that is not text before it. */
function afterNegotiation(handshake: Uint8Array | undefined): Uint8Array {
  let at = 0
  const bytes = handshake ?? new Uint8Array(0)
  // Every multistream message is shorter than 128 bytes here, and begins with a slash.
  while (bytes[at + 1] === 0x2f) at += 1 + bytes[at]!
  return bytes.subarray(at + 2)
}

function keysSection(): string[] {
  const rows = (['dialer', 'listener'] as const).flatMap(side => {
    const { identitySeed, staticSecret, ephemeralSecret } = sides[side]
    return [
      { label: `${side}: identity seed`, value: identitySeed },
      { label: `${side}: static secret`, value: staticSecret },
      { label: `${side}: static public key`, value: provider.x25519(staticSecret).publicKey },
      { label: `${side}: ephemeral secret`, value: ephemeralSecret },
      { label: `${side}: ephemeral public key`, value: provider.x25519(ephemeralSecret).publicKey },
    ]
  })
  const id = (side: Side) => `- The ${side} is \`${new Party(sides[side]).peerId.toString()}\`.`
  return ['### Keys', '', id('dialer'), id('listener'), '', ...values(rows), '']
}

function schedulesSection(steps: readonly Step[]): string[] {
  return ['### Values of the handshake', '', ...values(steps), '']
}

function values(steps: readonly Step[]): string[] {
  const width = Math.max(...steps.map(({ label }) => label.length))
  return fenced(
    'values',
    steps.map(({ label, value }) => `${label.padEnd(width)} | ${hex(value)}`),
  )
}

function turnSection(
  { turn, flight }: Taken,
  at: number,
  taken: readonly Taken[],
  schedule: KeySchedule,
): string[] {
  const arrow = turn.from === 'dialer' ? 'dialer to listener' : 'listener to dialer'
  const sentBefore = taken.slice(0, at).flatMap(({ turn: { from }, flight: { records } }) => {
    return from === turn.from ? records : []
  })
  const lines = [`### ${at + 1}. ${turn.title} (${arrow})`, '', turn.about, '']
  if (flight.handshake.length > 0) {
    lines.push(...fenced(`wire ${turn.from}`, printFields(dissectHandshake(flight.handshake, at + 1))), '')
    const payload = schedule.payloads[at - 1]
    if (payload)
      lines.push('The payload, opened:', '', ...fenced('payload', printFields(dissectPayload(payload))), '')
  }
  for (const [index, record] of flight.records.entries()) {
    lines.push(...recordSection(turn.from, sentBefore.length + index, record))
  }
  return lines
}

function recordSection(from: Side, nonce: number, { plaintext, wire }: SealedRecord): string[] {
  // Stream 3 is the chat; on the others identify is spoken.
  const frames = dissectFrames(plaintext, id => (id === 3 ? 'chat' : 'identify'))
  return [
    `The ${from}'s record ${nonce}:`,
    '',
    ...fenced(`wire ${from}`, printFields(dissectRecord(wire))),
    '',
    'Opened:',
    '',
    ...fenced('plaintext', printFields(frames)),
    '',
  ]
}

function fenced(kind: string, lines: readonly string[]): string[] {
  return [`\`\`\`text ${kind}`, ...lines, '```']
}

/** A block of the page that holds bytes. */
export interface Block {
  readonly kind: string
  readonly lines: readonly string[]
}

/** The blocks of the exchange, in their order, by flight. */
export function blocksByFlight(page: string): Block[][] {
  const flights = page.split(/^### \d+\. /m).slice(1)
  return flights.map(flight =>
    Array.from(flight.matchAll(/^```text (?<kind>.+)\n(?<body>[^`]*)\n```$/gm), ({ groups = {} }) => ({
      kind: groups.kind ?? '',
      lines: (groups.body ?? '').split('\n'),
    })),
  )
}
