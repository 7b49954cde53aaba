import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createHost, type Host } from '#src/host/host'
import type { Stream } from '#src/net/stream'
import { tcp } from '#src/net/tcp'
import type { Socket } from '#src/net/transport'
import { Upgrade, type Upgraded } from '#src/net/upgrade'
import { utf8 } from '#src/wire/bytes'
import {
  allClosed,
  journal,
  once,
  openSockets,
  serveEcho,
  TestTransport,
  withHosts,
  withSilence,
} from '../support/hosts.ts'
import { collect, Ear, errorOf, keyOf, microtasks, never, noiseOf, turns, until } from '../support/net.ts'
import { pattern } from '../support/wire.ts'

/** Connects to a host by hand, and is deaf and dumb from then on. */
async function deafPeer(host: Host): Promise<Socket> {
  const [address] = host.addresses
  const socket = await tcp().dial(address!, never)
  const machine = new Upgrade({ direction: 'outbound', identity: noiseOf(keyOf(50)) })
  await new Promise<Upgraded>(resolve => {
    const ear = new Ear()
    ear.onData = () => {
      const result = machine.receive(ear.chunks.at(-1)!)
      if (result) resolve(result)
    }
    socket.attach(ear)
    socket.write([machine.take()])
  })
  socket.pause()
  socket.write([machine.take()])
  await until(() => host.connections.length > 0)
  return socket
}

describe('a host that is stopped', () => {
  test('is stopped once, however often it is asked', async () => {
    const host = await createHost({ listen: ['/ip4/127.0.0.1/tcp/0'] })
    const stops = [host.stop(), host.stop(), host[Symbol.asyncDispose]()]
    assert.equal(stops[0], stops[1])
    await Promise.all(stops)
    await host.stop()
  })

  test('does nothing any more', async () => {
    const host = await createHost({ listen: ['/ip4/127.0.0.1/tcp/0'] })
    const [address] = host.addresses
    const stopping = host.stop()
    for (const work of [
      host.dial('/memory/1'),
      host.open('/memory/1', '/echo'),
      host.ping('/memory/1'),
      host.listen('/memory/0'),
    ]) {
      assert.equal((await errorOf(work)).code, 'ERR_HOST_STOPPED')
    }
    await stopping
    assert.deepEqual(host.addresses, [])
    await withHosts(1, { listen: [address!] }, async () => {})
  })

  test('closes its connections in good order, and lets what was written leave', () =>
    withHosts(2, {}, async (a, b) => {
      const received = new Promise<Uint8Array>(resolve => {
        b.handle('/sink', async stream => {
          resolve(await collect(stream))
          await stream.end()
        })
      })
      const [left, gone] = [once(a, 'disconnect'), once(b, 'disconnect')]
      const stream = await a.open(b.addresses[0]!, '/sink')
      stream.write(pattern(1_000_000))
      await a.stop()
      assert.deepEqual(await received, pattern(1_000_000))
      assert.equal((await left).error, undefined)
      assert.equal((await gone).error, undefined)
    }))

  test('ends the loops of its handlers, and may be stopped by one of them', () =>
    withHosts(2, {}, async (a, b) => {
      const reasons: string[] = []
      b.handle('/stop', async () => {
        await b.stop()
        reasons.push('stopped')
      })
      b.handle('/wait', async stream => {
        await collect(stream).catch(({ code }) => reasons.push(code))
      })
      await a.open(b.addresses[0]!, '/wait')
      await a.open(b.peerId, '/stop')
      await until(() => reasons.length === 2)
      assert.deepEqual(reasons.sort(), ['ERR_CONNECTION_CLOSED', 'stopped'])
    }))

  test('gives up its dials', () =>
    withSilence((silent, accepted) =>
      withHosts(1, {}, async host => {
        const dials = [
          host.dial(silent),
          host.open(silent, '/echo'),
          host.dial(silent.withPeerId(host.peerId)),
        ]
        const codes = Promise.all(dials.map(errorOf))
        await until(() => accepted.length === 1)
        await host.stop()
        assert.deepEqual(
          (await codes).map(({ code }) => code),
          ['ERR_HOST_STOPPED', 'ERR_HOST_STOPPED', 'ERR_DIAL_SELF'],
        )
        assert.ok(await allClosed(accepted))
      }),
    ))

  test('drops those who are in the middle of their handshake', () =>
    withHosts(1, {}, async host => {
      const sockets = await Promise.all(
        Array.from({ length: 20 }, () => tcp().dial(host.addresses[0]!, never)),
      )
      const ears = sockets.map(socket => {
        const ear = new Ear()
        socket.attach(ear)
        socket.write([utf8('\u0013/multistream/1.0.0\n')])
        return ear
      })
      await until(() => ears.every(({ length }) => length > 0))
      await host.stop()
      await until(() => ears.every(({ ends, closes }) => ends + closes.length > 0))
      for (const socket of sockets) socket.destroy()
    }))

  test('forgets an address that it has only just begun to listen on', async () => {
    const transport = new TestTransport()
    const host = await createHost({ transports: [transport] })
    transport.onListening = () => void host.stop()
    assert.equal((await errorOf(host.listen('/memory/just-begun'))).code, 'ERR_HOST_STOPPED')
    await withHosts(1, { listen: ['/memory/just-begun'] }, async () => {})
  })

  test('cuts a peer that never closes, by the deadline', () =>
    withHosts(1, { limits: { stopTimeout: 50 } }, async host => {
      const socket = await deafPeer(host)
      const stream = errorOf(host.connections[0]!.open('/never'))
      await host.stop()
      assert.equal((await stream).code, 'ERR_CONNECTION_CLOSED')
      assert.deepEqual(host.connections, [])
      socket.destroy()
    }))

  test('cuts a peer that has ended and takes nothing in, by the deadline', () =>
    withHosts(1, { limits: { stopTimeout: 50 } }, async host => {
      const before = openSockets()
      const socket = await deafPeer(host)
      const [connection] = host.connections
      // Opened with optimism each may send its first window, so that far more waits than the kernel takes.
      const bytes = pattern(250_000)
      for (let i = 0; i < 100; i++) {
        const stream = await connection!.open('/never', { optimistic: true })
        stream.write(bytes)
      }
      socket.end()
      await until(() => connection!.status !== 'open')
      await host.stop()
      assert.deepEqual(host.connections, [])
      socket.destroy()
      await until(() => openSockets() <= before)
    }))

  test('does not wait for a transport that never stops listening', async () => {
    const transport = new TestTransport()
    transport.onListening = listener => {
      listener.close = () => new Promise(() => {})
    }
    const host = await createHost({
      transports: [transport],
      listen: ['/memory/0'],
      limits: { stopTimeout: 50 },
    })
    await host.stop()
  })

  test('does not mind a transport that fails to stop', async () => {
    const transport = new TestTransport()
    transport.onListening = listener => {
      listener.close = () => {
        throw new Error('no')
      }
    }
    const host = await createHost({ transports: [transport], listen: ['/memory/0'] })
    await host.stop()
  })
})

