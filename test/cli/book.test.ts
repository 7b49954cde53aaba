import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { keyOf } from '../support/net.ts'
import { dial, folder, listen, Program, run, start } from '../support/program.ts'

const mounts = {
  skip:
    spawnSync('unshare', ['-m', 'true']).status !== 0 &&
    'only root on Linux can mount a disk that is small or read-only',
}

/** A data directory of its own, and the address book in it. */
function newHome(): { env: NodeJS.ProcessEnv; book: string } {
  const home = mkdtempSync(join(folder, 'home-'))
  return { env: { XDG_DATA_HOME: home }, book: join(home, 'parley', 'peers') }
}

function write(book: string, text: string, mode = 0o600): void {
  mkdirSync(join(book, '..'), { recursive: true, mode: 0o700 })
  writeFileSync(book, text, { mode })
  chmodSync(book, mode)
}

test('a peer that was met before is dialled by its ID alone', async t => {
  const { env, book } = newHome()
  const { program: ann, peer, address } = await listen(t)
  assert.equal((await run(t, ['--dial', address], 'one\n', env)).code, 0)
  if (process.platform !== 'win32') assert.equal(statSync(book).mode & 0o777, 0o600)
  for (const [target, line] of [
    [peer, 'two'],
    [`/p2p/${peer}`, 'three'],
  ] as const) {
    const { code, stderr } = await run(t, ['--dial', target], `${line}\n`, env)
    assert.equal(code, 0, stderr)
  }
  assert.deepEqual(await ann.texts(3), ['one', 'two', 'three'])
})

test('one who was dialled remembers who came, if he listens and has signed where', async t => {
  const { env, book } = newHome()
  const ann = start(t, ['--json', '--port', '0'], env)
  const { addresses } = await ann.next('listening')
  const target = (addresses as string[]).find(address => address.startsWith('/ip4/127.'))!
  const guest = await dial(t, target)
  const bob = await listen(t, '--dial', target)
  await ann.next('connected').then(() => ann.next('connected'))
  guest.say('hello')
  await ann.texts(1)
  ann.signal('SIGINT')
  assert.equal((await ann.ended).code, 0)
  const [, ...lines] = readFileSync(book, 'utf8').trim().split('\n')
  assert.deepEqual(
    lines.map(line => JSON.parse(line).peer),
    [bob.peer],
    'the guest listens nowhere',
  )
  assert.equal((await run(t, ['--dial', bob.peer], 'hi\n', env)).code, 0)
  assert.equal((await bob.program.texts(2))[1], 'hi')
})

test('--ephemeral reads the address book, and leaves nothing behind', async t => {
  const { env, book } = newHome()
  const { peer, address } = await listen(t)
  assert.equal((await run(t, ['--ephemeral', '--dial', address], 'one\n', env)).code, 0)
  assert.equal(existsSync(book), false)
  assert.equal((await run(t, ['--dial', address], 'two\n', env)).code, 0)
  const before = readFileSync(book)
  assert.equal((await run(t, ['--ephemeral', '--dial', peer], 'three\n', env)).code, 0)
  assert.deepEqual(readFileSync(book), before)
})

/** Starts a chat that listens, and gives what it warned of by then. */
async function warnings(t: TestContext, env: NodeJS.ProcessEnv): Promise<string> {
  const program = start(t, ['--json', '--port', '0'], env)
  await program.next('listening')
  program.signal('SIGINT')
  const { code, stderr } = await program.ended
  assert.equal(code, 0)
  return stderr
}

test('an address book that is damaged is kept aside with one warning, and the chat starts (B130)', async t => {
  const { env, book } = newHome()
  write(book, '{"parley":"peers","version":99}\n')
  assert.match(await warnings(t, env), /^The address book [^\n]*peers\.damaged, and a new one is begun\.\n$/)
  assert.equal(await warnings(t, env), '')
  write(book, '')
  truncateSync(book, 2 ** 30)
  assert.match(await warnings(t, env), /^The address book [^\n]* is too large[^\n]*\.\n$/)
  assert.equal(statSync(`${book}.damaged`).size, 2 ** 30)
})

