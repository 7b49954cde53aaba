import assert from 'node:assert/strict'
import type { Stream } from '#src/net/stream'
import { randomNumbers } from '../support/feed.ts'
import { serveEcho, withHosts } from '../support/hosts.ts'
import { collect, turns } from '../support/net.ts'
import { pattern } from '../support/wire.ts'
import { codeOf, type Fault, quantile, since, tally } from './fault.ts'

const bulk = pattern(16_384)
const message = pattern(100)

/** `stop()` may take so long, in milliseconds. */
const bound = 2_000

/** As much as the line takes. */
async function pour(stream: Stream): Promise<void> {
  for (;;) if (!stream.write(bulk)) await stream.drained()
}

/** A little each turn. */
async function chat(stream: Stream): Promise<void> {
  for (;;) {
    stream.write(message)
    await turns(1)
  }
}

/** Stops a host, the other, or both, in the middle of streams that write and read without end. */
async function stopOnce(random: () => number, codes: string[]): Promise<number> {
  let time = 0
  await withHosts(2, {}, async (dialer, listener) => {
    serveEcho(listener)
    const write = random() < 0.2 ? pour : chat
    const talks = Array.from({ length: 1 + Math.floor(random() * 100) }, async () => {
      const code = await codeOf(
        dialer.open(listener.addresses[0]!, '/echo').then(async stream => {
          await Promise.all([collect(stream), write(stream)])
        }),
      )
      codes.push(code)
    })
    await turns(Math.floor(random() * 60))
    const begin = performance.now()
    const who = random()
    const stopping = [...(who < 0.7 ? [dialer] : []), ...(who > 0.3 ? [listener] : [])]
    await Promise.all(stopping.map(host => host.stop()))
    time = since(begin)
    // Strangers in their handshake are cut, and counted as gone once their sockets say so.
    await turns()
    for (const host of stopping) {
      assert.deepEqual(
        [host.connections.length, ...Object.values(host.usage())],
        Array.from({ length: 9 }, () => 0),
      )
    }
    await Promise.all(talks)
  })
  return time
}

/** Stops under load. */
export const stops: readonly Fault[] = [
  {
    name: 'stop() under load ends everything within two seconds, time and again',
    long: true,
    run: async scale => {
      const random = randomNumbers(13)
      const codes: string[] = []
      const times: number[] = []
      const begin = performance.now()
      const rounds = scale === 'full' ? 1_000 : 20
      for (let round = 0; round < rounds; round++) times.push(await stopOnce(random, codes))
      const slowest = Math.max(...times)
      assert.ok(slowest <= bound, `it took ${slowest} ms`)
      return `${rounds} stops under ${codes.length} streams in ${since(begin)} ms, median ${quantile(times, 0.5)} ms, the longest ${slowest} ms; ends of streams: ${tally(codes)}`
    },
  },
]
