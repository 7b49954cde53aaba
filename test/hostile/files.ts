import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { TestContext } from 'node:test'
import { inspect } from 'node:util'
import { createHost } from '#src/host/host'
import { loadIdentity, lockIdentity } from '#src/host/identity'
import { encodePeers } from '#src/host/peer-file'
import { PeerStore } from '#src/host/peer-store'
import { concat, hex } from '#src/wire/bytes'
import { PrivateKey } from '#src/wire/keys'
import { Multiaddr } from '#src/wire/multiaddr'
import { PeerId } from '#src/wire/peer-id'
import { nobody } from '../support/nobody.ts'
import { Program } from '../support/program.ts'
import { pattern } from '../support/wire.ts'
import { failureOf, secret, soon } from './attack.ts'
import { faultsOfTexts } from './rules.ts'
import { pure, type Row } from './suite.ts'
import type { Trial } from './trial.ts'

const isWindows = process.platform === 'win32'
const isRoot = process.getuid?.() === 0
const key = PrivateKey.fromSeed(secret)
const GB = 1024 ** 3

/** A row about files, in a folder of its own that is gone afterwards. */
function filed(
  id: string,
  title: string,
  run: (trial: Trial, folder: string, t: TestContext) => Promise<void>,
): Row {
  return pure(id, title, async (trial, t) => {
    if (isWindows) return trial.skip('Windows knows no modes')
    const folder = mkdtempSync(join(tmpdir(), 'parley-hostile-'))
    try {
      await run(trial, folder, t)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
}

/** A key file with these bytes. */
function keyFile(folder: string, bytes: Uint8Array = key.bytes, mode = 0o600): string {
  const file = join(folder, 'a.key')
  rmSync(file, { force: true })
  writeFileSync(file, bytes)
  chmodSync(file, mode)
  return file
}

/** Tries a key file that must be refused, in one line that names it, and left as it is. */
async function refusesFile(trial: Trial, name: string, file: string): Promise<void> {
  await trial.attempt(name, async () => {
    const before = contents(dirname(file))
    const { message } = trial.expect('ERR_IDENTITY_FILE', await soon(failureOf(loadIdentity(file)), 1_000))
    assert.ok(message.includes(file) && !message.includes('\n'), message)
    assert.deepEqual(contents(dirname(file)), before, 'nothing is written')
  })
}

/** As `refusesFile`, for a file with these bytes, which must stay. */
async function refusesBytes(trial: Trial, name: string, folder: string, bytes: Uint8Array): Promise<void> {
  const file = keyFile(folder, bytes)
  await refusesFile(trial, name, file)
  assert.equal(hex(readFileSync(file)), hex(bytes), name)
}

const contents = (path: string) => (statSync(path).isDirectory() ? readdirSync(path) : [])
const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8)

const peer = { peerId: PeerId.fromPublicKey(key.publicKey), place: Multiaddr.parse('/ip4/203.0.113.1/tcp/1') }
const book = encodePeers([
  { peerId: peer.peerId, addresses: [{ address: peer.place, expires: Date.now() + 3_600_000 }] },
])

const flipped = (bytes: Uint8Array, bit: number) =>
  bytes.map((byte, i) => (i === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte))

/** An address book of these bytes, or of that size, is kept aside with one warning, and nothing of it is believed. */
async function setsAside(
  trial: Trial,
  name: string,
  folder: string,
  bytes: Uint8Array,
  size = bytes.length,
): Promise<void> {
  await trial.attempt(name, async () => {
    const file = join(folder, 'peers')
    writeFileSync(file, bytes, { mode: 0o600 })
    truncateSync(file, size)
    const warnings: string[] = []
    const opening = PeerStore.open(file, { warn: sentence => warnings.push(sentence) })
    const store = await soon(opening, 2_000)
    assert.equal(store.knows(peer.peerId), false)
    assert.equal(warnings.length, 1, warnings.join('\n'))
    trial.texts.push(...warnings)
    assert.equal(statSync(`${file}.damaged`).size, size)
    assert.equal(existsSync(file), false)
  })
}

/** A process of its own wants an identity for itself, and keeps it until it ends. */
async function claims(
  trial: Trial,
  t: TestContext,
  name: string,
  file: string,
  outcome: string,
): Promise<Program> {
  return trial.attempt(name, async () => {
    const source = `
      import { lockIdentity } from '#src/host/identity'
      const outcome = await lockIdentity(${JSON.stringify(file)}).then(() => 'won', error => error.code)
      console.log('outcome ' + outcome)
      if (outcome === 'won') process.stdin.resume()`
    const program = new Program(t, [process.execPath, '--input-type=module', '--eval', source])
    const [, found] = await program.stdout.match(/outcome (\w+)/)
    assert.equal(found, outcome)
    return program
  })
}

/** What is kept on disk. */
export const files: readonly Row[] = [
  filed('B126', 'a key file that is open to others', async (trial, folder) => {
    for (const bit of [0o001, 0o002, 0o004, 0o010, 0o020, 0o040]) {
      const mode = 0o600 | bit
      await refusesFile(trial, mode.toString(8), keyFile(folder, key.bytes, mode))
    }
    for (const mode of [0o644, 0o660, 0o666, 0o777])
      await refusesFile(trial, mode.toString(8), keyFile(folder, key.bytes, mode))
    for (const mode of [0o600, 0o400]) {
      await trial.attempt(`${mode.toString(8)} is not`, async () => {
        const found = await loadIdentity(keyFile(folder, key.bytes, mode))
        assert.ok(found.publicKey.equals(key.publicKey))
      })
    }
  }),
  filed('B126', 'a key file in a folder that others can write to', async (trial, folder) => {
    const file = keyFile(folder)
    for (const mode of [0o777, 0o770, 0o720, 0o702]) {
      chmodSync(folder, mode)
      await refusesFile(trial, mode.toString(8), file)
      rmSync(file)
      await refusesFile(trial, `${mode.toString(8)}, where none is yet`, file)
      keyFile(folder)
    }
    await trial.attempt('1777, as /tmp has it, in which nobody can replace it', async () => {
      chmodSync(folder, 0o1777)
      await loadIdentity(file)
    })
  }),
  filed('B126', 'a new key file is for its owner alone, whatever the mask', async (trial, folder) => {
    for (const mask of [0o000, 0o022, 0o077]) {
      await trial.attempt(`with a mask of ${mask.toString(8)}`, async () => {
        const before = process.umask(mask)
        try {
          const file = join(folder, `mask-${mask}`, 'a.key')
          await loadIdentity(file)
          assert.deepEqual([modeOf(file), modeOf(dirname(file))], ['600', '700'])
        } finally {
          process.umask(before)
        }
      })
    }
  }),
  filed('B127', 'what is no plain file of the user’s own', async (trial, folder) => {
    const at = (name: string) => join(folder, name)
    symlinkSync(keyFile(folder), at('link'))
    await refusesFile(trial, 'a link to a key', at('link'))
    symlinkSync(at('missing'), at('dangling'))
    await refusesFile(trial, 'a link to nothing', at('dangling'))
    assert.equal(existsSync(at('missing')), false)
    symlinkSync('loop', at('loop'))
    await refusesFile(trial, 'a link to itself', at('loop'))
    execFileSync('mkfifo', ['-m', '600', at('pipe')])
    await refusesFile(trial, 'a pipe', at('pipe'))
    mkdirSync(at('folder'), 0o700)
    await refusesFile(trial, 'a folder', at('folder'))
    writeFileSync(at('file'), '')
    await refusesFile(trial, 'a file where its folder should be', join(at('file'), 'a.key'))
    await refusesFile(trial, 'a device', '/dev/zero')
  }),
  filed('B127', 'a key file of another user', async (trial, folder) => {
    if (!isRoot) return trial.skip('only root can make one')
    const file = keyFile(folder)
    chownSync(file, nobody, nobody)
    await refusesFile(trial, 'of another user', file)
  }),
  filed('B128', 'a key file that is damaged, which no new identity may replace', async (trial, folder) => {
    for (let length = 0; length < key.bytes.length; length++)
      await refusesBytes(trial, `the first ${length} bytes`, folder, key.bytes.subarray(0, length))
    for (const more of [1, 32, 68])
      await refusesBytes(trial, `${more} bytes behind it`, folder, concat([key.bytes, pattern(more)]))
    // A bit of the seed or of the public key that belongs to it makes the halves disagree; those before it are the form.
    for (let i = 0; i < key.bytes.length; i++)
      await refusesBytes(
        trial,
        `bit flipped in byte ${i}`,
        folder,
        key.bytes.map((byte, at) => (at === i ? byte ^ 1 : byte)),
      )
    await refusesBytes(trial, '16 kB of noise', folder, pattern(16_385))
  }),
  filed('B128', 'a key file of 1 GB, refused by its size', async (trial, folder) => {
    const file = keyFile(folder)
    truncateSync(file, GB)
    const before = process.memoryUsage().rss
    await refusesFile(trial, '1 GB', file)
    assert.ok(process.memoryUsage().rss - before < 64 * 1024 * 1024, 'R4: it was not read')
    assert.equal(statSync(file).size, GB)
  }),
  filed('B129', 'the key in whatever is said or shown', async (trial, folder) => {
    const damages: [string, () => string][] = [
      ['cut short', () => keyFile(folder, key.bytes.subarray(0, -1))],
      [
        'with halves that disagree',
        () =>
          keyFile(
            folder,
            key.bytes.map((byte, i) => (i === 67 ? byte ^ 1 : byte)),
          ),
      ],
      ['open to others', () => keyFile(folder, key.bytes, 0o644)],
      ['twice in one file', () => keyFile(folder, concat([key.bytes, key.bytes]))],
    ]
    for (const [name, make] of damages) {
      await trial.attempt(name, async () => assertSecret(await failureOf(loadIdentity(make()))))
    }
    for (const open of [secret, Buffer.from(secret), hex(secret), { deep: [{ secret }] }])
      trial.try('and where it is shown, that is found', () => assert.throws(() => assertSecret(open)))
    await trial.attempt('the key itself', async () => assertSecret(await loadIdentity(keyFile(folder))))
    await trial.attempt('a host that has it', async () => {
      const host = await createHost({ identity: key, listen: ['/ip4/127.0.0.1/tcp/0'] })
      assertSecret(host)
      await host.stop()
    })
  }),
  filed('B130', 'an address book that is damaged anywhere', async (trial, folder) => {
    for (let length = 0; length < book.length; length++)
      await setsAside(trial, `the first ${length} bytes`, folder, book.subarray(0, length))
    for (let bit = 0; bit < 8 * book.length; bit += 5)
      await setsAside(trial, `bit ${bit} flipped`, folder, flipped(book, bit))
    const next = Buffer.from(Buffer.from(book).toString().replace('"version":1', '"version":99'))
    await setsAside(trial, 'version 99', folder, next)
    await setsAside(trial, 'noise', folder, pattern(10_000))
  }),
  filed('B130', 'an address book that is far too large', async (trial, folder) => {
    const line = Buffer.from(book).toString().split('\n')[1]!
    await setsAside(trial, 'a million peers', folder, Buffer.from(`${line}\n`.repeat(1_000_000)))
    await setsAside(trial, '1 GB', folder, book, GB)
  }),
  filed('B131', 'two processes of one identity', async (trial, folder, t) => {
    const file = keyFile(folder)
    const holder = await claims(trial, t, 'the first has it', file, 'won')
    await claims(trial, t, 'the second is refused', file, 'ERR_IDENTITY_IN_USE')
    await trial.attempt('in the same process as well', async () => {
      trial.expect('ERR_IDENTITY_IN_USE', await failureOf(lockIdentity(file)))
    })
    holder.signal('SIGKILL')
    await holder.ended
    const next = await claims(trial, t, 'one that was killed keeps nobody out', file, 'won')
    await claims(trial, t, 'but the next one does', file, 'ERR_IDENTITY_IN_USE')
    next.signal('SIGTERM')
    await next.ended
    await claims(trial, t, 'nor does one that was told to end', file, 'won')
  }),
]

/** Nothing that can be printed of a value gives the secret away. */
function assertSecret(value: unknown): void {
  const shown = inspect(value, { depth: 20, maxArrayLength: 1_000, maxStringLength: 1_000_000 })
  const told =
    value instanceof Error ? `${value.stack}${String(value.cause)}` : `${String(value)}${asJson(value)}`
  const text = (shown + told).replace(/[^\x21-\x7e]/g, '')
  assert.deepEqual(faultsOfTexts([text], [secret]), [])
}

function asJson(value: unknown): string {
  try {
    return JSON.stringify(value)
  } catch {
    return ''
  }
}
