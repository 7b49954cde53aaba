/** The process of the host under test: `subject.js <MB per hour to leak on purpose>`. */

import { setTimeout } from 'node:timers/promises'
import { createHost } from '#src/index'
import { heapNow } from '../support/heap.ts'
import { keyOf, peerIdOf } from '../support/net.ts'
import { type Answer, fault, obey, type Sample, say, steadyHosts } from './messages.ts'
import { serve } from './services.ts'
import { liveTimers } from './timers.ts'

/** How long the counters may take to come back to rest, and the last timer to run out, in milliseconds. */
const patience = 12_000

/** Few enough that crowds are refused and evict each other; and no timer outlives the host for long. */
const limits = { connections: 64, inbound: 40, peers: 256, idleTimeout: 5_000 }

const { gc } = globalThis
if (!gc) throw new Error('Run this with --expose-gc.')

const host = await createHost({ listen: ['/ip4/127.0.0.1/tcp/0'], limits })
for (let i = 1; i <= steadyHosts; i++) host.protect(peerIdOf(keyOf(i)))
serve(host)
const leaking = leak(Number(process.argv[2]))
obey({ sample, stop })
say({ kind: 'ready', address: String(host.addresses[0]) })

/** The state at rest, which it may take a moment to come to: others have hung up just now. */
async function sample(): Promise<Answer> {
  await until(isAtRest)
  if (!isAtRest()) fault(new Error(`The counters do not come to rest: ${JSON.stringify(host.usage())}.`))
  return { kind: 'sample', sample: await look() }
}

async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + patience
  while (!condition() && performance.now() < deadline) await setTimeout(20)
}

function isAtRest(): boolean {
  const { pending, dials, streams, bytes } = host.usage()
  return pending + dials + streams + bytes === 0
}

async function stop(): Promise<Answer> {
  await host.stop()
  clearInterval(leaking)
  await until(() => liveTimers() === 0)
  return { kind: 'sample', sample: await look() }
}

async function look(): Promise<Sample> {
  // What is freed by one collection may hold what only the next one finds.
  for (let i = 0; i < 3; i++) {
    await setTimeout(20)
    gc!()
  }
  const { held, buffers, code } = heapNow()
  const handles = process.getActiveResourcesInfo()
  return {
    heap: held,
    buffers,
    code,
    rss: process.memoryUsage().rss,
    sockets: handles.filter(name => name.startsWith('TCP')).length,
    timers: liveTimers(),
    usage: host.usage(),
  }
}

/** Keeps so many megabytes more every hour, to show that the soak would see it. */
function leak(megabytes: number): NodeJS.Timeout | undefined {
  if (!megabytes) return undefined
  const kept: number[][] = []
  const numbers = Math.round((megabytes * 1e6) / 3_600 / 8)
  return setInterval(() => kept.push(new Array<number>(numbers).fill(0.5)), 1_000)
}
