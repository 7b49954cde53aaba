import { Redialer, type Retry } from '../chat/redialer.ts'
import type { Report } from '../chat/report.ts'
import type { Table, TableEvents } from '../chat/table.ts'
import { monotonicNow } from '../net/timer.ts'
import { ParleyError } from '../wire/errors.ts'
import type { Multiaddr } from '../wire/multiaddr.ts'
import type { PeerId } from '../wire/peer-id.ts'

/**
 * For how long a lost peer is dialled, in milliseconds. A person may wait as long as he likes, but for one who has left in good
 * order, who may only have restarted; whoever has started a pipe waits for its end.
 */
const patience = { person: Number.POSITIVE_INFINITY, personOfLeaver: 600_000, pipe: 60_000 }

/** What a reunion is made of. */
export interface ReunionOptions {
  table: Table
  report: Report
  /** Whether a person types, and not a pipe. */
  interactive: boolean
  /** Whether anyone is dialled again at all. */
  reconnect: boolean
  /** Hears of what makes a pipe fail. */
  fail(error: ParleyError): void
  /** Hears that a peer is not dialled any more. */
  gaveUp(): void
}

/** Sees to it that those are dialled again who are lost, and that the user knows what has become of his lines. */
export class Reunion {
  readonly #options: ReunionOptions
  readonly #redialer: Redialer
  readonly #dialled = new Set<string>()

  constructor(options: ReunionOptions) {
    this.#options = options
    const { table, report, interactive } = options
    const patienceOfPerson = (lost: boolean) => (lost ? patience.person : patience.personOfLeaver)
    this.#redialer = new Redialer({
      join: (address, signal) => table.join(address, { signal }),
      patience: error => (interactive ? patienceOfPerson(error !== undefined) : patience.pipe),
      retry: retry => this.#announce(retry),
      giveUp: (peer, error) => this.#giveUp(peer, error),
      now: monotonicNow,
      random: Math.random,
    })
    table.on('join', ({ peer }) => this.#redialer.back(peer))
    table.on('caughtUp', ({ peer, count }) =>
      report.notice(`${lines(count)} that waited for ${peer.short} ${was(count)} sent.`),
    )
    table.on('notKept', ({ peer }) =>
      report.notice(`Too much waits for ${peer.short} already, so that line is not kept for it.`),
    )
  }

  /** Whether anyone is expected back. */
  get isPending(): boolean {
    return this.#options.table.absent.all.length > 0
  }

  /** A peer is dialled there, and will be again when it is lost. */
  remember(peer: PeerId, address: Multiaddr): void {
    this.#dialled.add(peer.toString())
    if (this.#options.reconnect) this.#redialer.remember(peer, address)
  }

  /** A peer has left: tells what may be lost of the user's words, and dials it again if it was dialled. */
  left({ peer, error, unsure, unsent }: TableEvents['leave']): void {
    // A guest who leaves in good order does not want to hear more.
    const matters = error !== undefined || this.#dialled.has(peer.toString())
    if (matters && unsure.count > 0) this.#tell(peer, mayBeLost(peer, unsure.count), unsure.lines)
    if (!this.#redialer.knows(peer)) return this.#notSent(peer, unsent)
    this.#options.table.absent.expect(peer, unsent)
    this.#redialer.lost(peer, error)
  }

  /** Waits until nobody is missing for whom anything is kept; the others are dialled no more. */
  async finish(): Promise<void> {
    const { absent } = this.#options.table
    for (const { peer, lines } of absent.all) if (lines.length === 0) this.#forget(peer)
    await absent.until(() => absent.isEmpty)
  }

  /** Dials nobody any more, and tells what was not sent. */
  stop(): void {
    this.#redialer.stop()
    for (const { peer } of this.#options.table.absent.all) this.#notSent(peer, this.#forget(peer))
  }

  #forget(peer: PeerId): readonly string[] {
    this.#redialer.forget(peer)
    return this.#options.table.absent.take(peer)
  }

  #announce(retry: Retry): void {
    const { report, interactive } = this.#options
    report.reconnecting(retry)
    if (interactive && retry.attempt === 1)
      report.notice(`What you type meanwhile is kept for ${retry.peer.short}; Ctrl-C leaves.`)
  }

  #giveUp(peer: PeerId, error: ParleyError): void {
    this.#tell(peer, givenUp(peer, error))
    this.#notSent(peer, this.#forget(peer))
    this.#options.gaveUp()
  }

  #notSent(peer: PeerId, unsent: readonly string[]): void {
    if (unsent.length > 0) this.#tell(peer, wereNotSent(peer, unsent.length), unsent)
  }

  /** A person may want to say it once more; a pipe has failed, unless it is about a guest. */
  #tell(peer: PeerId, error: ParleyError, lines?: readonly string[]): void {
    const { interactive, report, fail } = this.#options
    if (interactive) report.error(error, lines)
    else if (this.#dialled.has(peer.toString())) fail(error)
    else report.error(error)
  }
}

function mayBeLost({ short }: PeerId, count: number): ParleyError {
  const last = count === 1 ? 'line' : lines(count)
  return new ParleyError('ERR_CONNECTION_CLOSED', `The last ${last} to ${short} may not have arrived.`)
}

function wereNotSent({ short }: PeerId, count: number): ParleyError {
  return new ParleyError('ERR_CONNECTION_CLOSED', `${lines(count)} for ${short} ${was(count)} not sent.`)
}

function givenUp({ short }: PeerId, cause: ParleyError): ParleyError {
  return new ParleyError(cause.code, `${short} is not tried any more: ${cause.message}`, { cause })
}

function lines(count: number): string {
  return count === 1 ? '1 line' : `${count} lines`
}

function was(count: number): string {
  return count === 1 ? 'was' : 'were'
}
