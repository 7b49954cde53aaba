import type { ParleyError } from '../wire/errors.ts'
import type { PeerId } from '../wire/peer-id.ts'
import { escapeJson, escapeText } from './escape.ts'
import type { Retry } from './redialer.ts'
import type { TableEvents } from './table.ts'

/** Where a report goes: what peers say to `out`, everything else to `err`; each call is one line without its end. */
export interface Sink {
  out(line: string): void
  err(line: string): void
}

/** How what happens in a chat is told, to a person or to a program. */
export interface Report {
  listening(peer: PeerId, addresses: readonly string[]): void
  connected(event: TableEvents['join']): void
  message(event: TableEvents['message']): void
  disconnected(event: Pick<TableEvents['leave'], 'peer' | 'error'>): void
  reconnecting(event: Retry): void
  /** What went wrong, and below it lines of the user's that he may want to copy. */
  error(error: Pick<ParleyError, 'code' | 'message'>, below?: readonly string[]): void
  /** A word to the user that no program needs, and below it what he may want to copy, a line each. */
  notice(text: string, below?: readonly string[]): void
  /** A word that nobody may miss, wherever the report goes. */
  warning(text: string): void
}

/** One JSON object a line, all on `out` but for warnings. */
export function jsonReport(sink: Sink): Report {
  const print = (event: string, fields: object) => sink.out(escapeJson({ event, ...fields }))
  return {
    listening: (peer, addresses) => print('listening', { peer, addresses }),
    connected: ({ peer, address, agent = null }) => print('connected', { peer, address, agent }),
    message: ({ from, text, protocol }) => print('message', { from, text, protocol }),
    disconnected: ({ peer }) => print('disconnected', { peer }),
    reconnecting: ({ peer, delay }) => print('reconnecting', { peer, delay: Math.round(delay) }),
    error: ({ code, message }) => print('error', { code, message }),
    notice() {},
    warning: text => sink.err(text),
  }
}

/** Which of a sink's two sides may be coloured. */
export interface Colours {
  out: boolean
  err: boolean
}

/** The colours of what is not a name, as a terminal numbers them. */
export const dim = 2
/** See `dim`. */
export const red = 31
/** See `dim`. */
export const green = 32
const yellow = 33

/** A program's name is cut to so many characters; identify allows thousands. */
const maxAgent = 64

/** Colours for names; red is left for errors. */
const nameColours = [32, 33, 34, 35, 36, 92, 93, 94, 95, 96]

/**
 * Lines for a person. What a peer says begins with its short name, and a word of the program with `*` or `!`, which no
 * name can begin with: so neither can be taken for the other.
 */
export function textReport(sink: Sink, colours: Colours): Report {
  const paintOut = painter(colours.out)
  const paintErr = painter(colours.err)
  const name = (peer: PeerId) => paintErr(colourOf(peer), peer.short)
  const print = (text: string, below: readonly string[] = []) => {
    sink.err(text)
    for (const line of below) sink.err(`    ${escapeText(line)}`)
  }
  const notice = (text: string, below?: readonly string[]) => print(`${paintErr(dim, '*')} ${text}`, below)
  return {
    listening: (_peer, addresses) => notice('Others can reach you at:', addresses),
    connected({ peer, address, agent, direction }) {
      const program = agent ? ` (${escapeText(agent.slice(0, maxAgent))})` : ''
      const from = escapeText(address.replace(/\/p2p\/[^/]*$/, ''))
      if (direction === 'inbound') notice(`${name(peer)} has joined from ${from}${program}.`)
      else notice(`${name(peer)} is here${program}.`)
    },
    message({ from, text }) {
      sink.out(`${paintOut(colourOf(from), from.short)}: ${escapeText(text)}`)
    },
    disconnected({ peer, error }) {
      notice(`${name(peer)} has left${error ? `: ${escapeText(error.message)}` : '.'}`)
    },
    reconnecting({ peer, attempt, error }) {
      if (attempt === 1) notice(`Trying to reach ${name(peer)} again ...`)
      else if (isTold(attempt))
        notice(`Still trying to reach ${name(peer)}: ${escapeText(error?.message ?? '')}`)
    },
    error: ({ message }, below) => print(`${paintErr(red, '!')} ${escapeText(message)}`, below),
    notice,
    warning: text => sink.err(paintErr(yellow, `! ${text}`)),
  }
}

/** Of many tries a person hears less and less: of the fourth, the sixteenth and so on, some four times as late each. */
function isTold(attempt: number): boolean {
  return Number.isInteger(Math.log2(attempt) / 2)
}

/** A function that colours text, or leaves it alone where there are no colours. */
export function painter(colours: boolean): (colour: number, text: string) => string {
  return colours ? (colour, text) => `\x1b[${colour}m${text}\x1b[0m` : (_colour, text) => text
}

/** The same colour for the same peer, everywhere. */
function colourOf(peer: PeerId): number {
  const sum = peer.bytes.reduce((total, byte) => total + byte, 0)
  return nameColours[sum % nameColours.length]!
}
