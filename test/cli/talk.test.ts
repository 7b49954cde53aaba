import assert from 'node:assert/strict'
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { createHost, type Host } from '#src/host/host'
import { lengthPrefixed } from '#src/net/length-prefixed'
import { IDENTIFY_PROTOCOL } from '#src/protocol/identify'
import { CHAT_PROTOCOL } from '#src/protocol/lines'
import { utf8, utf8Text } from '#src/wire/bytes'
import { until } from '../support/net.ts'
import { dial, folder, freePort, listen, run, start } from '../support/program.ts'

test('two talk both ways, in any language', async t => {
  const { program: ann, address } = await listen(t)
  const bob = await dial(t, address)
  await ann.next('connected')
  bob.say('Grüße, 你好 👋', '', 'مرحبا')
  assert.deepEqual(await ann.texts(2), ['Grüße, 你好 👋', 'مرحبا'])
  ann.say('hello')
  assert.deepEqual(await bob.texts(1), ['hello'])
})

test('with --json the events have fixed shapes, and nothing else is printed', async t => {
  const { program: ann, peer, address } = await listen(t)
  const bob = start(t, ['--json', '--dial', address])
  const here = await bob.next('connected')
  const there = await ann.next('connected')
  bob.say('\x1b[2J')
  const message = await ann.next('message')
  bob.stdin.end()
  const gone = await ann.next('disconnected')
  assert.equal((await bob.ended).code, 0)
  const [listening] = ann.events
  assert.deepEqual(Object.keys(listening!), ['event', 'peer', 'addresses'])
  assert.equal(listening!.peer, peer)
  for (const one of listening!.addresses as string[]) assert.match(one, new RegExp(`/tcp/\\d+/p2p/${peer}$`))
  assert.deepEqual(here, { event: 'connected', peer, address, agent: 'parley/0.1.0' })
  const from = there.peer as string
  assert.match(there.address as string, new RegExp(`^/ip4/127\\.0\\.0\\.1/tcp/\\d+/p2p/${from}$`))
  assert.deepEqual(there, { event: 'connected', peer: from, address: there.address, agent: 'parley/0.1.0' })
  assert.deepEqual(message, { event: 'message', from, text: '\x1b[2J', protocol: '/chat/1.0.0' })
  assert.ok(ann.stdout.text.includes('"text":"\\u001b[2J"'))
  assert.deepEqual(gone, { event: 'disconnected', peer: from })
  assert.equal(ann.stderr.text + bob.stderr.text, '')
  assert.equal(ann.events.length, 4)
  assert.equal(bob.events.length, 1)
})

test('without it, what peers say goes to stdout, and everything else to stderr, without colours', async t => {
  const ann = start(t, ['--port', '0'])
  const [, command] = await ann.stderr.match(/ {4}node (.*)\n\* From/)
  assert.match(command!, /^\S*dist\/cli\.js --dial \/ip4\/127\.0\.0\.1\/tcp\/\d+\/p2p\/\w+$/)
  const { code, stdout, stderr } = await run(t, command!.split(' ').slice(1), 'hello\nworld\n')
  assert.equal(code, 0)
  assert.equal(stdout, '')
  assert.match(stderr, /^\* Connecting to \w{8} \.\.\.\n\* \w{8} is here \(parley\/0\.1\.0\)\.\n$/)
  await ann.stderr.match(/ has left\.\n/)
  assert.match(ann.stdout.text, /^(\w{8}): hello\n\1: world\n$/)
  assert.match(
    ann.stderr.text,
    /^\* Others can reach you at:\n( {4}\/ip\d\/\S+\/tcp\/\d+\/p2p\/\w+\n)+\* To join from .*:\n.*\n(\* From .*:\n.*\n)?\* Waiting for others to join \.\.\.\n\* (\w{8}) has joined from \S+ \(parley\/0\.1\.0\)\.\n\* \3 has left\.\n$/,
  )
})

test('one who has left may come back', async t => {
  const { program: ann, address } = await listen(t)
  for (const text of ['first', 'second']) {
    const bob = await dial(t, address)
    bob.say(text)
    await ann.next('connected')
    assert.deepEqual(await ann.texts(1), [text])
    bob.signal('SIGINT')
    assert.equal((await bob.ended).code, 0)
    await ann.next('disconnected')
  }
})

test('with --port the address outlives a restart, and the others can join again', async t => {
  const port = String(await freePort())
  const first = await listen(t, '--port', port)
  const bob = await dial(t, first.address)
  first.program.signal('SIGTERM')
  assert.equal((await first.program.ended).code, 0)
  assert.equal((await bob.next('disconnected')).peer, first.peer)
  const second = await listen(t, '--port', port)
  assert.equal(second.address, first.address)
  const again = await dial(t, first.address)
  again.say('here again')
  assert.deepEqual(await second.program.texts(1), ['here again'])
  if (process.platform === 'win32') return
  const data = join(folder, 'parley')
  assert.deepEqual(
    readdirSync(data).filter(file => file.includes(port) && !file.includes('.lock-')),
    [`identity-${port}.key`],
  )
  assert.equal(statSync(data).mode & 0o777, 0o700)
  assert.equal(statSync(join(data, `identity-${port}.key`)).mode & 0o777, 0o600)
})

test('one who listens and dials is a hub for those who join, and a guest where it went', async t => {
  const { program: ann, address } = await listen(t)
  const hub = await listen(t, '--dial', address)
  await ann.next('connected')
  const [bob, eve] = [await dial(t, hub.address), await dial(t, hub.address)]
  const { peer } = await hub.program.next('connected').then(() => hub.program.next('connected'))
  const short = (peer as string).slice(-8)
  await hub.program.next('connected')
  bob.say('hello')
  hub.program.say('welcome')
  assert.deepEqual(await hub.program.texts(1), ['hello'])
  assert.deepEqual(await ann.texts(1), ['welcome'])
  assert.deepEqual((await eve.texts(2)).sort(), [`[${short}] hello`, 'welcome'].sort())
  assert.deepEqual(await bob.texts(1), ['welcome'])
})

