/** A listener that publishes as it should, and answers whoever dials with bytes that are no protocol. */
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { generateKey, PeerId } from 'parley'
import { readEnvironment } from './environment.ts'
import { address } from './network.ts'
import { Redis } from './redis.ts'

const settings = readEnvironment(process.env)
const redis = await Redis.connect(settings.redis, AbortSignal.timeout(settings.timeout))
const server = createServer(socket => {
  socket.on('error', () => {})
  socket.write(new Uint8Array(64).fill(0xff))
}).listen(0, address)
await once(server, 'listening')
const { port } = server.address() as AddressInfo
const { publicKey } = await generateKey()
await redis.publish(
  settings.key,
  `/ip4/${address}/tcp/${port}/p2p/${PeerId.fromPublicKey(publicKey).toString()}`,
)
redis.close()
setTimeout(() => process.exit(1), settings.timeout)
