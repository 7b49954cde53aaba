/** A promise, and the two ways to settle it. */
export interface Deferred<T> {
  promise: Promise<T>
  resolve(value: T): void
  reject(error: Error): void
}

/** A promise that is settled from outside. */
export function deferred<T = void>(): Deferred<T> {
  const it = {} as Deferred<T>
  it.promise = new Promise<T>((resolve, reject) => Object.assign(it, { resolve, reject }))
  return it
}

/** Fails with that sentence if the promise takes longer than so many milliseconds. */
export async function within<T>(ms: number, sentence: string, promise: Promise<T>): Promise<T> {
  const late = deferred<never>()
  const timer = setTimeout(() => late.reject(new Error(`${sentence} (${ms / 1000} s)`)), ms)
  return Promise.race([promise, late.promise]).finally(() => clearTimeout(timer))
}

export function sleep(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms))
}

/** Asks again and again until the answer is no longer undefined; fails with that sentence after so many milliseconds. */
export async function eventually<T>(
  ms: number,
  sentence: string,
  ask: () => Promise<T | undefined>,
): Promise<T> {
  const deadline = performance.now() + ms
  for (;;) {
    const answer = await ask()
    if (answer !== undefined) return answer
    if (performance.now() > deadline) throw new Error(`${sentence} (${ms / 1000} s)`)
    await sleep(50)
  }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
