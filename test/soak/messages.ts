/** What the three processes of a soak say to each other. */
import type { Usage } from '#src/host/resources'

/** The conductor asks, a process answers once to each. */
export type Order = 'sample' | 'rest' | 'go' | 'stop'

/** What a process says; a fault comes unasked. */
export type Report = Answer | { kind: 'fault'; text: string }

/** What a process answers. */
export type Answer =
  | { kind: 'ready'; address: string }
  | { kind: 'sample'; sample: Sample }
  | { kind: 'tally'; tally: Tally }

/** What the process of the host under test holds. */
export interface Sample {
  /**
   * After a full collection, in bytes: the heap of JavaScript and the buffers beside it, which are part of the figure, without
   * compiled code, which is not: the engine compiles now this and now that, for hours.
   */
  heap: number
  buffers: number
  code: number
  /** What the system counts, in bytes. */
  rss: number
  sockets: number
  timers: number
  usage: Usage
}

/** What the others have done so far. */
export interface Tally {
  streams: number
  connections: number
  /** How often each act was done. */
  acts: Record<string, number>
  /** How often an act ended in which error, on connections that are cut on purpose. */
  errors: Record<string, number>
}

/** Seconds between two lulls, in which nobody does anything and the host under test is looked at. */
export const lullInterval = 10

/** Hosts that keep their connection for the whole run; nothing may go wrong on it. */
export const steadyHosts = 3

/** Hosts whose connections are cut again and again. */
export const restlessHosts = 3

/** Serves the orders of the conductor, and tells it of every error that nobody has caught. */
export function obey(orders: Partial<Record<Order, () => Promise<Answer>>>): void {
  process.on('message', (order: Order) => {
    orders[order]?.().then(say, fault)
  })
  // A process leaves with the conductor.
  process.on('disconnect', () => process.exit())
  process.on('uncaughtException', fault)
  process.on('unhandledRejection', fault)
}

/** Tells the conductor. */
export function say(report: Report): void {
  process.send?.(report)
}

/** Tells the conductor of something that must not be. */
export function fault(error: unknown): void {
  say({ kind: 'fault', text: error instanceof Error ? (error.stack ?? error.message) : String(error) })
}
