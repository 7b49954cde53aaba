import assert from 'node:assert/strict'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { type KeyType, PrivateKey } from '#src/wire/keys'
import { keyOf, peerIdOf } from '../support/net.ts'
import { dial, folder, freePort, listen, run, start } from '../support/program.ts'

const posix = process.platform !== 'win32'
const others = posix ? false : 'this system has no modes'

let files = 0

/** A file in a folder of its own; it's written when there is something to write. */
function keyFile(bytes?: Uint8Array, mode = 0o600): string {
  const place = join(folder, `keys-${files++}`)
  mkdirSync(place, { mode: 0o700 })
  const file = join(place, 'me.key')
  if (bytes) writeFileSync(file, bytes, { mode })
  return file
}

/** Asserts that the program refuses the file in one sentence, and leaves it alone. */
async function refusesFile(t: TestContext, file: string, says: RegExp, mode?: number): Promise<void> {
  const before = readFileSync(file)
  const { code, stdout, stderr } = await run(t, ['--port', '0', '--identity', file])
  assert.deepEqual([code, stdout], [2, ''])
  assert.match(stderr, /^! The identity file [^\n]*\.\n$/)
  assert.match(stderr, says)
  assert.ok(stderr.includes(file))
  assert.deepEqual(readFileSync(file), before)
  if (mode !== undefined) assert.equal(statSync(file).mode & 0o777, mode)
}

const { bytes } = keyOf(1)

const damaged: readonly [name: string, bytes: Uint8Array, says: RegExp][] = [
  ['an empty file', new Uint8Array(0), /is damaged/],
  ['half a key', bytes.subarray(0, 30), /is damaged/],
  ['a key with something behind it', Uint8Array.of(...bytes, 0), /is damaged/],
  [
    'a key that does not fit together',
    bytes.map((byte, i) => (i === bytes.length - 1 ? byte ^ 1 : byte)),
    /is damaged/,
  ],
  ['a text', new TextEncoder().encode('-----BEGIN PRIVATE KEY-----\n'), /is damaged/],
  ['a file of a megabyte', new Uint8Array(1024 * 1024), /is too large/],
]

for (const [name, content, says] of damaged) {
  test(`${name} is no identity, and stays as it is`, t => refusesFile(t, keyFile(content), says))
}

for (const mode of [0o644, 0o660, 0o604]) {
  const text = mode.toString(8)
  test(`a key of mode ${text} is refused, and how to mend that is said`, { skip: others }, async t => {
    const file = keyFile(bytes)
    chmodSync(file, mode)
    await refusesFile(t, file, /is open to other users; run: chmod 600 /, mode)
  })
}

test('a symbolic link is not followed', { skip: others }, async t => {
  const file = keyFile()
  symlinkSync(keyFile(bytes), file)
  await refusesFile(t, file, /is a symbolic link/)
  const dangling = keyFile()
  symlinkSync(join(folder, 'nowhere'), dangling)
  const { code } = await run(t, ['--port', '0', '--identity', dangling])
  assert.equal(code, 2)
  assert.ok(!existsSync(join(folder, 'nowhere')))
})

const root = posix && process.getuid?.() === 0 ? 'root may read everything' : others
test('a key that cannot be read is refused', { skip: root }, async t => {
  const file = keyFile(bytes)
  chmodSync(file, 0)
  const { code, stderr } = await run(t, ['--port', '0', '--identity', file])
  assert.equal(code, 2)
  assert.match(stderr, /^! The identity file .* cannot be read/)
})

test('nor one whose folder is a file', async t => {
  const { code, stderr } = await run(t, ['--port', '0', '--identity', join(keyFile(bytes), 'me.key')])
  assert.equal(code, 2)
  assert.match(stderr, /^! The identity file [^\n]* cannot be read[^\n]*\.\n$/)
})

test('a folder is no identity', async t => {
  const { code, stderr } = await run(t, ['--port', '0', '--identity', folder])
  assert.equal(code, 2)
  assert.match(stderr, /^! The identity file .*\.\n$/)
})

test('a key that is for a port but damaged is not replaced either', async t => {
  const port = String(await freePort())
  const file = join(folder, 'parley', `identity-${port}.key`)
  mkdirSync(join(folder, 'parley'), { recursive: true, mode: 0o700 })
  writeFileSync(file, bytes.subarray(0, 20), { mode: 0o600 })
  const { code, stderr } = await run(t, ['--port', port])
  assert.equal(code, 2)
  assert.match(stderr, /is damaged/)
  assert.deepEqual(new Uint8Array(readFileSync(file)), bytes.slice(0, 20))
})

