import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createHost, type Host } from '#src/host/host'
import { memory } from '#src/net/memory'
import type { Stream } from '#src/net/stream'
import { upgrade } from '#src/net/upgrade'
import { INITIAL_WINDOW } from '#src/protocol/yamux/window'
import { Multiaddr } from '#src/wire/multiaddr'
import { nothing, once, serveEcho, TestTransport, withHosts } from '../support/hosts.ts'
import { errorOf, keyOf, never, noiseOf, RawPeer, turns, until } from '../support/net.ts'
import { pattern } from '../support/wire.ts'

/** Handles a protocol and reads nothing. */
function serveNobody(host: Host): void {
  host.handle('/deaf', () => {})
}

describe('host.usage()', () => {
  test('tells what stands, what is on its way, and what streams hold; and nothing when all is over', () =>
    withHosts(2, {}, async (a, b) => {
      assert.deepEqual([a.usage(), b.usage()], [nothing, nothing])
      serveNobody(b)
      const dialled = a.open(b.addresses[0]!, '/deaf')
      assert.equal(a.usage().dials, 1)
      const stream = await dialled
      stream.write(pattern(2 * INITIAL_WINDOW))
      await until(() => b.usage().bytes > 0)
      await until(() => a.usage().streams === 1 && b.usage().streams === 1)
      const held = { peers: 1, connections: 1, streams: 1 }
      assert.deepEqual(b.usage(), { ...nothing, ...held, inbound: 1, bytes: 196_608 })
      assert.deepEqual(a.usage(), { ...nothing, ...held, outbound: 1, bytes: 262_144 })
      stream.reset()
      await until(() => a.usage().bytes + b.usage().bytes + b.usage().streams === 0)
      await a.connections[0]!.close()
      await until(() => b.usage().connections === 0)
      assert.deepEqual([a.usage(), b.usage()], [nothing, nothing])
    }))

  test('counts strangers in their handshake, until they are through or have failed', () =>
    withHosts(1, { listen: ['/memory/0'], limits: { upgradeTimeout: 100 } }, async host => {
      const address = host.addresses[0]!
      const sockets = await Promise.all([1, 2, 3].map(() => memory().dial(address, never)))
      assert.deepEqual(host.usage(), { ...nothing, pending: 3 })
      sockets[0]!.destroy()
      await until(() => host.usage().pending === 2)
      await until(() => host.usage().pending === 0)
      for (const socket of sockets) socket.destroy()
    }))
})

describe('a full host', () => {
  test('keeps a quarter of its connections for its own dials', () =>
    withHosts(
      8,
      index => (index === 0 ? { limits: { connections: 4 } } : {}),
      async (host, friend, ...others) => {
        const dials = await Promise.allSettled(others.map(other => other.dial(host.addresses[0]!)))
        await until(() => host.usage().inbound === 3)
        assert.equal(dials.filter(({ status }) => status === 'fulfilled').length, 3)
        await host.dial(friend.addresses[0]!)
        assert.deepEqual([host.usage().inbound, host.usage().outbound], [3, 1])
      },
    ))

  test('closes the inbound connection worth least for a newcomer, once there are enough to choose from', async () => {
    const limits = { connections: 80, inbound: 40 }
    await withHosts(1, { listen: ['/memory/0'], limits }, async host => {
      const guests: Host[] = []
      const come = async () => {
        const guest = await createHost({ identity: keyOf(100 + guests.length) })
        guests.push(guest)
        await guest.dial(host.addresses[0]!)
      }
      for (let i = 0; i < 40; i++) await come()
      const kept = host.protect(guests[39]!.peerId)
      const gone = once(host, 'disconnect')
      await come()
      assert.equal((await gone).error?.code, 'ERR_CONNECTION_LIMIT')
      await until(() => host.usage().inbound === 40)
      assert.ok(
        host.connections.some(({ peerId }) => peerId.equals(guests[39]!.peerId)),
        'the protected one stays',
      )
      kept()
      await Promise.all(guests.map(guest => guest.stop()))
    })
  })

  test('closes no connection that stands for strangers who prove nothing', async () => {
    const limits = { connections: 40, inbound: 30 }
    await withHosts(1, { listen: ['/memory/0'], limits }, async host => {
      const guests = await Promise.all(Array.from({ length: 30 }, () => createHost()))
      await Promise.all(guests.map(guest => guest.dial(host.addresses[0]!)))
      await until(() => host.usage().connections === 30)
      const strangers = await Promise.all(guests.map(() => memory().dial(host.addresses[0]!, never)))
      assert.deepEqual([host.usage().connections, host.usage().pending], [30, 30])
      for (const stranger of strangers) stranger.destroy()
      await Promise.all(guests.map(guest => guest.stop()))
    })
  })

  test('closes the connection that holds most when there is no memory left, and serves the others', () =>
    withHosts(
      3,
      index =>
        index === 0
          ? { limits: { memory: 8 * INITIAL_WINDOW, memoryPerConnection: 8 * INITIAL_WINDOW } }
          : {},
      async (host, greedy, honest) => {
        serveNobody(host)
        serveEcho(host)
        const echo = await honest.open(host.addresses[0]!, '/echo')
        const waiting = await honest.open(host.addresses[0]!, '/deaf')
        const gone = once(host, 'disconnect')
        const streams: Stream[] = []
        for (let i = 0; i < 12; i++) {
          const stream = await greedy.open(host.addresses[0]!, '/deaf').catch(() => undefined)
          if (!stream) break
          stream.write(pattern(INITIAL_WINDOW))
          streams.push(stream)
          await turns(50)
        }
        assert.ok(streams.length >= 6)
        waiting.write(pattern(INITIAL_WINDOW))
        const { connection, error } = await gone
        assert.ok(connection.peerId.equals(greedy.peerId))
        assert.equal(error?.code, 'ERR_MEMORY_LIMIT')
        echo.write(pattern(100))
        await echo.end()
        let length = 0
        for await (const chunk of echo) length += chunk.length
        assert.equal(length, 100)
      },
    ))

  test('has streams left for others when one peer opens as many as it can', () =>
    withHosts(
      3,
      index => (index === 0 ? { limits: { streams: 100 } } : {}),
      async (host, greedy, honest) => {
        serveNobody(host)
        serveEcho(host)
        const streams = Array.from({ length: 120 }, () => greedy.open(host.addresses[0]!, '/deaf'))
        const opened = (await Promise.allSettled(streams)).filter(({ status }) => status === 'fulfilled')
        assert.ok(opened.length >= 88 && opened.length <= 90, `${opened.length} streams`)
        const connection = await honest.dial(host.addresses[0]!)
        await honest.identified(connection)
        const echo = await connection.open('/echo')
        await echo.end()
        const back = host.connections.find(({ peerId }) => peerId.equals(honest.peerId))!
        assert.ok((await host.identified(back))?.agent)
      },
    ))

  test('lets one peer have four connections; a fifth takes the place of the oldest', async () => {
    await withHosts(1, { listen: ['/memory/0'] }, async host => {
      const twins = await Promise.all([1, 2, 3, 4, 5].map(() => createHost({ identity: keyOf(7) })))
      for (const twin of twins) await twin.dial(host.addresses[0]!)
      await until(() => twins[0]!.connections.length === 0)
      assert.deepEqual([host.usage().connections, host.usage().peers], [4, 1])
      await Promise.all(twins.map(twin => twin.stop()))
      await until(() => host.usage().peers === 0)
    })
  })
})

