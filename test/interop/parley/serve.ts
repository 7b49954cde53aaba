import { type Host, type Stream, servePerf } from 'parley'
import { deferred } from '../async.ts'
import { type Digest, DigestCounter, encodeDigest, pattern } from '../pattern.ts'
import { emit } from './control.ts'

/** More streams at once than any cell opens. */
const maxInbound = 1024

/** The protocols that a peer program serves, and what the handlers keep for the commands. */
export class Served {
  readonly #host: Host
  readonly #own: string[] = ['/ipfs/id/1.0.0', '/ipfs/id/push/1.0.0', '/ipfs/ping/1.0.0']
  readonly #chats = new Map<string, Stream>()
  #released = deferred()

  constructor(host: Host) {
    this.#host = host
    this.echo('/interop/echo/1.0.0')
    this.#serve('/interop/sink/1.0.0', answerDigest)
    this.#serve('/interop/source/1.0.0', give)
    this.#serve('/interop/mute/1.0.0', receiveMuted)
    this.#serve('/interop/reset/1.0.0', async stream => {
      await readSome(stream, 65_536)
      stream.reset()
    })
    this.#serve('/interop/hold/1.0.0', async stream => {
      await this.#released.promise
      await answerDigest(stream)
    })
    this.#serve('/chat/1.0.0', stream => this.converse(stream))
    this.#own.push('/perf/1.0.0')
    servePerf(host)
  }

  /** What it accepts, as identify tells. */
  get protocols(): string[] {
    return this.#own
  }

  /** Serves one more protocol, by giving back what comes. */
  echo(protocol: string): void {
    this.#serve(protocol, async stream => {
      for await (const chunk of stream) if (!stream.write(chunk)) await stream.drained()
      await stream.end()
    })
  }

  /** Lets all streams on hold go on. */
  release(): void {
    this.#released.resolve()
    this.#released = deferred()
  }

  /** Keeps a chat stream, and tells of each line. */
  async converse(stream: Stream): Promise<void> {
    const peer = stream.connection.peerId.toString()
    this.#chats.set(peer, stream)
    const decoder = new TextDecoder()
    let rest = ''
    for await (const chunk of stream) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n')
      rest = lines.pop()!
      for (const text of lines) if (text !== '') emit({ event: 'line', peer, text })
    }
  }

  /** The chat stream with a peer, whoever opened it. */
  chatWith(peer: string): Stream {
    const stream = this.#chats.get(peer)
    if (!stream) throw new Error(`there is no chat stream with ${peer}`)
    return stream
  }

  #serve(protocol: string, handler: (stream: Stream) => Promise<void>): void {
    this.#own.push(protocol)
    this.#host.handle(protocol, handler, { maxInbound })
  }
}

/** Reads to the end and says what it was. */
export async function digestOf(stream: Stream): Promise<Digest> {
  const counter = new DigestCounter()
  for await (const chunk of stream) counter.add(chunk)
  return counter.digest()
}

/** Writes that much of the pattern, as fast as it is taken. */
export async function writePattern(stream: Stream, bytes: number): Promise<void> {
  for (const piece of pattern(bytes)) if (!stream.write(piece)) await stream.drained()
}

/** Reads at least so many bytes and returns them all. */
export async function readSome(stream: Stream, count: number): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of stream) {
    chunks.push(chunk)
    length += chunk.length
    if (length >= count) return Buffer.concat(chunks)
  }
  throw new Error(`the stream ended after ${length} of ${count} bytes`)
}

async function answerDigest(stream: Stream): Promise<void> {
  stream.write(encodeDigest(await digestOf(stream)))
  await stream.end()
}

async function give(stream: Stream): Promise<void> {
  const wanted = Number((await readSome(stream, 8)).readBigUInt64BE())
  try {
    await writePattern(stream, wanted)
    await stream.end()
  } catch {
    emit({ event: 'reset', protocol: stream.protocol })
  }
}

async function receiveMuted(stream: Stream): Promise<void> {
  await stream.end()
  emit({ event: 'received', protocol: stream.protocol, ...(await digestOf(stream)) })
}
