import type { Multiaddr } from '../wire/multiaddr.ts'
import type { PeerId } from '../wire/peer-id.ts'

/** How long an address is believed after it was last heard of, in milliseconds. */
export const ADDRESS_TTL = 60 * 60 * 1000

/** Addresses kept of one peer; the one that expires first goes first. */
const maxAddresses = 32

/** What is known of a peer from what it says of itself. */
export interface PeerInfo {
  readonly peerId: PeerId
  /** Where it can be dialled, without /p2p; the expired ones are left out. */
  readonly addresses: Multiaddr[]
  /** Those of its newest signed record, which nobody else can have made; expired ones too. */
  readonly signedAddresses: readonly Multiaddr[]
  /** The protocols that it accepts, as identify reported them. */
  readonly protocols: readonly string[]
  /** Its program, as it calls itself: text from a stranger, to be escaped before it is shown. */
  readonly agent: string | undefined
  /** The family of protocols that it claims to belong to, such as `ipfs/0.1.0`: text from a stranger, too. */
  readonly protocolVersion: string | undefined
  /** Where it sees us come from. */
  readonly observedAddress: Multiaddr | undefined
}

/** What identify learns; what it was not told stays as it is. */
export type PeerFacts = {
  [Fact in 'signedAddresses' | 'protocols' | 'agent' | 'protocolVersion' | 'observedAddress' | 'seq']?:
    | Entry[Fact]
    | undefined
}

interface Entry {
  peerId: PeerId
  /** By text: the address and when it expires. */
  addresses: Map<string, { address: Multiaddr; expires: number }>
  signedAddresses: readonly Multiaddr[]
  protocols: readonly string[]
  agent: string | undefined
  protocolVersion: string | undefined
  observedAddress: Multiaddr | undefined
  /** The sequence number of the newest signed record. */
  seq: bigint
}

/** The address book: what we know of other peers, for a while, and of no more than a given number of them. */
export class Peers implements Iterable<PeerInfo> {
  readonly #entries = new Map<string, Entry>()
  readonly #max: number
  readonly #now: () => number

  /** @param now milliseconds; only tests pass another clock than the wall's */
  constructor(max: number, now: () => number = Date.now) {
    this.#max = max
    this.#now = now
  }

  /** What is known of a peer, if anything. */
  get(peerId: PeerId): PeerInfo | undefined {
    const entry = this.#entries.get(peerId.toString())
    return entry && this.#info(entry)
  }

  /** Whether a peer has said that it accepts a protocol. */
  speaks(peerId: PeerId, protocol: string): boolean {
    return this.#entries.get(peerId.toString())?.protocols.includes(protocol) ?? false
  }

  /**
   * Adds addresses, to be believed for `ttl` milliseconds, by default an hour; `Infinity` for ever. One that is believed
   * for longer already stays so.
   */
  add(peerId: PeerId, addresses: Iterable<Multiaddr>, ttl: number = ADDRESS_TTL): void {
    const entry = this.#touch(peerId)
    // Read once: addresses that arrive together expire together, and so keep their order.
    const believed = this.#now() + ttl
    for (const one of addresses) {
      const address = one.withoutPeerId()
      const key = address.toString()
      const expires = Math.max(believed, entry.addresses.get(key)?.expires ?? 0)
      entry.addresses.set(key, { address, expires })
    }
    this.#prune(entry)
  }

  /** Takes note of what a peer says of itself. */
  update(peerId: PeerId, facts: PeerFacts): void {
    const entry = this.#touch(peerId)
    entry.signedAddresses = facts.signedAddresses ?? entry.signedAddresses
    entry.protocols = facts.protocols ?? entry.protocols
    entry.agent = facts.agent ?? entry.agent
    entry.protocolVersion = facts.protocolVersion ?? entry.protocolVersion
    entry.observedAddress = facts.observedAddress ?? entry.observedAddress
    entry.seq = facts.seq ?? entry.seq
  }

  /** The sequence number of the newest signed record of a peer; -1 when there was none. */
  seq(peerId: PeerId): bigint {
    return this.#entries.get(peerId.toString())?.seq ?? -1n
  }

  /** Forgets a peer. */
  remove(peerId: PeerId): void {
    this.#entries.delete(peerId.toString())
  }

  /** How many peers are known. */
  get size(): number {
    return this.#entries.size
  }

  *[Symbol.iterator](): Iterator<PeerInfo> {
    for (const entry of this.#entries.values()) yield this.#info(entry)
  }

  /** The entry of a peer, now the one most recently heard of. */
  #touch(peerId: PeerId): Entry {
    const key = peerId.toString()
    const entry = this.#entries.get(key) ?? newEntry(peerId)
    this.#entries.delete(key)
    this.#entries.set(key, entry)
    if (this.#entries.size > this.#max) this.#dropOldest()
    return entry
  }

  #dropOldest(): void {
    const [oldest] = this.#entries.keys()
    if (oldest !== undefined) this.#entries.delete(oldest)
  }

  #prune(entry: Entry): void {
    const byExpiry = [...entry.addresses].sort(([, a], [, b]) => b.expires - a.expires)
    const now = this.#now()
    entry.addresses = new Map(byExpiry.slice(0, maxAddresses).filter(([, { expires }]) => expires > now))
  }

  /** Named one by one: V8 copies a rest or a spread slowly, and may leave a hidden class of it each time. */
  #info(entry: Entry): PeerInfo {
    const now = this.#now()
    const live = [...entry.addresses.values()].filter(({ expires }) => expires > now)
    return {
      peerId: entry.peerId,
      addresses: live.map(({ address }) => address),
      signedAddresses: entry.signedAddresses,
      protocols: entry.protocols,
      agent: entry.agent,
      protocolVersion: entry.protocolVersion,
      observedAddress: entry.observedAddress,
    }
  }
}

function newEntry(peerId: PeerId): Entry {
  return {
    peerId,
    addresses: new Map(),
    signedAddresses: [],
    protocols: [],
    agent: undefined,
    protocolVersion: undefined,
    observedAddress: undefined,
    seq: -1n,
  }
}
