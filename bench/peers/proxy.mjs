import { connect, createServer } from 'node:net'

const options = { noDelay: true, allowHalfOpen: true }

/**
 * Starts a proxy to a port of this machine that holds everything back for so many milliseconds on its way: bytes, the end,
 * and the beginning too, since who accepts a connection hears of it when the last packet of TCP's handshake has come. As
 * wide as memory is large.
 *
 * @param {number} target @param {number} ms
 */
export async function startProxy(target, ms) {
  const sockets = new Set()
  const keep = socket => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => socket.destroy())
    return socket
  }
  const server = createServer(options, near => {
    /** @type {import('node:net').Socket} */
    let far
    setTimeout(() => {
      far = keep(connect({ ...options, port: target, host: '127.0.0.1' }))
      passLater(far, () => near, ms)
    }, ms)
    passLater(keep(near), () => far, ms)
  })
  await new Promise(resolve => server.listen(0, '127.0.0.1', () => resolve(undefined)))
  return {
    port: /** @type {import('node:net').AddressInfo} */ (server.address()).port,
    close: () => {
      for (const socket of sockets) socket.destroy()
      return new Promise(resolve => server.close(resolve))
    },
  }
}

/** Timers of the same length fire in the order in which they were set. */
function passLater(from, to, ms) {
  from.on('data', bytes => setTimeout(() => to().write(bytes), ms))
  from.on('end', () => setTimeout(() => to().end(), ms))
  from.on('close', () => setTimeout(() => to().destroySoon(), ms))
}
