import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { perfUsage } from '#src/cli/perf-flags'
import { createHost } from '#src/host/host'
import { servePerf } from '#src/host/services/perf'
import { keyOf, peerIdOf } from '../support/net.ts'
import {
  type Ended,
  freePort,
  noTerminal,
  type Program,
  run,
  start,
  TerminalProgram,
} from '../support/program.ts'

/** Of the key whose seed is all zeros; go-libp2p's program has the same. */
const zeroPeer = '12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN'

const noSignals = process.platform === 'win32' && 'this system has no signals'

interface Server {
  program: Program
  address: string
  port: string
}

/** A server of the program's, and where it is. */
async function serve(t: TestContext): Promise<Server> {
  const program = start(t, ['perf', '--run-server', '--server-address', '127.0.0.1:0'])
  const [address, port = ''] = await program.stdout.match(/^\/ip4\/127\.0\.0\.1\/tcp\/(\d+)\/p2p\/\w+$/m)
  return { program, address, port }
}

function client(t: TestContext, address: string, ...args: string[]): Promise<Ended> {
  return run(t, ['perf', '--server-address', address, ...args])
}

describe('parley perf', () => {
  test('serves as the peer that everyone knows, and says what that means', async t => {
    const { program, address } = await serve(t)
    assert.ok(address.endsWith(`/p2p/${zeroPeer}`))
    assert.match(
      (await program.stderr.match(/^.*\n/))[0],
      /^! Serving as 12D3KooW\w+, which anyone can be: for me/,
    )
  })

  for (const [upload, download] of [
    [0, 0],
    [1, 1],
    [100_001, 0],
    [0, 3_000_000],
    [2_000_000, 1_000_000],
  ] as const) {
    test(`sends ${upload} bytes and receives ${download}`, async t => {
      const { port } = await serve(t)
      const amounts = ['--upload-bytes', String(upload), '--download-bytes', String(download)]
      const { code, stdout, stderr } = await client(t, `127.0.0.1:${port}`, '--transport', 'tcp', ...amounts)
      assert.deepEqual([code, stderr], [0, ''])
      const { timeSeconds, ...rest } = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '')
      assert.deepEqual(rest, { type: 'final', uploadBytes: upload, downloadBytes: download })
      assert.ok(timeSeconds > 0)
    })
  }

  test('takes a multiaddr, and holds the server to the peer in it', async t => {
    const { address } = await serve(t)
    assert.equal((await client(t, address, '--upload-bytes', '1')).code, 0)
    const other = address.replace(zeroPeer, String(peerIdOf(keyOf(1))))
    const { code, stdout, stderr } = await client(t, other, '--upload-bytes', '1')
    assert.deepEqual([code, stdout], [1, ''])
    assert.match(stderr, /^! [^\n]*\.\n$/)
    assert.ok(stderr.includes(zeroPeer))
  })

  test('measures any host that serves it, whoever that is', async t => {
    const host = await createHost({ listen: ['/ip4/127.0.0.1/tcp/0'] })
    t.after(() => host.stop())
    const address = `127.0.0.1:${host.addresses[0]!.value('tcp')}`
    const { code, stdout, stderr } = await client(t, address, '--download-bytes', '10')
    assert.deepEqual([code, stdout], [1, ''])
    assert.equal(stderr, '! The other side does not support /perf/1.0.0.\n')
    servePerf(host)
    assert.equal((await client(t, address, '--download-bytes', '10')).code, 0)
  })

  test('prints each second what came in it, until it is told to leave', { skip: noSignals }, async t => {
    const { port } = await serve(t)
    const args = ['--server-address', `127.0.0.1:${port}`, '--download-bytes', String(2n ** 64n - 1n)]
    const program = start(t, ['perf', ...args])
    await program.stdout.match(/\n/)
    program.signal('SIGTERM')
    const { code, stdout, stderr } = await program.ended
    assert.deepEqual([code, stderr], [0, ''])
    for (const line of stdout.trimEnd().split('\n')) {
      const { timeSeconds, downloadBytes, ...rest } = JSON.parse(line)
      assert.deepEqual(rest, { type: 'intermediary', uploadBytes: 0 })
      assert.ok(timeSeconds > 0 && downloadBytes > 0)
    }
  })

  test('leaves when nobody reads its results any more', async t => {
    const { port } = await serve(t)
    const args = ['--server-address', `127.0.0.1:${port}`, '--upload-bytes', String(2n ** 64n - 1n)]
    const program = start(t, ['perf', ...args])
    program.closeOutput()
    assert.equal((await program.ended).code, 0)
  })

  test('stops serving when it is told to leave', { skip: noSignals }, async t => {
    const { program } = await serve(t)
    program.signal('SIGINT')
    assert.equal((await program.ended).code, 0)
  })

  test('tells a person at a terminal what came of it', { skip: noTerminal }, async t => {
    const { address } = await serve(t)
    const amounts = ['--upload-bytes', '1000', '--download-bytes', '2000']
    const program = new TerminalProgram(t, ['perf', '--server-address', address, ...amounts], {}, 200)
    await program.see(/\* 1\.00 kB up, 2\.00 kB down in \d+\.\d{3} s: [\d.]+ [kM]?B\/s\./)
    await program.ended
  })

  test('prints its help, and the chat names it in its own', async t => {
    const { code, stdout, stderr } = await run(t, ['perf', '--help'])
    assert.deepEqual([code, stdout, stderr], [0, perfUsage, ''])
    assert.match((await run(t, ['--help'])).stdout, /parley perf --help/)
  })
})

for (const [name, args, code, says] of [
  ['another transport', ['--server-address', '127.0.0.1:1', '--transport', 'quic-v1'], 2, /must be tcp/],
  ['no address', ['--upload-bytes', '1'], 2, /Say where the server is/],
  ['a server with an amount', ['--run-server', '--upload-bytes', '1'], 2, /up to the client/],
  ['a server on a name', ['--run-server', '--server-address', 'localhost:0'], 2, /No transport/],
] as const) {
  test(`perf with ${name} is refused in one sentence`, async t => {
    const ended = await run(t, ['perf', ...args])
    assert.deepEqual([ended.code, ended.stdout], [code, ''])
    assert.match(ended.stderr, /^! [^\n]*\.\n$/)
    assert.match(ended.stderr, says)
  })
}

test('perf says when nobody is there', async t => {
  const port = await freePort()
  const { code, stderr } = await client(t, `127.0.0.1:${port}`)
  assert.equal(code, 1)
  assert.match(stderr, /^! .*nobody is listening there/)
})
