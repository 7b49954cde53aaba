import { createHost, lengthPrefixed } from '../../../dist/index.js'
import { encodeFrame, FrameReader } from '../../../dist/wire/frame.js'
import { encodeVarint } from '../../../dist/wire/varint.js'

/** @typedef {import('../contender.mjs').Pipe} Pipe */

/** More than any suite asks for. */
const many = 20_000

const protocolOf = service => `/bench/${service}/1.0.0`

const createBenchHost = ({ keepAlive }, more = {}) =>
  createHost({
    limits: {
      connections: many,
      pendingInbound: many,
      yamux: keepAlive ? { keepAliveInterval: keepAlive } : {},
    },
    ...more,
  })

/** @type {import('../contender.mjs').Contender['listen']} */
export async function listen(services, options) {
  const host = await createBenchHost(options, { listen: ['/ip4/127.0.0.1/tcp/0'] })
  for (const [name, serve] of Object.entries(services))
    host.handle(protocolOf(name), stream => serve(pipeOf(stream)))
  return Object.fromEntries(Object.keys(services).map(name => [name, String(host.addresses[0])]))
}

/** @type {import('../contender.mjs').Contender['createClient']} */
export async function createClient(options) {
  const host = await createBenchHost(options)
  return {
    dial: address => host.dial(address),
    open: async (address, service) => pipeOf(await host.open(address, protocolOf(service))),
    openEarly: async (address, service) =>
      pipeOf(await host.open(address, protocolOf(service), { optimistic: true })),
    stop: () => host.stop(),
  }
}

/** @returns {Pipe} */
const pipeOf = stream => ({
  write: bytes => stream.write(bytes),
  drained: () => stream.drained(),
  end: () => stream.end(),
  async read(listener) {
    for await (const piece of stream) listener(piece)
  },
  writeMessages: () => lengthPrefixed(stream),
  async sendMessages(message, go) {
    const messages = lengthPrefixed(stream)
    while (go()) {
      messages.write(message)
      await messages.drained()
    }
  },
  readMessages: listener => lengthPrefixed(stream).forEach(listener),
})

export const framing = {
  encode: encodeFrame,
  encodeInPieces: payload => [encodeVarint(payload.length), payload],
  decode(chunk, listener) {
    const reader = new FrameReader({ max: chunk.length })
    reader.push(chunk)
    for (let frame = reader.next(); frame; frame = reader.next()) listener(frame)
  },
}
