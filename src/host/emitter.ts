/** Typed events, each with one value. */
export class Emitter<Events extends object> {
  readonly #listeners = new Map<keyof Events, Set<(value: never) => void>>()

  /** Hears of an event from now on. Returns the undo. */
  on<Name extends keyof Events>(event: Name, listener: (value: Events[Name]) => void): () => void {
    const listeners = this.#listeners.get(event) ?? new Set()
    this.#listeners.set(event, listeners)
    // One of its own for each call, so that the undo concerns no other.
    const own = (value: Events[Name]) => listener(value)
    listeners.add(own)
    return () => listeners.delete(own)
  }

  /**
   * Tells the listeners, in the order in which they came. What one of them throws is the program's own fault: it comes
   * up as an uncaught error, as from an EventTarget, and upsets neither the other listeners nor whoever tells.
   */
  emit<Name extends keyof Events>(event: Name, value: Events[Name]): void {
    const listeners = Array.from(this.#listeners.get(event) ?? [])
    for (const listener of listeners) {
      try {
        ;(listener as (value: Events[Name]) => void)(value)
      } catch (error) {
        queueMicrotask(() => {
          throw error
        })
      }
    }
  }
}
