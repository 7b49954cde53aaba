/** What is done with connections: most who come here leave in some way that is not the best. */
import { once } from 'node:events'
import { connect, type Socket as TcpSocket } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import { createHost, type Host, Multiaddr, type Socket, type Transport, tcp } from '#src/index'
import { keyOf, peerIdOf } from '../support/net.ts'
import { below, expectError, type Stage } from './acts.ts'
import { expectBytes, payload, readAll } from './payload.ts'
import { echo, protocols } from './services.ts'

/** Where connections come and go. */
export interface Place extends Stage {
  /** Hosts whose connections may be cut. */
  restless: readonly Host[]
  /** To be called for each connection that is tried. */
  counted(): void
}

/** Something to do, and how often among the others. */
export interface ConnectionAct {
  name: string
  weight: number
  play(place: Place): Promise<void>
  /** Errors of parley's are a matter of course in it. */
  mayFail?: boolean
}

/** What is done with connections to the host under test. */
export const connectionActs: readonly ConnectionAct[] = [
  { name: 'comes and leaves in order', weight: 10, play: guest, mayFail: true },
  { name: 'comes and aborts', weight: 10, play: aborter, mayFail: true },
  { name: 'socket destroyed at any moment', weight: 15, play: cutGuest, mayFail: true },
  { name: 'expects another peer', weight: 5, play: mistaken, mayFail: true },
  { name: 'connects and is silent', weight: 20, play: place => raw(place, () => {}) },
  { name: 'sends garbage', weight: 20, play: place => raw(place, garbage) },
  { name: 'breaks off its handshake', weight: 20, play: place => raw(place, halfHandshake) },
  { name: 'sends HTTP', weight: 5, play: place => raw(place, http) },
  { name: 'crowd of silent ones', weight: 1, play: crowd },
  { name: 'crowd of guests', weight: 0.2, play: crowdOfGuests, mayFail: true },
  { name: 'connection cut', weight: 8, play: cut },
  { name: 'visited by it', weight: 5, play: visited },
  { name: 'its dial refused', weight: 3, play: visitRefused },
]

/** A host with a key of its own, as long as the body takes. */
async function withGuest(
  place: Place,
  body: (guest: Host) => Promise<void>,
  transport: Transport = tcp(),
): Promise<void> {
  place.counted()
  const guest = await createHost({ transports: [transport] })
  try {
    await body(guest)
  } finally {
    await guest.stop()
  }
}

async function callIn({ target, random }: Place, host: Host): Promise<void> {
  const stream = await host.open(target, protocols.echo)
  const bytes = payload(1 + below(3_000, random), random)
  stream.write(bytes)
  await Promise.all([stream.end(), expectBytes(stream, bytes)])
}

function guest(place: Place): Promise<void> {
  return withGuest(place, async host => {
    for (let left = below(4, place.random); left >= 0; left--) await callIn(place, host)
  })
}

function aborter(place: Place): Promise<void> {
  return withGuest(place, async host => {
    const connection = await host.dial(place.target)
    const calls = Promise.allSettled([callIn(place, host), callIn(place, host)])
    await setTimeout(below(5, place.random))
    connection.abort()
    await calls
  })
}

/** Its socket is gone after a few milliseconds, whatever it is at. */
function cutGuest(place: Place): Promise<void> {
  const calls = async (host: Host) => {
    for (let left = 20; left > 0; left--) await callIn(place, host)
  }
  return withGuest(place, calls, cutting(below(30, place.random)))
}

function cutting(after: number): Transport {
  const transport = tcp()
  return {
    name: 'cutting',
    supports: address => transport.supports(address),
    listen: (address, accept) => transport.listen(address, accept),
    dial: (address, signal) => transport.dial(address, signal).then(socket => destroyLater(socket, after)),
  }
}

function destroyLater(socket: Socket, after: number): Socket {
  void setTimeout(after).then(() => socket.destroy())
  return socket
}

function mistaken(place: Place): Promise<void> {
  const address = Multiaddr.parse(place.target)
    .withoutPeerId()
    .withPeerId(peerIdOf(keyOf(99)))
  return withGuest(place, host => expectError(host.dial(address), 'ERR_PEER_MISMATCH'))
}

/** A bare socket that does something and goes, or is sent away. */
async function raw(place: Place, act: (socket: TcpSocket, random: () => number) => void): Promise<void> {
  place.counted()
  const socket = await bareSocket(place)
  if (!socket) return
  act(socket, place.random)
  await Promise.race([setTimeout(below(60, place.random)), gone(socket)])
  if (place.random() < 0.5) socket.resetAndDestroy()
  else socket.destroy()
}

/** It may have been sent away before it was here. */
async function bareSocket({ target }: Place): Promise<TcpSocket | undefined> {
  const { host, port } = tcpAddress(target)
  const socket = connect({ host, port })
  socket.on('error', () => {})
  socket.resume()
  await Promise.race([once(socket, 'connect').catch(() => {}), gone(socket)])
  return socket.destroyed ? undefined : socket
}

/** Settles when a socket has closed, in whatever way. */
async function gone(socket: TcpSocket): Promise<void> {
  await once(socket, 'close').catch(() => {})
}

function tcpAddress(target: string): { host: string; port: number } {
  const [, , host, , port] = target.split('/')
  return { host: host!, port: Number(port) }
}

function garbage(socket: TcpSocket, random: () => number): void {
  socket.write(payload(1 + below(2_000, random), random))
}

function http(socket: TcpSocket): void {
  socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
}

/** Agrees on Noise in good order; of its first message comes what chance gives. */
function halfHandshake(socket: TcpSocket, random: () => number): void {
  socket.write('\x13/multistream/1.0.0\n\x07/noise\n')
  const message = Buffer.concat([Buffer.from([0, 32]), payload(32, random)])
  socket.write(message.subarray(0, below(message.length + 1, random)))
}

/** More than may be in their handshake at once without some being dropped. */
async function crowd(place: Place): Promise<void> {
  await Promise.all(Array.from({ length: 80 }, () => raw(place, () => {})))
}

/** More than there is room for. */
async function crowdOfGuests(place: Place): Promise<void> {
  const some = Array.from({ length: 50 }, () => guest(place))
  const outcomes = await Promise.allSettled(some)
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
}

/** One of the restless loses its connection; whatever it has under way fails. */
async function cut({ restless, random }: Place): Promise<void> {
  const [connection] = restless[below(restless.length, random)]!.connections
  if (random() < 0.5) connection?.abort()
  else await connection?.close()
}

/** The host under test dials one that listens. */
async function visited(place: Place): Promise<void> {
  place.counted()
  const host = await createHost({ listen: ['/ip4/127.0.0.1/tcp/0'] })
  host.handle(protocols.echo, echo)
  try {
    await expectVisit(place, String(host.addresses[0]), ['echoed', 'ERR_CONNECTION_LIMIT'])
  } finally {
    await host.stop()
  }
}

/** Nobody listens on port 1. */
async function visitRefused(place: Place): Promise<void> {
  place.counted()
  await expectVisit(place, '/ip4/127.0.0.1/tcp/1', ['ERR_CONNECTION_REFUSED', 'ERR_CONNECTION_LIMIT'])
}

async function expectVisit({ host, target }: Place, address: string, outcomes: string[]): Promise<void> {
  const stream = await host.open(target, protocols.visit)
  stream.write(Buffer.from(address))
  const [bytes] = await Promise.all([readAll(stream), stream.end()])
  const answer = bytes.toString()
  if (!outcomes.includes(answer)) throw new Error(`A visit to ${address} ended in ${answer}.`)
}
