/** A way to cut bytes into chunks: none, after each byte, or at random places that the number as a seed fixes. */
export type Cutting = 'whole' | 'bytes' | number

/** The cuttings that every reader is fed with. */
export const cuttingKinds: readonly Cutting[] = ['whole', 'bytes', 1, 2, 3]

/** The bytes as chunks; none for no bytes. */
export function feed(bytes: Uint8Array, cutting: Cutting): Uint8Array[] {
  if (cutting === 'whole') return bytes.length > 0 ? [bytes] : []
  if (cutting === 'bytes') return Array.from(bytes, (_, i) => bytes.subarray(i, i + 1))
  return feedAtRandom(bytes, randomNumbers(cutting))
}

/** The bytes in chunks of random sizes, small and large ones alike. */
export function feedAtRandom(bytes: Uint8Array, random: () => number): Uint8Array[] {
  const chunks: Uint8Array[] = []
  for (let at = 0; at < bytes.length; at += chunks.at(-1)!.length) {
    const size = 1 + Math.floor(2 ** (random() * Math.log2(bytes.length + 1)))
    chunks.push(bytes.subarray(at, at + size))
  }
  return chunks
}

/** Numbers from 0 to 1 that look random and are the same for the same seed (Lehmer's generator). */
export function randomNumbers(seed: number): () => number {
  let state = (Math.abs(seed) % 2_147_483_646) + 1
  return () => {
    state = (state * 48_271) % 2_147_483_647
    return state / 2_147_483_647
  }
}
