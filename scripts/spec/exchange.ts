/** The exchange that SPEC.md shows: two sides with fixed keys, and the turns they take. */
import { PrivateKey } from '#src/wire/keys'
import { PeerId } from '#src/wire/peer-id'
import { type Flight, Party, type PartyOptions, wireOf } from './party.ts'

/** Which side. */
export type Side = 'dialer' | 'listener'

/** One flight of the exchange: who sends, what of, and what its user does first. */
export interface Turn {
  readonly from: Side
  readonly title: string
  /** What is to be said about it. */
  readonly about: string
  readonly act?: (party: Party) => void
}

/** 32 bytes that count up from `first`. */
function counting(first: number): Uint8Array {
  return Uint8Array.from({ length: 32 }, (_, i) => first + i)
}

const listenerSeed = counting(0x80)

/** All that would be chance, time or the network. The addresses are those of RFC 5737, for examples. */
export const sides: Readonly<Record<Side, PartyOptions>> = {
  dialer: {
    direction: 'outbound',
    identitySeed: counting(0x00),
    staticSecret: counting(0x20),
    ephemeralSecret: counting(0x40),
    expected: PeerId.fromPublicKey(PrivateKey.fromSeed(listenerSeed).publicKey),
    listensOn: [],
    seesPeerAt: '/ip4/192.0.2.1/tcp/3000',
    seq: 1_700_000_000_001n,
  },
  listener: {
    direction: 'inbound',
    identitySeed: listenerSeed,
    staticSecret: counting(0xa0),
    ephemeralSecret: counting(0xc0),
    listensOn: ['/ip4/192.0.2.1/tcp/3000'],
    seesPeerAt: '/ip4/192.0.2.2/tcp/49152',
    seq: 1_700_000_000_002n,
  },
}

/** The flights in their order. */
export const turns: readonly Turn[] = [
  {
    from: 'dialer',
    title: 'Proposal and message 1',
    about: 'The optimistic form: nothing was heard from the listener yet.',
  },
  {
    from: 'listener',
    title: 'Answers and message 2',
    about: 'Noise is agreed on. The payload names yamux, which settles the muxer.',
  },
  {
    from: 'dialer',
    title: 'Message 3, and the first streams',
    about:
      'The listener is proven, so the dialer proves itself. What follows is sealed: its first ping, and the streams for ' +
      'identify and for the chat.',
  },
  {
    from: 'listener',
    title: 'The first streams are answered',
    about:
      'Three records: its own ping and its own stream for identify, sent when the connection stood; answers to what came ' +
      'with message 3; and what the identify handler says.',
  },
  {
    from: 'dialer',
    title: 'identify, the other way',
    about: 'The answers; then its own identify message, and the ends of both identify streams.',
  },
  {
    from: 'listener',
    title: 'The last end of identify',
    about: 'Stream 2 is done both ways, as stream 1 is.',
  },
  {
    from: 'dialer',
    title: 'A line',
    about: 'The user types one.',
    act: party => party.say('Hello!'),
  },
  {
    from: 'listener',
    title: 'A line back',
    about: 'The other user answers.',
    act: party => party.say('Grüß dich!'),
  },
  {
    from: 'dialer',
    title: 'The end of the chat',
    about:
      'The user leaves. A ping behind the last bytes shows, when it is answered, that they have arrived.',
    act: party => party.leave(),
  },
  {
    from: 'listener',
    title: 'All has arrived',
    about: 'The ping is answered, and the chat handler ends too.',
  },
  {
    from: 'dialer',
    title: 'Goodbye',
    about: 'GoAway, then the end of the TCP connection, which the listener answers with its own end of it.',
    act: party => party.goodbye(),
  },
]

/** A turn that was taken. */
export interface Taken {
  readonly turn: Turn
  readonly flight: Flight
}

/** Lets both sides talk; returns what was sent, and each side's events. */
export function converse(): { taken: Taken[]; events: Record<Side, string[]> } {
  const parties = { dialer: new Party(sides.dialer), listener: new Party(sides.listener) }
  const taken = turns.map(turn => {
    turn.act?.(parties[turn.from])
    const flight = parties[turn.from].take()
    parties[otherSide(turn.from)].receive(wireOf(flight))
    return { turn, flight }
  })
  return { taken, events: { dialer: parties.dialer.events, listener: parties.listener.events } }
}

/** The other of the two. */
export function otherSide(side: Side): Side {
  return side === 'dialer' ? 'listener' : 'dialer'
}
