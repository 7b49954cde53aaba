import assert from 'node:assert/strict'
import test from 'node:test'
import { parsePerfFlags, perfUsage } from '#src/cli/perf-flags'
import type { ErrorCode } from '#src/wire/errors'
import { keyOf, peerIdOf } from '../support/net.ts'
import { refuses } from '../support/wire.ts'

const address = `/ip4/192.0.2.1/tcp/4001/p2p/${String(peerIdOf(keyOf(1)))}`
const at = '--server-address 192.0.2.1:4001'
const most = 2n ** 64n - 1n

function read(line: string): [server: boolean, address: string, upload: bigint, download: bigint] {
  const { server, address, upload, download } = parsePerfFlags(line.split(' ').filter(Boolean))
  return [server, String(address), upload, download]
}

const understood: readonly [line: string, flags: ReturnType<typeof read>][] = [
  ['--run-server', [true, '/ip4/0.0.0.0/tcp/4001', 0n, 0n]],
  ['--run-server --server-address 0.0.0.0:5000', [true, '/ip4/0.0.0.0/tcp/5000', 0n, 0n]],
  ['--run-server --server-address [::]:4001 --transport tcp', [true, '/ip6/::/tcp/4001', 0n, 0n]],
  [at, [false, '/ip4/192.0.2.1/tcp/4001', 0n, 0n]],
  [`${at} --transport tcp --upload-bytes 1`, [false, '/ip4/192.0.2.1/tcp/4001', 1n, 0n]],
  [`${at} --upload-bytes=0 --download-bytes=${most}`, [false, '/ip4/192.0.2.1/tcp/4001', 0n, most]],
  [`--server-address ${address}`, [false, address, 0n, 0n]],
  ['--server-address [2001:db8::1]:4001', [false, '/ip6/2001:db8::1/tcp/4001', 0n, 0n]],
  ['--server-address example.com:4001', [false, '/dns/example.com/tcp/4001', 0n, 0n]],
]

for (const [line, flags] of understood) {
  test(`perf understands ${line}`, () => assert.deepEqual(read(line), flags))
}

const refused: readonly (readonly [line: string, says: RegExp, code?: ErrorCode])[] = [
  ['', /^Say where the server is, with --server-address <host>:<port>\.$/],
  ['--upload-bytes 1', /^Say where the server is/],
  ['--server', /^Unknown option '--server'; see --help\.$/],
  ['192.0.2.1:4001', /^Unexpected argument '192\.0\.2\.1:4001'; see --help\.$/],
  [address, /^Unexpected argument '.*'; put --server-address before it\.$/],
  [`${at} --transport quic-v1`, /^The transport must be tcp, not 'quic-v1'\.$/],
  ['--run-server --transport webrtc-direct', /^The transport must be tcp, not 'webrtc-direct'\.$/],
  ['--run-server --upload-bytes 1', /^How much is sent is up to the client/],
  ['--run-server --download-bytes 0', /^How much is sent is up to the client/],
  ...['', 'localhost', ':4001', '192.0.2.1:', '[]:4001', 'a b:1'].map(
    text => [`--server-address=${text}`, /^(The server's address|Unexpected argument)/] as const,
  ),
  ['--server-address 192.0.2.1:65536', /is not a multiaddr/, 'ERR_MULTIADDR'],
  ['--server-address /ip4/192.0.2.1/tcp', /is not a multiaddr/, 'ERR_MULTIADDR'],
  ...['-1', '+1', '1.5', '1e3', '0x10', '', 'x', String(most + 1n), '9'.repeat(21)].flatMap(text =>
    ['upload', 'download'].map(
      way => [`${at} --${way}-bytes=${text}`, /^An amount of bytes must be a whole number/] as const,
    ),
  ),
]

for (const [line, says, code = 'ERR_USAGE'] of refused) {
  test(`perf refuses ${line || 'to guess where the server is'}`, () => {
    refuses(code, () => read(line))
    assert.throws(() => read(line), { message: says })
  })
}

test('who asks perf for help gets it, whatever else is wrong', () => {
  assert.ok(parsePerfFlags(['--help']).help)
  assert.ok(parsePerfFlags(['--upload-bytes', 'x', '-h', '--transport', 'x']).help)
})

test('the help of perf names every flag, and fits on a screen', () => {
  for (const flag of ['run-server', 'server-address', 'upload-bytes', 'download-bytes', 'transport', 'help'])
    assert.ok(perfUsage.includes(`\n  --${flag}`), flag)
  const lines = perfUsage.split('\n')
  assert.ok(lines.length <= 24)
  for (const line of lines) assert.ok(line.length <= 80, line)
})
