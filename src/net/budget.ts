import type { Allowance } from '../protocol/yamux/session.ts'

/** Above this share of the memory windows stop growing. */
const growthEnds = 0.75

/** Above this share nothing new is taken in, but from those who hold less than others do. */
const acceptanceEnds = 0.9

/** What a budget counts. `inbound` are the connections among them that others began; `bytes` what streams hold. */
export type Resource = 'connections' | 'inbound' | 'streams' | 'bytes'

/** A number for each resource. */
export type Counts = Record<Resource, number>

/** Where each resource stands in a list: a short stream asks a dozen times, and a place is found faster than a name. */
const places: Readonly<Counts> = { connections: 0, inbound: 1, streams: 2, bytes: 3 }
const resources = Object.keys(places) as Resource[]

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
  readonly #limits: readonly number[]
  readonly #relieve: ((resource: Resource) => boolean) | undefined
  readonly #used = [0, 0, 0, 0]
  #parent: Budget | undefined
  #closed = false

  constructor({ limits = {}, parent, relieve }: BudgetOptions = {}) {
    this.#limits = resources.map(resource => limits[resource] ?? Number.POSITIVE_INFINITY)
    this.#parent = parent
    this.#relieve = relieve
  }

  /** What is in use, of this budget and of all below it. */
  get used(): Readonly<Counts> {
    const [connections = 0, inbound = 0, streams = 0, bytes = 0] = this.#used
    return { connections, inbound, streams, bytes }
  }

  /** How much of the limit is in use, from 0 to 1, here or in the budget above that has less left; 0 where there is none. */
  pressure(resource: Resource): number {
    const place = places[resource]
    const own = this.#used[place]! / this.#limits[place]!
    return this.#parent ? Math.max(own, this.#parent.pressure(resource)) : own
  }

  /** Whether less is in use here than by an average connection of the whole tree. */
  isModest(resource: Resource): boolean {
    const { connections, [resource]: all } = this.#root.used
    return this.#used[places[resource]]! * Math.max(connections, 1) < all
  }

  /** Reserves so much, or nothing and returns `undefined` when a limit of this budget or of one above it is in the way. */
  reserve(resource: Resource, count = 1): Reservation | undefined {
    const place = places[resource]
    return this.take(place, count) ? new Reservation(this, place, count) : undefined
  }

  /** Goes over to another parent with all that is in use; returns false, and stays, where that has no room. */
  move(parent: Budget): boolean {
    if (this.#closed) return false
    const before = this.#parent
    this.#parent = undefined
    if (before) this.#leave(before)
    const entered = this.#enter(parent)
    // What was closed to make room may have been this very budget.
    if (this.#closed && entered) this.#leave(parent)
    if (this.#closed) return false
    this.#parent = entered ? parent : before
    if (before && !entered) this.#return(before)
    return entered
  }

  /** Gives everything back, now and for good; what is released later counts no more. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    if (this.#parent) this.#leave(this.#parent)
    this.#parent = undefined
  }

  /** For reservations and budgets below: uses so much more, if all limits allow it. */
  take(place: number, count: number): boolean {
    if (this.#closed || !this.#fits(place, count)) return false
    const parent = this.#parent
    if (parent && !parent.take(place, count)) return false
    // What was closed to make room may have been this very budget.
    if (this.#closed) parent?.give(place, count)
    else this.#used[place]! += count
    return !this.#closed
  }

  /** For reservations and budgets below: uses so much less. */
  give(place: number, count: number): void {
    this.#used[place]! -= count
    this.#parent?.give(place, count)
  }

  get #root(): Budget {
    return this.#parent ? this.#parent.#root : this
  }

  #fits(place: number, count: number): boolean {
    // Nobody shall be closed for what there would be no room for anyway.
    if (count > this.#limits[place]!) return false
    while (this.#used[place]! + count > this.#limits[place]!) {
      if (!this.#relieve?.(resources[place]!)) return false
    }
    return true
  }

  #enter(parent: Budget): boolean {
    const refused = this.#used.findIndex((count, place) => !parent.take(place, count))
    if (refused < 0) return true
    for (const [place, count] of this.#used.slice(0, refused).entries()) parent.give(place, count)
    return false
  }

  #leave(parent: Budget): void {
    for (const [place, count] of this.#used.entries()) parent.give(place, count)
  }

  /** Whatever the limits say: the room that it had may be taken by now, but it has gone nowhere. */
  #return(parent: Budget): void {
    for (const [place, count] of this.#used.entries()) parent.give(place, -count)
  }
}

/** A part of a budget that is in use until it is released. */
export class Reservation {
  readonly #budget: Budget
  readonly #place: number
  #count: number

  /** Use `Budget.reserve`. */
  constructor(budget: Budget, place: number, count: number) {
    this.#budget = budget
    this.#place = place
    this.#count = count
  }

  /** Reserves more or less; returns false, and stays as it was, where a limit is in the way of more. */
  resize(count: number): boolean {
    const more = count - this.#count
    // Before room is made: what happens then may resize it again.
    this.#count = count
    if (more < 0) this.#budget.give(this.#place, -more)
    if (more <= 0 || this.#budget.take(this.#place, more)) return true
    this.#count -= more
    return false
  }

  /** Gives it back; a second time does nothing. */
  release(): void {
    this.resize(0)
  }
}

/** What the yamux session of a connection may take of the connection's budget. */
export class BudgetAllowance implements Allowance {
  readonly #budget: Budget
  readonly #memory: Reservation

  constructor(budget: Budget) {
    this.#budget = budget
    this.#memory = new Reservation(budget, places.bytes, 0)
  }

  stream(): Reservation | undefined {
    return this.#hasRoom('streams') ? this.#budget.reserve('streams') : undefined
  }

  hold(bytes: number): boolean {
    return this.#memory.resize(bytes)
  }

  get accepts(): boolean {
    return this.#hasRoom('bytes')
  }

  get grows(): boolean {
    return this.#budget.pressure('bytes') < growthEnds
  }

  #hasRoom(resource: Resource): boolean {
    return this.#budget.pressure(resource) < acceptanceEnds || this.#budget.isModest(resource)
  }
}
