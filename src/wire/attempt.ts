/** Runs a step, and throws what `translate` makes of its failure: an inner error in its reader's own words. */
export function attempt<T>(step: () => T, translate: (error: unknown) => Error): T {
  try {
    return step()
  } catch (error) {
    throw translate(error)
  }
}

/** What the step gives, or `undefined` when it throws: for values that are left out when they do not parse. */
export function unlessThrown<T>(step: () => T): T | undefined {
  try {
    return step()
  } catch {
    return undefined
  }
}
