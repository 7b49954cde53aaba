import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { Table } from '#src/chat/table'
import { createHost } from '#src/host/host'
import { Program } from './support/program.ts'

const example = (name: string, ...args: string[]) =>
  new Program(process.execPath, [`examples/${name}.js`, ...args])

test('echo.js gets its words back', async () => {
  await using program = example('echo')
  await program.prints(/answered: Hello, whoever you are\./)
  assert.equal(await program.exit(), 0)
})

test('chat.js greets who says hello, and leaves when told to', async () => {
  await using host = await createHost({ listen: ['/ip4/127.0.0.1/tcp/0'] })
  const table = new Table(host)
  const heard: string[] = []
  table.on('message', ({ text }) => {
    heard.push(text)
    if (text.startsWith('I am a bot')) void table.say('hello there')
    if (text.startsWith('Hello')) void table.say('bye now')
  })
  await using program = example('chat', String(host.addresses[0]))
  assert.equal(await program.exit(), 0)
  assert.deepEqual(heard, ['I am a bot. Say hello, or bye.', `Hello, ${host.peerId.short}!`])
})

test('copy.js copies a file whole', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'parley-copy-'))
  try {
    const [from, to] = [join(folder, 'from'), join(folder, 'to')]
    writeFileSync(from, randomBytes(5_000_001))
    await using receiver = example('copy', 'receive', to)
    const address = await receiver.prints(/(\/ip4\/\S+)\n/)
    await using sender = example('copy', 'send', from, address)
    assert.equal(await sender.exit(), 0)
    assert.equal(await receiver.exit(), 0)
    assert.equal(digest(to), digest(from))
  } finally {
    rmSync(folder, { recursive: true })
  }
})

function digest(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('hex')
}
