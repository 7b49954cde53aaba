import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:net'
import type { StreamHandler } from '#src/host/handlers'
import { createHost, type Host } from '#src/host/host'
import type { Connection } from '#src/net/connection'
import { tcp } from '#src/net/tcp'
import type { Transport } from '#src/net/transport'
import { upgrade } from '#src/net/upgrade'
import type { LimitOptions } from '#src/protocol/limits'
import type { ErrorCode, ParleyError } from '#src/wire/errors'
import { generateKey, PrivateKey } from '#src/wire/keys'
import { Multiaddr } from '#src/wire/multiaddr'
import type { PeerId } from '#src/wire/peer-id'
import { never, noiseOf, peerIdOf, RawPeer, until, withResolvers } from '../support/net.ts'
import type { Neighbour } from './neighbour.ts'
import { bounds, bytesInUse } from './rules.ts'
import { Stranger } from './stranger.ts'
import { Trial } from './trial.ts'

/** How soon after the offending byte a connection must be closed, in milliseconds. */
const prompt = 1_000

/** The secret of the host that is attacked; nothing that is said may give it away. */
export const secret: Uint8Array = Uint8Array.from({ length: 32 }, (_, i) => 0xa1 ^ (i * 7))

/** Somebody who has shaken hands honestly, and from then on says in yamux what he is told. */
export interface Intruder {
  readonly peer: RawPeer
  readonly peerId: PeerId
  /** The host's end of the connection. */
  readonly connection: Connection
}

/** An honest host but for what its handlers say, and both ends of its connection to the one that is attacked. */
export interface Guest {
  readonly guest: Host
  readonly there: Connection
  readonly here: Connection
}

/** What a row does to a real host over TCP, and what the host makes of it. */
export class Attack extends Trial {
  /** The host that is attacked. */
  readonly host: Host
  readonly #guests: { destroy(): void }[] = []
  readonly #servers: Server[] = []
  readonly #ends = new Map<Connection, ParleyError | undefined>()
  readonly #before: number
  #held = 0
  #connects = 0

  readonly #neighbour: Neighbour

