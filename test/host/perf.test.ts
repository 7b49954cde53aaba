import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Host } from '#src/host/host'
import { type PerfOptions, perf, servePerf } from '#src/host/services/perf'
import type { Stream } from '#src/net/stream'
import { MAX_PERF_BYTES, PERF_PROTOCOL, PerfRequester } from '#src/protocol/perf'
import { serveEcho, withHosts } from '../support/hosts.ts'
import { collect, errorOf, turns, until } from '../support/net.ts'
import { pattern } from '../support/wire.ts'

const transports = { memory: '/memory/0', TCP: '/ip4/127.0.0.1/tcp/0' }

/** As many as a host serves at once. */
const maxStreams = 16

/** Hosts of which the last serves measurements. */
function withServer(
  count: number,
  listen: string,
  body: (server: Host, ...clients: Host[]) => Promise<void>,
): Promise<void> {
  return withHosts(count + 1, { listen: [listen] }, async (server, ...clients) => {
    servePerf(server!)
    await body(server!, ...clients)
  })
}

/** The last thing that a measurement tells on its way, after it has gone well. */
async function counted(
  client: Host,
  server: Host,
  options: PerfOptions,
): Promise<[uploaded: number, downloaded: number]> {
  let counts: [number, number] = [0, 0]
  const onProgress = (uploaded: number, downloaded: number) => {
    assert.ok(uploaded >= counts[0] && downloaded >= counts[1])
    counts = [uploaded, downloaded]
  }
  const milliseconds = await perf(client, server.addresses[0]!, { ...options, onProgress })
  assert.ok(milliseconds > 0)
  return counts
}

function isIdle({ connections }: Host): boolean {
  return connections.every(({ streams }) => streams.length === 0)
}

for (const [name, listen] of Object.entries(transports)) {
  describe(`perf over ${name}`, () => {
    for (const [upload, download] of [
      [0, 0],
      [1, 1],
      [0, 65_537],
      [65_535, 0],
      [1_234_567, 7_654_321],
    ] as const) {
      test(`sends ${upload} bytes, then receives ${download}, and leaves no stream behind`, () =>
        withServer(1, listen, async (server, client) => {
          assert.deepEqual(await counted(client!, server, { upload, download }), [upload, download])
          await until(() => isIdle(server) && isIdle(client!))
        }))
    }

    test('measures again and again, and many at once', () =>
      withServer(1, listen, async (server, client) => {
        const options = { upload: 100_000n, download: 200_000n }
        await counted(client!, server, options)
        const all = await Promise.all(
          Array.from({ length: maxStreams }, () => counted(client!, server, options)),
        )
        assert.deepEqual(new Set(all.map(String)), new Set(['100000,200000']))
        await until(() => isIdle(server))
      }))

    test('of the largest amount takes what it likes, and then resets the stream', () =>
      withServer(1, listen, async (server, client) => {
        const controller = new AbortController()
        const measured = perf(client!, server.addresses[0]!, {
          download: MAX_PERF_BYTES,
          signal: controller.signal,
          onProgress: (_uploaded, downloaded) => downloaded > 3_000_000 && controller.abort(),
        })
        assert.equal((await errorOf(measured)).code, 'ERR_ABORTED')
        await until(() => isIdle(server) && isIdle(client!))
        assert.deepEqual(await counted(client!, server, { download: 1 }), [0, 1])
      }))
  })
}

