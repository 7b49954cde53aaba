/** The other end of the loopback suite, in a process of its own. It says where it listens and leaves with its parent. */
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { createHost, lengthPrefixed, type Stream } from '#src/index'
import { chunk, type Peer, protocols } from './loopback-protocols.ts'

/** Counts what comes and says at the end how much it was. */
async function sink(stream: Stream): Promise<void> {
  let bytes = 0
  for await (const piece of stream) bytes += piece.length
  await say(stream, bytes)
}

/** As `sink`, in messages. */
async function messages(stream: Stream): Promise<void> {
  let count = 0
  for await (const _ of lengthPrefixed(stream)) count++
  await say(stream, count)
}

/** Sends for as many milliseconds as it is asked to. */
async function source(stream: Stream): Promise<void> {
  let request = ''
  for await (const piece of stream) request += Buffer.from(piece).toString()
  const deadline = performance.now() + Number(request)
  while (performance.now() < deadline) if (!stream.write(chunk)) await stream.drained()
  await stream.end()
}

async function echo(stream: Stream): Promise<void> {
  for await (const piece of stream) if (!stream.write(piece)) await stream.drained()
  await stream.end()
}

async function say(stream: Stream, count: number): Promise<void> {
  stream.write(Buffer.from(String(count)))
  await stream.end()
}

/** What the bare sockets do: `sink` and `echo`. */
function bareSink(socket: Socket): void {
  let bytes = 0
  socket.on('data', piece => {
    bytes += piece.length
  })
  socket.on('end', () => socket.end(String(bytes)))
}

async function listenBare(serve: (socket: Socket) => void): Promise<number> {
  const server = createServer({ allowHalfOpen: true, noDelay: true }, serve)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}

const host = await createHost({ listen: ['/ip4/127.0.0.1/tcp/0'] })
host.handle(protocols.sink, sink)
host.handle(protocols.messages, messages)
host.handle(protocols.source, source)
host.handle(protocols.echo, echo)
const peer: Peer = {
  address: String(host.addresses[0]),
  bareSink: await listenBare(bareSink),
  bareEcho: await listenBare(socket => socket.pipe(socket)),
}
process.send?.(peer)
// The ordinary end of a process, which also lets a profiler write what it saw.
process.on('disconnect', () => process.exit())
