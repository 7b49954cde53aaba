import { hex, joined } from './providers.ts'

/** The u of the points whose order divides the cofactor, some of them written beyond the prime. */
export const lowOrderX25519: readonly Uint8Array[] = [
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
  '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  '0000000000000000000000000000000000000000000000000000000000000080',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',
].map(hex)

/** Ed25519 public keys off the curve, beyond the prime or of small order. */
export const refusedEd25519: readonly Uint8Array[] = [
  '0200000000000000000000000000000000000000000000000000000000000000',
  'f1ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',
  '0100000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000080',
  '0000000000000000000000000000000000000000000000000000000000000000',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85',
].map(hex)

/** A DER value of any length below 64 KiB. */
function der(tag: number, ...content: Uint8Array[]): Uint8Array {
  const body = joined(...content)
  const { length } = body
  const lengths =
    length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return joined(Uint8Array.of(tag, ...lengths), body)
}

const derNumber = (bytes: Uint8Array) => der(2, ...(bytes[0]! < 0x80 ? [] : [Uint8Array.of(0)]), bytes)
const rsaAlgorithm = hex('300d06092a864886f70d0101010500')
/** The exponent that everybody uses. */
export const F4: Uint8Array = hex('010001')

/** The SubjectPublicKeyInfo of an odd modulus with just so many bits: no key that anyone could sign with. */
export function rsaSpki(bits: number, exponent = F4, algorithm = rsaAlgorithm): Uint8Array {
  const modulus = new Uint8Array(Math.ceil(bits / 8)).fill(0xa5)
  modulus[0] = 1 << ((bits - 1) % 8)
  return der(0x30, algorithm, der(3, Uint8Array.of(0), der(0x30, derNumber(modulus), derNumber(exponent))))
}
