import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, type TestContext, test } from 'node:test'
import { lockFile } from '#src/host/file-lock'
import { folder as base, Program } from '../support/program.ts'

const posix = { skip: process.platform === 'win32' && 'Windows has pipes instead of sockets in folders' }

let folder = base
let file = ''

beforeEach(() => {
  folder = mkdtempSync(join(base, 'lock-'))
  file = join(folder, 'a')
})

/** A process that takes the lock of a file when its input begins, says whether it did, and waits for its input to end. */
function contender(t: TestContext, before = '', after = ''): Program {
  const source = `
    import { openSync } from 'node:fs'
    import { lockFile } from '#src/host/file-lock'
    ${before}
    console.log('ready')
    process.stdin.once('data', async () => {
      const release = await lockFile(${JSON.stringify(file)})
      ${after}
      console.log(release ? 'won' : 'lost')
    })`
  return new Program(t, [process.execPath, '--input-type=module', '--eval', source])
}

/** Lets the contender try, once it is ready; tells whether it won. */
async function tries(program: Program): Promise<boolean> {
  await program.stdout.match(/ready/)
  program.say('go')
  const [, result] = await program.stdout.match(/(won|lost)/)
  return result === 'won'
}

async function killed(program: Program): Promise<void> {
  program.signal('SIGKILL')
  await program.ended
}

/** Leaves a lock behind whose holder was killed. */
async function leaveStale(t: TestContext): Promise<void> {
  const holder = contender(t)
  assert.ok(await tries(holder))
  await killed(holder)
}

describe('a lock', () => {
  test('is given to one at a time, and leaves nothing behind', async () => {
    const release = await lockFile(file)
    assert.ok(release)
    assert.equal(await lockFile(file), undefined)
    release()
    const again = await lockFile(file)
    assert.ok(again)
    again()
    assert.deepEqual(readdirSync(folder), [])
  })

  test('is that of one file, whichever way leads to it', posix, async () => {
    writeFileSync(file, '')
    symlinkSync(folder, join(base, 'way'))
    const release = await lockFile(file)
    assert.equal(await lockFile(join(base, 'way', 'a')), undefined)
    const other = await lockFile(join(folder, 'b'))
    assert.ok(other)
    other()
    release?.()
  })

  test('may be asked for in a folder with a long name', async () => {
    const deep = join(folder, 'x'.repeat(100), 'y'.repeat(100))
    mkdirSync(deep, { recursive: true })
    const release = await lockFile(join(deep, 'z'.repeat(200)))
    assert.ok(release)
    assert.equal(await lockFile(join(deep, 'z'.repeat(200))), undefined)
    release()
    assert.deepEqual(readdirSync(deep), [])
  })

  test('is not to be had where nothing can be written', async () => {
    await assert.rejects(lockFile(join(folder, 'missing', 'a')), { code: 'ENOENT' })
  })

  test('goes to one of many who ask at once', async () => {
    for (let round = 0; round < 20; round++) {
      const results = await Promise.all(Array.from({ length: 20 }, () => lockFile(file)))
      const [release, ...others] = results.filter(result => result !== undefined)
      assert.equal(others.length, 0)
      release?.()
    }
    assert.deepEqual(readdirSync(folder), [])
  })
})

describe('between processes, a lock', () => {
  test('is refused while its holder lives, and free when it has ended', async t => {
    const holder = contender(t)
    assert.ok(await tries(holder))
    assert.equal(await lockFile(file), undefined)
    holder.stdin.end()
    await holder.ended
    const release = await lockFile(file)
    assert.ok(release)
    release()
    assert.deepEqual(readdirSync(folder), [])
  })

  test('is free after kill -9, and what was left of it is removed (B131)', async t => {
    await leaveStale(t)
    if (!posix.skip) assert.equal(readdirSync(folder).length, 1)
    const release = await lockFile(file)
    assert.ok(release)
    release()
    assert.deepEqual(readdirSync(folder), [])
  })

  test('goes to exactly one of 20 processes that find it stale at once (B131)', async t => {
    await leaveStale(t)
    const all = Array.from({ length: 20 }, () => contender(t))
    await Promise.all(all.map(program => program.stdout.match(/ready/)))
    const results = await Promise.all(all.map(tries))
    assert.equal(results.filter(won => won).length, 1)
  })

  test('stays with a holder that is suspended', posix, async t => {
    const holder = contender(t)
    assert.ok(await tries(holder))
    holder.signal('SIGSTOP')
    assert.equal(await lockFile(file), undefined)
    holder.signal('SIGCONT')
  })

  test('stays with a holder that has no descriptor left', posix, async t => {
    const greedy = `
      try {
        for (;;) openSync('/dev/null')
      } catch {}`
    const holder = contender(t, '', greedy)
    assert.ok(await tries(holder))
    assert.equal(await lockFile(file), undefined)
  })
})
