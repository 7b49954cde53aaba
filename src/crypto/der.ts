import { equal, fromBigInt, fromHex, join, toBigInt } from './bytes.ts'

/**
 * A DER encoding whose length never varies: literal bytes around holes of known size. Comparing with such a
 * template takes the place of a parser, and leaves one encoding for each key.
 */
export class DerForm {
  readonly #name: string
  readonly #pieces: (Uint8Array | number)[]
  readonly #length: number

  /** The name is for the error's sentence; of the pieces, hexadecimal text is literal and a number is a hole. */
  constructor(name: string, ...pieces: (string | number)[]) {
    this.#name = name
    this.#pieces = pieces.map(piece => (typeof piece === 'string' ? fromHex(piece) : piece))
    this.#length = this.#pieces.reduce<number>((sum, piece) => sum + size(piece), 0)
  }

  /** The form with its holes filled in turn. Throws when a part does not fit its hole. */
  encode(...parts: Uint8Array[]): Uint8Array {
    const left = [...parts]
    const filled = this.#pieces.map(piece => (typeof piece === 'number' ? left.shift() : piece))
    return join(
      filled.map((bytes, at) => {
        if (bytes?.length === size(this.#pieces[at]!)) return bytes
        throw new Error(`The length of the bytes is not that of ${this.#name}.`)
      }),
    )
  }

  /** Copies of what stands in the holes. Throws when anything around them differs by a bit. */
  decode(der: Uint8Array): Uint8Array[] {
    if (der.length !== this.#length) throw this.#refusal()
    const parts: Uint8Array[] = []
    let at = 0
    for (const piece of this.#pieces) {
      const bytes = der.subarray(at, at + size(piece))
      if (typeof piece === 'number') parts.push(new Uint8Array(bytes))
      else if (!equal(bytes, piece)) throw this.#refusal()
      at += bytes.length
    }
    return parts
  }

  #refusal(): Error {
    return new Error(`The bytes are not the DER form of ${this.#name}.`)
  }
}

function size(piece: Uint8Array | number): number {
  return typeof piece === 'number' ? piece : piece.length
}

/** PKCS #8 (RFC 8410) around a 32-byte seed. */
export const ed25519Private = new DerForm('an Ed25519 private key', '302e020100300506032b657004220420', 32)

/** SubjectPublicKeyInfo (RFC 5480) around a compressed point of 33 bytes. */
export const secp256k1Public = new DerForm(
  'a secp256k1 public key',
  '3036301006072a8648ce3d020106052b8104000a032200',
  33,
)

/** SEC 1 (RFC 5915) without the public half, around a 32-byte scalar. */
export const secp256k1Private = new DerForm(
  'a secp256k1 private key',
  '302e0201010420',
  32,
  'a00706052b8104000a',
)

/** SubjectPublicKeyInfo (RFC 5480) around the two coordinates, 64 bytes, of an uncompressed P-256 point. */
export const p256Public = new DerForm(
  'an ECDSA public key on P-256',
  '3059301306072a8648ce3d020106082a8648ce3d03010703420004',
  64,
)

/** SEC 1 (RFC 5915) with curve and public half, around a 32-byte scalar and the 64 bytes of a P-256 point. */
export const p256Private = new DerForm(
  'an ECDSA private key on P-256',
  '30770201010420',
  32,
  'a00a06082a8648ce3d030107a14403420004',
  64,
)

/** The order of secp256k1's group (SEC 2, 2.4.1). */
const SECP256K1_ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n

/**
 * The DER form of a secp256k1 signature given as r and s, 32 bytes each, with the lower of s and -s. Both
 * verify, but some implementations take the lower alone.
 */
export function lowSSignature(compact: Uint8Array): Uint8Array {
  const s = toBigInt(compact.subarray(32))
  const low = s > SECP256K1_ORDER / 2n ? SECP256K1_ORDER - s : s
  const body = join([derInteger(compact.subarray(0, 32)), derInteger(fromBigInt(low, 32))])
  return join([Uint8Array.of(0x30, body.length), body])
}

/** DER knows signed integers, as short as can be: a positive one never begins with a set bit. */
function derInteger(bigEndian: Uint8Array): Uint8Array {
  const first = bigEndian.findIndex(byte => byte !== 0)
  const digits = bigEndian.subarray(first)
  const sign = digits[0]! < 0x80 ? [] : [0]
  return Uint8Array.of(0x02, sign.length + digits.length, ...sign, ...digits)
}
