/**
 * Guards a machine that must not go on after bad bytes: once a step has thrown, every later one throws the same
 * error again and does nothing.
 */
export class Fuse {
  #blown = false
  #error: unknown

  run<T>(step: () => T): T {
    if (this.#blown) throw this.#error
    try {
      return step()
    } catch (error) {
      this.#blown = true
      this.#error = error
      throw error
    }
  }
}
