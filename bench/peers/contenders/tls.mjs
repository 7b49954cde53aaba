/** TLS 1.3 with the cipher that Noise has, and a certificate of an Ed25519 key on both sides. */
import { once } from 'node:events'
import { connect, createSecureContext, createServer } from 'node:tls'
import { createCertificate } from '../certificate.mjs'
import { clientWith, listenWith } from './sockets.mjs'

// Made from a fixed seed, so that each side knows the other's: it is its own.
const { key, cert } = createCertificate(Buffer.alloc(32, 7))

const secrets = {
  key,
  cert,
  ca: [cert],
  minVersion: /** @type {const} */ ('TLSv1.3'),
  ciphers: 'TLS_CHACHA20_POLY1305_SHA256',
}

const secureContext = createSecureContext(secrets)

const sockets = { allowHalfOpen: true, noDelay: true }

export const listen = listenWith(serve =>
  createServer({ ...sockets, ...secrets, requestCert: true, rejectUnauthorized: true }, serve),
)

export const createClient = clientWith(async port => {
  const options = { secureContext, rejectUnauthorized: true, checkServerIdentity: () => undefined }
  const socket = connect({ ...sockets, ...options, port, host: '127.0.0.1' })
  await once(socket, 'secureConnect')
  return socket
})