test('an address book that others can read is not used, and how to mend that is said (B126)', async t => {
  if (process.platform === 'win32') return t.skip('this system has no modes')
  const { env, book } = newHome()
  write(book, '', 0o644)
  assert.match(
    await warnings(t, env),
    /^The address book [^\n]* run: chmod 600 [^\n]*; no peers are remembered\.\n$/,
  )
})

/** Runs the chat, told what to do on its input, with a disk of its own mounted on a folder and prepared by a command. */
async function onDisk(t: TestContext, prepare: (disk: string) => string, args: (disk: string) => string[]) {
  const disk = mkdtempSync(join(folder, 'disk-'))
  const script = `mount -t tmpfs -o size=16k,mode=700 tmpfs '${disk}' && cd '${disk}' && ${prepare(disk)}; cd / && exec "$@"`
  const cli = join(process.cwd(), 'dist', 'cli.js')
  const command = ['unshare', '-m', 'sh', '-c', script, 'sh', process.execPath, cli, ...args(disk)]
  const program = new Program(t, command, { XDG_DATA_HOME: disk })
  program.stdin.end('hello\n')
  return program.ended
}

const fill = (disk: string) => `{ cat /dev/zero > '${disk}/rest' 2>/dev/null; true; }`

test('a disk without room for an identity is named, and ends the program (F12)', mounts, async t => {
  const { code, stdout, stderr } = await onDisk(t, fill, disk => [
    '--port',
    '0',
    '--identity',
    `${disk}/me.key`,
  ])
  assert.deepEqual([code, stdout], [2, ''])
  assert.match(stderr, /^! The identity file \S+me\.key cannot be written \(ENOSPC\); [^\n]*\.\n$/)
})

test('so is one that is read-only (F12)', mounts, async t => {
  const readOnly = (disk: string) => `mount -o remount,ro '${disk}'`
  const { code, stdout, stderr } = await onDisk(t, readOnly, disk => [
    '--port',
    '0',
    '--identity',
    `${disk}/me.key`,
  ])
  assert.deepEqual([code, stdout], [2, ''])
  assert.match(stderr, /^! The identity file \S+me\.key cannot be written \(EROFS\); [^\n]*\.\n$/)
})

test(
  'an identity on a disk that is read-only cannot be locked, and is left as it is (F12)',
  mounts,
  async t => {
    const key = join(mkdtempSync(join(folder, 'keys-')), 'me.key')
    writeFileSync(key, keyOf(1).bytes, { mode: 0o600 })
    const prepare = (disk: string) => `cp -p '${key}' '${disk}/me.key' && mount -o remount,ro '${disk}'`
    const { code, stderr } = await onDisk(t, prepare, disk => ['--port', '0', '--identity', `${disk}/me.key`])
    assert.equal(code, 2)
    assert.match(stderr, /^! The identity file \S+ cannot be locked \(EROFS\); [^\n]*\.\n$/)
  },
)

test(
  'a disk without room for the address book is warned of once, and the chat goes on (F12)',
  mounts,
  async t => {
    const { program: ann, address } = await listen(t)
    const { code, stderr } = await onDisk(t, fill, () => ['--dial', address])
    assert.equal(code, 0)
    assert.equal(stderr.match(/^! /gm)?.length, 1, stderr)
    assert.match(stderr, /! The address book \S+ cannot be written \(ENOSPC\); [^\n]*\.\n/)
    assert.deepEqual(await ann.texts(1), ['hello'])
  },
)

test('chats that end at once all leave behind what they have learned', async t => {
  const { env, book } = newHome()
  const nodes = await Promise.all([listen(t), listen(t), listen(t)])
  const ended = await Promise.all(nodes.map(({ address }) => run(t, ['--dial', address], 'hi\n', env)))
  assert.deepEqual(
    ended.map(({ code }) => code),
    [0, 0, 0],
  )
  const text = readFileSync(book, 'utf8')
  for (const { peer } of nodes) assert.ok(text.includes(peer))
  assert.deepEqual(readdirSync(join(book, '..')), ['peers'])
})
