import { type Cutting, feed, feedAtRandom, randomNumbers } from './feed.ts'

/** A machine without input or output of its own: what is to be sent is taken, what came is handed in. */
export interface Machine<Out> {
  take(): Uint8Array
  receive(chunk: Uint8Array): Out
}

/**
 * Carries bytes between two machines until neither has anything to send, and gives what each `receive` gave. The
 * bytes travel as they were taken, one by one, or cut anew at random.
 */
export function exchange<A, B>(a: Machine<A>, b: Machine<B>, cutting: Cutting = 'whole'): { a: A[]; b: B[] } {
  const heard: { a: A[]; b: B[] } = { a: [], b: [] }
  const cut = cutter(cutting)
  for (let moved = true; moved; ) {
    const toB = carry(a, b, cut)
    const toA = carry(b, a, cut)
    heard.b.push(...toB)
    heard.a.push(...toA)
    moved = toA.length + toB.length > 0
  }
  return heard
}

function carry<T>(from: Machine<unknown>, to: Machine<T>, cut: (bytes: Uint8Array) => Uint8Array[]): T[] {
  return cut(from.take()).map(chunk => to.receive(chunk))
}

function cutter(cutting: Cutting): (bytes: Uint8Array) => Uint8Array[] {
  if (typeof cutting === 'string') return bytes => feed(bytes, cutting)
  const random = randomNumbers(cutting)
  return bytes => feedAtRandom(bytes, random)
}
