import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Admission } from '#src/host/admission'
import { createHost, type Host, type HostOptions } from '#src/host/host'
import { Peers } from '#src/host/peers'
import type { Usage } from '#src/host/resources'
import { memory } from '#src/net/memory'
import { defaultLimits } from '#src/protocol/limits'
import { Multiaddr } from '#src/wire/multiaddr'
import { withHosts } from '../support/hosts.ts'
import { keyOf, never, peerIdOf, turns, until } from '../support/net.ts'

/** Entries of a table that others fill. */
interface Fill {
  /** As many as there may be. */
  cap: number
  /** What remains when whoever filled it has gone: what is remembered of the absent, or nothing. */
  base: number
  /** Tries to make so many; returns how many there were at most, and how many are left when all have gone. */
  fill(count: number): Promise<{ most: number; left: number }>
}

const numbered = <T>(count: number, make: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => make(index))

const address = (index: number) => Multiaddr.parse(`/ip4/192.0.${index >> 8}.${index & 255}/tcp/1`)

/** How much of something a host has, at most while the body runs and in the end. */
async function watch(
  limits: HostOptions['limits'] & object,
  count: (usage: Usage) => number,
  body: (host: Host, look: () => void) => Promise<void>,
): Promise<{ most: number; left: number }> {
  let most = 0
  let left = -1
  await withHosts(1, { listen: ['/memory/0'], limits }, async host => {
    await body(host, () => {
      most = Math.max(most, count(host.usage()))
    })
    await until(() => count(host.usage()) === 0)
    left = count(host.usage())
  })
  return { most, left }
}

/** Guests come one after another, and stay. */
async function visit(host: Host, count: number, look: () => void): Promise<void> {
  const guests: Host[] = []
  for (let i = 0; i < count; i++) {
    const guest = await createHost({ identity: keyOf(i + 1) })
    guests.push(guest)
    await guest.dial(host.addresses[0]!).catch(() => {})
    await turns()
    look()
  }
  await Promise.all(guests.map(guest => guest.stop()))
}

const fills: Record<string, Fill> = {
  'the peers of the address book': {
    cap: 12,
    base: 12,
    async fill(count) {
      const peers = new Peers(12)
      let most = 0
      for (let i = 0; i < count; i++) {
        peers.add(peerIdOf(keyOf(i)), [address(i)])
        most = Math.max(most, peers.size)
      }
      return { most, left: peers.size }
    },
  },
  'the addresses of a peer': {
    cap: 32,
    base: 32,
    async fill(count) {
      const peers = new Peers(1)
      const peerId = peerIdOf(keyOf(1))
      const size = () => peers.get(peerId)!.addresses.length
      peers.add(peerId, numbered(count, address))
      const most = size()
      for (let i = 0; i < count; i++) peers.add(peerId, [address(count + i)])
      return { most, left: size() }
    },
  },
  'the sources that are remembered': {
    cap: 16,
    base: 16,
    async fill(count) {
      const limits = { ...defaultLimits, sources: 16 }
      const admission = new Admission({ limits, now: () => 0, random: () => 1 })
      let most = 0
      for (let i = 0; i < count; i++) {
        assert.equal(admission.enter(address(i), { size: 0, dropSlowest: () => false }), undefined)
        admission.leave(address(i))
        admission.punish(address(count + i), 'fault')
        most = Math.max(most, admission.size)
      }
      return { most, left: admission.size }
    },
  },
  'the peers that are connected': {
    cap: 6,
    base: 0,
    fill: count =>
      watch(
        { connections: 8, inbound: 6 },
        ({ peers }) => peers,
        (host, look) => visit(host, count, look),
      ),
  },
  'the connections of one peer': {
    cap: 4,
    base: 0,
    fill: count =>
      watch(
        {},
        ({ connections }) => connections,
        async (host, look) => {
          const twins = await Promise.all(numbered(count, () => createHost({ identity: keyOf(1) })))
          for (const twin of twins) {
            await twin.dial(host.addresses[0]!).catch(() => {})
            await turns()
            look()
          }
          await Promise.all(twins.map(twin => twin.stop()))
        },
      ),
  },
  'those in their handshake': {
    cap: 8,
    base: 0,
    fill: count =>
      watch(
        { pendingInbound: 8, pendingCalm: 8 },
        ({ pending }) => pending,
        async (host, look) => {
          const dials = numbered(count, () => memory().dial(host.addresses[0]!, never))
          const sockets = await Promise.all(dials)
          await turns()
          look()
          for (const socket of sockets) socket.destroy()
        },
      ),
  },
  'the streams that a peer opens': {
    cap: 16,
    base: 0,
    fill: count =>
      watch(
        { yamux: { inboundStreams: 16 } },
        ({ streams }) => streams,
        async (host, look) => {
          host.handle('/quiet', () => {})
          const guest = await createHost()
          const connection = await guest.dial(host.addresses[0]!)
          await guest.identified(connection)
          await until(() => host.usage().streams === 0)
          const opened = await Promise.allSettled(numbered(count, () => connection.open('/quiet')))
          look()
          assert.equal(opened.filter(({ status }) => status === 'fulfilled').length, 16)
          for (const stream of connection.streams) stream.reset()
          await until(() => host.usage().streams === 0)
          await guest.stop()
        },
      ),
  },
  'the dials under way': {
    cap: 8,
    base: 0,
    fill: count =>
      watch(
        { connections: 8 },
        ({ dials }) => dials,
        async (host, look) => {
          const silent = await memory().listen(Multiaddr.parse('/memory/0'), () => {})
          const controller = new AbortController()
          const target = silent.addresses[0]!
          const dials = numbered(count, index =>
            host.dial(target.withPeerId(peerIdOf(keyOf(index))), controller),
          )
          const outcomes = Promise.allSettled(dials)
          await turns()
          look()
          controller.abort()
          await outcomes
          await silent.close()
        },
      ),
  },
}

describe('a table that others fill ten times over keeps to its bound, and comes back to what it was', () => {
  for (const [name, { cap, base, fill }] of Object.entries(fills)) {
    test(name, async () => assert.deepEqual(await fill(10 * cap), { most: cap, left: base }))
  }
})
