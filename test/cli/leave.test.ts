import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import test, { type TestContext } from 'node:test'
import { createHost } from '#src/host/host'
import { tcp } from '#src/net/tcp'
import { CHAT_PROTOCOL } from '#src/protocol/lines'
import { keyOf, peerIdOf, until } from '../support/net.ts'
import { dial, listen, start } from '../support/program.ts'

/**
 * Leaving takes two seconds at most, and more on a machine that is busy; but whoever waited for a peer that takes nothing
 * in would be at it for twenty.
 */
const soon = 10_000

const noSignals = process.platform === 'win32' && 'this system has no signals'

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  test(`${signal} is a wish to leave, and the others hear of it`, { skip: noSignals }, async t => {
    const { program: ann, peer, address } = await listen(t)
    const bob = await dial(t, address)
    await ann.next('connected')
    ann.signal(signal)
    const begin = performance.now()
    assert.deepEqual(await bob.next('disconnected'), { event: 'disconnected', peer })
    const { code, stderr, stdout } = await ann.ended
    assert.ok(performance.now() - begin < soon)
    assert.deepEqual([code, stderr], [0, ''])
    assert.ok(!stdout.includes('disconnected'), 'who leaves is not left')
  })
}

/** The address of a server that takes connections and says nothing. */
async function silence(t: TestContext): Promise<string> {
  const server = createServer(socket => socket.on('error', () => {}))
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  return `/ip4/127.0.0.1/tcp/${(server.address() as { port: number }).port}/p2p/${String(peerIdOf(keyOf(1)))}`
}

test('SIGINT while dialling leaves too', { skip: noSignals }, async t => {
  const ann = start(t, ['--dial', await silence(t)])
  await ann.stderr.match(/Connecting/)
  ann.signal('SIGINT')
  const { code, stderr } = await ann.ended
  assert.equal(code, 0)
  assert.match(stderr, /^\* Connecting to \w{8} \.\.\.\n$/)
})

test('one who is killed is missed at once, and the others go on', { skip: noSignals }, async t => {
  const { program: ann, address } = await listen(t)
  const bob = start(t, ['--dial', address])
  const eve = await dial(t, address)
  const { peer } = await ann.next('connected')
  await ann.next('connected')
  const victim = start(t, ['--dial', address])
  await victim.stderr.match(/is here/)
  const { peer: gone } = await ann.next('connected')
  victim.signal('SIGKILL')
  assert.equal((await ann.next('disconnected')).peer, gone)
  eve.say('still here')
  assert.deepEqual(await ann.texts(1), ['still here'])
  ann.signal('SIGKILL')
  await bob.stderr.match(/\* \w{8} has left: The connection was closed\.\n/)
  await eve.next('disconnected')
  assert.notEqual(peer, gone)
})

test('a second SIGINT leaves at once, whoever is still waited for', { skip: noSignals }, async t => {
  const { program: ann, address } = await listen(t)
  const bob = await dial(t, address)
  await ann.next('connected')
  ann.signal('SIGSTOP')
  bob.say('hello')
  bob.signal('SIGINT')
  bob.signal('SIGINT')
  const { code } = await bob.ended
  assert.ok(code === 130 || code === 0, `${code}`)
})

test('SIGINT leaves within two seconds of one who has stopped answering', { skip: noSignals }, async t => {
  const { program: ann, address } = await listen(t)
  const bob = await dial(t, address)
  await ann.next('connected')
  ann.signal('SIGSTOP')
  bob.say('x'.repeat(1_000_000))
  const begin = performance.now()
  bob.signal('SIGINT')
  const { code } = await bob.ended
  assert.equal(code, 0)
  assert.ok(performance.now() - begin < soon)
})

test('one who vanishes without a word is missed after a while', { skip: noSignals }, async t => {
  const { program: ann, address } = await listen(t)
  const yamux = { keepAliveInterval: 200, keepAliveTimeout: 300 }
  const host = await createHost({ transports: [tcp()], limits: { yamux } })
  t.after(() => host.stop())
  const errors: unknown[] = []
  host.on('disconnect', ({ error }) => errors.push(error?.code))
  const stream = await host.open(address, CHAT_PROTOCOL)
  await ann.next('connected')
  ann.signal('SIGSTOP')
  await assert.rejects(async () => {
    for await (const chunk of stream) assert.fail(`${chunk.length} bytes came`)
  }, /The other side has stopped answering/)
  await until(() => errors.length === 1)
  assert.deepEqual(errors, ['ERR_TIMEOUT'])
})

const slow = process.env.PARLEY_SLOW ? noSignals : 'this takes 45 seconds; set PARLEY_SLOW=1 to run it'

test('and that is within 45 seconds', { skip: slow }, async t => {
  const { program: ann, address } = await listen(t)
  const bob = start(t, ['--dial', address])
  await bob.stderr.match(/is here/)
  await ann.next('connected')
  ann.signal('SIGSTOP')
  const begin = performance.now()
  await bob.stderr.match(/has left: The other side has stopped answering\./, 60_000)
  const seconds = (performance.now() - begin) / 1000
  t.diagnostic(`noticed after ${seconds.toFixed(1)} s`)
  assert.ok(seconds < 45)
})
