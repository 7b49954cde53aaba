import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Host } from '#src/host/host'
import { Multiaddr } from '#src/wire/multiaddr'
import { withHosts } from '../support/hosts.ts'
import { collect, until } from '../support/net.ts'
import { pattern } from '../support/wire.ts'
import { Child } from './child.ts'
import { codeOf, type Fault, type Scale } from './fault.ts'
import { startProxy } from './proxy.ts'

const day = 24 * 3_600_000
const jumps = [day, -day, 10 * 365 * day, -10 * 365 * day]

/** Milliseconds between signs of life, and for the answer. */
const keepAlive = { keepAliveInterval: 300, keepAliveTimeout: 1_500 }

/**
 * A host whose clock on the wall jumps as it is told, and that counts its timers. It echoes; and it says when a connection
 * ends, and each second how many timers it has begun.
 */
const clockwork = (limits: object) => `
  import { createHost } from '#src/index'
  const say = word => console.log(JSON.stringify(word))
  let timers = 0
  const { setTimeout: begin } = globalThis
  globalThis.setTimeout = (...args) => { timers++; return begin(...args) }
  const { now } = Date
  let offset = 0
  Date.now = () => now() + offset
  const host = await createHost({ listen: ['/ip4/127.0.0.1/tcp/0'], limits: ${JSON.stringify(limits)} })
  host.handle('/echo', async stream => {
    for await (const chunk of stream) if (!stream.write(chunk)) await stream.drained()
    await stream.end()
  })
  host.on('disconnect', ({ error }) => say({ disconnect: error?.code ?? 'in good order' }))
  let jumped = 0
  const jumps = ${JSON.stringify(jumps)}
  process.on('SIGUSR2', () => {
    offset = jumps[jumped++ % jumps.length]
    // Who hears of it gets a record with the time of now.
    host.handle('/late/' + jumped, stream => stream.reset())
    say({ jumped: offset })
  })
  setInterval(() => {
    say({ timers, cpu: process.cpuUsage().user + process.cpuUsage().system })
    timers = 0
  }, 500)
  say({ address: host.addresses[0].toString() })
`

async function echoOnce(host: Host, address: Multiaddr): Promise<void> {
  const stream = await host.open(address, '/echo')
  stream.write(pattern(1_000))
  await stream.end()
  assert.deepEqual(await collect(stream), pattern(1_000))
}

/** The clock of a host jumps, while it is connected to twenty. */
async function jump(): Promise<string> {
  const child = new Child(clockwork({ yamux: keepAlive }))
  const timers: number[] = []
  try {
    const address = Multiaddr.parse(String((await child.next('address')).address))
    await withHosts(20, { listen: [] }, async (...peers) => {
      await Promise.all(peers.map(peer => echoOnce(peer, address)))
      for (const [index] of jumps.entries()) {
        child.signal('SIGUSR2')
        await child.next('jumped')
        await Promise.all(peers.map(peer => echoOnce(peer, address)))
        await child.fresh('timers')
        timers.push(Number((await child.next('timers')).timers))
        // What the host can do is told anew, and believed, though its clock went back.
        const { peerId } = peers[0]!.connections[0]!
        await until(() => peers.every(peer => peer.peers.speaks(peerId, `/late/${index + 1}`)))
      }
      for (const peer of peers) assert.equal(peer.connections.length, 1, 'a connection was lost')
    })
  } catch (error) {
    throw new Error(`the host said: ${child.said} ${child.stderr}`, { cause: error })
  } finally {
    await child.kill()
  }
  // Each of 20 connections has a timer for its keepalive each 300 ms: some 35 in half a second, and as many for what else there is.
  for (const count of timers) assert.ok(count < 500, `${count} timers in half a second`)
  return `${jumps.length} jumps by ±1 day and ±10 years: none of 20 connections lost; timers begun in half a second: ${timers.join(', ')}`
}

/**
 * A host is stopped for much longer than its own keepalive, and goes on. At rest its pings are answered before it is stopped; on a
 * long way some are under way, and what answers them waits to be read when it goes on.
 */
async function freeze(scale: Scale, delay: number): Promise<string> {
  const child = new Child(clockwork({ yamux: keepAlive }))
  const line = { delay }
  const { address } = await child.next('address')
  const proxy = await startProxy(Number(Multiaddr.parse(String(address)).value('tcp')), {
    up: line,
    down: line,
  })
  try {
    const seen = await freezeBetween(
      child,
      `/ip4/127.0.0.1/tcp/${proxy.port}`,
      scale === 'full' ? 60_000 : 4_000,
    )
    return `${seen}, with pings of ${2 * delay} ms`
  } finally {
    await proxy.close()
    await child.kill()
  }
}

async function freezeBetween(child: Child, target: string, time: number): Promise<string> {
  let told = ''
  // The others are patient, or they would give up on it.
  const limits = { yamux: { keepAliveInterval: 300_000 }, writeTimeout: 300_000 }
  await withHosts(20, { listen: [], limits }, async (...peers) => {
    const address = Multiaddr.parse(target)
    let lost = 0
    for (const peer of peers) peer.on('disconnect', () => lost++)
    await Promise.all(peers.map(peer => echoOnce(peer, address)))
    await sleep(500)
    child.signal('SIGSTOP')
    await sleep(time)
    child.signal('SIGCONT')
    const timers = Number((await child.fresh('timers')).timers)
    await Promise.all(peers.map(peer => codeOf(echoOnce(peer, address))))
    told = `${20 - lost} of 20 connections stood after ${time} ms; ${timers} timers in half a second`
    assert.ok(timers < 500, told)
    assert.equal(lost, 0, told)
  })
  return told
}

/** Clocks that jump, and processes that stand still. */
export const clocks: readonly Fault[] = [
  {
    name: 'a clock on the wall that jumps by a day or by ten years ends nothing, and starts no storm of timers',
    run: jump,
  },
  {
    name: 'a process that stood still for longer than its keepalive keeps its connections when it goes on',
    run: scale => freeze(scale, 0),
  },
  {
    name: 'a process that stood still while pings were under way keeps its connections when it goes on',
    long: true,
    run: scale => freeze(scale, 80),
  },
]
