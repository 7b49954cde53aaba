/**
 * An encrypted stream between two hosts: one echoes what the other sends.
 *
 *     node examples/echo.js
 */
import { createHost } from 'parley'

const server = await createHost({ listen: ['/ip4/127.0.0.1/tcp/0'] })
server.handle('/echo/1.0.0', async stream => {
  for await (const chunk of stream) if (!stream.write(chunk)) await stream.drained()
  await stream.end()
})

const client = await createHost()
const stream = await client.open(server.addresses[0], '/echo/1.0.0')
stream.write(new TextEncoder().encode('Hello, whoever you are.'))
await stream.end()

let text = ''
for await (const chunk of stream) text += new TextDecoder().decode(chunk)
console.log(`${stream.connection.peerId} answered: ${text}`)

await client.stop()
await server.stop()
