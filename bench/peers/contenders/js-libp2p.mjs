import { once } from 'node:events'
import { identify } from '@libp2p/identify'
import { noise } from '@libp2p/noise'
import { ping } from '@libp2p/ping'
import { tcp } from '@libp2p/tcp'
import { lpStream } from '@libp2p/utils'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import * as lengthPrefixed from 'it-length-prefixed'
import { createLibp2p } from 'libp2p'

/** @typedef {import('../contender.mjs').Pipe} Pipe */

/** More than any suite asks for: what is measured is the speed of the library, not its limits. */
const many = 100_000

const streamLimits = { maxInboundStreams: many, maxOutboundStreams: many }

const protocolOf = service => `/bench/${service}/1.0.0`

const createNode = ({ keepAlive }, listen = []) =>
  createLibp2p({
    addresses: { listen },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [
      yamux({
        ...streamLimits,
        maxEarlyStreams: many,
        ...(keepAlive ? { keepAliveInterval: keepAlive } : {}),
      }),
    ],
    // parley has the same services, always.
    services: { identify: identify(), ping: ping() },
    connectionManager: {
      maxConnections: many,
      inboundConnectionThreshold: many,
      maxIncomingPendingConnections: many,
    },
  })

/** @type {import('../contender.mjs').Contender['listen']} */
export async function listen(services, options) {
  const node = await createNode(options, ['/ip4/127.0.0.1/tcp/0'])
  for (const [name, serve] of Object.entries(services))
    await node.handle(protocolOf(name), stream => serve(pipeOf(stream)), streamLimits)
  return Object.fromEntries(Object.keys(services).map(name => [name, String(node.getMultiaddrs()[0])]))
}

/** @type {import('../contender.mjs').Contender['createClient']} */
export async function createClient(options) {
  const node = await createNode(options)
  return {
    dial: address => node.dial(multiaddr(address)),
    open: async (address, service) =>
      pipeOf(await node.dialProtocol(multiaddr(address), protocolOf(service), streamLimits)),
    stop: () => node.stop(),
  }
}

/**
 * @param {import('@libp2p/interface').Stream} stream
 * @returns {Pipe}
 */
const pipeOf = stream => ({
  write: bytes => stream.send(bytes),
  drained: () => once(stream, 'drain'),
  end: () => stream.close(),
  read: listener =>
    new Promise((resolve, reject) => {
      stream.addEventListener('message', ({ data }) => listener(data))
      stream.addEventListener('remoteCloseWrite', () => resolve())
      stream.addEventListener('close', ({ error }) => (error ? reject(error) : resolve()))
    }),
  writeMessages: () => ({
    write: message => stream.send(lengthPrefixed.encode.single(message)),
    drained: () => once(stream, 'drain'),
  }),
  async sendMessages(message, go) {
    const messages = lpStream(stream)
    while (go()) await messages.write(message)
  },
  async readMessages(listener) {
    for await (const message of lengthPrefixed.decode(stream)) listener(message)
  },
})

export const framing = {
  encode: payload => lengthPrefixed.encode.single(payload).subarray(),
  encodeInPieces: payload => lengthPrefixed.encode.single(payload),
  decode(chunk, listener) {
    for (const frame of lengthPrefixed.decode([chunk])) listener(frame)
  },
}
