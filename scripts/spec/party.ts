/** One side of the exchange: the machines of a host, moved by hand instead of by sockets and clocks. */
import { provider } from '#src/crypto/index'
import { type Direction, Upgrade, type Upgraded } from '#src/net/upgrade'
import {
  encodeIdentify,
  IDENTIFY_PROTOCOL,
  IDENTIFY_PUSH_PROTOCOL,
  IdentifyReader,
} from '#src/protocol/identify'
import { CHAT_PROTOCOL, CHAT_PROTOCOLS, encodeLine, LineReader } from '#src/protocol/lines'
import { NegotiationDialer, NegotiationListener } from '#src/protocol/negotiate'
import { createNoiseIdentity } from '#src/protocol/noise/handshake'
import { MAX_PLAINTEXT, type NoiseSession } from '#src/protocol/noise/session'
import { PING_PROTOCOL } from '#src/protocol/ping'
import { YAMUX_PROTOCOL, type YamuxEvent, YamuxSession } from '#src/protocol/yamux/session'
import type { YamuxStream } from '#src/protocol/yamux/stream'
import { concat, EMPTY } from '#src/wire/bytes'
import { PrivateKey } from '#src/wire/keys'
import { Multiaddr } from '#src/wire/multiaddr'
import { PeerId } from '#src/wire/peer-id'
import { sealPeerRecord } from '#src/wire/peer-record'

/** What makes a side: all that would otherwise be chance, time or the network. */
export interface PartyOptions {
  readonly direction: Direction
  /** 32 bytes each. */
  readonly identitySeed: Uint8Array
  readonly staticSecret: Uint8Array
  readonly ephemeralSecret: Uint8Array
  /** Whom it means to dial. */
  readonly expected?: PeerId
  /** What its identify message says. */
  readonly listensOn: readonly string[]
  readonly seesPeerAt: string
  readonly seq: bigint
}

/** A record that left: its frames, and what they became on the wire. */
export interface SealedRecord {
  readonly plaintext: Uint8Array
  readonly wire: Uint8Array
}

/** What leaves at once: handshake bytes, then records. */
export interface Flight {
  readonly handshake: Uint8Array
  readonly records: readonly SealedRecord[]
}

/** All bytes of a flight, as the other side gets them. */
export function wireOf({ handshake, records }: Flight): Uint8Array {
  return concat([handshake, ...records.map(({ wire }) => wire)])
}

const protocols = [IDENTIFY_PROTOCOL, IDENTIFY_PUSH_PROTOCOL, PING_PROTOCOL, ...CHAT_PROTOCOLS]

interface Talk {
  readonly muxed: YamuxStream
  readonly ours: boolean
  negotiation: NegotiationDialer | NegotiationListener | undefined
  protocol: string
  readonly lines: LineReader
  readonly identify: IdentifyReader
}

/** One side of the exchange. */
export class Party {
  readonly peerId: PeerId
  /** What happened, a line each. */
  readonly events: string[] = []
  readonly #options: PartyOptions
  readonly #identity: PrivateKey
  readonly #upgrade: Upgrade
  readonly #talks = new Map<number, Talk>()
  #noise: NoiseSession | undefined
  #yamux: YamuxSession | undefined
  #handshake: Uint8Array
  #records: SealedRecord[] = []
  /** What handlers do: it begins when the bytes that called them are worked through. */
  #work: (() => void)[] = []

  constructor(options: PartyOptions) {
    this.#options = options
    this.#identity = PrivateKey.fromSeed(options.identitySeed)
    this.peerId = PeerId.fromPublicKey(this.#identity.publicKey)
    const staticKey = provider.x25519(options.staticSecret)
    this.#upgrade = new Upgrade({
      direction: options.direction,
      identity: createNoiseIdentity(this.#identity, [YAMUX_PROTOCOL], staticKey),
      expected: options.expected,
      ephemeralKey: provider.x25519(options.ephemeralSecret),
    })
    this.#handshake = this.#upgrade.take()
  }

  /** What is to be sent now. */
  take(): Flight {
    const flight = { handshake: this.#handshake, records: this.#records }
    this.#handshake = EMPTY
    this.#records = []
    return flight
  }

  /** Takes in bytes from the other side. */
  receive(chunk: Uint8Array): void {
    if (this.#noise) return this.#hear(this.#noise.receive(chunk))
    const upgraded = this.#upgrade.receive(chunk)
    this.#handshake = concat([this.#handshake, this.#upgrade.take()])
    if (upgraded) this.#connect(upgraded)
  }

  /** Says a line on the chat's stream. */
  say(text: string): void {
    this.#chat.muxed.write(encodeLine(text))
    this.#flush()
  }

  /** Ends the chat's stream, and asks whether all has arrived. */
  leave(): void {
    this.#chat.muxed.end()
    this.#flush()
    this.#muxer.ping()
    this.#flush()
  }

  /** Wants no more streams. */
  goodbye(): void {
    this.#muxer.goAway(0)
    this.#flush()
  }

  get #muxer(): YamuxSession {
    if (!this.#yamux) throw new Error('The connection does not stand yet.')
    return this.#yamux
  }

  get #chat(): Talk {
    const talk = [...this.#talks.values()].find(({ protocol }) => protocol === CHAT_PROTOCOL)
    if (!talk) throw new Error('There is no chat yet.')
    return talk
  }

  #connect({ peerId, session, rest }: Upgraded): void {
    this.events.push(`connected to ${peerId.toString()}`)
    this.#noise = session
    const role = this.#options.direction === 'outbound' ? 'client' : 'server'
    this.#yamux = new YamuxSession({ role, now: () => 0 })
    this.#yamux.ping()
    this.#open(IDENTIFY_PROTOCOL)
    if (role === 'client') this.#open(CHAT_PROTOCOL)
    this.#flush()
    this.#hear(rest)
  }

  #open(protocol: string): void {
    this.#add(this.#muxer.open(), true, new NegotiationDialer([protocol]))
  }

