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
import { after, beforeEach, describe, test } from 'node:test'
import { inspect } from 'node:util'
import { debugIdentity, identityFile, loadIdentity } from '#src/host/identity'
import { concat, hex } from '#src/wire/bytes'
import type { ParleyError } from '#src/wire/errors'
import type { KeyType } from '#src/wire/keys'
import { errorOf, keyOf } from '../support/net.ts'
import { asNobody, nobody } from '../support/nobody.ts'
import { pattern } from '../support/wire.ts'

const isWindows = process.platform === 'win32'
const isRoot = process.getuid?.() === 0
const posix = { skip: isWindows && 'Windows knows no modes' }
const root = { skip: !isRoot && 'only root can take another user’s part' }
/** A plain file of our own that cannot be read. */
const procMem = { skip: !existsSync('/proc/self/mem') && 'this needs the /proc of Linux' }

const base = mkdtempSync(join(tmpdir(), 'parley-identity-'))
let folder = base
let count = 0

beforeEach(() => {
  folder = join(base, String(count++))
  mkdirSync(folder, 0o700)
})

after(() => rmSync(base, { recursive: true }))

/** A key file with these bytes. */
function write(bytes: Uint8Array, mode = 0o600): string {
  const file = join(folder, 'a.key')
  writeFileSync(file, bytes, { mode })
  chmodSync(file, mode)
  return file
}

async function refusal(file: string): Promise<ParleyError> {
  const error = await errorOf(loadIdentity(file))
  assert.equal(error.code, 'ERR_IDENTITY_FILE')
  assert.equal(error.scope, 'host')
  assert.ok(error.message.includes(file), error.message)
  return error
}

function modeOf(path: string): string {
  return (statSync(path).mode & 0o777).toString(8)
}

/** Asserts that an identity made under that umask is for its owner alone. */
async function isPrivate(umask: number, file: string): Promise<void> {
  process.umask(umask)
  const key = await loadIdentity(file)
  assert.deepEqual([file, dirname(file)].map(modeOf), ['600', '700'])
  assert.deepEqual(new Uint8Array(readFileSync(file)), key.bytes)
  assert.deepEqual(readdirSync(dirname(file)), ['a.key'], 'nothing is left beside it')
  assert.ok((await loadIdentity(file)).publicKey.equals(key.publicKey))
}

describe('an identity file that is missing', () => {
  test(
    'is made for its owner alone, whatever the umask, and gives the same key from then on (B126)',
    posix,
    async () => {
      const umask = process.umask()
      try {
        await isPrivate(0, join(folder, 'new', 'deep', 'a.key'))
        await isPrivate(0o277, join(folder, 'newer', 'a.key'))
      } finally {
        process.umask(umask)
      }
    },
  )

  for (const type of ['ed25519', 'secp256k1', 'ecdsa'] as KeyType[]) {
    test(`is made with a key of the kind asked for: ${type}`, async () => {
      const file = join(folder, 'a.key')
      assert.equal((await loadIdentity(file, type)).type, type)
      assert.equal((await loadIdentity(file)).type, type, 'and that is what it stays')
    })
  }

  test('is made once, though many ask for it at the same time', async () => {
    const file = join(folder, 'a.key')
    const keys = await Promise.all(Array.from({ length: 12 }, () => loadIdentity(file)))
    assert.equal(new Set(keys.map(({ publicKey }) => hex(publicKey.bytes))).size, 1)
    assert.deepEqual(readdirSync(folder), ['a.key'])
  })

  test('cannot be made where a file stands in the way of its folder', async () => {
    writeFileSync(join(folder, 'file'), '')
    await refusal(join(folder, 'file', 'a.key'))
  })

  test('cannot be made in a folder of someone else', root, async () => {
    chmodSync(base, 0o755)
    chmodSync(folder, 0o755)
    const file = join(folder, 'a.key')
    const error = await asNobody(() => refusal(file))
    assert.match(error.message, /cannot be written \(EACCES\)/)
    assert.deepEqual(readdirSync(folder), [])
  })
})

const good = keyOf(42).bytes

