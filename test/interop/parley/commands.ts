import { randomBytes } from 'node:crypto'
import { type Connection, type Host, PeerId, perf, type Stream } from 'parley'
import { type Digest, decodeDigest } from '../pattern.ts'
import type { Commands, Parameters } from './control.ts'
import { digestOf, readSome, type Served, writePattern } from './serve.ts'

/** What identify tells of this program that its host does not show. */
export interface Self {
  agentVersion: string
  /** Hex of the protobuf. */
  publicKey: string
}

/** What this program can do. */
export function createCommands(host: Host, served: Served, self: Self): Commands {
  const connections = (peer: string) => host.connections.filter(({ peerId }) => peerId.toString() === peer)
  const connectionTo = (peer: string) => connections(peer)[0] ?? fail(`there is no connection to ${peer}`)
  const open = ({ peer }: Parameters, protocol: string | string[]) => connectionTo(peer).open(protocol)
  const on =
    (protocol: string, act: (stream: Stream, parameters: Parameters) => unknown) =>
    async (parameters: Parameters) =>
      act(await open(parameters, protocol), parameters)

  return {
    self: () => ({
      ...self,
      protocolVersion: 'ipfs/0.1.0',
      protocols: served.protocols,
      listenAddrs: host.addresses.map(address => address.withoutPeerId().toString()),
    }),
    dial: async ({ address }) => ({ peer: (await host.dial(address)).peerId.toString() }),
    connections: ({ peer }) => ({ count: connections(peer).length, muxer: muxerOf(connections(peer)[0]) }),
    ping: on('/ipfs/ping/1.0.0', pings),
    'own-ping': async ({ peer }) => ({ rtt: await host.ping(PeerId.parse(peer)) }),
    identify: ({ peer }) => describe(host, connectionTo(peer)),
    handle: ({ protocol }) => served.echo(protocol!),
    select: async parameters => {
      const stream = await open(parameters, parameters.protocols)
      await exchange(stream, Buffer.from('hello'))
      return { protocol: stream.protocol }
    },
    echo: on('/interop/echo/1.0.0', echo),
    upload: parameters => on(parameters.protocol ?? '/interop/sink/1.0.0', upload)(parameters),
    download: on('/interop/source/1.0.0', download),
    mute: on('/interop/mute/1.0.0', mute),
    'be-reset': on('/interop/reset/1.0.0', writeUntilReset),
    reset: on('/interop/source/1.0.0', resetAfterSome),
    release: () => served.release(),
    streams: async parameters => {
      const one = () => open(parameters, '/interop/echo/1.0.0')
      await (parameters.atOnce ? exchangeAtOnce : exchangeInTurn)(parameters.count, one)
      return { count: parameters.count }
    },
    chat: on('/chat/1.0.0', stream => void served.converse(stream).catch(() => {})),
    say: ({ peer, text }) => void served.chatWith(peer).write(Buffer.from(`${text}\n`)),
    perf: parameters => measure(host, parameters),
    close: ({ peer }) => connectionTo(peer).close(),
    stop: () => host.stop(),
  }
}

function fail(sentence: string): never {
  throw new Error(sentence)
}

/** Which round trip the muxer took. */
function muxerOf(connection: Connection | undefined): 'early' | 'multistream' | undefined {
  return connection && (connection.muxer.early ? 'early' : 'multistream')
}

/** What identify told of a peer, in the contract's names. */
function describe(host: Host, { peerId, publicKey }: Connection): object {
  const info = host.peers.get(peerId)
  return {
    agentVersion: info?.agent ?? null,
    protocolVersion: info?.protocolVersion ?? null,
    protocols: info?.agent === undefined ? null : info.protocols,
    listenAddrs: info?.addresses.map(String) ?? null,
    publicKey: Buffer.from(publicKey.bytes).toString('hex'),
    observedAddr: info?.observedAddress?.toString() ?? null,
    signedPeerRecord: host.peers.seq(peerId) >= 0n,
  }
}

async function pings(stream: Stream, { count }: Parameters): Promise<object> {
  const rtts: number[] = []
  while (rtts.length < count) rtts.push(await pingOnce(stream))
  await stream.end()
  return { rtts }
}

async function pingOnce(stream: Stream): Promise<number> {
  const bytes = randomBytes(32)
  const begin = performance.now()
  stream.write(bytes)
  const answer = await readSome(stream, bytes.length)
  if (!answer.equals(bytes)) fail('a ping came back changed')
  return performance.now() - begin
}

async function echo(stream: Stream, { bytes }: Parameters): Promise<Digest> {
  const back = digestOf(stream)
  await writePattern(stream, bytes)
  await stream.end()
  return back
}

async function upload(stream: Stream, { bytes }: Parameters): Promise<Digest> {
  await writePattern(stream, bytes)
  await stream.end()
  return decodeDigest(await readAll(stream))
}

async function download(stream: Stream, { bytes }: Parameters): Promise<Digest> {
  askSource(stream, bytes)
  await stream.end()
  return digestOf(stream)
}

/** Listens to the end before it says a word. */
async function mute(stream: Stream, { bytes }: Parameters): Promise<void> {
  await digestOf(stream)
  await writePattern(stream, bytes)
  await stream.end()
}

async function resetAfterSome(stream: Stream): Promise<void> {
  askSource(stream, 64 * 1024 * 1024)
  await readSome(stream, 65_536)
  stream.reset()
}

function askSource(stream: Stream, bytes: number): void {
  const request = Buffer.alloc(8)
  request.writeBigUInt64BE(BigInt(bytes))
  stream.write(request)
}

async function writeUntilReset(stream: Stream): Promise<object> {
  const block = new Uint8Array(65_536)
  let written = 0
  try {
    for (; written < 256 * 1024 * 1024; written += block.length)
      if (!stream.write(block)) await stream.drained()
  } catch {
    return { written }
  }
  return fail('256 MiB went through, and no reset came')
}

async function measure(host: Host, { peer, upload, download }: Parameters): Promise<object> {
  let bytes = 0
  const onProgress = (_sent: number, received: number) => {
    bytes = received
  }
  const ms = await perf(host, PeerId.parse(peer), { upload, download, onProgress })
  return { seconds: ms / 1_000, bytes }
}

type Open = () => Promise<Stream>

async function exchangeAtOnce(count: number, open: Open): Promise<void> {
  const streams = await Promise.all(Array.from({ length: count }, open))
  await Promise.all(streams.map(stream => exchange(stream, randomBytes(100))))
}

async function exchangeInTurn(count: number, open: Open): Promise<void> {
  for (let i = 0; i < count; i++) await exchange(await open(), randomBytes(100))
}

/** Sends all, ends, and wants just that back. */
async function exchange(stream: Stream, bytes: Buffer): Promise<void> {
  stream.write(bytes)
  await stream.end()
  if (!bytes.equals(await readAll(stream))) fail('the echo was not what was sent')
}

async function readAll(stream: Stream): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of stream) chunks.push(chunk)
  return Buffer.concat(chunks)
}
