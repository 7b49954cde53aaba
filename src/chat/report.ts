import type { ParleyError } from '../wire/errors.ts'
import type { PeerId } from '../wire/peer-id.ts'
import { escapeJson, escapeText } from './escape.ts'
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
  disconnected(event: TableEvents['leave']): void
  error(error: Pick<ParleyError, 'code' | 'message'>): void
  /** A word to the user that no program needs. */
  notice(text: string): void
}

/** One JSON object a line, all on `out`. */
export function jsonReport(sink: Sink): Report {
  const print = (event: string, fields: object) => sink.out(escapeJson({ event, ...fields }))
  return {
    listening: (peer, addresses) => print('listening', { peer, addresses }),
    connected: ({ peer, address, agent = null }) => print('connected', { peer, address, agent }),
    message: ({ from, text, protocol }) => print('message', { from, text, protocol }),
    disconnected: ({ peer }) => print('disconnected', { peer }),
    error: ({ code, message }) => print('error', { code, message }),
    notice() {},
  }
}

/** Colours for names; red is left for errors. */
const nameColours = [32, 33, 34, 35, 36, 92, 93, 94, 95, 96]

/**
 * Lines for a person. What a peer says begins with its short name, and a word of the program with `*`, which no name
 * can begin with: so neither can be taken for the other.
 */
export function textReport(sink: Sink, options: { colours: boolean }): Report {
  const paint = (colour: number, text: string) => (options.colours ? `\x1b[${colour}m${text}\x1b[0m` : text)
  const name = (peer: PeerId) => paint(colourOf(peer), peer.short)
  const notice = (text: string) => sink.err(`${paint(2, '*')} ${text}`)
  return {
    listening(_peer, addresses) {
      notice('Others can reach you at:')
      for (const address of addresses) sink.err(`    ${address}`)
    },
    connected({ peer, address, agent, direction }) {
      const what = direction === 'inbound' ? 'has joined from' : 'is here, at'
      notice(`${name(peer)} ${what} ${address}${agent ? ` (${escapeText(agent)})` : ''}`)
    },
    message: ({ from, text }) => sink.out(`${name(from)}: ${escapeText(text)}`),
    disconnected({ peer, error }) {
      notice(`${name(peer)} has left${error ? `: ${escapeText(error.message)}` : '.'}`)
    },
    error: ({ message }) => sink.err(`${paint(31, '!')} ${escapeText(message)}`),
    notice,
  }
}

/** The same colour for the same peer, everywhere. */
function colourOf(peer: PeerId): number {
  const sum = peer.bytes.reduce((total, byte) => total + byte, 0)
  return nameColours[sum % nameColours.length]!
}
