import { type Deferred, deferred } from '../net/timer.ts'
import type { PeerId } from '../wire/peer-id.ts'
import { Outbox } from './outbox.ts'

/** Those who are away and expected back, and what was said to them meanwhile. */
export class Absent {
  readonly #outboxes = new Map<string, { peer: PeerId; outbox: Outbox }>()
  #change: Deferred<void> = deferred()

  /** Who is expected, and the lines that are kept for each. */
  get all(): { peer: PeerId; lines: readonly string[] }[] {
    return Array.from(this.#outboxes.values(), ({ peer, outbox: { lines } }) => ({ peer, lines }))
  }

  /** Whether nothing is kept for anyone. */
  get isEmpty(): boolean {
    return this.all.every(({ lines }) => lines.length === 0)
  }

  /** Whether for somebody no more can be kept. */
  get isFull(): boolean {
    return [...this.#outboxes.values()].some(({ outbox }) => outbox.isFull)
  }

  /** From now on what is said is kept for a peer, behind these lines, until it is back or given up. */
  expect(peer: PeerId, lines: readonly string[]): void {
    this.#outboxes.set(peer.toString(), { peer, outbox: new Outbox(lines) })
  }

  /** Keeps a line for all of them. Returns those for whom there was no room. */
  keep(line: string): PeerId[] {
    if (this.#outboxes.size === 0) return []
    return [...this.#outboxes.values()].flatMap(({ peer, outbox }) => (outbox.add(line) ? [] : [peer]))
  }

  /** A peer is back, or is given up. Returns what was kept for it. */
  take(peer: PeerId): readonly string[] {
    const lines = this.#outboxes.get(peer.toString())?.outbox.lines ?? []
    this.#outboxes.delete(peer.toString())
    this.#change.resolve()
    this.#change = deferred()
    return lines
  }

  /** Settles when the condition holds; it is looked at whenever somebody is back or given up. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await this.#change.promise
  }
}
