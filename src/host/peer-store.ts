import { provider } from '../crypto/index.ts'
import { startTimer } from '../net/timer.ts'
import { EMPTY, equals } from '../wire/bytes.ts'
import type { Multiaddr } from '../wire/multiaddr.ts'
import type { PeerId } from '../wire/peer-id.ts'
import { underLock } from './file-lock.ts'
import type { Host } from './host.ts'
import {
  decodePeers,
  encodePeers,
  type KeptAddress,
  type KeptPeer,
  MAX_PEER_FILE,
  maxKeptAddresses,
  maxKeptPeers,
} from './peer-file.ts'
import { dataFile, FileFault, PrivateFile } from './private-file.ts'

const day = 24 * 60 * 60 * 1000

/** How long an address is kept after we reached the peer there, in milliseconds. */
export const DIALLED_TTL: number = 30 * day

/**
 * How long an address is kept that a peer has signed. Whoever connects to us can sign as many as he likes under as many names,
 * so they are forgotten before those that we have dialled.
 */
export const SIGNED_TTL: number = 7 * day

/** Peers that may be too many before they are sorted out. */
const surplus = 256

/** What was learned is written down after so many milliseconds, and at the end. */
const saveInterval = 60_000

/** What a store needs beside its file. */
export interface PeerStoreOptions {
  /** Told, in a sentence, why the file is not read or not written; each once. */
  warn(sentence: string): void
  /** Milliseconds since 1970; only tests pass another clock than the wall's. */
  now?: () => number
}

/** Where the address book is kept: all of a user's processes share one, in the data directory. */
export function peersFile(env?: Record<string, string | undefined>): string {
  return dataFile('peers', env)
}

/**
 * The address book on disk: where peers can be dialled, as we have done or as they have signed. A file that is damaged is
 * set aside; what cannot be written is lost at the end. None of its methods rejects.
 */
export class PeerStore {
  readonly #file: PrivateFile
  readonly #warn: (fault: unknown, consequence: string) => void
  readonly #now: () => number
  #peers = new Map<string, KeptPeer>()
  /** The sum of the file whose peers we have. */
  #seen: Uint8Array = EMPTY
  #changed = false
  /** The file is not ours to write to. */
  #closed = false
  #saving: Promise<void> = Promise.resolve()
  #cancelTimer: (() => void) | undefined