/** How a stop may meet a dial: each side, at each turn. */
for (const who of ['dialer', 'listener', 'both'] as const) {
  for (const listen of ['/memory/0', '/ip4/127.0.0.1/tcp/0']) {
    test(`a stop of ${who} in the middle of a dial leaves nothing, at any turn: ${listen}`, async () => {
      const codes = new Set<string>()
      for (let turn = 0; turn < 16; turn++) {
        await withHosts(2, { listen: [listen] }, async (a, b) => {
          const journals = [journal(a), journal(b)]
          serveEcho(b)
          const work = a.open(b.addresses[0]!, '/echo').then(
            async stream => {
              stream.write(utf8('hello'))
              await stream.end()
              await collect(stream)
              return 'done'
            },
            ({ code }) => code,
          )
          const outcome = work.catch(({ code }) => code)
          await turns(turn)
          if (who !== 'listener') void a.stop()
          if (who !== 'dialer') void b.stop()
          codes.add(await outcome)
          await Promise.all([a.stop(), b.stop()])
          for (const lines of journals) {
            const connects = lines.filter(line => line.startsWith('connect'))
            assert.ok(connects.length <= 1)
            assert.equal(lines.length, 2 * connects.length, 'who came has gone')
          }
        })
      }
      const expected = [
        'ERR_HOST_STOPPED',
        'ERR_CONNECTION_CLOSED',
        'ERR_CONNECTION_REFUSED',
        'ERR_STREAM_RESET',
        'ERR_STREAM_ENDED',
        'done',
      ]
      for (const code of codes) assert.ok(expected.includes(code), code)
    })
  }
}

for (const side of ['dialled', 'accepted'] as const) {
  test(`a stop in any microtask behind the handshake leaves nothing: ${side}`, async () => {
    for (let count = 0; count < 24; count++) {
      const transport = new TestTransport()
      await withHosts(2, { transports: [transport], listen: ['/memory/0'] }, async (a, b) => {
        const heard = journal(side === 'dialled' ? a : b)
        transport.onUpgraded = which => {
          if (which === side) void microtasks(count).then(() => (side === 'dialled' ? a : b).stop())
        }
        const dial = await a.dial(b.addresses[0]!).then(
          ({ status }) => status,
          ({ code }) => code,
        )
        await Promise.all([a.stop(), b.stop()])
        assert.ok(['ERR_HOST_STOPPED', 'open', 'closing'].includes(dial), dial)
        assert.ok([0, 2].includes(heard.length), heard.join())
        assert.ok(await allClosed(transport.sockets))
      })
    }
  })
}

test('a stop under load ends everything, time and again', async () => {
  for (let round = 0; round < 6; round++) {
    await withHosts(2, {}, async (a, b) => {
      serveEcho(b)
      const bytes = pattern(10_000)
      const writeOn = async (stream: Stream) => {
        for (;;) if (!stream.write(bytes)) await stream.drained()
      }
      const talks = Array.from({ length: 20 }, async () => {
        const stream = await a.open(b.addresses[0]!, '/echo')
        await Promise.all([collect(stream), writeOn(stream)])
      })
      const outcomes = Promise.allSettled(talks)
      await until(() => b.connections.some(({ streams }) => streams.length === 20))
      await turns(round * 3)
      await (round % 2 === 0 ? a : b).stop()
      for (const outcome of await outcomes) {
        assert.ok(outcome.status === 'rejected')
        assert.match(outcome.reason.code, /^ERR_(CONNECTION_CLOSED|HOST_STOPPED|STREAM_ENDED|STREAM_RESET)$/)
      }
    })
  }
})
