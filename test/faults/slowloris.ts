import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { createHost, type Host } from '#src/host/host'
import { tcp } from '#src/net/tcp'
import type { Socket } from '#src/net/transport'
import { Upgrade, type Upgraded } from '#src/net/upgrade'
import type { LimitOptions } from '#src/protocol/limits'
import { createNoiseIdentity } from '#src/protocol/noise/handshake'
import { YAMUX_PROTOCOL } from '#src/protocol/yamux/session'
import type { YamuxStream } from '#src/protocol/yamux/stream'
import { concat, utf8 } from '#src/wire/bytes'
import { generateKey } from '#src/wire/keys'
import type { Multiaddr } from '#src/wire/multiaddr'
import { withHosts } from '../support/hosts.ts'
import { Ear, errorOf, never, RawPeer, until } from '../support/net.ts'
import { codeOf, type Fault, isIdle, quantile, type Scale, since } from './fault.ts'

/** Someone who has come so far, and goes on one byte at a time. */
interface Attacker {
  /** Sends the next byte. */
  drip(): void
  /** Whether the host has ended what the attacker holds. */
  isGone(): boolean
  destroy(): void
}

interface Phase {
  name: string
  attack(address: Multiaddr): Promise<Attacker>
}

const header = '\u0013/multistream/1.0.0\n'
const noiseLine = '\u0007/noise\n'

/** Bytes one by one; when they are used up, zeros. */
function* dropsOf(bytes: Uint8Array): Generator<Uint8Array, never> {
  for (let i = 0; i < bytes.length; i++) yield bytes.subarray(i, i + 1)
  for (;;) yield new Uint8Array(1)
}

/** Sends drops on a socket of its own. */
class Dripper implements Attacker {
  readonly #socket: Socket
  readonly #ear: Ear
  readonly #drops: Iterator<Uint8Array, never>

  constructor(socket: Socket, ear: Ear, bytes: Uint8Array) {
    this.#socket = socket
    this.#ear = ear
    this.#drops = dropsOf(bytes)
  }

  drip(): void {
    this.#socket.write([this.#drops.next().value])
  }

  isGone(): boolean {
    return this.#ear.ends + this.#ear.closes.length > 0
  }

  destroy(): void {
    this.#socket.destroy()
  }
}

/** Connects, sends the beginning of what it has to say, and drips the rest. */
async function beginning(address: Multiaddr, length: number): Promise<Attacker> {
  const socket = await tcp().dial(address, never)
  const ear = new Ear()
  socket.attach(ear)
  const all = new Upgrade({ direction: 'outbound', identity: await stranger() }).take()
  if (length > 0) socket.write([all.subarray(0, length)])
  return new Dripper(socket, ear, all.subarray(length))
}

async function stranger(muxers: readonly string[] = [YAMUX_PROTOCOL]) {
  return createNoiseIdentity(await generateKey(), muxers)
}

interface HandshakeDone {
  socket: Socket
  ear: Ear
  upgraded: Upgraded
  /** Noise message 3, which was not sent. */
  bytes: Uint8Array
}

/** Goes through the handshake up to Noise message 2. */
async function handshake(address: Multiaddr, muxers?: readonly string[]): Promise<HandshakeDone> {
  const socket = await tcp().dial(address, never)
  const machine = new Upgrade({ direction: 'outbound', identity: await stranger(muxers) })
  const ear = new Ear()
  return new Promise((resolve, reject) => {
    ear.onData = () => {
      const upgraded = machine.receive(ear.chunks.at(-1)!)
      if (!upgraded) return
      ear.onData = () => {}
      resolve({ socket, ear, upgraded, bytes: machine.take() })
    }
    const fail = () => reject(new Error('the host gave up on the handshake'))
    socket.attach({
      data: chunk => ear.data(chunk),
      drain() {},
      end() {
        ear.end()
        fail()
      },
      close(error) {
        ear.close(error)
        fail()
      },
    })
    socket.write([machine.take()])
  })
}

async function message3(address: Multiaddr): Promise<Attacker> {
  const { socket, ear, bytes } = await handshake(address)
  return new Dripper(socket, ear, bytes)
}

