const MIN_BITS = 2048
const MAX_BITS = 8192

/** Bits of a key that we make ourselves: the 128-bit level (NIST SP 800-57). */
export const RSA_DEFAULT_BITS = 3072

/** Larger exponents make a verification as dear as a signature. The bound is that of Go's standard library. */
const MAX_EXPONENT = 2n ** 31n - 1n

/** The most bytes that a public key of 8192 bits takes as SubjectPublicKeyInfo. */
export const RSA_MAX_SPKI = 1063

/** The most bytes that a private key of 8192 bits takes in PKCS#1, with two primes of one size. */
export const RSA_MAX_PKCS1 = 4656

/** The names of an RSA private key's numbers in JSON Web Keys (RFC 7518, 6.3). */
export const RSA_NUMBERS = ['n', 'e', 'd', 'p', 'q', 'dp', 'dq', 'qi'] as const

/** The numbers of an RSA private key. */
export type RsaNumbers = Record<(typeof RSA_NUMBERS)[number], bigint>

/** Throws unless a modulus may have that many bits. */
export function checkRsaBits(bits: number): void {
  if (Number.isInteger(bits) && bits >= MIN_BITS && bits <= MAX_BITS) return
  throw new Error(`An RSA key has ${MIN_BITS} to ${MAX_BITS} bits, not ${bits}.`)
}

/** Throws unless the public exponent is odd, at least 3 and below 2^31. */
export function checkRsaExponent(exponent: bigint): void {
  if (exponent >= 3n && exponent <= MAX_EXPONENT && exponent % 2n === 1n) return
  throw new Error('The public exponent of the RSA key is even, too small or too large.')
}

/** Throws unless the numbers fit one another (RFC 8017, 3.2). OpenSSL does not look when it reads a key. */
export function checkRsaNumbers({ n, e, d, p, q, dp, dq, qi }: RsaNumbers): void {
  const inverts = (exponent: bigint, prime: bigint) =>
    exponent === d % (prime - 1n) && (e * exponent) % (prime - 1n) === 1n
  if (n === p * q && inverts(dp, p) && inverts(dq, q) && (q * qi) % p === 1n) return
  throw new Error('The numbers of the RSA private key do not belong together.')
}
