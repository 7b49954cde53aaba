import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { runModule } from '../support/hosts.ts'

describe('a program ends by itself', () => {
  const programs: Record<string, string> = {
    'when its hosts have stopped': `
      const listener = await createHost({ listen: ['/ip4/127.0.0.1/tcp/0', '/memory/0'] })
      listener.handle('/echo', async stream => {
        for await (const chunk of stream) stream.write(chunk)
        await stream.end()
      })
      const dialer = await createHost()
      for (const address of listener.addresses) {
        const stream = await dialer.open(address, '/echo')
        stream.write(new Uint8Array(100_000))
        await stream.end()
        let length = 0
        for await (const chunk of stream) length += chunk.length
        if (length !== 100_000) throw new Error('lost')
        await dialer.ping(address)
      }
      await Promise.all([dialer.stop(), listener.stop()])`,
    'when a host that only dials has closed its connection, stopped or not': `
      const listener = await createHost({ listen: ['/ip4/127.0.0.1/tcp/0'] })
      const dialer = await createHost()
      const connection = await dialer.dial(listener.addresses[0])
      await connection.close()
      await listener.stop()`,
    'when a host goes out of scope': `
      const host = await createHost({ listen: ['/ip4/127.0.0.1/tcp/0'] })
      await host[Symbol.asyncDispose]()`,
    'after a dial that failed': `
      const host = await createHost({ limits: { dialTimeout: 50 } })
      const silent = await memory().listen(Multiaddr.parse('/memory/silent'), () => {})
      const { code } = await host.dial('/memory/silent').catch(error => error)
      if (code !== 'ERR_TIMEOUT') throw new Error(code)`,
    'without a warning, though dials and handshakes are many': `
      const listener = await createHost({ listen: ['/ip4/127.0.0.1/tcp/0'] })
      const dialers = await Promise.all(Array.from({ length: 30 }, () => createHost()))
      await Promise.all(dialers.map(dialer => dialer.dial(listener.addresses[0])))
      const others = await Promise.all(Array.from({ length: 30 }, () => createHost({ listen: ['/memory/0'] })))
      await Promise.all(others.map(other => listener.dial(other.addresses[0])))
      await Promise.all([listener, ...dialers, ...others].map(host => host.stop()))`,
  }

  for (const [name, program] of Object.entries(programs)) {
    test(name, async () => {
      const run = await runModule(`import { createHost, memory, Multiaddr } from '#src/index'\n${program}`)
      assert.deepEqual(run, { code: 0, stdout: '', stderr: '' })
    })
  }
})

test('memory is where it was after 1,000 streams, and after 100 connections', async () => {
  const { code, stdout, stderr } = await runModule(
    `
      import { createHost } from '#src/index'
      const listener = await createHost({ listen: ['/ip4/127.0.0.1/tcp/0'] })
      const dialer = await createHost()
      listener.handle('/echo', async stream => {
        for await (const chunk of stream) stream.write(chunk)
        await stream.end()
      })
      const bytes = new Uint8Array(10_000)
      async function talk() {
        const stream = await dialer.open(listener.addresses[0], '/echo')
        stream.write(bytes)
        await stream.end()
        for await (const _ of stream);
        await stream.closed
      }
      async function streams(count) {
        for (let i = 0; i < count * 10; i++) await talk()
      }
      async function connections(count) {
        for (let i = 0; i < count; i++) {
          await talk()
          await dialer.connections[0].close()
        }
      }
      async function used() {
        for (let i = 0; i < 5; i++) {
          await new Promise(resolve => setTimeout(resolve, 20))
          gc()
        }
        const { heapUsed, external } = process.memoryUsage()
        return heapUsed + external
      }
      const growth = {}
      for (const work of [streams, connections]) {
        await work(30)
        const before = await used()
        await work(100)
        growth[work.name] = (await used()) - before
      }
      console.log(JSON.stringify(growth))
      await Promise.all([dialer.stop(), listener.stop()])
    `,
    ['--expose-gc'],
  )
  assert.deepEqual([code, stderr], [0, ''])
  for (const [name, bytes] of Object.entries(JSON.parse(stdout) as Record<string, number>)) {
    assert.ok(bytes < 1_000_000, `${bytes} bytes stay of the ${name}`)
  }
})