/** Names no muxer in its handshake, so that it is to be agreed on behind it. */
async function muxer(address: Multiaddr): Promise<Attacker> {
  const { socket, ear, bytes, upgraded } = await handshake(address, [])
  socket.write([bytes])
  const negotiation = upgraded.session.seal([utf8(`${header}\u000d${YAMUX_PROTOCOL}\n`)])
  return new Dripper(socket, ear, concat(negotiation))
}

/** Behind the handshake, drips on one stream. */
class StreamDripper implements Attacker {
  readonly #peer: RawPeer
  readonly #stream: YamuxStream
  readonly #drops: Iterator<Uint8Array, never>

  constructor(peer: RawPeer, stream: YamuxStream, bytes: Uint8Array) {
    this.#peer = peer
    this.#stream = stream
    this.#drops = dropsOf(bytes)
  }

  drip(): void {
    if (this.isGone()) return
    this.#stream.write(this.#drops.next().value)
    this.#peer.flush()
  }

  isGone(): boolean {
    const { ear, events } = this.#peer
    const isReset = events.some(event => event.type === 'reset' && event.stream.id === this.#stream.id)
    return isReset || ear.ends + ear.closes.length > 0
  }

  destroy(): void {
    this.#peer.destroy()
  }
}

async function rawPeer(address: Multiaddr): Promise<RawPeer> {
  const { socket, upgraded, bytes } = await handshake(address)
  socket.write([bytes])
  return new RawPeer(socket, upgraded, 'client', true)
}

async function negotiatingStream(address: Multiaddr): Promise<Attacker> {
  const peer = await rawPeer(address)
  return new StreamDripper(peer, peer.yamux.open(), utf8(header))
}

/** Agrees to identify, as it is asked to, and drips the answer. */
async function identifying(address: Multiaddr): Promise<Attacker> {
  const peer = await rawPeer(address)
  await until(() => peer.count('open') > 0, 'the host asks who it is')
  const event = peer.events.find(({ type }) => type === 'open')
  assert.ok(event?.type === 'open')
  event.stream.write(utf8(`${header}\u000f/ipfs/id/1.0.0\n`))
  peer.flush()
  // A message of 1,000 bytes, which is never all there.
  return new StreamDripper(peer, event.stream, Uint8Array.of(0xe8, 0x07))
}

const phases: readonly Phase[] = [
  { name: 'the negotiation', attack: address => beginning(address, 0) },
  { name: 'Noise message 1', attack: address => beginning(address, header.length + noiseLine.length) },
  { name: 'Noise message 3', attack: message3 },
  { name: "the muxer's negotiation", attack: muxer },
  { name: "a stream's negotiation", attack: negotiatingStream },
  { name: 'identify', attack: identifying },
]

/** How many attack, how often each sends a byte, and by when all must be gone. */
function sizes(scale: Scale): { count: number; interval: number; deadline: number } {
  return scale === 'full'
    ? { count: 500, interval: 1_000, deadline: 10_000 }
    : { count: 40, interval: 50, deadline: 1_000 }
}

/** Attacks a host in one phase while honest peers dial it. */
async function attack(phase: Phase, scale: Scale): Promise<string> {
  const { count, interval, deadline } = sizes(scale)
  const limits: LimitOptions = {
    connections: 2_048,
    pendingInbound: 1_024,
    // Nobody is to make room for another here: it is the deadline that is tried.
    pendingCalm: 1_024,
    upgradeTimeout: deadline,
    negotiationTimeout: deadline,
    serviceTimeout: deadline,
  }
  let honest: number[] = []
  const siege = new Siege(phase)
  await withHosts(1, { limits }, async host => {
    const dripping = setInterval(() => siege.drip(), interval)
    try {
      const over = siege.run(host.addresses[0]!.withoutPeerId(), count)
      honest = await dialDuring(host, siege, over)
      await over
    } finally {
      clearInterval(dripping)
      siege.end()
    }
  })
  const [first, last] = [Math.min(...siege.shortest), Math.max(...siege.longest)]
  assert.ok(first >= 0.9 * deadline, `gone after ${first} ms already, so that nothing was tried`)
  assert.ok(last <= deadline + 1_000, `gone only after ${last} ms`)
  const slowest = quantile(honest, 0.99)
  assert.ok(slowest <= 1_000, `an honest dial took ${slowest} ms`)
  return `${count} gone after ${quantile(siege.longest, 0.5)} ms, at most ${last}, the deadline is ${deadline}; ${honest.length} honest dials, p99 ${slowest} ms`
}

/** Many attackers in one phase, and how long the host put up with each. */
class Siege {
  readonly #phase: Phase
  readonly #left = new Map<Attacker, { began: number; ready: number }>()
  /** The host counts from when it accepts: that is later than the beginning of a dial, and before the attacker has come so far. */
  readonly shortest: number[] = []
  readonly longest: number[] = []
  /** Whether all have come. */
  isComplete = false