describe('perf', () => {
  test('can be ended in the middle of an upload', () =>
    withServer(1, '/memory/0', async (server, client) => {
      const controller = new AbortController()
      const measured = perf(client!, server.addresses[0]!, {
        upload: MAX_PERF_BYTES,
        signal: controller.signal,
        onProgress: uploaded => uploaded > 3_000_000 && controller.abort(),
      })
      assert.equal((await errorOf(measured)).code, 'ERR_ABORTED')
      await until(() => isIdle(server) && isIdle(client!))
    }))

  test('does not begin when its signal has fired', () =>
    withServer(1, '/memory/0', async (server, client) => {
      const options = { signal: AbortSignal.abort() }
      assert.equal((await errorOf(perf(client!, server.addresses[0]!, options))).code, 'ERR_ABORTED')
      assert.equal(client!.connections.length, 0)
    }))

  for (const upload of [0, 1_000_000]) {
    test(`fails where it is not served, with ${upload} bytes to send`, () =>
      withHosts(2, {}, async (a, b) => {
        serveEcho(b!)
        const error = await errorOf(perf(a!, b!.addresses[0]!, { upload }))
        assert.equal(error.code, 'ERR_PROTOCOL_UNSUPPORTED')
        await a!.open(b!.peerId, '/echo')
      }))
  }

  for (const amount of [-1, 0.5, Number.NaN, 2 ** 53, -1n, 2n ** 64n]) {
    test(`refuses ${amount} as an amount`, () =>
      withServer(1, '/memory/0', async (server, client) => {
        for (const options of [{ upload: amount }, { download: amount }]) {
          assert.equal((await errorOf(perf(client!, server.addresses[0]!, options))).code, 'ERR_USAGE')
        }
        assert.equal(client!.connections.length, 0)
      }))
  }

  /** Each has said what it wants: ten bytes. */
  const answers: readonly [name: string, answer: (stream: Stream) => Promise<void>, code: string][] = [
    ['too many bytes', stream => endWith(stream, 11), 'ERR_PROTOCOL'],
    ['too few bytes', stream => endWith(stream, 9), 'ERR_UNEXPECTED_END'],
    ['none at all', stream => endWith(stream, 0), 'ERR_UNEXPECTED_END'],
    ['a reset', async stream => stream.reset(), 'ERR_STREAM_RESET'],
  ]
  for (const [name, answer, code] of answers) {
    test(`fails on ${name}, and leaves the connection alone`, () =>
      withHosts(2, {}, async (a, b) => {
        serveEcho(b!)
        b!.handle(PERF_PROTOCOL, async stream => {
          for await (const _ of stream);
          await answer(stream)
        })
        assert.equal((await errorOf(perf(a!, b!.addresses[0]!, { download: 10 }))).code, code)
        await a!.open(b!.peerId, '/echo')
        assert.equal(a!.connections.length, 1)
      }))
  }

  test('does not wait for ever on one who answers instead of taking in the upload', () =>
    withHosts(2, {}, async (a, b) => {
      b!.handle(PERF_PROTOCOL, stream => endWith(stream, 1_000_000))
      for (const [download, code] of [
        [2_000_000, 'ERR_UNEXPECTED_END'],
        [10, 'ERR_PROTOCOL'],
      ] as const) {
        const error = await errorOf(perf(a!, b!.addresses[0]!, { upload: 10_000_000, download }))
        assert.equal(error.code, code)
        await until(() => isIdle(a!) && isIdle(b!))
      }
    }))
})

async function endWith(stream: Stream, length: number): Promise<void> {
  stream.write(pattern(length))
  await stream.end()
}

describe('perf, the end of whose request came with the proposal', () => {
  /** A host that resets so many streams of perf, as they agree, before it serves them. */
  async function withResets(
    count: number,
    body: (client: Host, server: Host, opened: () => number) => Promise<void>,
  ): Promise<void> {
    await withServer(1, '/memory/0', async (server, client) => {
      let opened = 0
      const undo = server.handle(PERF_PROTOCOL, stream => {
        opened++
        if (opened >= count) {
          undo()
          servePerf(server)
        }
        stream.reset()
      })
      await body(client!, server, () => opened)
    })
  }

  test('tries once more without, where the stream was reset for it', () =>
    withResets(1, async (client, server, opened) => {
      assert.deepEqual(await counted(client, server, { upload: 1_000, download: 2_000 }), [1_000, 2_000])
      assert.equal(opened(), 1)
    }))

  test('does not try a third time', () =>
    withResets(2, async (client, server, opened) => {
      assert.equal((await errorOf(perf(client, server.addresses[0]!))).code, 'ERR_STREAM_RESET')
      assert.equal(opened(), 2)
    }))

  test('does not try again when an answer had begun to come', () =>
    withHosts(2, {}, async (a, b) => {
      let opened = 0
      b!.handle(PERF_PROTOCOL, async stream => {
        opened++
        stream.write(pattern(10))
        await stream.connection.ping()
        stream.reset()
      })
      const error = await errorOf(perf(a!, b!.addresses[0]!, { download: 20 }))
      assert.deepEqual([error.code, opened], ['ERR_STREAM_RESET', 1])
    }))
})

