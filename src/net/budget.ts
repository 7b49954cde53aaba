import type { Allowance } from '../protocol/yamux/session.ts'

/** Above this share of the memory windows stop growing. */
const growthEnds = 0.75

/** Above this share nothing new is taken in, but from those who hold less than others do. */
const acceptanceEnds = 0.9

/** What a budget counts. `inbound` are the connections among them that others began; `bytes` what streams hold. */
export type Resource = 'connections' | 'inbound' | 'streams' | 'bytes'

/** A number for each resource. */
export type Counts = Record<Resource, number>

/** How a budget is bounded. */
export interface BudgetOptions {
  /** What may be used at most; what is not named is bounded by the parent alone. */
  limits?: Partial<Counts>
  /** The budget that this one is a part of. */
  parent?: Budget
  /** Called when a limit of this budget is in the way; returns whether something was given back, so that it is tried again. */
  relieve?: (resource: Resource) => boolean
}

/**
 * A node in the tree of what a host uses: system, pending or peer, connection. What is reserved here counts in every budget
 * above as well, in all of them or in none.
 */
export class Budget {
  readonly #limits: Partial<Counts>
  readonly #relieve: ((resource: Resource) => boolean) | undefined
  readonly #used: Counts = { connections: 0, inbound: 0, streams: 0, bytes: 0 }
  #parent: Budget | undefined
  #closed = false

  constructor({ limits = {}, parent, relieve }: BudgetOptions = {}) {
    this.#limits = limits
    this.#parent = parent
    this.#relieve = relieve
  }

  /** What is in use, of this budget and of all below it. */
  get used(): Readonly<Counts> {
    return this.#used
  }

  /** How much of the limit is in use, from 0 to 1, here or in the budget above that has less left; 0 where there is none. */
  share(resource: Resource): number {
    const limit = this.#limits[resource] ?? Number.POSITIVE_INFINITY
    return Math.max(this.#used[resource] / limit, this.#parent?.share(resource) ?? 0)
  }

  /** Whether less is in use here than of an average connection in the whole tree. */
  isModest(resource: Resource): boolean {
    const { used } = this.#root
    return this.#used[resource] * Math.max(used.connections, 1) < used[resource]
  }

  /** Reserves so much, or nothing and returns `undefined` when a limit of this budget or of one above it is in the way. */
  reserve(resource: Resource, count = 1): Reservation | undefined {
    return this.take(resource, count) ? new Reservation(this, resource, count) : undefined
  }

  /** Goes over to another parent with all that is in use; returns false, and stays, where that has no room. */
  move(parent: Budget): boolean {
    const before = this.#parent
    if (before) this.#leave(before)
    if (this.#enter(parent)) {
      this.#parent = parent
      return true
    }
    // There was room a moment ago, and nothing has happened since.
    if (before) this.#enter(before)
    return false
  }

  /** Gives everything back, now and for good; what is released later counts no more. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    if (this.#parent) this.#leave(this.#parent)
    this.#parent = undefined
  }

  /** For reservations and budgets below: uses so much more, if all limits allow it. */
  take(resource: Resource, count: number): boolean {
    if (this.#closed || !this.#fits(resource, count)) return false
    const parent = this.#parent
    if (parent && !parent.take(resource, count)) return false
    // What was closed to make room may have been this very budget.
    if (this.#closed) parent?.give(resource, count)
    else this.#used[resource] += count
    return !this.#closed
  }

  /** For reservations and budgets below: uses so much less. */
  give(resource: Resource, count: number): void {
    this.#used[resource] -= count
    this.#parent?.give(resource, count)
  }

  get #root(): Budget {
    return this.#parent ? this.#parent.#root : this
  }

  #fits(resource: Resource, count: number): boolean {
    const limit = this.#limits[resource] ?? Number.POSITIVE_INFINITY
    while (this.#used[resource] + count > limit) if (!this.#relieve?.(resource)) return false
    return true
  }

  #enter(parent: Budget): boolean {
    const entered: [Resource, number][] = []
    for (const [resource, count] of this.#amounts()) {
      if (parent.take(resource, count)) {
        entered.push([resource, count])
        continue
      }
      for (const [taken, amount] of entered) parent.give(taken, amount)
      return false
    }
    return true
  }

  #leave(parent: Budget): void {
    for (const [resource, count] of this.#amounts()) parent.give(resource, count)
  }

  #amounts(): [Resource, number][] {
    return Object.entries(this.#used) as [Resource, number][]
  }
}

/** A part of a budget that is in use until it is released. */
export class Reservation {
  readonly #budget: Budget
  readonly #resource: Resource
  #count: number

  /** Use `Budget.reserve`. */
  constructor(budget: Budget, resource: Resource, count: number) {
    this.#budget = budget
    this.#resource = resource
    this.#count = count
  }

  /** Reserves more or less; returns false, and stays as it was, where a limit is in the way of more. */
  resize(count: number): boolean {
    const more = count - this.#count
    if (more > 0 && !this.#budget.take(this.#resource, more)) return false
    if (more < 0) this.#budget.give(this.#resource, -more)
    this.#count = count
    return true
  }

  /** Gives it back; a second time does nothing. */
  release(): void {
    this.resize(0)
  }
}

/** What the yamux session of a connection may take of the connection's budget. */
export function allowanceOf(budget: Budget): Allowance {
  const memory = budget.reserve('bytes', 0)
  return {
    stream: () => budget.reserve('streams'),
    hold: bytes => memory?.resize(bytes) ?? false,
    get accepts() {
      return budget.share('bytes') < acceptanceEnds || budget.isModest('bytes')
    },
    get grows() {
      return budget.share('bytes') < growthEnds
    },
  }
}
