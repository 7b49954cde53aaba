import { onAbort, startTimer } from '../net/timer.ts'
import type { ErrorCode, ParleyError } from '../wire/errors.ts'
import type { Multiaddr } from '../wire/multiaddr.ts'
import type { PeerId } from '../wire/peer-id.ts'
import { Backoff } from './backoff.ts'

/** Who hears so often in a row that the peer does not chat takes its word for it: once may be while it starts or leaves. */
const maxRefusals = 5

/** What no further try can change. */
const final: readonly ErrorCode[] = ['ERR_PEER_MISMATCH', 'ERR_DIAL_SELF']

/** A peer will be tried again. */
export interface Retry {
  peer: PeerId
  /** The number of the try, from 1. */
  attempt: number
  /** How long it is until then, in milliseconds. */
  delay: number
  /** Why the try before failed, and before the first one why the peer was lost, unless it left in good order. */
  error: ParleyError | undefined
}

/** What a redialer is made of. */
export interface RedialerOptions {
  /** Tries to join a peer there. */
  join(address: Multiaddr, signal: AbortSignal): Promise<unknown>
  /** How long a peer is tried that was lost by this error, or left in good order; in milliseconds. */
  patience(error: ParleyError | undefined): number
  /** Hears of each try before it is made. */
  retry(retry: Retry): void
  /** Hears that a peer is not tried any more. */
  giveUp(peer: PeerId, error: ParleyError): void
  /** Milliseconds on some clock. */
  now(): number
  /** Numbers from 0 up to 1. */
  random(): number
  /** Settles after so many milliseconds, or when the signal fires. */
  sleep?: (delay: number, signal: AbortSignal) => Promise<void>
}

/** A peer that was dialled. */
interface Dialled {
  peer: PeerId
  addresses: Multiaddr[]
  backoff: Backoff
  /** Since when it has been here. */
  since: number
  /** How long was waited before the last try. */
  waited: number
}

/** Dials those again whom we have dialled before and lost. Whoever came to us does that himself: where he listens is not known. */
export class Redialer {
  readonly #options: RedialerOptions
  readonly #sleep: (delay: number, signal: AbortSignal) => Promise<void>
  readonly #dialled = new Map<string, Dialled>()
  /** What stops each redial that is under way, by peer. */
  readonly #redials = new Map<string, AbortController>()
  #stopped = false

  constructor(options: RedialerOptions) {
    this.#options = options
    this.#sleep = options.sleep ?? sleep
  }

  /** A peer has been joined there, and will be again if it is lost. */
  remember(peer: PeerId, address: Multiaddr): void {
    const known = this.#dialled.get(peer.toString())
    if (known) return void known.addresses.push(address)
    const { now, random } = this.#options
    const backoff = new Backoff(random)
    this.#dialled.set(peer.toString(), { peer, addresses: [address], backoff, since: now(), waited: 0 })
  }

  /** Whether this peer is dialled again when it is lost. */
  knows(peer: PeerId): boolean {
    return !this.#stopped && this.#dialled.has(peer.toString())
  }

  /** A peer is gone, by an error or in good order: it is dialled until it is back, if it was dialled before. */
  lost(peer: PeerId, error: ParleyError | undefined): void {
    const key = peer.toString()
    const dialled = this.#dialled.get(key)
    if (!dialled || this.#stopped || this.#redials.has(key)) return
    // One that goes sooner than it was waited for is waited for longer.
    if (this.#options.now() - dialled.since >= dialled.waited) dialled.backoff.reset()
    const redial = new AbortController()
    this.#redials.set(key, redial)
    void this.#redial(dialled, error, redial.signal)
  }

  /** A peer is here, whoever has dialled. */
  back(peer: PeerId): void {
    const dialled = this.#dialled.get(peer.toString())
    if (dialled) dialled.since = this.#options.now()
    this.forget(peer)
  }

  /** Does not dial a peer any more, until it is lost once more. */
  forget(peer: PeerId): void {
    this.#redials.get(peer.toString())?.abort()
    this.#redials.delete(peer.toString())
  }

  /** Does not dial anyone any more. */
  stop(): void {
    this.#stopped = true
    for (const { peer } of this.#dialled.values()) this.forget(peer)
  }

  async #redial(dialled: Dialled, lost: ParleyError | undefined, signal: AbortSignal): Promise<void> {
    const { peer, addresses, backoff } = dialled
    const { now, patience, retry, giveUp } = this.#options
    const end = now() + patience(lost)
    let error = lost
    let refusals = 0
    for (let attempt = 1; ; attempt++) {
      dialled.waited = Math.min(backoff.next(), Math.max(end - now(), 0))
      retry({ peer, attempt, delay: dialled.waited, error })
      await this.#sleep(dialled.waited, signal)
      if (signal.aborted) return
      error = await this.#try(addresses[(attempt - 1) % addresses.length]!, signal)
      if (!error || signal.aborted) return
      refusals = error.code === 'ERR_PROTOCOL_UNSUPPORTED' ? refusals + 1 : 0
      if (now() >= end || refusals === maxRefusals || final.includes(error.code)) break
    }
    this.forget(peer)
    giveUp(peer, error)
  }

  /** Why it failed, unless it did not. */
  async #try(address: Multiaddr, signal: AbortSignal): Promise<ParleyError | undefined> {
    try {
      await this.#options.join(address, signal)
      return undefined
    } catch (error) {
      return error as ParleyError
    }
  }
}

/** Somebody waits for the peer, so the program goes on. */
function sleep(delay: number, signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    const cancelTimer = startTimer(delay, resolve, { keepsRunning: true })
    onAbort(signal, () => {
      cancelTimer()
      resolve()
    })
  })
}
