import assert from 'node:assert/strict'
import test from 'node:test'
import { jsonReport, textReport } from '#src/cli/doctor/report'
import { exitCodes, type Finding, type Summary } from '#src/cli/doctor/stages'
import { Multiaddr } from '#src/wire/multiaddr'
import { keyOf, peerIdOf } from '../../support/net.ts'

const name = Multiaddr.parse('/dns/node.example/tcp/4001')
const address = Multiaddr.parse('/ip4/192.0.2.1/tcp/4001')
const peer = peerIdOf(keyOf(1))

const hostile = 'evil\x1b[2J\u202e\nping      ✓  0.1 ms  1.0 ms'

const findings: Finding[] = [
  {
    ok: true,
    stage: 'dns',
    address: name,
    ms: 3.14,
    facts: { addresses: [address], others: [Multiaddr.parse('/ip4/192.0.2.1/udp/1/quic-v1')] },
  },
  { ok: true, stage: 'tcp', address, ms: 0.04, facts: {} },
  { ok: true, stage: 'negotiate', address, ms: 99.94, facts: { protocol: '/noise' } },
  { ok: true, stage: 'noise', address, ms: 100, facts: { handshake: 'XX' } },
  { ok: true, stage: 'identity', address, ms: 5, facts: { peer, key: 'ed25519' } },
  { ok: true, stage: 'muxer', address, ms: 5, facts: { protocol: '/yamux/1.0.0', early: false } },
  {
    ok: true,
    stage: 'identify',
    address,
    ms: 5,
    facts: {
      agent: hostile,
      protocolVersion: 'ipfs/0.1.0',
      observedAddress: Multiaddr.parse('/ip4/10.0.0.1/tcp/5'),
      addresses: [address, Multiaddr.parse('/ip6/::1/tcp/4001')],
      protocols: Array.from({ length: 20 }, (_, i) => `/protocol/${i}`),
    },
  },
  {
    ok: false,
    stage: 'ping',
    address,
    ms: 5_000.4,
    code: 'ERR_TIMEOUT',
    message: 'No \x1b[2J ping.',
    instead: [name.withPeerId(peer)],
  },
]

const summary: Summary = {
  ok: false,
  stage: 'ping',
  exit: 17,
  address: undefined,
  notes: [{ text: 'A note:', addresses: [address] }],
}

function told(report: typeof textReport | typeof jsonReport, colours = false, columns?: number): string[] {
  const rows: string[] = []
  const { finding, summary: sum } = report({ out: row => rows.push(row) }, colours, columns)
  for (const one of findings) finding(one)
  sum(summary)
  return rows
}

test('a person gets aligned rows, in which nothing but text comes from the node', () =>
  assert.deepEqual(told(textReport, false, 80), [
    'dns       ✓  3.1 ms  node.example → 192.0.2.1 and 1 not on plain TCP',
    'tcp       ✓  0.0 ms  192.0.2.1:4001',
    'negotiate ✓ 99.9 ms  /noise',
    'noise     ✓  100 ms  XX',
    `identity  ✓  5.0 ms  ${String(peer)}`,
    '                     ed25519 key',
    'muxer     ✓  5.0 ms  /yamux/1.0.0, agreed by multistream-select',
    'identify  ✓  5.0 ms  evil\\x1b[2J\\u{202e}\\x0aping      ✓  0.1 ms  1.0 ms ·',
    '                     ipfs/0.1.0',
    '                     sees you at /ip4/10.0.0.1/tcp/5 (private)',
    '                     listens at /ip4/192.0.2.1/tcp/4001 /ip6/::1/tcp/4001',
    '                       (loopback)',
    '                     speaks /protocol/0 /protocol/1 /protocol/2 /protocol/3',
    '                       /protocol/4 /protocol/5 /protocol/6 /protocol/7',
    '                       /protocol/8 /protocol/9 /protocol/10 /protocol/11 and 8',
    '                       more',
    'ping      ✗ 5000 ms  192.0.2.1:4001',
    '! No \\x1b[2J ping.',
    `    /dns/node.example/tcp/4001/p2p/${String(peer)}`,
    '* A note:',
    '    /ip4/192.0.2.1/tcp/4001',
    'Failed at ping: exit code 17.',
  ]))

test('no row but an address is wider than the terminal, and what the node says is never at its margin', () => {
  const margin = new RegExp(`^(${Object.keys(exitCodes).join('|')}|[!*]|Failed|  )`)
  for (const columns of [30, 60, 73, 80, 200]) {
    for (const row of told(textReport, false, columns)) {
      assert.match(row, margin)
      assert.ok(row.length <= columns || row.startsWith('    /'), row)
    }
  }
  assert.ok(told(textReport, false, 60).includes(`    ${String(peer)}`), 'a peer ID stays whole')
})

test('a pipe gets a sentence and a list in one line each', () =>
  assert.ok(told(textReport).some(row => row.endsWith(' /protocol/11 and 8 more'))))

test('a terminal gets colours', () => {
  const rows = told(textReport, true)
  assert.equal(rows[1], 'tcp       \x1b[32m✓\x1b[0m \x1b[2m 0.0 ms\x1b[0m  192.0.2.1:4001')
  assert.ok(rows.includes('\x1b[31m!\x1b[0m No \\x1b[2J ping.'))
})

test('a program gets one object a line, all of it ASCII where a terminal might obey', () => {
  const rows = told(jsonReport)
  for (const row of rows) assert.doesNotMatch(row, /[\p{Cc}\u202e]/u)
  const events = rows.map(row => JSON.parse(row))
  assert.equal(events.length, findings.length + 1)
  assert.deepEqual(events[0], {
    event: 'stage',
    stage: 'dns',
    ok: true,
    ms: 3.14,
    address: String(name),
    addresses: [String(address)],
    others: ['/ip4/192.0.2.1/udp/1/quic-v1'],
  })
  assert.equal(events[6].agent, hostile)
  assert.equal(events[6].protocols.length, 20)
  assert.deepEqual(events[7], {
    event: 'stage',
    stage: 'ping',
    ok: false,
    ms: 5000.4,
    address: String(address),
    code: 'ERR_TIMEOUT',
    message: 'No \x1b[2J ping.',
    instead: [`${String(name)}/p2p/${String(peer)}`],
  })
  assert.deepEqual(events[8], {
    event: 'summary',
    ok: false,
    exit: 17,
    stage: 'ping',
    address: null,
    notes: [{ text: 'A note:', addresses: [String(address)] }],
  })
})
