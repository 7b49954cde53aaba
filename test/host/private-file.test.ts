import assert from 'node:assert/strict'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, test } from 'node:test'
import { dataFile, PrivateFile } from '#src/host/private-file'
import { utf8 } from '#src/wire/bytes'
import { folder as base } from '../support/program.ts'

const posix = { skip: process.platform === 'win32' && 'Windows knows no modes' }
const proc = { skip: !existsSync('/proc/self/environ') && 'this needs the /proc of Linux' }

let folder = base
let file = new PrivateFile('', 0)

beforeEach(() => {
  folder = mkdtempSync(join(base, 'private-'))
  file = new PrivateFile(join(folder, 'a'), 10)
})

describe('a private file', () => {
  test('is made once, and read up to its bound', async () => {
    assert.equal(await file.read(), undefined)
    assert.equal(await file.create(utf8('0123456789')), true)
    assert.equal(await file.create(utf8('other')), false)
    assert.deepEqual(await file.read(), utf8('0123456789'))
    assert.deepEqual(readdirSync(folder), ['a'])
    await file.replace(utf8('0123456789a'))
    await assert.rejects(file.read(), {
      kind: 'damaged',
      message: 'is too large: it may have 10 bytes at most',
    })
  })

  test('is replaced as a whole, and what a killed process left beside it goes', async () => {
    writeFileSync(join(folder, 'a.new'), 'half')
    await file.replace(utf8('one'))
    await file.replace(utf8('two'))
    assert.deepEqual(await file.read(), utf8('two'))
    assert.deepEqual(readdirSync(folder), ['a'])
  })

  test('is left as it is when something stands in the way of another', async () => {
    await file.replace(utf8('one'))
    mkdirSync(join(folder, 'a.new'))
    await assert.rejects(file.replace(utf8('two')), {
      kind: 'system',
      message: /^cannot be written \(EEXIST\)/,
    })
    assert.equal(readFileSync(file.path, 'utf8'), 'one')
  })

  test('is read no further than its bound when it has more than the system says', proc, async () => {
    const endless = new PrivateFile('/proc/self/environ', 10)
    await assert.rejects(endless.read(), { kind: 'damaged', message: /^is too large/ })
  })

  test('is not made in a folder that others can write to', posix, async () => {
    chmodSync(folder, 0o777)
    const says = {
      kind: 'foreign',
      message: `lies in a folder that others can write to; run: chmod go-w '${folder}'`,
    }
    await assert.rejects(file.create(utf8('one')), says)
    await assert.rejects(file.replace(utf8('one')), says)
    assert.deepEqual(readdirSync(folder), [])
  })

  test('of the user’s is in his data directory, in our folder', () => {
    assert.equal(dataFile('a', { XDG_DATA_HOME: '/data' }), join('/data', 'parley', 'a'))
    assert.equal(dataFile('a', { LOCALAPPDATA: '/local' }), join('/local', 'parley', 'a'))
  })
})
