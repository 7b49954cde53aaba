/** What can stand in a `TurnQueue`, in one at a time. */
export interface Queued<T> {
  /** The queue's: what stands behind this one. */
  behind: T | undefined
}

/**
 * Who waits for a turn, in the order in which they came. A list through the items themselves: a set that holds few and is emptied again
 * and again makes a new table each time, which costs a short stream more than its bytes.
 */
export class TurnQueue<T extends Queued<T>> {
  #first: T | undefined
  #last: T | undefined

  get isEmpty(): boolean {
    return this.#first === undefined
  }

  /** Adds an item that does not stand in it. */
  add(item: T): void {
    if (this.#last) this.#last.behind = item
    else this.#first = item
    this.#last = item
  }

  /** Takes the first. */
  shift(): T | undefined {
    const first = this.#first
    if (first) this.#takeOut(first, undefined)
    return first
  }

  /** Takes an item out, wherever it stands; it may stand nowhere. */
  delete(item: T): void {
    let before: T | undefined
    for (let one = this.#first; one; one = one.behind) {
      if (one === item) return this.#takeOut(item, before)
      before = one
    }
  }

  #takeOut(item: T, before: T | undefined): void {
    if (before) before.behind = item.behind
    else this.#first = item.behind
    if (this.#last === item) this.#last = before
    item.behind = undefined
  }
}
