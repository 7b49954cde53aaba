/**
 * multistream-select 1.0: how two sides agree on a protocol, for a connection and for every stream on it.
 *
 * A message is a varint length, the text, and a newline that the length counts. Both sides send the header
 * once; then the dialer proposes one protocol at a time, and the listener echoes it or answers `na`.
 * Neither side waits for the other's header before it speaks.
 *
 * Specification: https://github.com/libp2p/specs/blob/master/connections/README.md
 */
import { concat, EMPTY, equals, utf8, utf8Strict } from '../wire/bytes.ts'
import { ParleyError, remoteError } from '../wire/errors.ts'
import { encodeFrame, FrameReader } from '../wire/frame.ts'
import { Recent } from '../wire/recent.ts'

/** The header that both sides send first. */
export const MULTISTREAM_PROTOCOL = '/multistream/1.0.0'

/** The longest message that go and js accept, newline included. */
const maxMessage = 1024

/** How many proposals a listener hears before it gives up; without a cap a dialer could go on for ever. */
const maxProposals = 16

/** The end of a negotiation: the protocol agreed on, and bytes that already belong to it. */
export interface Negotiated {
  protocol: string
  rest: Uint8Array
}

/** One multistream message on the wire. */
export function encodeMessage(text: string): Uint8Array {
  return encodeFrame(utf8(`${text}\n`))
}

/** What is remembered of each kind. It names protocols of this program, never the other side's own inventions. */
const remembered = 256
const messages = new Recent<Uint8Array>(remembered)
const openings = new Recent<Uint8Array>(remembered)

function messageOf(text: string): Uint8Array {
  // A copy of its own, which keeps no block of other frames alive.
  return remember(messages, text, () => encodeMessage(text).slice())
}

/** The header, and the message behind it: what most streams begin with, on either side. */
function openingOf(text: string): Uint8Array {
  return remember(openings, text, () => concat([messageOf(MULTISTREAM_PROTOCOL), messageOf(text)]))
}

function remember(known: Recent<Uint8Array>, text: string, make: () => Uint8Array): Uint8Array {
  let bytes = known.get(text)
  if (bytes) return bytes
  bytes = make()
  known.set(text, bytes)
  return bytes
}

const headerLine = utf8(`${MULTISTREAM_PROTOCOL}\n`)

/** The line that was decoded last, and what it says: to decode takes ten times as long as to see that most say the same. */
let lastLine = EMPTY
let lastText: string | undefined

function textOf(line: Uint8Array): string | undefined {
  if (equals(line, headerLine)) return MULTISTREAM_PROTOCOL
  if (equals(line, lastLine)) return lastText
  const text = utf8Strict(line)
  if (text === undefined || text.length < 2 || text.indexOf('\n') !== text.length - 1) return undefined
  lastLine = line.slice()
  lastText = text.slice(0, -1)
  return lastText
}

class MessageReader {
  readonly #frames = new FrameReader({ max: maxMessage, error: 'ERR_NEGOTIATE' })
  #headerSeen = false

  push(chunk: Uint8Array): void {
    this.#frames.push(chunk)
  }

  /** The next message behind the header, or `undefined` until more bytes come. */
  next(): string | undefined {
    const text = this.#line()
    if (text === undefined || this.#headerSeen) return text
    if (text !== MULTISTREAM_PROTOCOL) {
      throw remoteError('ERR_NEGOTIATE', 'The other side does not speak multistream-select.')
    }
    this.#headerSeen = true
    return this.#line()
  }

  rest(): Uint8Array {
    return this.#frames.rest()
  }

  get headerSeen(): boolean {
    return this.#headerSeen
  }

  #line(): string | undefined {
    const frame = this.#frames.next()
    if (frame === undefined) return undefined
    const text = textOf(frame)
    if (text !== undefined) return text
    throw remoteError(
      'ERR_NEGOTIATE',
      'The other side sent a negotiation message that is not one line of text.',
    )
  }
}