  constructor(phase: Phase) {
    this.#phase = phase
  }

  drip(): void {
    for (const attacker of this.#left.keys()) attacker.drip()
  }

  /** Until all have come and are gone. */
  async run(address: Multiaddr, count: number): Promise<void> {
    // One look for all: hundreds that look for themselves would keep the machine busy.
    const looking = setInterval(() => this.#look(), 5)
    try {
      await Promise.all(Array.from({ length: count }, () => this.#attack(address)))
      this.isComplete = true
      await until(() => this.longest.length === count, 'the host ends all of them')
    } finally {
      clearInterval(looking)
    }
  }

  end(): void {
    for (const attacker of this.#left.keys()) attacker.destroy()
  }

  async #attack(address: Multiaddr): Promise<void> {
    const began = performance.now()
    this.#left.set(await this.#phase.attack(address), { began, ready: performance.now() })
  }

  #look(): void {
    for (const [attacker, { began, ready }] of this.#left) {
      if (!attacker.isGone()) continue
      this.#left.delete(attacker)
      attacker.destroy()
      this.shortest.push(since(began))
      this.longest.push(since(ready))
    }
  }
}

/** Dials the host, asks it for a ping and goes, time and again; gives how long each took that met all attackers. */
async function dialDuring(host: Host, siege: Siege, over: Promise<unknown>): Promise<number[]> {
  const times: number[] = []
  let isOver = false
  const end = over
    .catch(() => {})
    .finally(() => {
      isOver = true
    })
  while (!isOver) {
    const isMeant = siege.isComplete
    const begin = performance.now()
    const peer = await createHost()
    await peer.ping(host.addresses[0]!)
    if (isMeant) times.push(since(begin))
    await peer.stop()
    await sleep(20)
  }
  await end
  return times
}

/** One who is dialled, and drips Noise message 2. */
async function answerSlowly(scale: Scale): Promise<string> {
  const dialTimeout = scale === 'full' ? 15_000 : 500
  const server = createServer(socket => {
    socket.on('error', () => {})
    // Of a message of 4,095 bytes only zeros come, and never all.
    socket.write(`${header}${noiseLine}\u000f\u007f`)
    const dripping = setInterval(() => socket.write('\0'), 25)
    socket.on('close', () => clearInterval(dripping))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  let time = 0
  let code = ''
  await withHosts(1, { listen: [], limits: { dialTimeout } }, async host => {
    const begin = performance.now()
    const error = await errorOf(host.dial(`/ip4/127.0.0.1/tcp/${port}`))
    code = await codeOf(Promise.reject(error))
    time = since(begin)
    await isIdle(host)
  })
  server.close()
  assert.equal(code, 'ERR_TIMEOUT')
  assert.ok(time >= dialTimeout - 5 && time <= dialTimeout + 1_000, `after ${time} ms`)
  return `${code} after ${time} ms, the deadline is ${dialTimeout}`
}

/** Peers that never finish, and send a byte now and then. */
export const slowloris: readonly Fault[] = [
  ...phases.map(phase => ({
    name: `peers that drip ${phase.name} byte by byte are gone at the deadline, and honest dials do not wait`,
    run: (scale: Scale) => attack(phase, scale),
  })),
  {
    name: 'a dial to one who drips Noise message 2 ends at the deadline',
    run: answerSlowly,
  },
]
