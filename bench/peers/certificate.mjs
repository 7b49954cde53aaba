/** A self-signed certificate of an Ed25519 key, in as much DER as it takes (RFC 5280, RFC 8410). */
import { createPrivateKey, createPublicKey, sign } from 'node:crypto'

const tags = {
  integer: 0x02,
  bits: 0x03,
  oid: 0x06,
  text: 0x0c,
  time: 0x17,
  sequence: 0x30,
  set: 0x31,
  version: 0xa0,
}

/** @param {number} tag @param {...Uint8Array} contents */
function der(tag, ...contents) {
  const { length } = Buffer.concat(contents)
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Uint8Array.of(tag, ...size), ...contents])
}

const sequence = (...parts) => der(tags.sequence, ...parts)
const integer = value => der(tags.integer, Uint8Array.of(value))
const bits = bytes => der(tags.bits, Uint8Array.of(0), bytes)
const time = text => der(tags.time, Buffer.from(text))

const ed25519 = sequence(der(tags.oid, Uint8Array.of(0x2b, 0x65, 0x70)))
const commonName = der(tags.oid, Uint8Array.of(0x55, 0x04, 0x03))
const name = sequence(der(tags.set, sequence(commonName, der(tags.text, Buffer.from('bench')))))
const validity = sequence(time('200101000000Z'), time('491231235959Z'))

/** What comes before the seed of a private key (RFC 8410, section 7). */
const privateKeyPrefix = Buffer.from('302e020100300506032b657004220420', 'hex')

/**
 * @param {Uint8Array} seed the 32 bytes of the private key
 * @returns {{ key: string, cert: string }} both as PEM
 */
export function createCertificate(seed) {
  const key = createPrivateKey({ key: Buffer.concat([privateKeyPrefix, seed]), format: 'der', type: 'pkcs8' })
  const publicKey = createPublicKey(key).export({ format: 'der', type: 'spki' })
  const version3 = der(tags.version, integer(2))
  const content = sequence(version3, integer(1), ed25519, name, validity, name, publicKey)
  const certificate = sequence(content, ed25519, bits(sign(null, content, key)))
  return { key: String(key.export({ format: 'pem', type: 'pkcs8' })), cert: pem(certificate) }
}

const pem = bytes =>
  `-----BEGIN CERTIFICATE-----\n${bytes.toString('base64').replace(/.{64}/g, '$&\n')}\n-----END CERTIFICATE-----\n`