  private constructor(path: string, { warn, now = Date.now }: PeerStoreOptions) {
    const told = new Set<string>()
    this.#file = new PrivateFile(path, MAX_PEER_FILE)
    this.#now = now
    this.#warn = (fault, consequence) => {
      if (!told.has(consequence)) warn(`The address book ${path} ${messageOf(fault)}; ${consequence}.`)
      told.add(consequence)
    }
  }

  /** Reads the file, if there is one. */
  static async open(path: string, options: PeerStoreOptions): Promise<PeerStore> {
    const store = new PeerStore(path, options)
    await store.#open()
    return store
  }

  /** Whether there is an address of that peer. */
  knows(peerId: PeerId): boolean {
    const peer = this.#peers.get(String(peerId))
    return peer !== undefined && expiryOf(peer) > this.#now()
  }

  /** Tells a host where a peer may be found, if that is known. */
  restore(host: Host, peerId: PeerId): void {
    const now = this.#now()
    const { addresses = [] } = this.#peers.get(String(peerId)) ?? {}
    // What expires together is added together, and so keeps its order.
    for (const expires of new Set(addresses.map(one => one.expires))) {
      const alike = addresses.filter(one => one.expires === expires)
      host.peers.add(
        peerId,
        alike.map(({ address }) => address),
        expires - now,
      )
    }
  }

  /** Keeps what a host learns of its peers from now on. Returns the undo. */
  follow(host: Host): () => void {
    const undo = [
      host.on('connect', ({ peerId, direction, remoteAddress }) => {
        if (direction === 'outbound') this.note(peerId, [remoteAddress], DIALLED_TTL)
      }),
      host.on('identify', ({ info }) => this.note(info.peerId, info.signedAddresses, SIGNED_TTL)),
    ]
    return () => {
      for (const one of undo) one()
    }
  }

  /** Takes note of addresses, to be kept for `ttl` milliseconds. One that is kept for longer already stays so. */
  note(peerId: PeerId, addresses: readonly Multiaddr[], ttl: number): void {
    const expires = this.#now() + ttl
    const places = addresses.map(address => address.withoutPeerId())
    // What a peer has signed may name nobody but itself.
    const kept = places.filter(({ components }) => components.length > 0)
    if (kept.length === 0) return
    this.#merge([{ peerId, addresses: kept.map(address => ({ address, expires })) }])
    this.#changed = true
    this.#cancelTimer ??= startTimer(saveInterval, () => void this.save())
  }

  /** Writes down what has changed, beside what other processes have written. */
  save(): Promise<void> {
    this.#saving = this.#saving.then(() => this.#save())
    return this.#saving
  }

  async #open(): Promise<void> {
    try {
      this.#merge(await this.#read().catch(() => this.#underLock(() => this.#readOrSetAside())))
    } catch (fault) {
      this.#closed = true
      this.#warn(fault, 'no peers are remembered')
    }
  }

  async #save(): Promise<void> {
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
    if (!this.#changed || this.#closed) return
    this.#changed = false
    try {
      await this.#underLock(() => this.#replace())
    } catch (fault) {
      this.#changed = true
      this.#warn(fault, 'what is learned of peers is forgotten at the end')
    }
  }

  async #underLock<T>(work: () => Promise<T>): Promise<T> {
    await this.#file.makeFolder()
    return underLock(this.#file.path, work)
  }

  async #replace(): Promise<void> {
    this.#merge(await this.#readOrSetAside())
    const bytes = encodePeers(this.#sorted())
    await this.#file.replace(bytes)
    this.#seen = provider.sha256(bytes)
  }

  /** The peers in the file, unless it is the one that was seen last: a full one takes a while to read. */
  async #read(): Promise<KeptPeer[]> {
    const bytes = await this.#file.read()
    const sum = bytes && provider.sha256(bytes)
    if (!bytes || !sum || equals(sum, this.#seen)) return []
    const peers = decodePeers(bytes)
    this.#seen = sum
    return peers
  }

  /** Only under the lock: otherwise another process may have put a sound file there since it was read. */
  async #readOrSetAside(): Promise<KeptPeer[]> {
    try {
      return await this.#read()
    } catch (fault) {
      if (!(fault instanceof FileFault) || fault.kind !== 'damaged') throw fault
      const aside = `${this.#file.path}.damaged`
      await this.#file.moveTo(aside)
      this.#warn(fault, `it is kept as ${aside}, and a new one is begun`)
      return []
    }
  }

  #merge(peers: readonly KeptPeer[]): void {
    for (const { peerId, addresses } of peers) {
      const known = this.#peers.get(String(peerId))?.addresses ?? []
      const merged = this.#unexpired([...known, ...addresses])
      if (merged.length > 0) this.#peers.set(String(peerId), { peerId, addresses: merged })
    }
    if (this.#peers.size > maxKeptPeers + surplus)
      this.#peers = new Map(this.#sorted().map(peer => [String(peer.peerId), peer]))
  }

  /** Each address once, the one that is kept longest first; none is kept for longer than if we had dialled it just now. */
  #unexpired(addresses: readonly KeptAddress[]): KeptAddress[] {
    const now = this.#now()
    const byText = new Map<string, KeptAddress>()
    for (const { address, expires } of addresses) {
      const known = byText.get(String(address))?.expires ?? now
      if (expires > known)
        byText.set(String(address), { address, expires: Math.min(expires, now + DIALLED_TTL) })
    }
    return [...byText.values()].sort((a, b) => b.expires - a.expires).slice(0, maxKeptAddresses)
  }

  /** The peers that are kept, the one that is kept longest first. */
  #sorted(): KeptPeer[] {
    const now = this.#now()
    const live = [...this.#peers.values()].filter(peer => expiryOf(peer) > now)
    return live.sort((a, b) => expiryOf(b) - expiryOf(a)).slice(0, maxKeptPeers)
  }
}

function expiryOf({ addresses }: KeptPeer): number {
  return addresses[0]?.expires ?? 0
}

function messageOf(fault: unknown): string {
  return fault instanceof FileFault ? fault.message : `cannot be used (${String(fault)})`
}
