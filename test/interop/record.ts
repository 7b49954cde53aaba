/**
 * Records sessions with real peers for test/corpus: `npm run interop:record`.
 *
 * parley's end has fixed keys and goes through fixed steps (test/support/transcript.ts), so that test/corpus.test.ts can
 * go through the same session again without the peer.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { tcp } from '#src/net/tcp'
import type { Socket } from '#src/net/transport'
import { Multiaddr } from '#src/wire/multiaddr'
import { never } from '../support/net.ts'
import { RecordingSocket } from '../support/replay.ts'
import { recordedPeerId, runSession, type Transcript } from '../support/transcript.ts'
import { deferred, eventually } from './async.ts'
import { type Column, columns } from './columns.ts'
import { Peer } from './peer.ts'

const folder = join('test', 'corpus')

/** What is recorded, each both ways. As go's own chat has it, one has an RSA key, and proposes TLS before Noise. */
const sessions = [
  { column: 'go', key: 'ed25519', security: 'noise' },
  { column: 'go', key: 'rsa', security: 'default' },
  { column: 'js', key: 'ed25519', security: 'noise' },
  { column: 'rust', key: 'ed25519', security: 'noise' },
  { column: 'rust', key: 'secp256k1', security: 'noise' },
]

for (const session of sessions) {
  await columnOf(session).build()
  await record(session, 'outbound', dial)
  await record(session, 'inbound', beDialled)
}

type Meet = (peer: Peer) => Promise<{ socket: RecordingSocket; over: Promise<unknown> }>

type Session = (typeof sessions)[number]

function columnOf({ column }: Session): Column {
  return columns.find(({ name }) => name === column)!
}

async function record(session: Session, direction: Transcript['direction'], meet: Meet): Promise<void> {
  const { column, key, security } = session
  const peer = await Peer.start(column, columnOf(session).peer, ['--key', key, '--security', security])
  const { implementation, version } = peer.info
  const { socket, over } = await meet(peer)
  const [outcome] = await Promise.all([runSession(socket, direction), over])
  const transcript: Transcript = { implementation, version, key, direction, outcome, entries: socket.entries }
  const file = join(folder, `${column}-${key}-${direction}.json`)
  writeFileSync(file, `${JSON.stringify(transcript, undefined, 2)}\n`)
  console.log(`${file}: ${outcome.end}, ${[...outcome.opened, ...outcome.accepted].join('; ')}`)
  await peer.kill()
}

async function dial(peer: Peer): ReturnType<Meet> {
  const socket = await tcp().dial(Multiaddr.parse(peer.address), never)
  return { socket: new RecordingSocket(socket), over: Promise.resolve() }
}

async function beDialled(peer: Peer): ReturnType<Meet> {
  const accepted = deferred<Socket>()
  const listener = await tcp().listen(Multiaddr.parse('/ip4/127.0.0.1/tcp/0'), accepted.resolve)
  const over = visit(peer, listener.addresses[0]!)
  const socket = new RecordingSocket(await accepted.promise)
  await listener.close()
  return { socket, over }
}

/** What the other side does as dialer. */
async function visit(peer: Peer, address: Multiaddr): Promise<void> {
  const { peer: parley } = await peer.do<{ peer: string }>('dial', {
    address: address.withPeerId(recordedPeerId).toString(),
  })
  const near = { peer: parley }
  await peer.do('ping', { ...near, count: 3 })
  await peer.do('select', { ...near, protocols: ['/interop/unknown/1.0.0', '/interop/echo/1.0.0'] })
  await peer.do('echo', { ...near, bytes: 3_000 })
  await peer.do('chat', near)
  await peer.do('say', { ...near, text: 'Grüße, 你好' })
  await eventually(10_000, `${peer.name} heard nothing from identify`, async () => {
    const { agentVersion } = await peer.do<{ agentVersion: string | null }>('identify', near)
    return agentVersion ?? undefined
  })
  await peer.do('close', near)
}