  private constructor(host: Host, neighbour: Neighbour, before: number) {
    super()
    this.#before = before
    this.host = host
    this.#neighbour = neighbour
    host.on('connect', () => this.#connects++)
    host.on('disconnect', ({ connection, error }) => this.#ends.set(connection, error))
  }

  /** A host that listens, to be attacked. */
  static async target(limits: LimitOptions, transport: Transport = tcp()): Promise<Host> {
    const identity = PrivateKey.fromSeed(secret)
    return createHost({ identity, limits, transports: [transport], listen: ['/ip4/127.0.0.1/tcp/0'] })
  }

  /** Attacks a host that has an honest neighbour, when so many bytes are in use. */
  static on(host: Host, neighbour: Neighbour, before: number): Attack {
    return new Attack(host, neighbour, before)
  }

  get port(): number {
    return Number(this.host.addresses[0]!.value('tcp'))
  }

  /** The most that was found to be held at any time, in bytes. */
  get held(): number {
    return this.#held
  }

  /** Takes note of how much is held now. */
  weigh(): void {
    const weighed = () => this.#neighbour.excuse(bytesInUse) - this.#before
    const held = weighed()
    // What a first collection finds dead may only let go of its memory in a second one.
    this.#held = Math.max(this.#held, held > bounds.usual.held ? weighed() : held)
  }

  /** What the attackers need to get ready takes place in the same process, and is not held against the host. */
  prepare<T>(step: () => T): T {
    return this.#neighbour.excuse(step)
  }

  /** Connects without a word. */
  async connect(): Promise<Stranger> {
    const stranger = await Stranger.to(this.port)
    this.#guests.push(stranger)
    return stranger
  }

  /** Tries one input: connects, says it, and must be shown the door within a second of the last byte, or by a deadline. */
  async expelled(
    name: string,
    act: (stranger: Stranger) => void | Promise<void>,
    by: number = prompt,
  ): Promise<Stranger> {
    return this.attempt(name, async () => {
      const before = this.#connects
      const stranger = await this.connect()
      await act(stranger)
      await soon(stranger.over, by)
      stranger.destroy()
      assert.equal(this.#connects, before, 'nobody hears of a connection')
      return stranger
    })
  }

  /** Connects and shakes hands as an honest peer would, with a fresh key unless one is given. */
  async intrude(options: { key?: PrivateKey; polite?: boolean } = {}): Promise<Intruder> {
    const key = options.key ?? (await generateKey())
    const peerId = peerIdOf(key)
    const socket = await tcp().dial(Multiaddr.parse(`/ip4/127.0.0.1/tcp/${this.port}`), never)
    const upgraded = await upgrade(socket, { direction: 'outbound', identity: noiseOf(key) }, never)
    const peer = new RawPeer(socket, upgraded, 'client', options.polite ?? true)
    this.#guests.push(peer)
    const ours = () => this.host.connections.find(one => one.peerId.equals(peerId))
    await until(() => ours() !== undefined, 'the host takes the connection')
    return { peer, peerId, connection: ours()! }
  }

  /** Tries one input of an intruder's: the host must close that connection within a second, for a reason of one of the codes. */
  async dismissed(
    name: string,
    codes: ErrorCode | readonly ErrorCode[],
    act: (intruder: Intruder) => void | Promise<void>,
    options: { by?: number; polite?: boolean } = {},
  ): Promise<void> {
    await this.attempt(name, async () => {
      const intruder = await this.intrude(options)
      await act(intruder)
      await this.closes(intruder, codes, options.by)
      intruder.peer.destroy()
    })
  }

  /** The host closes the connection in time, for a reason of one of the codes. */
  async closes(
    intruder: Intruder,
    codes: ErrorCode | readonly ErrorCode[],
    by: number = prompt,
  ): Promise<void> {
    await soon(intruder.connection.closed, by)
    this.expect(codes, this.#ends.get(intruder.connection))
    await soon(
      until(() => intruder.peer.ear.isClosed || intruder.peer.ear.ends > 0, 'the socket closes'),
      prompt,
    )
  }

  /** As `closes`, of an intruder who does not read, and so cannot see it. */
  async ends(
    { connection }: Intruder,
    codes: ErrorCode | readonly ErrorCode[],
    by: number = prompt,
  ): Promise<void> {
    await soon(connection.closed, by)
    this.expect(codes, this.#ends.get(connection))
  }

  /** Listens as somebody whom the host will dial, and gives the address. */
  async lure(act: (stranger: Stranger) => void | Promise<void>): Promise<Multiaddr> {
    const server = createServer(socket => {
      const stranger = new Stranger(socket)
      this.#guests.push(stranger)
      void act(stranger)
    })
    this.#servers.push(server)
    const listening = withResolvers()
    server.listen(0, '127.0.0.1', listening.resolve)
    await listening.promise
    const address = server.address()
    assert.ok(typeof address === 'object' && address)
    return Multiaddr.parse(`/ip4/127.0.0.1/tcp/${address.port}`)
  }

  /** Tries one input: the host dials somebody who says it, and must give up within a second, for a reason of one of the codes. */
  async repels(
    name: string,
    codes: ErrorCode | readonly ErrorCode[],
    act: (stranger: Stranger) => void | Promise<void>,
    { by = prompt, expected }: { by?: number; expected?: PeerId } = {},
  ): Promise<void> {
    await this.attempt(name, async () => {
      const before = this.#connects
      const address = await this.lure(act)
      const target = expected ? address.withPeerId(expected) : address
      this.expect(codes, await soon(failureOf(this.host.dial(target)), by))
      assert.equal(this.#connects, before, 'nobody hears of a connection')
    })
  }

  /** A host that dials the one that is attacked, and says on its streams what its handlers say. */
  async guest(handlers: Readonly<Record<string, StreamHandler>> = {}, identity?: PrivateKey): Promise<Guest> {
    const guest = await createHost(identity && { identity })
    this.#guests.push({ destroy: () => void guest.stop() })
    for (const [protocol, handler] of Object.entries(handlers)) guest.handle(protocol, handler)
    const there = await guest.dial(this.host.addresses[0]!)
    const ours = () => this.host.connections.find(one => one.peerId.equals(guest.peerId))
    await until(() => ours() !== undefined, 'the host takes the connection')
    return { guest, there, here: ours()! }
  }

  /** Whatever the attackers left open is closed, and what was noted of it forgotten: only what the host keeps shall be weighed. */
  leave(): void {
    for (const guest of this.#guests.splice(0)) guest.destroy()
    for (const server of this.#servers.splice(0)) server.close()
    this.#ends.clear()
  }
}

/** What a promise rejects with; nothing when it does not. */
export function failureOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  )
}

/** What a promise comes to, unless that takes longer. */
export async function soon<T>(promise: Promise<T>, ms: number): Promise<T> {
  const late = withResolvers<never>()
  const timer = setTimeout(() => late.reject(new Error(`R3: not within ${ms} ms`)), ms)
  return Promise.race([promise, late.promise]).finally(() => clearTimeout(timer))
}