test('with --no-relay the one who listens passes nothing on', async t => {
  const { program: ann, address } = await listen(t, '--no-relay')
  const [bob, eve] = [await dial(t, address), await dial(t, address)]
  await ann.next('connected').then(() => ann.next('connected'))
  bob.say('hello')
  await ann.texts(1)
  ann.say('the end')
  assert.deepEqual([await bob.texts(1), await eve.texts(1)], [['the end'], ['the end']])
})

test('--dial may be given more than once', async t => {
  const [ann, bob] = [await listen(t), await listen(t)]
  const { code } = await run(t, ['--dial', ann.address, '--dial', bob.address], 'hello\n')
  assert.equal(code, 0)
  assert.deepEqual([await ann.program.texts(1), await bob.program.texts(1)], [['hello'], ['hello']])
})

test("the flags and addresses of go's example work too", async t => {
  const port = String(await freePort())
  const ann = start(t, ['-sp', port, '-debug'])
  const [, address] = await ann.stderr.match(/--dial (\/ip4\/127\S+)/)
  assert.ok(address!.startsWith(`/ip4/127.0.0.1/tcp/${port}/p2p/`))
  const { code } = await run(t, ['-d', address!.replace('/p2p/', '/ipfs/')], 'hello\n')
  assert.equal(code, 0)
  await ann.stdout.match(/: hello\n/)
  const help = await run(t, ['-help'])
  assert.equal(help.code, 0)
  assert.match(help.stdout, /^parley: .*\n\n {2}parley --port 3000 /)
})

/** Someone who writes frames, as js-libp2p's example does, and says nothing of its program. */
async function framer(t: TestContext, agent?: string): Promise<{ host: Host; heard: string[] }> {
  const host = await createHost({ listen: ['/ip4/127.0.0.1/tcp/0'], ...(agent !== undefined && { agent }) })
  t.after(() => host.stop())
  if (agent === undefined) host.handle(IDENTIFY_PROTOCOL, () => {})()
  const heard: string[] = []
  host.handle(CHAT_PROTOCOL, async stream => {
    const messages = lengthPrefixed(stream)
    messages.write(utf8('hello\n'))
    for await (const message of messages) heard.push(utf8Text(message))
  })
  return { host, heard }
}

test("a program as js-libp2p's example is dialled in its own dialect", async t => {
  const { host, heard } = await framer(t)
  const ann = await dial(t, String(host.addresses[0]))
  ann.say('Grüße', 'x'.repeat(300))
  assert.deepEqual(await ann.texts(1), ['hello'])
  ann.stdin.end()
  assert.equal((await ann.ended).code, 0)
  assert.deepEqual(heard, ['Grüße\n', `${'x'.repeat(300)}\n`])
})

test("a program as js-libp2p's example dials, and hears and is heard by those who speak lines", async t => {
  const { program: hub, address } = await listen(t)
  const { host, heard } = await framer(t)
  const js = await host.open(address, CHAT_PROTOCOL)
  const messages = lengthPrefixed(js)
  const listening = (async () => {
    for await (const message of messages) heard.push(utf8Text(message))
  })()
  await hub.next('connected')
  const go = await dial(t, address)
  await hub.next('connected')
  messages.write(utf8('a line that is long enough to begin like one of go\n'))
  const [text] = await go.texts(1)
  assert.equal(text, `[${host.peerId.short}] a line that is long enough to begin like one of go`)
  assert.deepEqual(await hub.texts(1), ['a line that is long enough to begin like one of go'])
  go.say('hello')
  hub.say('welcome')
  await until(() => heard.length === 2)
  await js.end()
  assert.ok(heard.includes('welcome\n') && heard.some(line => line.endsWith('] hello\n')))
  hub.signal('SIGINT')
  await listening
})

test('--framing settles what nothing tells, for those who join and for those who are dialled', async t => {
  const { host, heard } = await framer(t, 'my-chat/1.0')
  const { program: ann } = await listen(t, '--framing', 'frames', '--dial', String(host.addresses[0]))
  await ann.next('connected')
  ann.say('in frames')
  await until(() => heard.length === 1)
  assert.deepEqual(heard, ['in frames\n'])
  const plain = await listen(t, '--framing', 'lines')
  const stream = await host.open(plain.address, CHAT_PROTOCOL)
  lengthPrefixed(stream).write(utf8('hello\n'))
  assert.deepEqual(await plain.program.texts(1), ['\x06hello'])
})

test('a wrong guess is told, and a message names the protocol of its stream', async t => {
  const { program: ann, address } = await listen(t)
  const host = await createHost({ agent: 'my-chat/1.0' })
  t.after(() => host.stop())
  const stream = await host.open(address, '/chat/1.1.0')
  await ann.next('connected')
  ann.say('in lines')
  const { value } = await stream[Symbol.asyncIterator]().next()
  assert.equal(utf8Text(value), 'in lines\n')
  lengthPrefixed(stream).write(utf8('hello\n'))
  const { code, message } = await ann.next('error')
  assert.equal(code, 'ERR_PROTOCOL')
  assert.match(String(message), /^\w{8} speaks frames, .* --framing frames helps\.$/)
  const { text, protocol } = await ann.next('message')
  assert.deepEqual([text, protocol], ['hello', '/chat/1.1.0'])
})
