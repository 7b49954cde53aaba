import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { clientWith, listenWith } from './sockets.mjs'

const options = { allowHalfOpen: true, noDelay: true }

export const listen = listenWith(serve => createServer(options, serve))

export const createClient = clientWith(async port => {
  const socket = connect({ ...options, port, host: '127.0.0.1' })
  await once(socket, 'connect')
  return socket
})
