// The chat of js-libp2p's examples: `/chat/1.0.0` with a varint before each message, which is one chunk of stdin as it
// came, its newline included. Like the example it serves the protocol only where it does not dial, has no identify and
// no ping, and goes on when stdin ends. Unlike it, it is told whom to dial, and outlives a stream that ends.
import { parseArgs } from 'node:util'
import { noise } from '@libp2p/noise'
import { tcp } from '@libp2p/tcp'
import { lpStream } from '@libp2p/utils'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'

const protocol = '/chat/1.0.0'

const { values } = parseArgs({
  options: { listen: { type: 'string', default: '/ip4/127.0.0.1/tcp/0' }, dial: { type: 'string' } },
})

const node = await createLibp2p({
  addresses: { listen: [values.listen] },
  transports: [tcp()],
  connectionEncrypters: [noise()],
  streamMuxers: [yamux()],
})

if (values.dial === undefined) await node.handle(protocol, talk)
for (const address of node.getMultiaddrs()) console.log(address.toString())
if (values.dial !== undefined) talk(await node.dialProtocol(multiaddr(values.dial), protocol))

/** @param {import('@libp2p/interface').Stream} stream */
function talk(stream) {
  const messages = lpStream(stream)
  const send = chunk => messages.write(chunk).catch(report)
  process.stdin.on('data', send)
  listen(messages)
    .catch(report)
    .finally(() => process.stdin.off('data', send))
}

async function listen(messages) {
  for (;;) {
    const message = await messages.read()
    console.log(`> ${Buffer.from(message.subarray()).toString().replace('\n', '')}`)
  }
}

/** @param {Error} error */
function report(error) {
  console.error(error.message)
}
