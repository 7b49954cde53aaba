/**
 * Two processes over TCP on 127.0.0.1, through the public interface: what a program sees. A few bare sockets show what
 * the machine itself allows. One-way figures end when the other side has told that it read everything.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { type Connection, createHost, type Host, lengthPrefixed, type Stream } from '#src/index'
import { type Case, expectEqual, type Figures, median, perSecondAsync, runSuite } from './harness.ts'
import { chunk, type Peer, protocols } from './loopback-protocols.ts'

const small = new Uint8Array(64).fill(0x5a)
/** Small writes between two looks at the clock. */
const burst = 128
const parallel = 64

/** What both streams and bare sockets are measured through. */
interface Pipe {
  write(bytes: Uint8Array): boolean
  drained(): Promise<unknown>
  end(): unknown
  chunks: AsyncIterable<Uint8Array>
}

interface Other {
  child: ChildProcess
  peer: Peer
}

/** The two processes. Nothing is started before it is needed, so that a choice of cases starts no more than they need. */
class Loopback {
  #other: Promise<Other> | undefined
  #host: Promise<Host> | undefined

  async connection(): Promise<Connection> {
    this.#host ??= createHost()
    return (await this.#host).dial((await this.peer()).address)
  }

  async open(protocol: string): Promise<Stream> {
    return (await this.connection()).open(protocol)
  }

  async bare(port: 'bareSink' | 'bareEcho'): Promise<Socket> {
    const socket = connect({
      host: '127.0.0.1',
      port: (await this.peer())[port],
      noDelay: true,
      allowHalfOpen: true,
    })
    await once(socket, 'connect')
    return socket
  }

  async peer(): Promise<Peer> {
    this.#other ??= start()
    return (await this.#other).peer
  }

  async stop(): Promise<void> {
    await (await this.#host)?.stop()
    const other = await this.#other
    if (!other) return
    other.child.disconnect()
    await once(other.child, 'exit')
  }
}

async function start(): Promise<Other> {
  const child = fork(new URL('./loopback-peer.js', import.meta.url))
  const gone = once(child, 'exit').then(() => {
    throw new Error('The other process left before it listened.')
  })
  const [peer] = await Promise.race([once(child, 'message'), gone])
  gone.catch(() => {})
  return { child, peer }
}

function ofStream(stream: Stream): Pipe {
  return {
    write: bytes => stream.write(bytes),
    drained: () => stream.drained(),
    end: () => stream.end(),
    chunks: stream,
  }
}

function ofSocket(socket: Socket): Pipe {
  return {
    write: bytes => socket.write(bytes),
    drained: () => once(socket, 'drain'),
    end: () => socket.end(),
    chunks: socket,
  }
}

/** Writes the piece for `ms` milliseconds and waits for the other side's count. Returns pieces per second. */
async function push(pipe: Pipe, piece: Uint8Array, ms: number): Promise<number> {
  const atOnce = Math.max(1, Math.floor((burst * small.length) / piece.length))
  const start = performance.now()
  let sent = 0
  while (performance.now() - start < ms) {
    for (let i = 0; i < atOnce; i++, sent++) if (!pipe.write(piece)) await pipe.drained()
  }
  await pipe.end()
  const count = await answer(pipe.chunks)
  const elapsed = performance.now() - start
  expectEqual(count, sent * piece.length)
  return (sent * 1000) / elapsed
}

/** The same in messages. */
async function pushMessages(stream: Stream, ms: number): Promise<number> {
  const outgoing = lengthPrefixed(stream)
  const start = performance.now()
  let sent = 0
  while (performance.now() - start < ms) {
    for (let i = 0; i < burst; i++, sent++) if (!outgoing.write(small)) await outgoing.drained()
  }
  await outgoing.end()
  const count = await answer(stream)
  const elapsed = performance.now() - start
  expectEqual(count, sent)
  return (sent * 1000) / elapsed
}

async function answer(chunks: AsyncIterable<Uint8Array>): Promise<number> {
  let text = ''
  for await (const piece of chunks) text += Buffer.from(piece).toString()
  return Number(text)
}

/** Has the other side send for `ms` milliseconds. Returns bytes per second. */
async function pull(stream: Stream, ms: number): Promise<number> {
  const start = performance.now()
  stream.write(Buffer.from(String(ms)))
  await stream.end()
  let bytes = 0
  for await (const piece of stream) bytes += piece.length
  return (bytes * 1000) / (performance.now() - start)
}

/** Sends a small message and waits until it is back, over and over. */
async function roundTrips(pipe: Pipe, ms: number): Promise<Figures> {
  const chunks = pipe.chunks[Symbol.asyncIterator]()
  const times: number[] = []
  await perSecondAsync(ms, async () => {
    const start = performance.now()
    pipe.write(small)
    for (let back = 0; back < small.length; ) back += (await chunks.next()).value.length
    times.push(performance.now() - start)
    return 1
  })
  await pipe.end()
  expectEqual(Number((await chunks.next()).done), 1)
  return { 'us p50': median(times) * 1000 }
}

/** Connects, up to a connection that streams can be opened on, and closes again. */
async function connections(address: string, ms: number): Promise<Figures> {
  const host = await createHost()
  const rate = await perSecondAsync(ms, async () => {
    const connection = await host.dial(address)
    await connection.close()
    return 1
  })
  await host.stop()
  return { 'connections/s': rate }
}

/** Opens streams whose protocol is agreed on, so many at once, and ends them from both sides. */
async function streams(connection: Connection, atOnce: number, ms: number): Promise<Figures> {
  const one = async () => {
    const stream = await connection.open(protocols.echo)
    await stream.end()
    await stream.closed
  }
  const rate = await perSecondAsync(ms, async () => {
    await Promise.all(Array.from({ length: atOnce }, one))
    return atOnce
  })
  return { 'streams/s': rate }
}

const megabytes = (piecesPerSecond: number) => ({ 'MB/s': (piecesPerSecond * chunk.length) / 1e6 })

function casesOf(loopback: Loopback): Case[] {
  const [subject, bare] = ['parley', 'bare TCP']
  const stream = async (protocol: string) => ofStream(await loopback.open(protocol))
  const socket = async (port: 'bareSink' | 'bareEcho') => ofSocket(await loopback.bare(port))
  return [
    {
      bench: 'loopback bulk up',
      subject,
      round: async ms => megabytes(await push(await stream(protocols.sink), chunk, ms)),
    },
    {
      bench: 'loopback bulk up',
      subject: bare,
      round: async ms => megabytes(await push(await socket('bareSink'), chunk, ms)),
    },
    {
      bench: 'loopback bulk down',
      subject,
      round: async ms => ({ 'MB/s': (await pull(await loopback.open(protocols.source), ms)) / 1e6 }),
    },
    {
      bench: 'loopback 64 B writes one way',
      subject,
      round: async ms => ({ 'writes/s': await push(await stream(protocols.sink), small, ms) }),
    },
    {
      bench: 'loopback 64 B messages one way',
      subject,
      round: async ms => ({ 'messages/s': await pushMessages(await loopback.open(protocols.messages), ms) }),
    },
    {
      bench: 'loopback 64 B echo',
      subject,
      round: async ms => roundTrips(await stream(protocols.echo), ms),
    },
    {
      bench: 'loopback 64 B echo',
      subject: bare,
      round: async ms => roundTrips(await socket('bareEcho'), ms),
    },
    {
      bench: 'loopback connections in turn',
      subject,
      round: async ms => connections((await loopback.peer()).address, ms),
    },
    {
      bench: 'loopback streams in turn',
      subject,
      round: async ms => streams(await loopback.connection(), 1, ms),
    },
    {
      bench: `loopback streams ${parallel} at once`,
      subject,
      round: async ms => streams(await loopback.connection(), parallel, ms),
    },
  ]
}

const loopback = new Loopback()
try {
  await runSuite(casesOf(loopback))
} finally {
  await loopback.stop()
}
