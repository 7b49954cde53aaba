import { equal, toBigInt } from './bytes.ts'

/** The field's prime and the curve's d (RFC 8032, 5.1). */
const P = 2n ** 255n - 19n
const D = 0x52036cee2b6ffe738cc740797779e89800700a4d4141d8ab75eb4dca135978a3n

const ORDER_8 = 0x7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7n

/** The y of the eight points whose order divides the cofactor. */
const SMALL_ORDER_Y = new Set([0n, 1n, P - 1n, ORDER_8, P - ORDER_8])

/**
 * Throws unless the 32 bytes decode to a point (RFC 8032, 5.1.3), and to one of large order: under the eight
 * others, a signature proves nothing. OpenSSL imports any 32 bytes, hence the arithmetic here.
 */
export function checkEd25519Point(publicKey: Uint8Array): void {
  if (publicKey.length !== 32) throw new Error('An Ed25519 public key has 32 bytes.')
  const y = BigInt.asUintN(255, toBigInt(publicKey.toReversed()))
  if (y >= P || SMALL_ORDER_Y.has(y)) throw new Error('The Ed25519 public key is not a point to sign under.')
  // x^2 = (y^2 - 1) / (d y^2 + 1) has a root just when numerator times denominator is a square.
  const square = (y * y) % P
  if (jacobi(((square - 1n) * (D * square + 1n)) % P, P) !== 1) {
    throw new Error('The Ed25519 public key is not on the curve.')
  }
}

/** The Jacobi symbol (a/n) for odd n: 1 for the squares modulo a prime. Ten times quicker than a power. */
function jacobi(a: bigint, n: bigint): number {
  let sign = 1
  while (a !== 0n) {
    while ((a & 1n) === 0n) {
      a >>= 1n
      const rest = n & 7n
      if (rest === 3n || rest === 5n) sign = -sign
    }
    if ((a & n & 3n) === 3n) sign = -sign
    const next = n % a
    n = a
    a = next
  }
  return n === 1n ? sign : 0
}

/** The seed of an Ed25519 private key: the first 32 of its 32, 64 or 96 bytes. Throws for any other length. */
export function ed25519Seed(privateKey: Uint8Array): Uint8Array {
  if (![32, 64, 96].includes(privateKey.length)) {
    throw new Error('An Ed25519 private key has 64 bytes: the seed and the public key.')
  }
  return new Uint8Array(privateKey.subarray(0, 32))
}

/** Throws unless every copy of the public key that follows the seed is the one that belongs to the seed. */
export function checkEd25519Halves(privateKey: Uint8Array, publicKey: Uint8Array): void {
  for (let at = 32; at < privateKey.length; at += 32) {
    if (equal(privateKey.subarray(at, at + 32), publicKey)) continue
    throw new Error('The two halves of the Ed25519 private key do not belong together.')
  }
}
