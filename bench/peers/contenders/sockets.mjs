/** What node:net, node:tls and secret-stream have in common: one socket is one pipe, so that each service has a port. */
import { once } from 'node:events'

/** @typedef {import('../contender.mjs').Pipe} Pipe */
/** @typedef {import('node:stream').Duplex} Duplex */

/**
 * @param {(serve: (socket: Duplex) => void) => import('node:net').Server} createServer
 * @returns {import('../contender.mjs').Contender['listen']}
 */
export const listenWith = createServer => async services => {
  const addresses = {}
  for (const [name, serve] of Object.entries(services)) {
    const server = createServer(socket => void serve(pipeOf(socket)).catch(() => socket.destroy()))
    await new Promise(resolve => server.listen(0, '127.0.0.1', 511, () => resolve(undefined)))
    addresses[name] =
      `/ip4/127.0.0.1/tcp/${/** @type {import('node:net').AddressInfo} */ (server.address()).port}`
  }
  return addresses
}

/**
 * @param {(port: number) => Promise<Duplex>} connect settles when the other side has proven who it is
 * @returns {import('../contender.mjs').Contender['createClient']}
 */
export const clientWith = connect => async () => ({
  async dial(address) {
    const socket = await connect(portOf(address))
    return { close: () => close(socket) }
  },
  open: async address => pipeOf(await connect(portOf(address))),
  stop: async () => {},
})

const portOf = address => Number(address.split('/').at(-1))

async function close(socket) {
  const closed = once(socket, 'close')
  socket.resume()
  socket.end()
  await closed
}

/** @returns {Pipe} */
const pipeOf = socket => ({
  write: bytes => socket.write(bytes),
  drained: () => once(socket, 'drain'),
  end: () => socket.end(),
  read: listener =>
    new Promise((resolve, reject) => {
      socket.on('data', listener)
      socket.on('end', resolve)
      socket.on('error', reject)
    }),
})
