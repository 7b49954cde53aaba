import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  chmod,
  chown,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { inspect } from 'node:util'
import { loadIdentity } from '#src/host/identity'
import { encodePeers, type KeptPeer } from '#src/host/peer-file'
import { PeerStore } from '#src/host/peer-store'
import { concat, hex, utf8, utf8Text } from '#src/wire/bytes'
import { PrivateKey } from '#src/wire/keys'
import { Multiaddr } from '#src/wire/multiaddr'
import { flip } from '../protocol/noise/peers.ts'
import { keyOf, peerIdOf } from '../support/net.ts'
import { start } from '../support/program.ts'
import { pattern } from '../support/wire.ts'
import { failureOf, secret } from './attack.ts'
import { faultsOfTexts } from './rules.ts'
import { type PureRun, pure, type Row } from './suite.ts'
import type { Trial } from './trial.ts'

const good = PrivateKey.fromSeed(secret).bytes

/** Runs the body with the path of a key file that is not there, in a folder as it should be. */
async function withFile<T>(body: (file: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'parley-hostile-'))
  try {
    await mkdir(join(folder, 'keys'), { mode: 0o700 })
    return await body(join(folder, 'keys', 'a.key'))
  } finally {
    await rm(folder, { recursive: true })
  }
}

async function write(file: string, bytes: Uint8Array, mode = 0o600): Promise<void> {
  await writeFile(file, bytes)
  await chmod(file, mode)
}

/** Tries a file, which must be refused with one sentence and left as it is. */
async function refusesFile(
  trial: Trial,
  name: string,
  prepare: (file: string) => Promise<void>,
): Promise<void> {
  await trial.attempt(name, () =>
    withFile(async file => {
      await prepare(file)
      const error = trial.expect('ERR_IDENTITY_FILE', await failureOf(loadIdentity(file)))
      assert.ok(error.message.includes(file))
      assert.ok((await readdir(dirname(file))).length <= 1, 'nothing is left beside it')
    }),
  )
}

const refusesBytes = (trial: Trial, name: string, bytes: Uint8Array) =>
  trial.attempt(name, () =>
    withFile(async file => {
      await write(file, bytes)
      trial.expect('ERR_IDENTITY_FILE', await failureOf(loadIdentity(file)))
      assert.deepEqual(new Uint8Array(await readFile(file)), bytes, 'it is not written to')
    }),
  )

/** What a program can show of a value, one way or another, unless it asks a key for its bytes. */
function shown(value: unknown): string[] {
  const deep = { depth: 20, showHidden: true, maxArrayLength: 1_000, maxStringLength: 10_000 }
  const { cause, stack } = value instanceof Error ? value : { cause: undefined, stack: '' }
  return [
    String(value),
    JSON.stringify(value) ?? '',
    inspect(value, deep),
    inspect({ in: [value] }, { ...deep, customInspect: false }),
    String(stack),
    inspect(cause, deep),
  ].map(text => text.replace(/[^\x21-\x7e]/g, ''))
}

function givesNothingAway(trial: Trial, name: string, value: unknown): void {
  trial.try(name, () => assert.deepEqual(faultsOfTexts(shown(value), [secret]), []))
}

/** So many peers with an address each, to be kept for ever. */
function peersOf(count: number): KeptPeer[] {
  const address = Multiaddr.parse('/ip4/192.0.2.1/tcp/1')
  const expires = Number.MAX_SAFE_INTEGER
  return Array.from({ length: count }, (_, i) => ({
    peerId: peerIdOf(keyOf(i + 1)),
    addresses: [{ address, expires }],
  }))
}

/** Tries an address book, which must be set aside with a warning, whole, within two seconds. */
async function setsAside(trial: Trial, name: string, bytes: Uint8Array, size = bytes.length): Promise<void> {
  await trial.attempt(name, () =>
    withFile(async file => {
      await write(file, bytes)
      if (size > bytes.length) await truncate(file, size)
      const warnings: string[] = []
      const begin = performance.now()
      const store = await PeerStore.open(file, { warn: sentence => warnings.push(sentence) })
      assert.ok(performance.now() - begin < 2_000)
      assert.equal(warnings.length, 1, 'one warning')
      trial.texts.push(...warnings)
      assert.equal(store.knows(peerIdOf(keyOf(1))), false)
      const aside = (await readdir(dirname(file))).filter(one => one !== basename(file))
      assert.equal(aside.length, 1, 'it is kept')
      assert.equal((await stat(join(dirname(file), aside[0]!))).size, size)
    }),
  )
}

/** Modes and owners are what Windows lacks. */
const onPosix =
  (run: PureRun): PureRun =>
  (trial, t) =>
    process.platform === 'win32' ? trial.skip('Windows knows no modes') : run(trial, t)

