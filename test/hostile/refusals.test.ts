import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import { createHost, type Host } from '#src/host/host'
import { memory } from '#src/net/memory'
import type { Listener, Socket } from '#src/net/transport'
import type { LimitOptions } from '#src/protocol/limits'
import { concat, utf8 } from '#src/wire/bytes'
import { Multiaddr } from '#src/wire/multiaddr'
import { ForeignTransport } from '../support/foreign.ts'
import { Ear, errorOf, never, until } from '../support/net.ts'
import { pattern } from '../support/wire.ts'
import { bytesAtRest } from './rules.ts'
import { framed, greeting, honest } from './speaker.ts'

/** In full it takes some minutes. */
const slow = process.env.PARLEY_SLOW !== undefined
const refusals = slow ? 100_000 : 5_000
const failures = slow ? 10_000 : 1_000

const atOnce = 20
const KiB = 1024
/** What may be left of all of them: that is less than 11 bytes for each of 100,000. */
const left = 1024 * KiB
const zero = { connections: 0, inbound: 0, outbound: 0, pending: 0, dials: 0, peers: 0, streams: 0, bytes: 0 }

/** What a host is tried with. */
interface Ordeal {
  times: number
  limits?: LimitOptions
  /** Before all, and after all. */
  begin?(host: Host): Promise<void>
  end?(): Promise<void>
  /** So many times in all, several at once. */
  act(host: Host, round: number, foreign: ForeignTransport): Promise<void>
}

/** A host is tried so often; then its counters are zero, nothing is left in memory, and it takes in an honest peer. */
async function tried(t: TestContext, { times, limits = {}, begin, end, act }: Ordeal): Promise<void> {
  const foreign = new ForeignTransport(memory())
  const host = await createHost({ transports: [foreign], listen: ['/memory/0'], limits })
  const some = async (count: number) => {
    for (let round = 0; round < count; round += atOnce) {
      await Promise.all(Array.from({ length: atOnce }, (_, i) => act(host, round + i, foreign)))
      foreign.accepted.length = 0
    }
  }
  try {
    await begin?.(host)
    await some(times / 5)
    const [usage, before] = [host.usage(), await bytesAtRest()]
    await some(times)
    await until(() => isDeepStrictEqual(host.usage(), usage), 'the counters are what they were')
    const more = (await bytesAtRest()) - before
    t.diagnostic(`${times} times: ${Math.round(more / KiB)} KiB more than before`)
    assert.ok(more <= left, `${more} bytes are left`)
    await end?.()
    foreign.from = () => undefined
    await takesInAnHonestPeer(host)
    await until(() => isDeepStrictEqual(host.usage(), zero), 'the counters are zero')
  } finally {
    await host.stop()
  }
}

async function takesInAnHonestPeer(host: Host): Promise<void> {
  const peer = await createHost({ transports: [memory()] })
  await peer.ping(host.addresses[0]!)
  await peer.stop()
}

/** Connects to the host, and gives the socket and all that it tells. */
async function connect(host: Host): Promise<{ socket: Socket; ear: Ear }> {
  const socket = await memory().dial(host.addresses[0]!, never)
  const ear = new Ear()
  socket.attach(ear)
  return { socket, ear }
}

/** Connects, and is turned away. */
async function isRefused(host: Host): Promise<void> {
  const { ear } = await connect(host)
  await until(() => ear.isClosed, 'the door is shut')
}

describe(`after ${refusals} refused connections nothing is left`, () => {
  test('of one source that comes too often', t =>
    tried(t, {
      times: refusals,
      limits: { sourceBurst: 0, sourceRate: 0 },
      act(host, _round, foreign) {
        foreign.from = () => '/ip4/203.0.113.7/tcp/1'
        return isRefused(host)
      },
    }))

  test('of as many sources', t =>
    tried(t, {
      times: refusals,
      limits: { sourceBurst: 0, sourceRate: 0, sources: 256 },
      act(host, round, foreign) {
        foreign.from = () => `/ip4/203.${round >> 16}.${(round >> 8) & 255}.${round & 255}/tcp/1`
        return isRefused(host)
      },
    }))

  test('where the house is full', async t => {
    const guest = await createHost({ transports: [memory()] })
    await tried(t, {
      times: refusals,
      limits: { inbound: 1 },
      begin: async host => {
        host.protect(guest.peerId)
        await guest.ping(host.addresses[0]!)
        await until(() => host.usage().streams === 0, 'nothing is under way')
      },
      act: host => isRefused(host),
      end: () => guest.stop(),
    })
  })
})

/** Ways to fail a handshake, the last of them after all that is costly. */
const ways: readonly ((host: Host) => Promise<void>)[] = [
  async host => (await connect(host)).socket.destroy(),
  async host => (await connect(host)).socket.end(),
  host => says(host, utf8('GET / HTTP/1.1\r\n\r\n')),
  host => says(host, new Uint8Array(100)),
  host => says(host, greeting.subarray(0, 30)),
  host => says(host, concat([greeting, framed(pattern(10))])),
  host => says(host, concat([greeting, framed(pattern(32))])),
  forges,
]

/** Says that, and leaves if it is not thrown out for it. */
async function says(host: Host, bytes: Uint8Array): Promise<void> {
  const { socket, ear } = await connect(host)
  socket.write([bytes])
  socket.end()
  await until(() => ear.isClosed || ear.ends > 0, 'the handshake fails')
  socket.destroy()
}

/** Begins as an honest peer would, and ends with a message that is not genuine. */
async function forges(host: Host): Promise<void> {
  const { socket, ear } = await connect(host)
  const upgrade = honest('outbound')
  socket.write([upgrade.take()])
  await until(() => ear.length > greeting.length + 50, 'the host has answered')
  socket.write([framed(pattern(200))])
  await until(() => ear.isClosed || ear.ends > 0, 'the handshake fails')
  socket.destroy()
}

/** Somebody who answers every dial with what is no negotiation. */
function liar(): Promise<Listener> {
  return memory().listen(Multiaddr.parse('/memory/0'), socket => {
    socket.attach(new Ear())
    socket.write([pattern(100)])
  })
}

describe(`after ${failures} failed handshakes nothing is left`, () => {
  test('that others began', t =>
    tried(t, { times: failures, act: (host, round) => ways[round % ways.length]!(host) }))

  test('that the host began', async t => {
    const listeners = await Promise.all(Array.from({ length: atOnce }, () => liar()))
    await tried(t, {
      times: failures,
      act: async (host, round) => {
        // One each: dials to the same address at once are one dial.
        const error = await errorOf(host.dial(listeners[round % atOnce]!.addresses[0]!))
        assert.equal(error.code, 'ERR_NEGOTIATE')
      },
    })
    for (const listener of listeners) await listener.close()
  })
})
