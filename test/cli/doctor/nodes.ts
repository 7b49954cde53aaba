import { createServer, type Socket as NodeSocket } from 'node:net'
import type { TestContext } from 'node:test'
import { manners } from '#src/cli/doctor/manners'
import { Connection, type ConnectionEvents } from '#src/net/connection'
import { tcp } from '#src/net/tcp'
import type { Socket } from '#src/net/transport'
import { type Upgraded, upgrade } from '#src/net/upgrade'
import { withDefaults } from '#src/protocol/limits'
import { type Negotiation, NegotiationListener } from '#src/protocol/negotiate'
import { NOISE_PROTOCOL, NoiseHandshake, type Secured } from '#src/protocol/noise/handshake'
import { YAMUX_PROTOCOL } from '#src/protocol/yamux/session'
import { Multiaddr } from '#src/wire/multiaddr'
import { Ear, keyOf, never, noiseOf } from '../../support/net.ts'

/** The key of every node that is played here. */
export const nodeKey = keyOf(7)

/** Serves raw TCP on loopback until the test is over. */
export async function serveRaw(t: TestContext, talk: (socket: NodeSocket) => void): Promise<Multiaddr> {
  const sockets = new Set<NodeSocket>()
  const server = createServer(socket => {
    sockets.add(socket)
    socket.on('error', () => {})
    talk(socket)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const { port } = server.address() as { port: number }
  return Multiaddr.parse(`/ip4/127.0.0.1/tcp/${port}`)
}

/** Serves with parley's own sockets until the test is over. */
export async function serve(t: TestContext, talk: (socket: Socket) => void): Promise<Multiaddr> {
  const sockets: Socket[] = []
  const listener = await tcp().listen(Multiaddr.parse('/ip4/127.0.0.1/tcp/0'), socket => {
    sockets.push(socket)
    talk(socket)
  })
  t.after(async () => {
    for (const socket of sockets) socket.destroy()
    await listener.close()
  })
  return listener.addresses[0]!
}

/** Answers proposals on a socket; calls back with what came behind the agreement. */
export function negotiate(
  socket: Socket,
  accepts: (protocol: string) => boolean,
  agreed: (ear: Ear, rest: Uint8Array) => void = () => {},
): void {
  const negotiation: Negotiation = new NegotiationListener(accepts)
  const ear = new Ear()
  ear.onData = () => {
    const result = negotiation.receive(ear.chunks.at(-1)!)
    socket.write([negotiation.take()])
    if (!result) return
    ear.onData = () => {}
    agreed(ear, result.rest)
  }
  socket.attach(ear)
}

/** What a node does on a socket that it has secured: with the bytes that have come, and those that will. */
export type Talk = (socket: Socket, secured: Secured, ear: Ear) => void

/** Agrees on Noise and shakes hands as a node without early negotiation; what comes then is up to the test. */
export function shakeHands(socket: Socket, talk: Talk): void {
  const handshake = new NoiseHandshake({ role: 'responder', identity: noiseOf(nodeKey, []) })
  negotiate(
    socket,
    protocol => protocol === NOISE_PROTOCOL,
    ear => {
      ear.onData = () => {
        const result = handshake.receive(ear.chunks.at(-1)!)
        socket.write([handshake.take()])
        if (result) talk(socket, result, ear)
      }
    },
  )
}

/** Settles on a muxer by multistream-select, and calls back with what came behind it. */
export function settleMuxer(muxer: string, agreed: (upgraded: Upgraded) => void = () => {}): Talk {
  return (socket, { peerId, publicKey, session, rest: first }, ear) => {
    const negotiation = new NegotiationListener(protocol => protocol === muxer)
    const hear = (chunk: Uint8Array) => {
      for (const piece of session.receive(chunk)) {
        const result = negotiation.receive(piece)
        socket.write(session.seal([negotiation.take()]))
        if (!result) continue
        const rest = result.rest.length > 0 ? [result.rest] : []
        const settled = { protocol: muxer, early: false }
        agreed({ peerId, publicKey, session, muxer: settled, rest })
      }
    }
    ear.onData = () => hear(ear.chunks.at(-1)!)
    hear(first)
  }
}

/** Whether a node accepts a protocol, and what it does on a stream of it; by default as any node does. */
export type Part = Partial<Pick<ConnectionEvents, 'accepts' | 'stream'>>

/** A node whose connections stand, and which plays the part that is given on their streams; `wrap` has its way with sockets. */
export function serveNode(
  t: TestContext,
  part: Part = {},
  wrap: (socket: Socket) => Socket = socket => socket,
): Promise<Multiaddr> {
  return serve(t, raw => {
    const socket = wrap(raw)
    const options = { direction: 'inbound', identity: noiseOf(nodeKey) } as const
    upgrade(socket, options, never).then(
      upgraded => connect(socket, upgraded, part),
      () => {},
    )
  })
}

/** The same as a node without early negotiation. */
export function serveLate(t: TestContext): Promise<Multiaddr> {
  return serve(t, socket =>
    shakeHands(
      socket,
      settleMuxer(YAMUX_PROTOCOL, upgraded => connect(socket, upgraded, {})),
    ),
  )
}

function connect(socket: Socket, upgraded: Upgraded, part: Part): void {
  const events = { ...manners(nodeKey, 60_000), ...part }
  new Connection({
    socket,
    upgraded,
    direction: 'inbound',
    events,
    limits: withDefaults({ negotiationTimeout: 60_000 }),
  })
}