/** Key files. */
export const files: readonly Row[] = [
  pure(
    'B126',
    'a key file that others may use, by any bit of its mode, and a new one under any umask',
    onPosix(async trial => {
      for (let bits = 1; bits <= 0o77; bits++) {
        await refusesFile(trial, (0o600 | bits).toString(8), file => write(file, good, 0o600 | bits))
      }
      const umask = process.umask(0)
      try {
        await trial.attempt('a new one', () =>
          withFile(async file => {
            const deep = join(dirname(file), 'new', 'a.key')
            await loadIdentity(deep)
            assert.equal((await stat(deep)).mode & 0o777, 0o600)
            assert.equal((await stat(dirname(deep))).mode & 0o777, 0o700)
          }),
        )
      } finally {
        process.umask(umask)
      }
    }),
  ),
  pure(
    'B127',
    'a link, a pipe, a folder, a file of someone else',
    onPosix(async trial => {
      await refusesFile(trial, 'a link to nothing', file => symlink(`${file}.gone`, file))
      await refusesFile(trial, 'a link to a key', file => symlink('/etc/hostname', file))
      await refusesFile(trial, 'a link to itself', file => symlink(file, file))
      await refusesFile(trial, 'a folder', file => mkdir(file, { mode: 0o700 }))
      await refusesFile(trial, 'a pipe', async file => void execFileSync('mkfifo', ['-m', '600', file]))
      await refusesFile(trial, 'a device', file => symlink('/dev/zero', file))
      // Only root can give a file away.
      if (process.getuid?.() !== 0) return
      await refusesFile(trial, 'of someone else', async file => {
        await write(file, good)
        await chown(file, 65_534, 65_534)
      })
    }),
  ),
  pure(
    'B128',
    'a key file that is empty, cut, longer, changed or huge: it is never written to',
    async trial => {
      for (let length = 0; length < good.length; length++)
        await refusesBytes(trial, `${length} bytes`, good.subarray(0, length))
      for (const more of [1, 2, 68, 5_000])
        await refusesBytes(trial, `${more} bytes behind`, concat([good, pattern(more)]))
      for (let bit = 0; bit < 8 * good.length; bit += 13)
        await refusesBytes(trial, `bit ${bit}`, flip(good, bit))
      await refusesFile(trial, '1 GB', async file => {
        await write(file, good)
        await truncate(file, 1024 ** 3)
      })
    },
  ),
  pure('B129', 'a key sought in whatever can be shown', async trial => {
    const key = PrivateKey.fromBytes(good)
    givesNothingAway(trial, 'the key', key)
    givesNothingAway(trial, 'what holds it', { deep: [{ key }], map: new Map([[key, key]]) })
    for (const [name, bytes] of [
      ['cut', good.subarray(0, -1)],
      ['changed', flip(good, 8 * good.length - 1)],
      ['longer', concat([good, pattern(1)])],
      ['twice', concat([good, good])],
      ['open to others', good],
    ] as const) {
      const error = await withFile(async file => {
        await write(file, bytes, name === 'open to others' ? 0o644 : 0o600)
        return failureOf(loadIdentity(file))
      })
      givesNothingAway(trial, `the error of a file that is ${name}`, error)
    }
    trial.try('the search itself finds one', () => {
      for (const text of [hex(good), Buffer.from(good).toString('base64'), good.join(',')])
        assert.equal(faultsOfTexts([text], [secret]).length, 1)
    })
  }),
  pure(
    'B130',
    'an address book that is cut, changed, of another version or huge: it is set aside',
    async trial => {
      const book = encodePeers(peersOf(1))
      const head = book.indexOf(0x0a)
      for (let length = 0; length < book.length; length++)
        await setsAside(trial, `${length} bytes`, book.subarray(0, length))
      for (let bit = 0; bit < 8 * book.length; bit += 17)
        await setsAside(trial, `bit ${bit}`, flip(book, bit))
      const version = utf8(utf8Text(book.subarray(0, head)).replace('"version":1', '"version":99'))
      await setsAside(trial, 'version 99', concat([version, book.subarray(head)]))
      await setsAside(trial, 'many peers', new Uint8Array(Buffer.alloc(20_000_000, book.subarray(head + 1))))
      await setsAside(trial, '1 GB', book, 1024 ** 3)
    },
  ),
  pure('B131', 'two processes with one identity, and one after another that was killed', async (trial, t) => {
    await withFile(async file => {
      const args = ['--json', '--port', '0', '--identity', file]
      await trial.attempt('the second', async () => {
        const first = start(t, args)
        await first.next('listening')
        const { code, stdout } = await start(t, args).ended
        assert.notEqual(code, 0)
        assert.match(stdout, /ERR_IDENTITY_IN_USE/)
        first.signal('SIGKILL')
        await first.ended
      })
      await trial.attempt('after a kill', async () => {
        const next = start(t, args)
        await next.next('listening')
        next.signal('SIGTERM')
        assert.equal((await next.ended).code, 0)
      })
    })
  }),
]
