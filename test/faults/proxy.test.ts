import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { until } from '../support/net.ts'
import { pattern } from '../support/wire.ts'
import { type FaultyProxy, type Lines, startProxy } from './proxy.ts'

/** One end of a connection through a proxy, and what it has heard. */
class End {
  readonly socket: Socket
  bytes = Buffer.alloc(0)
  chunks = 0
  ended = false
  error: NodeJS.ErrnoException | undefined

  constructor(socket: Socket) {
    this.socket = socket
    socket.on('data', chunk => {
      this.bytes = Buffer.concat([this.bytes, chunk])
      this.chunks++
    })
    socket.on('end', () => {
      this.ended = true
    })
    socket.on('error', error => {
      this.error = error
    })
  }
}

/** Runs the body with both ends of a connection through a proxy. */
async function withLines(
  lines: Lines,
  body: (near: End, far: End, proxy: FaultyProxy) => Promise<void>,
): Promise<void> {
  const server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const proxy = await startProxy((server.address() as AddressInfo).port, lines)
  const accepted = once(server, 'connection') as Promise<[Socket]>
  const near = new End(connect({ port: proxy.port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true }))
  const far = new End((await accepted)[0])
  try {
    await body(near, far, proxy)
  } finally {
    for (const { socket } of [near, far]) socket.destroy()
    await proxy.close()
    server.close()
  }
  assert.equal(proxy.connections, 0)
}

describe('a line', () => {
  const whole = pattern(20_000)

  test('without faults carries all, and both ends', () =>
    withLines({}, async (near, far, proxy) => {
      near.socket.end(whole)
      await until(() => far.ended)
      far.socket.end(whole.subarray(7))
      await until(() => near.ended)
      assert.deepEqual([far.bytes, near.bytes], [Buffer.from(whole), Buffer.from(whole.subarray(7))])
      assert.deepEqual(proxy.passed, { up: 20_000, down: 19_993 })
      await until(() => proxy.connections === 0)
    }))

  for (const [name, up] of Object.entries({
    'in single bytes': { pieces: 1 },
    'in pieces of any size': { pieces: [1, 1_400] },
    joined: { delay: 5, joins: 65_536 },
    'late and out of step': { delay: [1, 9], pieces: [1, 1_400] },
    slowly: { rate: 200_000 },
    'with stalls': { stalls: { every: 5, for: 5 }, pieces: 500 },
  } as const)) {
    test(`that carries ${name} changes and loses nothing`, () =>
      withLines({ up }, async (near, far) => {
        near.socket.write(whole.subarray(0, 9_999))
        near.socket.end(whole.subarray(9_999))
        await until(() => far.ended)
        assert.deepEqual(far.bytes, Buffer.from(whole))
      }))
  }

  test('with a rate takes as long as it should, the other direction does not', () =>
    withLines({ up: { rate: 50_000 } }, async (near, far) => {
      const begin = performance.now()
      far.socket.write(whole)
      await until(() => near.bytes.length === 20_000)
      near.socket.write(whole)
      await until(() => far.bytes.length === 20_000)
      assert.ok(performance.now() - begin > 350)
    }))

  test('with a delay holds each byte for so long', () =>
    withLines({ up: { delay: 50 } }, async (near, far) => {
      const begin = performance.now()
      near.socket.write('a')
      await until(() => far.bytes.length === 1)
      assert.ok(performance.now() - begin > 48)
    }))

  test('that stalls at a byte passes those before it, and later the others', () =>
    withLines({ up: { stall: { at: 100, for: 100 } } }, async (near, far) => {
      near.socket.write(whole)
      await until(() => far.bytes.length > 0)
      assert.equal(far.bytes.length, 100)
      await until(() => far.bytes.length === 20_000)
    }))

  for (const at of [0, 1, 777, 20_000]) {
    test(`that ends after ${at} bytes delivers just those, and lets the other direction be`, () =>
      withLines({ up: { cut: { at, by: 'end' } } }, async (near, far) => {
        near.socket.write(whole)
        near.socket.end('more')
        await until(() => far.ended)
        assert.deepEqual(far.bytes, Buffer.from(whole.subarray(0, at)))
        far.socket.end(whole)
        await until(() => near.ended)
        assert.equal(near.bytes.length, 20_000)
      }))

    test(`that is reset after ${at} bytes breaks both ends`, () =>
      withLines({ down: { cut: { at, by: 'reset' } } }, async (near, far) => {
        far.socket.write(whole)
        // Node tells a reset that is close behind bytes as an end.
        await until(() => near.error !== undefined || near.ended)
        assert.ok(near.ended || near.error?.code === 'ECONNRESET')
        assert.deepEqual(near.bytes, Buffer.from(whole.subarray(0, near.bytes.length)))
        assert.ok(near.bytes.length <= at)
        await until(() => far.socket.destroyed)
      }))
  }

  test('that swallows from a byte on tells nobody', () =>
    withLines({ up: { cut: { at: 5, by: 'swallow' } } }, async (near, far) => {
      near.socket.end(whole)
      await until(() => far.bytes.length === 5)
      await sleep(30)
      assert.deepEqual([far.bytes.length, far.ended, far.error], [5, false, undefined])
    }))

  test('that is parted passes nothing, the end neither, until it is healed', () =>
    withLines({}, async (near, far, proxy) => {
      near.socket.write('one')
      await until(() => far.bytes.length === 3)
      proxy.partition()
      near.socket.end('two')
      const late = new End(connect(proxy.port, '127.0.0.1'))
      late.socket.write('late')
      await sleep(30)
      assert.deepEqual([String(far.bytes), far.ended, late.ended], ['one', false, false])
      proxy.heal()
      await until(() => far.ended)
      assert.equal(String(far.bytes), 'onetwo')
      await until(() => proxy.passed.up === 10)
      late.socket.destroy()
    }))

  test('that is broken breaks for both, now', () =>
    withLines({}, async (near, far, proxy) => {
      near.socket.write('one')
      await until(() => far.bytes.length === 3)
      proxy.reset()
      await until(() => near.error !== undefined && far.error !== undefined)
      assert.deepEqual([near.error?.code, far.error?.code], ['ECONNRESET', 'ECONNRESET'])
    }))

  test('whose other end refuses breaks', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    server.close()
    const proxy = await startProxy(port)
    const near = new End(connect(proxy.port, '127.0.0.1'))
    await until(() => near.socket.destroyed)
    assert.equal(near.error?.code, 'ECONNRESET')
    await proxy.close()
  })
})
