import type { Limits } from '../protocol/limits.ts'
import { TokenBucket } from '../protocol/token-bucket.ts'
import type { Multiaddr } from '../wire/multiaddr.ts'
import { sourceOf } from './source.ts'

/** Why a newcomer was not let in. */
export type Refusal = 'penalty' | 'source' | 'rate' | 'crowd'

/** What a source did. */
export type Offence = 'failure' | 'fault' | 'flood'

/** What admission needs. Time and chance are arguments, so that a test can hold them. */
export interface AdmissionOptions {
  limits: Pick<
    Limits,
    | 'pendingInbound'
    | 'pendingCalm'
    | 'perSource'
    | 'perSite'
    | 'sourceBurst'
    | 'sourceRate'
    | 'sources'
    | 'failures'
    | 'failurePenalty'
    | 'faultPenalty'
    | 'floodPenalty'
  >
  /** Milliseconds on a clock that never goes back. */
  now: () => number
  /** From 0 to 1. */
  random: () => number
}

/** Those who are in their handshake. */
export interface Crowd {
  readonly size: number
  /** Drops the one that has been at it longest, if that is longer than an honest one takes; returns whether it did. */
  dropSlowest(): boolean
}

/** What is remembered of a source or a site. */
interface Memory {
  /** Inbound connections that stand or are in their handshake. */
  connections: number
  readonly rate: TokenBucket
  failures: number
  shutOutUntil: number
}

/** Below this chance nobody is turned away when it is no longer calm, as OpenSSH does. */
const leastChance = 0.3

/**
 * Who may come in: decided by where it comes from and how much is under way, before a byte is read. The cheapest question comes
 * first; a stranger who is turned away has cost no more than a look into a table.
 */
export class Admission {
  readonly #options: AdmissionOptions
  /** The one longest not heard of first. */
  readonly #records = new Map<string, Memory>()

  constructor(options: AdmissionOptions) {
    this.#options = options
  }

  /** How many sources and sites are remembered. */
  get size(): number {
    return this.#records.size
  }

  /**
   * Lets a newcomer in, or says why not. Whoever was let in must be told to have left, by `leave`. The crowd is bounded
   * elsewhere: here it only thins out.
   */
  enter(address: Multiaddr, crowd: Crowd): Refusal | undefined {
    const source = sourceOf(address)
    const record = source && this.#record(source.key)
    const site = source?.site === undefined ? undefined : this.#record(source.site)
    const refusal = this.#judge(record, site) ?? this.#judgeCrowd(crowd, record === undefined)
    if (refusal) return refusal
    if (record) record.connections++
    if (site) site.connections++
    return undefined
  }

  /** One that was let in is gone. */
  leave(address: Multiaddr): void {
    const source = sourceOf(address)
    for (const key of [source?.key, source?.site]) {
      const record = key === undefined ? undefined : this.#records.get(key)
      if (record) record.connections--
    }
  }

  /** A source has misbehaved; it is shut out for a while. */
  punish(address: Multiaddr, offence: Offence): void {
    const source = sourceOf(address)
    if (!source) return
    const record = this.#record(source.key)
    const until = this.#options.now() + this.#penalty(record, offence)
    record.shutOutUntil = Math.max(record.shutOutUntil, until)
  }

  /** A handshake has succeeded: earlier failures are forgiven. */
  forgive(address: Multiaddr): void {
    const source = sourceOf(address)
    const record = source && this.#records.get(source.key)
    if (record) record.failures = 0
  }

  #judge(record: Memory | undefined, site: Memory | undefined): Refusal | undefined {
    if (!record) return undefined
    const { limits, now } = this.#options
    if (record.shutOutUntil > now()) return 'penalty'
    if (record.connections >= limits.perSource) return 'source'
    if (site && site.connections >= limits.perSite) return 'source'
    return record.rate.take(now()) ? undefined : 'rate'
  }

  /** Random early drop: the more are under way, the fewer are let in, so that a flood cannot keep out all others. */
  #judgeCrowd(crowd: Crowd, exempt: boolean): Refusal | undefined {
    const { limits, random } = this.#options
    const { pendingCalm: calm, pendingInbound: full } = limits
    if (crowd.size < calm || crowd.dropSlowest() || exempt) return undefined
    const chance = leastChance + ((1 - leastChance) * (crowd.size - calm)) / (full - calm)
    return random() < chance ? 'crowd' : undefined
  }

  #penalty(record: Memory, offence: Offence): number {
    const { limits } = this.#options
    if (offence === 'fault') return limits.faultPenalty
    if (offence === 'flood') return limits.floodPenalty
    record.failures++
    return record.failures > limits.failures ? limits.failurePenalty : 0
  }

  /** What is known of a source, now the one most recently heard of. */
  #record(key: string): Memory {
    const record = this.#records.get(key) ?? this.#newRecord()
    this.#records.delete(key)
    this.#records.set(key, record)
    if (this.#records.size > this.#options.limits.sources) this.#forgetOldest()
    return record
  }

  #newRecord(): Memory {
    const { limits, now } = this.#options
    const rate = new TokenBucket({ burst: limits.sourceBurst, rate: limits.sourceRate }, now())
    return { connections: 0, rate, failures: 0, shutOutUntil: Number.NEGATIVE_INFINITY }
  }

  /** Whose connections stand is not forgotten: there are no more of them than connections. */
  #forgetOldest(): void {
    for (const [key, { connections }] of this.#records) {
      if (connections > 0) continue
      this.#records.delete(key)
      return
    }
  }
}