describe('servePerf', () => {
  test('is off unless asked for, and its undo turns it off again', () =>
    withHosts(2, {}, async (a, b) => {
      const refused = async () => (await errorOf(a!.open(b!.addresses[0]!, PERF_PROTOCOL))).code
      assert.equal(await refused(), 'ERR_PROTOCOL_UNSUPPORTED')
      const undo = servePerf(b!)
      await perf(a!, b!.addresses[0]!)
      undo()
      await until(() => !a!.peers.get(b!.peerId)?.protocols.includes(PERF_PROTOCOL))
      assert.equal(await refused(), 'ERR_PROTOCOL_UNSUPPORTED')
    }))

  test('sends nothing before the upload has ended', () =>
    withServer(1, '/memory/0', async (server, client) => {
      const stream = await client!.open(server.addresses[0]!, PERF_PROTOCOL)
      stream.write(new PerfRequester(1_000n).request)
      stream.write(pattern(100_000))
      const answer = stream[Symbol.asyncIterator]().next()
      let answered = false
      void answer.then(() => {
        answered = true
      })
      await client!.ping(server.peerId)
      await turns()
      assert.equal(answered, false)
      await stream.end()
      const { value } = await answer
      assert.equal(value?.length + (await collect(stream)).length, 1_000)
    }))

  test('resets a stream that ends without a whole request', () =>
    withServer(1, '/memory/0', async (server, client) => {
      const stream = await client!.open(server.addresses[0]!, PERF_PROTOCOL)
      await endWith(stream, 7)
      assert.equal((await errorOf(collect(stream))).code, 'ERR_STREAM_RESET')
    }))

  test(`serves ${maxStreams} streams at once, of all peers together, and resets what is beyond`, () =>
    withServer(2, '/memory/0', async (server, one, other) => {
      const open = (client: Host) => client.open(server.addresses[0]!, PERF_PROTOCOL)
      const standing = await Promise.all(
        Array.from({ length: maxStreams }, (_, at) => open(at % 2 === 0 ? one! : other!)),
      )
      // Whoever asks once more is refused; whoever stands is not disturbed.
      for (const client of [one!, other!])
        assert.equal((await errorOf(collect(await open(client)))).code, 'ERR_STREAM_RESET')
      const [first, second, ...rest] = standing
      await endWith(first!, 8)
      first!.reset()
      second!.write(new PerfRequester(3n).request)
      await second!.end()
      assert.equal((await collect(second!)).length, 3)
      await until(() => streamsOf(server) === rest.length)
      await perf(one!, server.peerId, { upload: 1, download: 1 })
      for (const stream of rest) stream.reset()
    }))

  test('keeps at it beside a reader who has stalled, and is rid of him with his connection', () =>
    withServer(2, '/ip4/127.0.0.1/tcp/0', async (server, lazy, client) => {
      const stalled = await lazy!.open(server.addresses[0]!, PERF_PROTOCOL)
      stalled.write(new PerfRequester(MAX_PERF_BYTES).request)
      await stalled.end()
      await counted(client!, server, { upload: 1_000_000, download: 1_000_000 })
      assert.equal(streamsOf(server), 1)
      lazy!.connections[0]!.abort()
      await until(() => streamsOf(server) === 0)
    }))
})

/** Streams on which a host serves a measurement. */
function streamsOf({ connections }: Host): number {
  return connections.flatMap(({ streams }) => streams).filter(({ protocol }) => protocol === PERF_PROTOCOL)
    .length
}