describe('an identity file is refused, and left as it is, when it', () => {
  const damaged: [string, Uint8Array][] = [
    ['is empty', new Uint8Array(0)],
    ['is cut short', good.subarray(0, -1)],
    ['has more behind the key', concat([good, Uint8Array.of(0)])],
    ['holds halves that disagree', good.map((byte, i) => (i === good.length - 1 ? byte ^ 1 : byte))],
    ['holds text', new Uint8Array(Buffer.from('-----BEGIN PRIVATE KEY-----\n'))],
    ['holds noise', pattern(68)],
    ['is of 16 KiB', pattern(16 * 1024)],
    ['is larger than any key', pattern(16 * 1024 + 1)],
  ]

  for (const [name, bytes] of damaged) {
    test(`${name} (B128)`, async () => {
      const file = write(bytes)
      await refusal(file)
      assert.deepEqual(new Uint8Array(readFileSync(file)), bytes)
      assert.deepEqual(readdirSync(folder), ['a.key'])
    })
  }

  test('is of a gigabyte, and at once (B128)', async () => {
    const file = write(good)
    truncateSync(file, 2 ** 30)
    assert.match((await refusal(file)).message, /is too large/)
    assert.equal(statSync(file).size, 2 ** 30)
  })

  test('is cut anywhere (B128)', async () => {
    for (let length = 0; length < good.length; length++) {
      const file = write(good.subarray(0, length))
      await refusal(file)
      assert.equal(statSync(file).size, length)
    }
  })

  for (const mode of [0o777, 0o770, 0o707, 0o722]) {
    test(`lies in a folder that others can write to: ${mode.toString(8)} (B126)`, posix, async () => {
      const file = write(good)
      chmodSync(folder, mode)
      assert.match((await refusal(file)).message, /run: chmod go-w/)
      assert.match((await refusal(join(folder, 'new.key'))).message, /run: chmod go-w/)
      assert.deepEqual(readdirSync(folder), ['a.key'])
    })
  }

  test('lies in a folder of someone else (B127)', root, async () => {
    const file = write(good)
    chownSync(folder, nobody, nobody)
    assert.match((await refusal(file)).message, /lies in a folder of another user/)
  })

  for (const mode of [0o644, 0o640, 0o604, 0o620, 0o601]) {
    test(`is open to others: ${mode.toString(8)} (B126)`, posix, async () => {
      const error = await refusal(write(good, mode))
      assert.match(error.message, /chmod 600/)
    })
  }

  test('is a symbolic link, to a key or to nothing (B127)', posix, async () => {
    const target = write(good)
    for (const to of [target, join(folder, 'missing')]) {
      const link = join(folder, `link-${to === target}`)
      symlinkSync(to, link)
      assert.match((await refusal(link)).message, /symbolic link/)
    }
    assert.equal(existsSync(join(folder, 'missing')), false)
  })

  test('is a pipe, and does not wait for its other end (B127)', posix, async () => {
    const file = join(folder, 'pipe')
    execFileSync('mkfifo', ['-m', '600', file])
    assert.match((await refusal(file)).message, /not a plain file/)
  })

  test('is a folder (B127)', posix, async () => {
    const file = join(folder, 'folder')
    mkdirSync(file, 0o700)
    assert.match((await refusal(file)).message, /not a plain file/)
  })

  test('belongs to someone else (B127)', root, async () => {
    const file = write(good)
    chownSync(file, nobody, nobody)
    assert.match((await refusal(file)).message, /belongs to another user/)
  })

  test('cannot be read', root, async () => {
    chmodSync(base, 0o755)
    const file = write(good)
    await asNobody(async () => assert.match((await refusal(file)).message, /cannot be read/))
    chmodSync(folder, 0o755)
    await asNobody(async () => assert.match((await refusal(file)).message, /cannot be read/))
  })
})

test('may lie where others read, or write beside it but cannot replace it (B126)', posix, async () => {
  const file = write(good)
  for (const mode of [0o755, 0o750, 0o1777]) {
    chmodSync(folder, mode)
    assert.deepEqual((await loadIdentity(file)).bytes, good)
  }
})

test('an identity that the disk does not give is not taken for a damaged one (F12)', procMem, async () => {
  const error = await errorOf(loadIdentity('/proc/self/mem'))
  assert.match(error.message, /^The identity file \/proc\/self\/mem cannot be read \(EIO\)/)
})

test('a key that is shown in any way tells nothing of itself (B129)', () => {
  const key = keyOf(42)
  const shown = [
    inspect(key, { depth: 20, showHidden: true, customInspect: false, maxArrayLength: 1_000 }),
    inspect(key, { depth: 20, showHidden: true }),
    inspect([{ key }], { depth: 20, compact: false }),
    JSON.stringify({ key }),
    String(key),
    Object.keys(key).join(),
  ]
  for (const text of shown) tellsNothing(text)
})

test('an error tells nothing of the key (B129)', async () => {
  const files = [
    () => write(good.subarray(0, -1)),
    () => write(good.map((byte, i) => (i === good.length - 1 ? byte ^ 1 : byte))),
    () => write(good, 0o644),
    () => write(concat([good, good])),
  ]
  for (const make of files) {
    const error = await refusal(make())
    const told = `${inspect(error, { depth: 20, showHidden: true, maxArrayLength: 1_000 })}${error.stack}${String(error.cause)}`
    tellsNothing(told)
  }
})

/** The secret half of the key in the files, as it could be printed. */
const seed = good.subarray(4, 36)
const forms = [
  hex(seed),
  Buffer.from(seed).toString('base64'),
  Buffer.from(seed).toString('base64url'),
  seed.join(),
]

function tellsNothing(text: string): void {
  for (const form of forms) {
    // Of any eight bytes in a row nothing shows either.
    const piece = form.slice(0, form.includes(',') ? 20 : 12)
    assert.ok(!text.replace(/\s/g, '').includes(piece), text)
  }
}

describe('the file of a port', () => {
  test('is in the user’s data directory', () => {
    assert.equal(identityFile(3000, { XDG_DATA_HOME: '/data' }), join('/data', 'parley', 'identity-3000.key'))
    assert.equal(identityFile(1, { LOCALAPPDATA: '/local' }), join('/local', 'parley', 'identity-1.key'))
    assert.match(identityFile(1, {}), /\.local.share.parley.identity-1\.key$/)
    assert.notEqual(identityFile(1, {}), identityFile(2, {}))
  })
})

test('a debug identity is the same for the same port, every time', () => {
  assert.ok(debugIdentity(3000).publicKey.equals(debugIdentity(3000).publicKey))
  assert.ok(!debugIdentity(3000).publicKey.equals(debugIdentity(3001).publicKey))
})
