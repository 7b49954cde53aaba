import assert from 'node:assert/strict'
import test from 'node:test'
import { Meter } from '#src/cli/meter'

/** A meter whose clock is set by hand, and all that it wrote. */
class Bench {
  time = 1_000
  stdout = ''
  stderr = ''
  readonly meter: Meter

  constructor({ terminal = false, TERM = 'xterm' } = {}) {
    const output = (name: 'stdout' | 'stderr') => ({
      isTTY: terminal,
      write: (text: unknown) => {
        this[name] += String(text)
        return true
      },
    })
    this.meter = new Meter({
      stdout: output('stdout'),
      stderr: output('stderr'),
      env: { TERM },
      now: () => this.time,
    })
  }

  /** Two seconds and a half, in which 3 MB go up and 1 MB comes down. */
  run(): this {
    this.meter.count(1_000_000, 0)
    this.pass(1_000)
    this.meter.count(2_000_000, 0)
    this.meter.count(3_000_000, 500_000)
    this.pass(1_000)
    this.meter.count(3_000_000, 1_000_000)
    this.time += 500
    return this
  }

  pass(milliseconds: number): void {
    this.time += milliseconds
    this.meter.tick()
  }
}

test('a program is told of each second what came in it, and at the end of all', () => {
  const bench = new Bench().run()
  bench.meter.finish()
  assert.equal(
    bench.stdout,
    [
      '{"type":"intermediary","timeSeconds":1,"uploadBytes":1000000,"downloadBytes":0}\n',
      '{"type":"intermediary","timeSeconds":1,"uploadBytes":2000000,"downloadBytes":500000}\n',
      '{"type":"final","timeSeconds":2.5,"uploadBytes":3000000,"downloadBytes":1000000}\n',
    ].join(''),
  )
  assert.equal(bench.stderr, '')
})

test('what ended early is no result for a program', () => {
  const bench = new Bench()
  bench.meter.count(10, 0)
  bench.meter.cut()
  assert.deepEqual([bench.stdout, bench.stderr], ['', ''])
})

const wipe = '\r\x1b[J'

test('a person sees one line that changes, and one that stays', () => {
  const bench = new Bench({ terminal: true }).run()
  bench.meter.finish()
  assert.deepEqual(bench.stderr.split(wipe).filter(Boolean), [
    '* 1.00 MB up, 0 B down: 1.00 MB/s',
    '* 3.00 MB up, 500 kB down: 2.50 MB/s',
    '* 3.00 MB up, 1.00 MB down in 2.500 s: 1.60 MB/s.\n',
  ])
})

test('a person is told what came before it ended early', () => {
  const bench = new Bench({ terminal: true }).run()
  bench.meter.cut()
  assert.equal(
    bench.stderr.split(wipe).at(-1),
    '* Ended early: 3.00 MB up, 1.00 MB down in 2.500 s: 1.60 MB/s.\n',
  )
})

test('at a terminal that cannot go back there is only the line that stays', () => {
  const bench = new Bench({ terminal: true, TERM: 'dumb' }).run()
  bench.meter.finish()
  bench.meter.clear()
  assert.equal(bench.stderr, '* 3.00 MB up, 1.00 MB down in 2.500 s: 1.60 MB/s.\n')
})

for (const [bytes, text] of [
  [0, '0 B'],
  [1, '1 B'],
  [999, '999 B'],
  [1_000, '1.00 kB'],
  [9_995, '9.99 kB'],
  [999_499, '999 kB'],
  [999_500, '1.00 MB'],
  [1_073_741_824, '1.07 GB'],
  [1e12, '1.00 TB'],
  [2 ** 53, '9.01 PB'],
] as const) {
  test(`${bytes} bytes are ${text} for a person`, () => {
    const bench = new Bench({ terminal: true })
    bench.meter.count(bytes, 0)
    bench.time += 1_000
    bench.meter.finish()
    assert.equal(bench.stderr, `${wipe}${wipe}* ${text} up, 0 B down in 1.000 s: ${text}/s.\n`)
  })
}
