import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { Table } from '#src/chat/table'
import { createHost } from '#src/host/host'
import { folder, Program } from './support/program.ts'

const example = (t: TestContext, name: string, ...args: string[]) =>
  new Program(t, [process.execPath, `examples/${name}.js`, ...args])

test('echo.js gets its words back', async t => {
  const { code, stdout } = await example(t, 'echo').ended
  assert.match(stdout, /answered: Hello, whoever you are\./)
  assert.equal(code, 0)
})

test('chat.js greets who says hello, and leaves when told to', async t => {
  await using host = await createHost({ listen: ['/ip4/127.0.0.1/tcp/0'] })
  const table = new Table(host)
  const heard: string[] = []
  table.on('message', ({ text }) => {
    heard.push(text)
    if (text.startsWith('I am a bot')) void table.say('hello there')
    if (text.startsWith('Hello')) void table.say('bye now')
  })
  const { code } = await example(t, 'chat', String(host.addresses[0])).ended
  assert.equal(code, 0)
  assert.deepEqual(heard, ['I am a bot. Say hello, or bye.', `Hello, ${host.peerId.short}!`])
})

test('copy.js copies a file whole', async t => {
  const [from, to] = [join(folder, 'from'), join(folder, 'to')]
  writeFileSync(from, randomBytes(5_000_001))
  const receiver = example(t, 'copy', 'receive', to)
  const [address] = await receiver.stdout.match(/\/ip4\/\S+(?=\n)/)
  assert.equal((await example(t, 'copy', 'send', from, address).ended).code, 0)
  assert.equal((await receiver.ended).code, 0)
  assert.equal(digest(to), digest(from))
})

function digest(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('hex')
}
