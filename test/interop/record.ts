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

/** What is recorded: each both ways. go's own chat has an RSA key. */
const sessions = [
  { column: 'go', key: 'ed25519' },
  { column: 'go', key: 'rsa' },
  { column: 'js', key: 'ed25519' },
  { column: 'rust', key: 'ed25519' },
  { column: 'rust', key: 'secp256k1' },
]

for (const { column: name, key } of sessions) {
  const column = columns.find(each => each.name === name)!
  await column.build()
  await record(column, key, 'outbound', dial)
  await record(column, key, 'inbound', beDialled)
}

type Meet = (peer: Peer) => Promise<{ socket: RecordingSocket; over: Promise<unknown> }>

async function record(
  column: Column,
  key: string,
  direction: Transcript['direction'],
  meet: Meet,
): Promise<void> {
  const peer = await Peer.start(column.name, column.peer, ['--key', key])
  const { implementation, version } = peer.info
  const { socket, over } = await meet(peer)
  const [outcome] = await Promise.all([runSession(socket, direction), over])
  const transcript: Transcript = { implementation, version, key, direction, outcome, entries: socket.entries }
  const file = join(folder, `${column.name}-${key}-${direction}.json`)
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
