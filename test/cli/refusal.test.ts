import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import test, { type TestContext } from 'node:test'
import { createHost } from '#src/host/host'
import { CHAT_PROTOCOL } from '#src/protocol/lines'
import { generateKey, type KeyType } from '#src/wire/keys'
import { keyOf, peerIdOf } from '../support/net.ts'
import { freePort, listen, run } from '../support/program.ts'

const stranger = String(peerIdOf(keyOf(1)))

/** Asserts that the program ends with that code, and says why in one sentence on stderr, and nothing on stdout. */
async function fails(t: TestContext, args: readonly string[], code: number, says: RegExp): Promise<void> {
  const ended = await run(t, args)
  assert.equal(ended.stdout, '')
  const lines = ended.stderr.split('\n').filter(line => line !== '' && !line.startsWith('* Connecting'))
  assert.equal(lines.length, 1, ended.stderr)
  assert.match(lines[0]!, /^! [A-Z"-].*\.$/)
  assert.match(lines[0]!, says)
  assert.equal(ended.code, code)
}

const wrongUsage: readonly [name: string, args: readonly string[], says: RegExp][] = [
  ['an unknown flag', ['--prot', '3000'], /Unknown option '--prot'; see --help\.$/],
  ['a wrong port', ['--port', '70000'], /0 to 65535/],
  ['what is no multiaddr', ['--dial', 'localhost:3000'], /is not a multiaddr/],
  ['an address without a peer', ['--dial', '/ip4/127.0.0.1/tcp/3000'], /must end in \/p2p\//],
  ['a peer who was never met', ['--dial', `/p2p/${stranger}`], /The address book has no address of/],
  ['the bare ID of one', ['--dial', stranger], /The address book has no address of/],
  [
    'an address that is not for TCP',
    ['--dial', `/ip4/127.0.0.1/udp/3000/quic-v1/p2p/${stranger}`],
    /No transport/,
  ],
  ['two identities', ['--ephemeral', '--identity', 'x'], /contradict each other/],
]

for (const [name, args, says] of wrongUsage) {
  test(`${name} is wrong usage`, t => fails(t, args, 2, says))
}

test('with --json a fault is an event', async t => {
  const { code, stdout, stderr } = await run(t, ['--json', '--dial', 'localhost'])
  assert.deepEqual([code, stderr], [2, ''])
  const { message, ...rest } = JSON.parse(stdout)
  assert.deepEqual(rest, { event: 'error', code: 'ERR_MULTIADDR' })
  assert.match(message, /^"localhost" is not a multiaddr/)
})

test('an address with nobody there is named', async t => {
  const port = await freePort()
  await fails(
    t,
    ['--dial', `/ip4/127.0.0.1/tcp/${port}/p2p/${stranger}`],
    1,
    new RegExp(`tcp/${port}\\b.*is listening`),
  )
})

test('a name that does not resolve is named', t =>
  fails(
    t,
    ['--dial', `/dns4/nobody.invalid/tcp/3000/p2p/${stranger}`],
    1,
    /nobody\.invalid does not resolve/,
  ))

test('a port in use is named', async t => {
  const { address } = await listen(t)
  const port = /tcp\/(\d+)/.exec(address)![1]!
  await fails(t, ['--port', port, '--ephemeral'], 1, new RegExp(`tcp/${port}\\b.*using it`))
})

test('to dial oneself makes no sense', async t => {
  const port = String(await freePort())
  const { program, address } = await listen(t, '--port', port)
  program.signal('SIGINT')
  await program.ended
  const { code, stderr } = await run(t, ['--port', port, '--dial', address], '')
  assert.equal(code, 2)
  assert.match(stderr, /! That is the address of this very host/)
})

test('what does not speak the protocol is not talked to', async t => {
  const server = createServer(socket => {
    socket.on('error', () => {})
    socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  const { port } = server.address() as { port: number }
  const ended = await run(t, ['--dial', `/ip4/127.0.0.1/tcp/${port}/p2p/${stranger}`])
  assert.equal(ended.code, 1)
  assert.match(ended.stderr, /^\* Connecting to \w{8} \.\.\.\n! [^\n]*\.\n$/)
})

for (const type of ['ed25519', 'rsa'] satisfies KeyType[]) {
  test(`another peer than expected, with a key of type ${type}, hears not a word`, async t => {
    const host = await createHost({ identity: await generateKey(type), listen: ['/ip4/127.0.0.1/tcp/0'] })
    t.after(() => host.stop())
    let heard = 0
    host.on('connect', () => heard++)
    host.handle(CHAT_PROTOCOL, () => void heard++)
    const wrong = String(host.addresses[0]).replace(/\w+$/, stranger)
    const { code, stdout, stderr } = await run(t, ['--dial', wrong], 'secret\n')
    assert.deepEqual([code, stdout], [1, ''])
    assert.match(stderr, /\n! [^\n]*\.\n$/)
    assert.ok(stderr.includes(String(host.peerId)), stderr)
    assert.equal(heard, 0)
  })
}
