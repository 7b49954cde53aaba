import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Host } from '#src/host/host'
import type { Stream } from '#src/net/stream'
import { randomNumbers } from '../support/feed.ts'
import { withHosts } from '../support/hosts.ts'
import { collect, until, withResolvers } from '../support/net.ts'
import { codeOf, type Fault, quantile, type Scale, since, tally, within, withProxy } from './fault.ts'
import type { Line } from './proxy.ts'

const KiB = 1024
const MiB = 1024 * KiB

/** What a stream may keep at each end: a window that has not grown at the reader, and what a writer may queue. */
const firstWindow = 256 * KiB
const writeQueue = MiB

/** Bytes that repeat nowhere. */
function randomBytes(length: number, seed: number): Uint8Array {
  const random = randomNumbers(seed)
  return Uint8Array.from({ length }, () => random() * 256)
}

function hashOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** Sends all in pieces, as fast as it is taken in, and ends. */
async function send(stream: Stream, bytes: Uint8Array, piece = 64 * KiB): Promise<void> {
  for (let at = 0; at < bytes.length; at += piece) {
    if (!stream.write(bytes.subarray(at, at + piece))) await stream.drained()
  }
  await stream.end()
}

/** Opens a stream, and gives both ends. */
async function streamOf(dialer: Host, listener: Host, target: string): Promise<[Stream, Stream]> {
  const accepted = withResolvers<Stream>()
  const undo = listener.handle('/flow', stream => {
    accepted.resolve(stream)
    return stream.closed
  })
  const stream = await dialer.open(target, '/flow')
  const pair: [Stream, Stream] = [stream, await accepted.promise]
  undo()
  return pair
}

/** The page's line, and one in which all is faster by the same factor, so that as much happens in less time. */
function badLine(scale: Scale): { line: Line; keepAlive: [number, number]; bytes: number; factor: number } {
  const factor = scale === 'full' ? 1 : 20
  const line: Line = {
    rate: 8_000 * factor,
    delay: [100 / factor, 300 / factor],
    stalls: { every: 20_000 / factor, for: 5_000 / factor },
    pieces: [1, 1_400],
  }
  return { line, keepAlive: [30_000 / factor, 10_000 / factor], bytes: 512 * KiB, factor }
}

/** The same amount both ways at once over a bad line. */
async function crawl(scale: Scale): Promise<string> {
  const { line, keepAlive, bytes, factor } = badLine(scale)
  const limits = { yamux: { keepAliveInterval: keepAlive[0], keepAliveTimeout: keepAlive[1] } }
  const [ours, theirs] = [randomBytes(bytes, 1), randomBytes(bytes, 2)]
  let told = ''
  await withProxy(limits, async (dialer, listener, proxy, target) => {
    Object.assign(proxy, { up: line, down: line })
    const [near, far] = await streamOf(dialer, listener, target)
    const begin = performance.now()
    const work = Promise.all([collect(near), collect(far), send(near, ours), send(far, theirs)])
    const [down, up] = await work
    assert.deepEqual([hashOf(up), hashOf(down)], [hashOf(ours), hashOf(theirs)])
    assert.equal(dialer.connections.length, 1)
    // Without a deadline: a stall may be as long as one.
    const rtt = await near.connection.ping()
    told = `${bytes} bytes each way intact in ${since(begin)} ms, then a ping of ${Math.round(rtt)} ms; ${described(factor)}`
  })
  return told
}

function described(factor: number): string {
  const scaled = factor === 1 ? '' : `, all of it and the keepalive ${factor} times as fast`
  return `64 kbit/s, 200 ± 100 ms, a stall of 5 s each 20 s, pieces of 1 to 1,400 bytes${scaled}`
}

