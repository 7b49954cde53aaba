/** @hyperswarm/secret-stream: Noise XX with Ed25519 keys, then libsodium's secretstream, in C. */

import { connect, createServer } from 'node:net'
import SecretStream from '@hyperswarm/secret-stream'
import { clientWith, listenWith } from './sockets.mjs'

const options = { allowHalfOpen: true, noDelay: true }
const keyPair = SecretStream.keyPair()

export const listen = listenWith(serve =>
  createServer(options, socket => serve(new SecretStream(false, socket, { keyPair }))),
)

export const createClient = clientWith(async port => {
  const socket = connect({ ...options, port, host: '127.0.0.1' })
  const stream = new SecretStream(true, socket, { keyPair })
  if (!(await stream.opened)) throw new Error('The handshake has failed.')
  return stream
})