  #add(muxed: YamuxStream, ours: boolean, negotiation: NegotiationDialer | NegotiationListener): void {
    muxed.write(negotiation.take())
    const readers = { lines: new LineReader(), identify: new IdentifyReader() }
    this.#talks.set(muxed.id, { muxed, ours, negotiation, protocol: '', ...readers })
  }

  #hear(pieces: readonly Uint8Array[]): void {
    for (const piece of pieces) for (const event of this.#muxer.receive(piece)) this.#handle(event)
    this.#flush()
    for (const work of this.#work.splice(0)) work()
    this.#flush()
  }

  #handle(event: YamuxEvent): void {
    switch (event.type) {
      case 'pong':
        this.events.push(`ping ${event.value} answered`)
        return
      case 'goAway':
        this.events.push(`goodbye ${event.code}`)
        return
      case 'open':
        return this.#add(event.stream, false, new NegotiationListener(one => protocols.includes(one)))
      default:
        return this.#handleStream(event.type, event.stream.id, event.type === 'data' ? event.bytes : EMPTY)
    }
  }

  #handleStream(type: 'data' | 'end' | 'reset', id: number, bytes: Uint8Array): void {
    const talk = this.#talks.get(id)
    if (!talk || type === 'reset') throw new Error(`Stream ${id} broke.`)
    if (type === 'end') return this.#end(talk)
    const rest = talk.negotiation ? this.#negotiate(talk, talk.negotiation, bytes) : bytes
    if (rest.length === 0) return
    if (talk.protocol !== CHAT_PROTOCOL) return talk.identify.receive(rest)
    for (const line of talk.lines.receive(rest)) this.#tell(talk, JSON.stringify(line))
  }

  /** Returns the bytes behind the agreement. */
  #negotiate(
    talk: Talk,
    negotiation: NegotiationDialer | NegotiationListener,
    bytes: Uint8Array,
  ): Uint8Array {
    const agreed = negotiation.receive(bytes)
    talk.muxed.write(negotiation.take())
    if (!agreed) return EMPTY
    talk.negotiation = undefined
    talk.protocol = agreed.protocol
    this.#tell(talk, agreed.protocol)
    if (!talk.ours && talk.protocol === IDENTIFY_PROTOCOL) this.#work.push(() => this.#answerIdentify(talk))
    return agreed.rest
  }

  #answerIdentify({ muxed }: Talk): void {
    muxed.write(this.#message())
    muxed.end()
  }

  #end(talk: Talk): void {
    if (talk.protocol === IDENTIFY_PROTOCOL && talk.ours) {
      const { agent, addresses = [], observedAddress, signedPeerRecord } = talk.identify.finish()
      const signed = signedPeerRecord ? ', signed' : ''
      this.#tell(talk, `${agent} at [${addresses.join(' ')}]${signed}, sees us at ${String(observedAddress)}`)
    }
    this.#tell(talk, 'ended')
    this.#work.push(() => talk.muxed.end())
  }

  #message(): Uint8Array {
    const addresses = this.#options.listensOn.map(address => Multiaddr.parse(address))
    return encodeIdentify({
      publicKey: this.#identity.publicKey.bytes,
      addresses,
      protocols,
      observedAddress: Multiaddr.parse(this.#options.seesPeerAt),
      protocolVersion: 'ipfs/0.1.0',
      agent: 'parley/0.1.0',
      signedPeerRecord: sealPeerRecord(this.#identity, { seq: this.#options.seq, addresses }),
    })
  }

  #tell({ muxed }: Talk, what: string): void {
    this.events.push(`stream ${muxed.id}: ${what}`)
  }

  /** Seals what waits as a connection does: all of it in one record. */
  #flush(): void {
    while (this.#noise && this.#muxer.wantsTurn) {
      const frames = this.#muxer.take(MAX_PLAINTEXT)
      // Copies, since the cipher may use its buffers again.
      const plaintext = concat([...frames, EMPTY])
      const wire = concat([...this.#noise.seal(frames), EMPTY])
      this.#records.push({ plaintext, wire })
    }
  }
}