/** Both sides write all before either reads. */
async function writeFirst(): Promise<string> {
  const bytes = 64 * MiB
  const piece = randomBytes(64 * KiB, 3)
  let time = 0
  await withHosts(2, {}, async (dialer, listener) => {
    const [near, far] = await streamOf(dialer, listener, listener.addresses[0]!.toString())
    const begin = performance.now()
    const ends = [near, far].map(stream => {
      for (let at = 0; at < bytes; at += piece.length) stream.write(piece)
      return stream.end()
    })
    await sleep(100)
    const lengths = await within(30_000, 'all is read', Promise.all([near, far].map(repeated(piece))))
    await Promise.all(ends)
    assert.deepEqual(lengths, [bytes, bytes])
    time = since(begin)
  })
  return `64 MiB each way in ${time} ms`
}

/** Reads a piece that is repeated, and gives how many bytes came. */
function repeated(piece: Uint8Array): (stream: Stream) => Promise<number> {
  return async stream => {
    let length = 0
    for await (const chunk of stream) {
      for (let at = 0; at < chunk.length; ) {
        const from = (length + at) % piece.length
        const part = chunk.subarray(at, at + piece.length - from)
        assert.equal(Buffer.compare(part, piece.subarray(from, from + part.length)), 0)
        at += part.length
      }
      length += chunk.length
    }
    return length
  }
}

/** The reader stops, and goes on later. */
async function pause(): Promise<string> {
  let told = ''
  await withHosts(2, {}, async (dialer, listener) => {
    const [near, far] = await streamOf(dialer, listener, listener.addresses[0]!.toString())
    const bytes = randomBytes(4 * MiB, 4)
    let taken = 0
    const writing = (async () => {
      for (let at = 0; at < bytes.length; at += 64 * KiB) {
        const room = near.write(bytes.subarray(at, at + 64 * KiB))
        taken += 64 * KiB
        if (!room) await near.drained()
      }
      await near.end()
    })()
    await until(() => taken > writeQueue)
    await sleep(300)
    const stopped = taken
    await sleep(300)
    assert.equal(taken, stopped, 'the writer went on though nobody reads')
    assert.ok(stopped <= firstWindow + writeQueue + 64 * KiB, `${stopped} bytes were taken in`)
    const held = [dialer, listener].map(host => host.usage().bytes)
    assert.ok(held[1]! <= firstWindow + 64 * KiB, `${held[1]} bytes wait unread`)
    // Another stream of the same connection is not held up.
    await within(2_000, 'a ping beside it', dialer.ping(listener.peerId))
    const [read] = await Promise.all([collect(far), writing, far.end()])
    assert.equal(hashOf(read), hashOf(bytes))
    told = `the writer stopped after ${stopped} bytes (${held.join(' and ')} held), and all came in the end`
  })
  return told
}

/** Writes without end. */
async function pour(stream: Stream): Promise<void> {
  const bytes = randomBytes(64 * KiB, 5)
  for (;;) if (!stream.write(bytes)) await stream.drained()
}

/** A stream is never read: it is reset, and the connection stays. */
async function neverRead(scale: Scale): Promise<string> {
  const stallTimeout = scale === 'full' ? 20_000 : 400
  let told = ''
  await withProxy({ stallTimeout }, async (dialer, listener, _proxy, target) => {
    const [near, far] = await streamOf(dialer, listener, target)
    const begin = performance.now()
    const code = await within(2 * stallTimeout, 'the writer hears of it', codeOf(pour(near)))
    const time = since(begin)
    const other = await within(1_000, 'the reader hears of it', codeOf(far.closed))
    assert.deepEqual([code, other], ['ERR_TIMEOUT', 'ERR_STREAM_RESET'])
    assert.ok(time >= stallTimeout && time <= 1.5 * stallTimeout, `the writer heard of it after ${time} ms`)
    await dialer.ping(listener.peerId)
    told = `${code} for the writer after ${time} ms, ${other} for the reader; the limit is ${stallTimeout}`
  })
  return told
}

