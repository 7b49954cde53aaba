import { createHash } from 'node:crypto'
import { provider } from '#crypto'
import { readIdentify } from '#src/host/services/identify'
import { Connection } from '#src/net/connection'
import type { Stream } from '#src/net/stream'
import { type Direction, upgrade } from '#src/net/upgrade'
import { encodeIdentify } from '#src/protocol/identify'
import { withDefaults } from '#src/protocol/limits'
import { createNoiseIdentity } from '#src/protocol/noise/handshake'
import { YAMUX_PROTOCOL } from '#src/protocol/yamux/session'
import { concat, hex } from '#src/wire/bytes'
import { ParleyError } from '#src/wire/errors'
import { PrivateKey } from '#src/wire/keys'
import { PeerId } from '#src/wire/peer-id'
import { openPeerRecord } from '#src/wire/peer-record'
import { never, withResolvers } from './net.ts'
import type { Entry, SteppedSocket } from './replay.ts'

/** A session of parley with another implementation, as parley's end saw it, and what came of it. */
export interface Transcript {
  /** The other implementation, its version, and the kind of its key. */
  implementation: string
  version: string
  key: string
  /** Who dialled: `outbound` where parley did. */
  direction: Direction
  outcome: Outcome
  entries: Entry[]
}

/** What a session came to; the same whenever its bytes come again, in whatever pieces. */
export interface Outcome {
  peer: string
  earlyMuxer: boolean
  /** All that left before the muxer, in hex: with fixed keys every byte of it is determined. */
  handshake: string
  identify: object
  /** What was seen on the streams that we opened. */
  opened: string[]
  /** What was seen on the streams that the other side opened, sorted. */
  accepted: string[]
  /** How the connection ended. */
  end: string
}

const identifyProtocol = '/ipfs/id/1.0.0'
const echoProtocol = '/interop/echo/1.0.0'

// parley's secrets in all sessions, so that the recorded ones can be gone through again.
const identity = PrivateKey.fromSeed(new Uint8Array(32).fill(0x70))
const staticKey = provider.x25519(new Uint8Array(32).fill(0x71))
const ephemeralKey = provider.x25519(new Uint8Array(32).fill(0x72))

/** Who parley is in all of them. */
export const recordedPeerId: PeerId = PeerId.fromPublicKey(identity.publicKey)

/** Goes through a session on a socket: as dialer step by step, as listener until the other side has closed. */
export async function runSession(socket: SteppedSocket, direction: Direction): Promise<Outcome> {
  const noise = createNoiseIdentity(identity, [YAMUX_PROTOCOL], staticKey)
  const upgraded = await upgrade(socket, { direction, identity: noise, ephemeralKey }, never)
  const handshake = hex(concat(socket.sent))
  const accepted: Promise<string>[] = []
  const closed = withResolvers<ParleyError | undefined>()
  const connection = new Connection({
    socket,
    upgraded,
    direction,
    limits: withDefaults(),
    events: {
      accepts: protocol => protocol in acceptors,
      stream: stream => accepted.push(witness(stream, acceptors[stream.protocol]!)),
      closed: (_connection, error) => closed.resolve(error),
    },
  })
  const identified = identify(connection)
  const opened = direction === 'outbound' ? await takeSteps(connection, socket, identified) : []
  const error = await closed.promise
  return {
    peer: upgraded.peerId.toString(),
    earlyMuxer: upgraded.muxer.early,
    handshake,
    identify: await identified,
    opened,
    accepted: (await Promise.all(accepted)).toSorted(),
    end: error?.code ?? 'in good order',
  }
}

/** What a stream came to, or the code of the error that it ended in. */
async function witness(stream: Stream, act: (stream: Stream) => Promise<string>): Promise<string> {
  try {
    return `${stream.protocol}: ${await act(stream)}`
  } catch (error) {
    if (error instanceof ParleyError) return `${stream.protocol}: ${error.code}`
    throw error
  }
}

async function identify(connection: Connection): Promise<object> {
  const stream = await connection.open(identifyProtocol)
  const { signedPeerRecord, addresses, publicKey, observedAddress, ...rest } = await readIdentify(stream, {
    timeout: 10_000,
  })
  await stream.end()
  return {
    ...rest,
    publicKey: publicKey && hex(publicKey),
    addresses: addresses?.map(String),
    observedAddress: observedAddress?.toString(),
    record: signedPeerRecord && recordIn(signedPeerRecord),
  }
}

function recordIn(bytes: Uint8Array): string {
  try {
    const { seq, addresses } = openPeerRecord(bytes)
    return `${seq}: ${addresses.join(', ')}`
  } catch (error) {
    return (error as ParleyError).code
  }
}

/** What parley's end does as dialer, one after another. */
const steps: Record<string, (connection: Connection) => Promise<string>> = {
  ping: connection => openAnd(connection, ['/ipfs/ping/1.0.0'], new Uint8Array(32).fill(0x50)),
  'a protocol that is unknown, then one that is not': connection =>
    openAnd(connection, ['/interop/unknown/1.0.0', echoProtocol], new Uint8Array(3_000).fill(0x51)),
  'a reset': async connection => {
    const stream = await connection.open('/interop/reset/1.0.0')
    return witness(stream, async () => {
      stream.write(new Uint8Array(65_536))
      return readAll(stream)
    })
  },
}

/** Opens a stream, writes all, ends, and reads to the end. */
async function openAnd(connection: Connection, protocols: string[], bytes: Uint8Array): Promise<string> {
  const stream = await connection.open(protocols)
  return witness(stream, async () => {
    stream.write(bytes)
    await stream.end()
    return readAll(stream)
  })
}

async function takeSteps(
  connection: Connection,
  socket: SteppedSocket,
  identified: Promise<object>,
): Promise<string[]> {
  await identified
  const seen: string[] = []
  for (const [name, run] of Object.entries(steps)) {
    socket.step(name)
    seen.push(await run(connection))
  }
  socket.step('close')
  await connection.close()
  return seen
}

/** What parley's end does with the streams that it accepts. */
const acceptors: Record<string, (stream: Stream) => Promise<string>> = {
  '/ipfs/ping/1.0.0': giveBack,
  [echoProtocol]: giveBack,
  '/chat/1.0.0': readAll,
  [identifyProtocol]: async stream => {
    const protocols = Object.keys(acceptors)
    stream.write(encodeIdentify({ publicKey: identity.publicKey.bytes, protocols, agent: 'parley/recorded' }))
    await stream.end()
    return 'told'
  },
}

async function giveBack(stream: Stream): Promise<string> {
  const chunks: Uint8Array[] = []
  for await (const chunk of stream) {
    chunks.push(chunk)
    stream.write(chunk)
  }
  await stream.end()
  return describe(chunks)
}

async function readAll(stream: Stream): Promise<string> {
  const chunks: Uint8Array[] = []
  for await (const chunk of stream) chunks.push(chunk)
  return describe(chunks)
}

function describe(chunks: readonly Uint8Array[]): string {
  const bytes = concat(chunks)
  const hash = createHash('sha256').update(bytes).digest('hex')
  return `${bytes.length} bytes, sha256 ${hash.slice(0, 16)}`
}
