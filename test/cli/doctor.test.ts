import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import test from 'node:test'
import { doctorUsage } from '#src/cli/doctor'
import { exitCodes } from '#src/cli/doctor/stages'
import { createHost } from '#src/host/host'
import { keyOf, peerIdOf } from '../support/net.ts'
import { freePort, noTerminal, run, start, TerminalProgram } from '../support/program.ts'
import { serveNode, serveRaw } from './doctor/nodes.ts'

test('a node in good health gives 0, and a row for each stage', async t => {
  const address = await serveNode(t)
  const { code, stdout, stderr } = await run(t, ['doctor', String(address)])
  assert.deepEqual([code, stderr], [0, ''])
  const stages = stdout.split('\n').flatMap(row => /^(\w+) +✓ +[\d.]+ ms {2}/.exec(row)?.[1] ?? [])
  assert.deepEqual(stages, ['tcp', 'negotiate', 'noise', 'identity', 'muxer', 'identify', 'ping'])
  assert.match(stdout, /\nAll well\.\n$/)
  assert.match(stdout, new RegExp(`\n {4}${String(address)}/p2p/`))
})

test('a name of this machine is looked up', async t => {
  const port = (await serveNode(t)).value('tcp')
  const { code, stdout } = await run(t, ['doctor', `/dns4/localhost/tcp/${port}`])
  assert.match(stdout, /^dns +✓ +[\d.]+ ms {2}localhost → 127\.0\.0\.1\n/)
  assert.equal(code, 0)
})

test('with --json each stage is an object, and the summary the last', async t => {
  const address = await serveNode(t)
  const { code, stdout, stderr } = await run(t, ['doctor', '--json', String(address)])
  assert.deepEqual([code, stderr], [0, ''])
  const events = stdout
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line))
  assert.deepEqual(
    events.map(({ event, stage, ok }) => [event, stage, ok]),
    [
      ...['tcp', 'negotiate', 'noise', 'identity', 'muxer', 'identify', 'ping'].map(one => [
        'stage',
        one,
        true,
      ]),
      ['summary', null, true],
    ],
  )
})

test('the exit code is that of the stage', async t => {
  const web = await serveRaw(t, socket =>
    socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')),
  )
  const other = (await serveNode(t)).withPeerId(peerIdOf(keyOf(1)))
  const cases: [stage: keyof typeof exitCodes, address: string][] = [
    ['dns', '/dns/nobody.invalid/tcp/1'],
    ['tcp', `/ip4/127.0.0.1/tcp/${await freePort()}`],
    ['negotiate', String(web)],
    ['identity', String(other)],
  ]
  for (const [stage, address] of cases) {
    const { code, stdout } = await run(t, ['doctor', address])
    assert.equal(code, exitCodes[stage], stdout)
    assert.match(stdout, new RegExp(`^! .*\\.$[^]*^Failed at ${stage}: exit code ${code}\\.$`, 'm'))
  }
})

const wrongUsage: readonly [name: string, args: readonly string[], says: RegExp][] = [
  ['no address', [], /^! Give the doctor one address; see parley doctor --help\.\n$/],
  ['two addresses', ['/ip4/127.0.0.1/tcp/1', '/ip4/127.0.0.1/tcp/2'], /one address/],
  ['an unknown flag', ['--verbose'], /Unknown option '--verbose'; see --help\.\n$/],
  ['no multiaddr', ['localhost:3000'], /write \/dns\/localhost\/tcp\/3000/],
  ['an address on UDP', ['/ip4/127.0.0.1/udp/1/quic-v1'], /only TCP is spoken here/],
  ['a time that is none', ['--timeout', 'soon', '/ip4/127.0.0.1/tcp/1'], /a number of seconds/],
]

for (const [name, args, says] of wrongUsage) {
  test(`${name} is wrong usage`, async t => {
    const { code, stdout, stderr } = await run(t, ['doctor', ...args])
    assert.deepEqual([code, stdout], [2, ''])
    assert.match(stderr, says)
  })
}

test('with --json wrong usage is an event', async t => {
  const { code, stdout } = await run(t, ['doctor', '--json'])
  assert.equal(code, 2)
  assert.equal(JSON.parse(stdout).event, 'error')
})

test('a stage may take no longer than --timeout says', async t => {
  const address = await serveRaw(t, () => {})
  const { code, stdout } = await run(t, ['doctor', '--timeout', '0.5', String(address)])
  assert.equal(code, exitCodes.negotiate)
  assert.match(stdout, /says nothing within 0\.5 s/)
})

test('Ctrl-C ends it at once', async t => {
  let seen = () => {}
  const arrived = new Promise<void>(resolve => {
    seen = resolve
  })
  const address = await serveRaw(t, seen)
  const program = start(t, ['doctor', '--timeout', '600', String(address)])
  await arrived
  program.signal('SIGINT')
  assert.equal((await program.ended).signal, 'SIGINT')
})

test('what a node calls itself cannot move the cursor', { skip: noTerminal }, async t => {
  const agent = 'evil\x1b[2J\x1b[H\u202e'
  const host = await createHost({ agent, listen: ['/ip4/127.0.0.1/tcp/0'] })
  t.after(() => host.stop())
  const program = new TerminalProgram(t, ['doctor', String(host.addresses[0])], {}, 160)
  const rows = await program.see(/All well/)
  assert.ok(
    rows.some(row => row.includes('evil\\x1b[2J\\x1b[H\\u{202e}')),
    rows.join('\n'),
  )
  assert.ok(program.stdout.text.includes('\x1b[32m✓\x1b[0m'))
})

test('NO_COLOR asks for no colours', { skip: noTerminal }, async t => {
  const address = await serveNode(t)
  const program = new TerminalProgram(t, ['doctor', String(address)], { NO_COLOR: '1' }, 160)
  await program.see(/All well/)
  assert.ok(!program.stdout.text.includes('\x1b[3'))
})

test('the help and the README name each exit code', async t => {
  const { code, stdout } = await run(t, ['doctor', '--help'])
  assert.deepEqual([code, stdout], [0, doctorUsage])
  const readme = readFileSync('README.md', 'utf8')
  for (const [stage, exit] of Object.entries(exitCodes)) {
    assert.match(stdout, new RegExp(`^ {2}${exit} {2}${stage} `, 'm'))
    assert.ok(readme.includes(`${exit} ${stage}`), `README.md does not name ${exit} ${stage}`)
  }
  assert.match((await run(t, ['--help'])).stdout, /parley doctor <address>/)
})

test('the help stands on a terminal as it is written', { skip: noTerminal }, async t => {
  const rows = await new TerminalProgram(t, ['doctor', '--help']).see(/17 {2}ping/)
  assert.equal(rows.join('\n').trimEnd(), doctorUsage.trimEnd())
})
