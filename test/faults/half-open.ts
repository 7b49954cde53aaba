import assert from 'node:assert/strict'
import type { Host } from '#src/host/host'
import type { LimitOptions } from '#src/protocol/limits'
import { serveEcho } from '../support/hosts.ts'
import { collect, until } from '../support/net.ts'
import { pattern } from '../support/wire.ts'
import { codeOf, type Fault, isIdle, type Scale, since, tally, withProxy } from './fault.ts'
import type { Lines } from './proxy.ts'

const swallow: Lines = {
  up: { cut: { at: 0, by: 'swallow' } },
  down: { cut: { at: 0, by: 'swallow' } },
}

/** Keepalive, its answer, and by when a dead peer must be known. */
function sizes(scale: Scale): { interval: number; answer: number; bound: number } {
  const [interval, answer] = scale === 'full' ? [30_000, 10_000] : [300, 200]
  // The side that was dialled asks a tenth later; the page grants 5 s beside.
  return { interval, answer, bound: 1.1 * interval + answer + (scale === 'full' ? 5_000 : 500) }
}

function limitsOf(scale: Scale): LimitOptions {
  const { interval, answer } = sizes(scale)
  return { yamux: { keepAliveInterval: interval, keepAliveTimeout: answer } }
}

/** The line swallows all in the middle of a session, at rest or under load; both ends must notice, and come together again. */
async function goDark(scale: Scale, load: boolean): Promise<string> {
  const { bound } = sizes(scale)
  let told = ''
  await withProxy(limitsOf(scale), async (dialer, listener, proxy, target) => {
    serveEcho(listener)
    const streams = await Promise.all(Array.from({ length: 5 }, () => dialer.open(target, '/echo')))
    const reading = streams.map(stream => codeOf(collect(stream)))
    const writing = setInterval(() => {
      for (const stream of streams)
        if (load) void codeOf(Promise.resolve().then(() => stream.write(pattern(500))))
    }, 10)
    await dialer.ping(target)
    if (load) await until(() => proxy.passed.down > 3_000)
    Object.assign(proxy, swallow)
    const begin = performance.now()
    const known = await Promise.all([dialer, listener].map(host => noticed(host, begin)))
    clearInterval(writing)
    const codes = await Promise.all(reading)
    assert.deepEqual(new Set(codes), new Set(['ERR_TIMEOUT']))
    for (const time of known) assert.ok(time <= bound, `known only after ${time} ms`)
    await Promise.all([dialer, listener].map(isIdle))
    Object.assign(proxy, { up: {}, down: {} })
    const healed = performance.now()
    await dialer.ping(target)
    told = `known after ${known.join(' and ')} ms, the bound is ${bound}; each of 5 streams ${tally(codes)}; together again in ${since(healed)} ms`
  })
  return told
}

async function noticed(host: Host, begin: number): Promise<number> {
  while (host.connections.length > 0) await new Promise(resolve => setTimeout(resolve, 5))
  return since(begin)
}

/** The line goes dark at some bytes of the handshake: each side gives up at its own deadline. */
async function goDarkEarly(scale: Scale): Promise<string> {
  const limits = { dialTimeout: 300, upgradeTimeout: 300 }
  const codes: string[] = []
  const times: number[] = []
  await withProxy(limits, async (dialer, listener, proxy, target) => {
    for (const direction of ['up', 'down'] as const) {
      for (let at = 0; at < 240; at += scale === 'full' ? 1 : 80) {
        Object.assign(proxy, { up: {}, down: {}, [direction]: { cut: { at, by: 'swallow' } } })
        const begin = performance.now()
        codes.push(await codeOf(dialer.ping(target)))
        times.push(since(begin))
        for (const connection of dialer.connections) connection.abort()
        await Promise.all([dialer, listener].map(isIdle))
      }
    }
  })
  const last = Math.max(...times)
  assert.ok(last < 300 + 5_000 + 500, `a dial took ${last} ms`)
  assert.ok(codes.includes('ERR_TIMEOUT'))
  return `${codes.length} dials, the longest ${last} ms: ${tally(codes)}`
}

/** Peers that are gone without a word. */
export const halfOpen: readonly Fault[] = [
  {
    name: 'a peer that is gone without a word is known to be within keepalive and its answer: at rest',
    run: scale => goDark(scale, false),
  },
  {
    name: 'a peer that is gone without a word is known to be within keepalive and its answer: under load',
    run: scale => goDark(scale, true),
  },
  {
    name: 'a peer that is gone without a word in mid-handshake costs no more than the deadline',
    run: goDarkEarly,
  },
]
