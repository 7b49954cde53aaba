import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { concat, EMPTY, utf8 } from '#src/wire/bytes'
import { ParleyError } from '#src/wire/errors'
import { Fuzzer } from './engine/fuzzer.ts'
import { Input } from './engine/input.ts'
import { Mutator, seededRandom } from './engine/mutator.ts'
import { BrokenPromise, isPlain, must, mustEqual, outcome, staysBroken } from './engine/promise.ts'
import type { Target } from './engine/target.ts'
import { VirtualTime } from './engine/virtual-time.ts'

/** Breaks its promise for inputs that hold one byte, wherever it stands. */
const planted: Target = {
  run: input => must(!input.includes(0x77), 'there is no 77'),
  seeds: () => [utf8('nothing wrong with this')],
}

function fuzzerOf(target: Target, seed = 1): Fuzzer {
  return new Fuzzer({ target, seed, places: 0 })
}

describe('a fuzzer', () => {
  test('finds a broken promise and cuts the input down to what it takes', async () => {
    const fuzzer = fuzzerOf(planted)
    await fuzzer.begin(planted.seeds(), true)
    await fuzzer.run({ seconds: 60, runs: 100_000 })
    assert.ok(fuzzer.crash?.error instanceof BrokenPromise)
    await fuzzer.shorten()
    assert.deepEqual(fuzzer.crash.input, Uint8Array.of(0x77))
  })

  test('tries the same inputs for the same seed', async () => {
    const [one, same, other] = await Promise.all([1, 1, 2].map(triedBy))
    assert.deepEqual(one, same)
    assert.notDeepEqual(one, other)
  })

  test('finds a promise that is broken behind an await', async () => {
    const later: Target = { ...planted, run: async input => planted.run(input) }
    const fuzzer = fuzzerOf(later)
    await fuzzer.begin([Uint8Array.of(0x77)], true)
    assert.ok(fuzzer.crash?.error instanceof BrokenPromise)
  })

  test('blames the input that is tried for what nobody catches', async () => {
    const stray = new Error('nobody catches this')
    const fuzzer: Fuzzer = fuzzerOf({ ...planted, run: async () => fuzzer.blame(stray) })
    await fuzzer.begin([utf8('guilty'), utf8('innocent')], true)
    assert.deepEqual(fuzzer.crash, { input: utf8('guilty'), error: stray })
  })

  test('finds an input that takes too long', async () => {
    const slow: Target = { ...planted, slowInput: 0.001, run: () => void pause(5) }
    const fuzzer = fuzzerOf(slow)
    await fuzzer.begin([EMPTY], true)
    assert.match(String(fuzzer.crash?.error), /it takes \d+ ms/)
  })
})

async function triedBy(seed: number): Promise<Uint8Array> {
  const tried: Uint8Array[] = []
  const target: Target = { ...planted, run: input => void tried.push(input.slice()) }
  const fuzzer = fuzzerOf(target, seed)
  await fuzzer.begin(target.seeds(), true)
  await fuzzer.run({ seconds: 60, runs: 200 })
  return concat(tried)
}

function pause(milliseconds: number): void {
  for (const begin = performance.now(); performance.now() - begin < milliseconds; );
}

test('a mutator keeps to the longest length, and changes nothing of what it is given', () => {
  const mutator = new Mutator(seededRandom(5), [utf8('word')], 64)
  const [bytes, other] = [utf8('some bytes'), utf8('x'.repeat(200))]
  const made = Array.from({ length: 2_000 }, () => mutator.mutate(bytes, other))
  assert.ok(made.every(({ length }) => length <= 64))
  assert.ok(made.some(input => input.includes('w'.charCodeAt(0))))
  assert.deepEqual(bytes, utf8('some bytes'))
})

describe('a promise', () => {
  test('lets a typed refusal pass, and nothing else', () => {
    const refuse = () => {
      throw new ParleyError('ERR_FRAME', 'A frame.')
    }
    assert.equal(outcome(refuse, 'ERR_FRAME').error?.code, 'ERR_FRAME')
    assert.throws(() => outcome(refuse, 'ERR_YAMUX'), BrokenPromise)
    assert.throws(() => outcome(() => JSON.parse('{')), SyntaxError)
  })

  test('is broken by a machine that goes on after an error, and by bytes that differ', () => {
    assert.throws(() => staysBroken(new ParleyError('ERR_FRAME', 'A frame.'), () => 1), BrokenPromise)
    assert.throws(() => mustEqual(EMPTY, Uint8Array.of(1), 'the same'), /the same: {2}is not 01/)
  })

  test('takes for plain what a terminal shows and does not obey', () => {
    for (const text of ['', 'plain é 漢 \u{1f600}']) assert.ok(isPlain(text))
    for (const text of ['\x1b[2J', '\n', '\x9b', '\u202e', '\ud800', '\udc00x', '\u200b'])
      assert.ok(!isPlain(text))
  })
})

test('an input that is used up reads as zeros, and damage is one that the bytes decide on', () => {
  const input = new Input(Uint8Array.of(3, 130, 0, 0, 0, 1, 0xff))
  assert.equal(input.pick(['a', 'b', 'c']), 'a')
  assert.deepEqual(input.tamper(Uint8Array.of(1, 2, 3)), Uint8Array.of(1, 0xfd, 3))
  assert.ok(input.isEmpty)
  assert.equal(input.uint32(), 0)
  assert.deepEqual(input.take(5), EMPTY)
})

test('virtual time stands still until it is moved, and timers go off in their order', async () => {
  const time = new VirtualTime()
  const heard: string[] = []
  time.install()
  try {
    const before = performance.now()
    setTimeout(() => heard.push('second'), 2_000)
    setTimeout(() => heard.push(`first at ${performance.now() - before}`), 1_000)
    clearTimeout(setTimeout(() => heard.push('never'), 500))
    await time.advance(999)
    assert.deepEqual(heard, [])
    await time.advance(1_001)
    assert.deepEqual(heard, ['first at 1000', 'second'])
    assert.equal(time.waiting, 0)
  } finally {
    time.uninstall()
  }
})
