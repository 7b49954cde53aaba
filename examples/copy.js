/**
 * A file copied from one machine to another, as fast as the slower of them, with node:stream's own tools.
 *
 *     node examples/copy.js receive copy.bin                 prints an address
 *     node examples/copy.js send file.bin <address>
 */
import { createReadStream, createWriteStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { createHost, toDuplex } from 'parley'

const protocol = '/copy/1.0.0'
const [mode, file, address] = process.argv.slice(2)

async function receive() {
  const host = await createHost({ listen: ['/ip4/0.0.0.0/tcp/0'] })
  host.handle(protocol, async stream => {
    const duplex = toDuplex(stream)
    // Nothing goes back but the end, which tells the sender that all of it is on disk.
    await pipeline(duplex, createWriteStream(file), { end: true })
    duplex.end()
    await stream.closed
    await host.stop()
  })
  console.log(String(host.addresses[0]))
}

async function send() {
  const host = await createHost()
  const stream = await host.open(address, protocol)
  await pipeline(createReadStream(file), toDuplex(stream))
  await stream.closed
  await host.stop()
}

if (mode === 'receive' && file) await receive()
else if (mode === 'send' && file && address) await send()
else throw new Error('Say: receive <file>, or: send <file> <address>')