test('--identity makes the file and keeps to it, for who listens and who dials', async t => {
  const file = keyFile()
  const first = await listen(t, '--identity', file)
  const key = PrivateKey.fromBytes(new Uint8Array(readFileSync(file)))
  assert.equal(first.peer, String(peerIdOf(key)))
  if (posix) assert.equal(statSync(file).mode & 0o777, 0o600)
  first.program.signal('SIGKILL')
  const { program: ann, address } = await listen(t)
  await dial(t, address, '--identity', file)
  assert.equal((await ann.next('connected')).peer, first.peer)
})

test('two processes cannot go by one identity file, whatever they do with it (B131)', async t => {
  const file = keyFile()
  const first = await listen(t, '--identity', file)
  for (const args of [
    ['--port', '0'],
    ['--dial', first.address],
  ]) {
    const { code, stdout, stderr } = await run(t, [...args, '--identity', file])
    assert.deepEqual([code, stdout], [1, ''])
    assert.match(
      stderr,
      /^! The identity file [^\n]* is in use by another process; end that one, [^\n]*\.\n$/,
    )
    assert.ok(stderr.includes(file))
  }
  const json = await run(t, ['--json', '--port', '0', '--identity', file])
  assert.equal(JSON.parse(json.stdout).code, 'ERR_IDENTITY_IN_USE')
  first.program.signal('SIGINT')
  await first.program.ended
  assert.deepEqual(readdirSync(dirname(file)), ['me.key'], 'the lock is gone with its holder')
})

test('two processes cannot go by the identity of one port (B131)', async t => {
  const port = String(await freePort())
  await listen(t, '--port', port)
  const { code, stderr } = await run(t, ['--port', port])
  assert.equal(code, 1)
  assert.match(stderr, /^! The identity file [^\n]* is in use by another process/)
})

test('an identity file is free again after kill -9 of its process (B131)', async t => {
  const file = keyFile()
  const first = await listen(t, '--identity', file)
  first.program.signal('SIGKILL')
  await first.program.ended
  const second = await listen(t, '--identity', file)
  assert.equal(second.peer, first.peer)
})

test('without a port, and with --ephemeral, every run is somebody else', async t => {
  const port = String(await freePort())
  const peers: string[] = []
  for (const args of [
    ['--port', '0'],
    ['--port', '0'],
    ['--port', port, '--ephemeral'],
    ['--port', port, '--ephemeral'],
  ]) {
    const { program, peer } = await listen(t, ...args)
    peers.push(peer)
    program.signal('SIGKILL')
    await program.ended
  }
  assert.equal(new Set(peers).size, peers.length)
  assert.ok(!existsSync(join(folder, 'parley', `identity-${port}.key`)))
})

test('--debug gives the same identity every time, another for each port, and says so loudly', async t => {
  const port = String(await freePort())
  const peers: string[] = []
  for (const args of [
    ['--port', port],
    ['--port', port],
    ['--port', '0'],
  ]) {
    const { program, peer } = await listen(t, '--debug', ...args)
    await program.stderr.match(/Anyone can compute it/)
    peers.push(peer)
    program.signal('SIGKILL')
    await program.ended
  }
  assert.equal(peers[0], peers[1])
  assert.notEqual(peers[0], peers[2])
  const plain = start(t, ['--debug', '--port', '0'])
  await plain.stderr.match(/^! DEBUG: .*Anyone can compute it/)
})

const keyTypes: readonly [KeyType, RegExp][] = [
  ['ed25519', /^12D3KooW/],
  ['secp256k1', /^16Uiu2/],
  ['ecdsa', /^Qm/],
  ['rsa', /^Qm/],
]

for (const [type, shape] of keyTypes) {
  test(`a key of type ${type} is made, kept, and good to talk with both ways`, async t => {
    const file = keyFile()
    const { program: ann, peer, address } = await listen(t, '--key-type', type, '--identity', file)
    assert.match(peer, shape)
    assert.equal(PrivateKey.fromBytes(new Uint8Array(readFileSync(file))).type, type)
    assert.equal((await run(t, ['--dial', address], 'hello\n')).code, 0)
    assert.deepEqual(await ann.texts(1), ['hello'])
    ann.signal('SIGKILL')
    await ann.ended
    const bob = await listen(t)
    assert.equal((await run(t, ['--dial', bob.address, '--identity', file], 'hello\n')).code, 0)
    assert.equal((await bob.program.next('connected')).peer, peer)
    assert.deepEqual(await bob.program.texts(1), ['hello'])
  })
}

test('a key of another type than asked for is not taken for it', async t => {
  const { code, stderr } = await run(t, ['--identity', keyFile(bytes), '--key-type', 'rsa', '--port', '0'])
  assert.equal(code, 2)
  assert.match(stderr, /^! The identity in .* is of type ed25519, not rsa; name another file\.\n$/)
})

test('no error and no event holds the key', async t => {
  const { program } = await listen(t, '--identity', keyFile(bytes))
  const secret = Buffer.from(bytes.subarray(4, 36))
  for (const form of ['hex', 'base64', 'latin1'] as const)
    assert.ok(!program.stdout.text.includes(secret.toString(form)))
})