/** Throws `ERR_USAGE` for a name that cannot be spoken: empty, with a newline, or longer than a message. */
export function checkProtocol(name: string): void {
  if (name !== '' && !name.includes('\n') && isShort(name)) return
  throw new ParleyError('ERR_USAGE', 'The name of a protocol is one line of text of at most 1,023 bytes.', {
    scope: 'stream',
  })
}

/** UTF-8 takes three bytes at most for what a string counts as one. */
function isShort(name: string): boolean {
  return 3 * name.length < maxMessage || utf8(name).length < maxMessage
}

/** A negotiation under way, whichever side one is. */
export abstract class Negotiation {
  readonly #reader = new MessageReader()
  #out = EMPTY

  /** What is to be sent now; empty when there is nothing. */
  take(): Uint8Array {
    const out = this.#out
    this.#out = EMPTY
    return out
  }

  /**
   * Takes in bytes from the other side; returns the agreement once it stands. Throws `ERR_NEGOTIATE` when the other
   * side breaks the rules; a dialer also `ERR_PROTOCOL_UNSUPPORTED`, when every proposal was refused.
   */
  receive(chunk: Uint8Array): Negotiated | undefined {
    this.#reader.push(chunk)
    for (let text = this.#reader.next(); text !== undefined; text = this.#reader.next()) {
      if (this.hear(text)) return { protocol: text, rest: this.#reader.rest() }
    }
    if (this.#reader.headerSeen) this.greeted()
    return undefined
  }

  protected say(text: string): void {
    this.#send(messageOf(text))
  }

  /** Says the header, and then the text. */
  protected begin(text: string): void {
    this.#send(openingOf(text))
  }

  #send(bytes: Uint8Array): void {
    this.#out = this.#out.length > 0 ? concat([this.#out, bytes]) : bytes
  }

  /** The other side has sent its header, and perhaps nothing else yet. */
  protected greeted(): void {}

  /** The other side has sent a message: whether that is the agreement. */
  protected abstract hear(text: string): boolean
}

/**
 * The side that proposes. `take()` is to be sent first of all. A caller who knows that the other side has the
 * protocol may send application bytes right behind it (the optimistic form) and read the answer later.
 */
export class NegotiationDialer extends Negotiation {
  readonly #protocols: readonly string[]
  #proposed = 0

  /** @param protocols at least one, in order of preference */
  constructor(protocols: readonly string[]) {
    super()
    this.#protocols = protocols
    this.begin(protocols[0] ?? '')
  }

  protected override hear(text: string): boolean {
    if (text === this.#protocols[this.#proposed]) return true
    if (text !== 'na') {
      throw remoteError('ERR_NEGOTIATE', 'The other side answered with a protocol that was not proposed.')
    }
    this.#proposed++
    this.#propose()
    return false
  }

  #propose(): void {
    const proposal = this.#protocols[this.#proposed]
    if (proposal !== undefined) return this.say(proposal)
    const names = this.#protocols.join(' or ')
    throw remoteError('ERR_PROTOCOL_UNSUPPORTED', `The other side does not support ${names}.`, {
      scope: 'stream',
      stage: 'protocol',
    })
  }
}

/** The side that chooses among what is proposed; it hears sixteen unknown proposals and no more. */
export class NegotiationListener extends Negotiation {
  readonly #accepts: (protocol: string) => boolean
  #headerSent = false
  #refused = 0

  /** @param accepts whether a proposed protocol is spoken here */
  constructor(accepts: (protocol: string) => boolean) {
    super()
    this.#accepts = accepts
  }

  protected override greeted(): void {
    if (!this.#headerSent) this.say(MULTISTREAM_PROTOCOL)
    this.#headerSent = true
  }

  protected override hear(text: string): boolean {
    const accepted = this.#accepts(text)
    if (accepted) this.#answer(text)
    else this.#refuse()
    return accepted
  }

  #answer(text: string): void {
    if (this.#headerSent) this.say(text)
    else this.begin(text)
    this.#headerSent = true
  }

  #refuse(): void {
    this.#refused++
    if (this.#refused > maxProposals) {
      throw remoteError(
        'ERR_NEGOTIATE',
        `The other side proposed more than ${maxProposals} unknown protocols.`,
      )
    }
    this.#answer('na')
  }
}