describe('a host that takes one connection of each peer', () => {
  test('has one and no more, whichever takes the place of which', async () => {
    await withHosts(1, { listen: ['/memory/0'], limits: { connectionsPerPeer: 1 } }, async host => {
      const twins = await Promise.all([1, 2, 3].map(() => createHost({ identity: keyOf(7) })))
      for (const twin of twins) {
        await twin.dial(host.addresses[0]!)
        await until(() => host.usage().pending === 0)
        assert.deepEqual([host.usage().connections, host.usage().peers], [1, 1])
      }
      await Promise.all(twins.map(twin => twin.stop()))
      await until(() => host.usage().peers === 0)
    })
  })
})

describe('from its arrival to a peer that has said who it is, a stranger', () => {
  test('has so long and no longer, though it has proven its key and goes on talking', async () => {
    const transport = new TestTransport()
    const options = {
      listen: ['/memory/0'],
      transports: [transport],
      limits: { upgradeTimeout: 300, serviceTimeout: 100 },
    }
    await withHosts(1, options, async host => {
      const gone = once(host, 'disconnect')
      const peer = await rawPeer(host)
      const talking = setInterval(() => peer.yamux.ping() && peer.flush(), 20)
      const { error } = await gone
      clearInterval(talking)
      assert.equal(error?.code, 'ERR_TIMEOUT')
      peer.destroy()
    })
  })

  test('may say that it does not speak identify', async () => {
    const limits = { upgradeTimeout: 200, serviceTimeout: 100 }
    await withHosts(2, { limits }, async (a, b) => {
      a.handle('/ipfs/id/1.0.0', () => {})()
      await a.dial(b.addresses[0]!)
      await new Promise(resolve => setTimeout(resolve, 400))
      assert.equal(b.connections.length, 1)
    })
  })

  test('makes room for another when it is slow and many are', async () => {
    const limits = { pendingInbound: 4, pendingCalm: 2, pendingGrace: 50, upgradeTimeout: 60_000 }
    await withHosts(2, { listen: ['/memory/0'], limits }, async (host, guest) => {
      const address = host.addresses[0]!
      const sockets = await Promise.all(Array.from({ length: 10 }, () => memory().dial(address, never)))
      assert.equal(host.usage().pending, 4)
      assert.equal((await errorOf(guest.dial(address))).code, 'ERR_CONNECTION_CLOSED')
      await new Promise(resolve => setTimeout(resolve, 100))
      await guest.dial(address)
      for (const socket of sockets) socket.destroy()
    })
  })
})

/** A peer by hand that has dialled a host and done no more than prove its key. */
async function rawPeer(host: Host): Promise<RawPeer> {
  const socket = await memory().dial(Multiaddr.from(host.addresses[0]!), never)
  const upgraded = await upgrade(socket, { direction: 'outbound', identity: noiseOf(keyOf(9)) }, never)
  return new RawPeer(socket, upgraded, 'client', false)
}