/** Far more streams than the kernel has room for are written to, and the other side takes in nothing. */
async function neverTaken(scale: Scale): Promise<string> {
  const writeTimeout = scale === 'full' ? 20_000 : 400
  let told = ''
  await withProxy({ writeTimeout }, async (dialer, listener, proxy, target) => {
    const pairs: [Stream, Stream][] = []
    for (let i = 0; i < 64; i++) pairs.push(await streamOf(dialer, listener, target))
    const reading = pairs.map(([, far]) => codeOf(collect(far)))
    proxy.partition()
    const begin = performance.now()
    const writing = Promise.all(pairs.map(([near]) => codeOf(pour(near))))
    const codes = await within(1.25 * writeTimeout + 10_000, 'the writers hear of it', writing)
    const time = since(begin)
    proxy.heal()
    const others = await within(5_000, 'the readers hear of it', Promise.all(reading))
    assert.deepEqual(new Set(codes), new Set(['ERR_TIMEOUT']))
    assert.deepEqual(new Set(others), new Set(['ERR_CONNECTION_CLOSED']))
    // Before it counts the kernel and the proxy have taken in some megabytes.
    assert.ok(time >= writeTimeout, `the writers heard of it after ${time} ms`)
    told = `writers: ${tally(codes)} after ${time} ms; readers: ${tally(others)}; the limit is ${writeTimeout}`
  })
  return told
}

/** Sends so much on each of 99 streams and gives MiB/s. */
async function carry(dialer: Host, listener: Host, each: number): Promise<number> {
  const piece = randomBytes(64 * KiB, 6)
  const pairs: [Stream, Stream][] = []
  for (let i = 0; i < 99; i++) pairs.push(await streamOf(dialer, listener, listener.peerId.toString()))
  const begin = performance.now()
  const work = pairs.map(async ([near, far]) => {
    const sending = (async () => {
      for (let at = 0; at < each; at += piece.length) if (!near.write(piece)) await near.drained()
      await near.end()
    })()
    let length = 0
    for await (const chunk of far) length += chunk.length
    await Promise.all([sending, far.end()])
    assert.equal(length, each)
  })
  await within(30_000, 'all fast streams are done', Promise.all(work))
  return (99 * each * 1_000) / MiB / (performance.now() - begin)
}

/** One stream that nobody reads, beside 99 that are read. */
async function besideASlowOne(scale: Scale): Promise<string> {
  const rounds = scale === 'full' ? 15 : 3
  const each = scale === 'full' ? 4 * MiB : 512 * KiB
  const alone: number[] = []
  const beside: number[] = []
  await withHosts(2, {}, async (dialer, listener) => {
    await dialer.dial(listener.addresses[0]!)
    await carry(dialer, listener, each)
    for (let round = 0; round < rounds; round++) {
      alone.push(await carry(dialer, listener, each))
      const [slow, unread] = await streamOf(dialer, listener, listener.peerId.toString())
      const sending = codeOf(send(slow, new Uint8Array(4 * MiB)))
      beside.push(await carry(dialer, listener, each))
      unread.reset()
      assert.equal(await sending, 'ERR_STREAM_RESET')
    }
  })
  // What else the machine does only slows either down: the best of many say more than the middle.
  const [without, with_] = [quantile(alone, 0.9), quantile(beside, 0.9)]
  const loss = 100 * (1 - with_ / without)
  if (scale === 'full') assert.ok(loss <= 5, `the fast ones lost ${loss.toFixed(1)} %`)
  return `the best of ${rounds}: ${Math.round(without)} MiB/s without it, ${Math.round(with_)} with it (${(-loss).toFixed(1)} %)`
}

/** Lines and readers that are slow, or stop. */
export const flow: readonly Fault[] = [
  { name: 'a bad line changes and loses nothing, and keepalive does not end it', long: true, run: crawl },
  { name: 'both sides write 64 MiB before either reads, and all arrives', run: writeFirst },
  { name: 'a reader that stops holds up its writer and nobody else, and may go on', run: pause },
  {
    name: 'a reader that stops for good ends its stream with an error at both ends, and no other',
    run: neverRead,
  },
  {
    name: 'a peer that takes in no bytes ends the connection with an error at both ends',
    run: neverTaken,
  },
  { name: 'one slow stream does not slow the 99 beside it', long: true, run: besideASlowOne },
]
