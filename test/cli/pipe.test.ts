import assert from 'node:assert/strict'
import test from 'node:test'
import { dial, listen, run, start } from '../support/program.ts'

test('lines from a pipe arrive in order, and the program ends well', async t => {
  const { program: ann, address } = await listen(t)
  const { code, stderr } = await run(t, ['--dial', address, '--json'], 'hello\nworld\n')
  assert.deepEqual([code, stderr], [0, ''])
  assert.deepEqual(await ann.texts(2), ['hello', 'world'])
  await ann.next('disconnected')
})

test('the last line needs no end, and no lines at all are no fault', async t => {
  const { program: ann, address } = await listen(t)
  assert.equal((await run(t, ['--dial', address], 'hello\r\n\n \nworld')).code, 0)
  assert.deepEqual(await ann.texts(3), ['hello', ' ', 'world'])
  await ann.next('disconnected')
  assert.equal((await run(t, ['--dial', address])).code, 0)
  await ann.next('disconnected')
})

test('a megabyte arrives whole and in order', async t => {
  const { program: ann, address } = await listen(t)
  const lines = Array.from({ length: 20_000 }, (_, i) => `${i} ${'x'.repeat(i % 100)}`)
  const { code } = await run(t, ['--dial', address], `${lines.join('\n')}\n`)
  assert.equal(code, 0)
  await ann.next('disconnected')
  const texts = ann.events.filter(({ event }) => event === 'message').map(({ text }) => text)
  assert.deepEqual(texts, lines)
})

test('a line that is longer than a line may be arrives as several', async t => {
  const { program: ann, address } = await listen(t)
  const line = '你'.repeat(100_000)
  assert.equal((await run(t, ['--dial', address], `${line}\nend\n`)).code, 0)
  await ann.next('disconnected')
  const texts = ann.events.filter(({ event }) => event === 'message').map(({ text }) => text as string)
  assert.equal(texts.at(-1), 'end')
  assert.equal(texts.slice(0, -1).join(''), line)
})

test('lines piped into one who listens wait for someone, and the end of input is not its end', async t => {
  const { program: ann, address } = await listen(t)
  ann.say('hello', 'world')
  ann.stdin.end()
  const bob = await dial(t, address)
  assert.deepEqual(await bob.texts(2), ['hello', 'world'])
  bob.say('thanks')
  assert.deepEqual(await ann.texts(1), ['thanks'])
  bob.stdin.end()
  assert.equal((await bob.ended).code, 0)
  await ann.next('disconnected')
  const eve = await dial(t, address)
  eve.say('still there?')
  assert.deepEqual(await ann.texts(1), ['still there?'])
})

test('one who listens and dials leaves at the end of input', async t => {
  const { program: ann, address } = await listen(t)
  const { code } = await run(t, ['--port', '0', '--dial', address], 'hello\n')
  assert.equal(code, 0)
  assert.deepEqual(await ann.texts(1), ['hello'])
})

test('when everyone has left before the input ends, and is not to be dialled again, the program fails', async t => {
  const { program: ann, address } = await listen(t)
  const bob = await dial(t, address, '--no-reconnect')
  await ann.next('connected')
  bob.say('one')
  await ann.texts(1)
  ann.signal('SIGINT')
  await bob.next('disconnected')
  bob.say('two')
  const { code } = await bob.ended
  assert.equal(code, 1)
  assert.equal((await bob.next('error')).code, 'ERR_CONNECTION_CLOSED')
})

test('even when what was said before may have arrived', async t => {
  const { program: ann, address } = await listen(t)
  const bob = await dial(t, address)
  await ann.next('connected')
  bob.say('one')
  await ann.texts(1)
  ann.signal('SIGKILL')
  await bob.next('disconnected')
  bob.stdin.end()
  assert.equal((await bob.ended).code, 1)
})

test('a reader who goes away is no reason to complain', async t => {
  const { program: ann, address } = await listen(t)
  await ann.stdout.match(/\n/)
  ann.closeOutput()
  await run(t, ['--dial', address], 'hello\nworld\n')
  const { code, stderr } = await ann.ended
  assert.deepEqual([code, stderr], [0, ''])
})

test('a listener without input goes on as well', async t => {
  const ann = start(t, ['--port', '0', '--json'])
  ann.stdin.end()
  const { addresses } = await ann.next('listening')
  const address = (addresses as string[]).find(one => one.includes('/127.0.0.1/'))!
  assert.equal((await run(t, ['--dial', address], 'hello\n')).code, 0)
  assert.deepEqual(await ann.texts(1), ['hello'])
})
