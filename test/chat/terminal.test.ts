import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { PassThrough, Readable, Writable } from 'node:stream'
import test, { type TestContext } from 'node:test'
import fc from 'fast-check'
import { Terminal, type TerminalOptions } from '#src/chat/terminal'
import { utf8 } from '#src/wire/bytes'
import { turns, until } from '../support/net.ts'
import { Keyboard, Person } from '../support/person.ts'
import { Screen } from '../support/screen.ts'
import { cuttings, refuses } from '../support/wire.ts'

async function person(t: TestContext, columns: number, env?: TerminalOptions['env']): Promise<Person> {
  const someone = new Person(columns, env)
  t.after(() => someone.terminal.close())
  await turns()
  return someone
}

const left = '\x1b[D'
const backspace = '\x7f'

test('there is a prompt, and what is entered at it comes line by line', async t => {
  const ann = await person(t, 40)
  assert.deepEqual(ann.screen.rows, ['>'])
  assert.deepEqual(ann.screen.cursor, [0, 2])
  await ann.type('hello\r')
  await ann.type('wor')
  await ann.type('ld\r')
  assert.deepEqual(ann.entered, ['hello', 'world'])
  assert.deepEqual(ann.screen.rows, ['> hello', '> world', '>'])
})

test('a line with nothing in it is none', async t => {
  const ann = await person(t, 40)
  await ann.type('\r  \rhello\r')
  assert.deepEqual(ann.entered, ['hello'])
})

test('a line that is printed leaves what is being typed as it is', async t => {
  const ann = await person(t, 40)
  await ann.type('hel')
  await ann.hear('bob: hi')
  assert.deepEqual(ann.screen.rows, ['bob: hi', '> hel'])
  assert.deepEqual(ann.screen.cursor, [1, 5])
  ann.terminal.err('* bob has left.')
  await ann.type('lo')
  assert.deepEqual(ann.screen.rows, ['bob: hi', '* bob has left.', '> hello'])
  await ann.type(`${left}${left}`)
  await ann.hear('eve: hi', 'eve: you there?')
  assert.deepEqual(ann.screen.cursor, [4, 5])
  await ann.type('p me, ple\r')
  assert.deepEqual(ann.entered, ['help me, plelo'])
})

const letters = fc.constantFrom('a', 'b', ' ', '你', 'é')
const words = fc.string({ maxLength: 60, unit: letters })

test('so does one that comes while a line of many rows is typed or pasted, wherever the cursor is', async () => {
  const heard = ['bob: one', 'bob: two']
  await fc.assert(
    fc.asyncProperty(words, fc.nat(60), words, fc.nat(20), async (text, back, pasted, erased) => {
      const [ann, eve] = [new Person(20), new Person(20)]
      await turns()
      await ann.type(`x${text}`)
      await ann.hear('bob: one')
      await ann.type(left.repeat(back))
      await ann.type(pasted)
      await ann.hear('bob: two')
      await ann.type(backspace.repeat(erased))
      for (const key of `x${text}`) await eve.type(key)
      for (let i = 0; i < back; i++) await eve.type(left)
      for (const key of pasted) await eve.type(key)
      for (let i = 0; i < erased; i++) await eve.type(backspace)
      assert.deepEqual(ann.screen.rows, [...heard, ...eve.screen.rows])
      assert.deepEqual(ann.screen.cursor, [eve.screen.cursor[0] + heard.length, eve.screen.cursor[1]])
      await ann.type('\r')
      await eve.type('\r')
      assert.deepEqual(ann.entered, eve.entered)
      for (const { terminal } of [ann, eve]) terminal.close()
    }),
    { numRuns: 50 },
  )
})

test('lines of one turn are printed together, in order', async t => {
  const ann = await person(t, 40)
  const before = ann.screen.written.length
  ann.terminal.out('one')
  ann.terminal.err('two')
  ann.terminal.out('three')
  await turns()
  assert.deepEqual(ann.screen.rows, ['one', 'two', 'three', '>'])
  assert.equal(ann.screen.written.slice(before).split('> ').length, 2)
})

test('the rows of a long line below its first are moved in, so that none looks like a line of its own', async () => {
  const texts = fc.string({ maxLength: 200, unit: fc.constantFrom('*', 'b', ':', '你', '\x1b[31m', 'é') })
  await fc.assert(
    fc.asyncProperty(texts, async text => {
      const ann = new Person(20)
      await turns()
      await ann.hear(`bob: ${text}`)
      const [first = '', ...rest] = ann.screen.rows.slice(0, -1)
      for (const row of rest) assert.match(row, /^ {2}\S/)
      const shown = text.replaceAll('\x1b[31m', '')
      assert.equal([first, ...rest.map(row => row.slice(2))].join('').replace(/^bob: ?/, ''), shown)
      ann.terminal.close()
    }),
    { numRuns: 50 },
  )
})

test('so are those of a word of the program, but what is there to be copied stays whole', async t => {
  const ann = await person(t, 20)
  ann.terminal.err('* Something has happened.')
  ann.terminal.err('    node dist/cli.js --help')
  await turns()
  assert.deepEqual(ann.screen.rows, [
    '* Something has',
    '  happened.',
    '    node dist/cli.js',
    ' --help',
    '>',
  ])
})

test('Ctrl-C is handed on, and Ctrl-D ends the input', async t => {
  const ann = await person(t, 40)
  await ann.type('hel\x03')
  assert.equal(ann.interrupts, 1)
  assert.equal(ann.ended, false)
  await ann.type('\x04')
  assert.equal(ann.ended, false, 'there is something to the left of the cursor')
  await ann.type('\x15\x04')
  assert.equal(ann.ended, true)
  assert.equal(ann.keyboard.raw, false)
  await ann.hear('bob: bye')
  assert.deepEqual(ann.screen.rows.slice(0, 1), ['bob: bye'])
})

test('at the end the terminal is as it was, and what was to be printed is', async t => {
  const ann = await person(t, 40)
  assert.equal(ann.keyboard.raw, true)
  await ann.type('a line of which nothing comes, and which is rather long')
  ann.terminal.out('bob: bye')
  ann.terminal.close()
  assert.equal(ann.keyboard.raw, false)
  assert.deepEqual(ann.screen.rows, ['bob: bye', ''])
  assert.deepEqual(ann.screen.cursor, [1, 0])
  await until(() => ann.ended)
  ann.terminal.err('* Good bye.')
  ann.terminal.close()
  assert.deepEqual(ann.screen.rows, ['bob: bye', '* Good bye.', ''])
})

test('a terminal that can do nothing is asked for nothing', async t => {
  const ann = await person(t, 40, { TERM: 'dumb' })
  await ann.type('hello\n')
  await ann.hear(`bob: ${'x'.repeat(50)}`)
  assert.deepEqual(ann.entered, ['hello'])
  assert.equal(ann.screen.written, `> > bob: ${'x'.repeat(50)}\n> `)
})

const tty = true
const places: readonly [
  name: string,
  tty: [boolean, boolean, boolean],
  env: TerminalOptions['env'],
  json: boolean,
  expected: [interactive: boolean, out: boolean, err: boolean],
][] = [
  ['a person', [tty, tty, tty], { TERM: 'xterm' }, false, [true, true, true]],
  [
    'a person without colours',
    [tty, tty, tty],
    { TERM: 'xterm', NO_COLOR: '1' },
    false,
    [true, false, false],
  ],
  ['an empty wish', [tty, tty, tty], { NO_COLOR: '' }, false, [true, true, true]],
  ['a terminal that can do nothing', [tty, tty, tty], { TERM: 'dumb' }, false, [true, false, false]],
  ['a program', [tty, tty, tty], {}, true, [false, false, false]],
  ['a pipe to a person', [false, tty, tty], {}, false, [false, true, true]],
  ['a person to a pipe', [tty, false, tty], {}, false, [false, false, true]],
  ['a person with a log', [tty, tty, false], {}, false, [true, true, false]],
  ['pipes', [false, false, false], {}, false, [false, false, false]],
]

for (const [name, [input, output, error], env, json, [interactive, out, err]] of places) {
  test(`knows ${name} when it sees one`, () => {
    const screen = (isTTY: boolean) => Object.assign(new Writable(), { isTTY }) as never
    const stdin = Object.assign(new PassThrough(), { isTTY: input })
    const terminal = new Terminal({ stdin, stdout: screen(output), stderr: screen(error) }, { json, env })
    assert.deepEqual([terminal.interactive, terminal.colours], [interactive, { out, err }])
  })
}

/** A terminal whose input is a pipe, and what is written to its two outputs. */
function piped(stdin: Readable): { terminal: Terminal; written: string[] } {
  const written: string[] = []
  const side = (name: string) =>
    new Writable({
      decodeStrings: false,
      write(text, _encoding, done) {
        written.push(`${name} ${text}`)
        done()
      },
    }) as never
  const terminal = new Terminal({ stdin, stdout: side('out'), stderr: side('err') }, { json: false, env: {} })
  return { terminal, written }
}

async function all(lines: AsyncIterable<string>): Promise<string[]> {
  const list: string[] = []
  for await (const line of lines) list.push(line)
  return list
}

const input = '\nGrüße\r\n \u2028你好\n\n\nwithout an end'

test('a pipe gives its lines, however it is cut', async () => {
  for (const pieces of cuttings(utf8(input))) {
    const { terminal, written } = piped(Readable.from(pieces))
    assert.deepEqual(await all(terminal.lines(() => {})), ['Grüße', ' \u2028你好', 'without an end'])
    assert.deepEqual(written, [])
  }
})

test('a pipe is not read before it is asked for, nor faster than it is taken', async () => {
  let read = 0
  const line = utf8(`${'x'.repeat(999)}\n`)
  const stdin = new Readable({
    read() {
      read++
      this.push(line)
    },
  })
  const { terminal } = piped(stdin)
  await turns()
  assert.equal(read, 0)
  const lines = terminal.lines(() => {})
  await lines.next()
  await turns()
  assert.ok(read * line.length < 256 * 1024, `${read}`)
  terminal.close()
  assert.ok((await all(lines)).length < 300)
})

test('a pipe that breaks is a fault in one sentence', async () => {
  const stdin = new Readable({ read: () => stdin.destroy(new Error('EISDIR: illegal operation')) })
  const { terminal } = piped(stdin)
  const error = await all(terminal.lines(() => {})).catch((cause: unknown) => cause)
  refuses('ERR_USAGE', () => {
    throw error
  })
  assert.equal((error as Error).message, 'The input cannot be read: EISDIR: illegal operation.')
})

test('a pipe that we close ends in good order', async () => {
  const { terminal } = piped(new PassThrough())
  const lines = all(terminal.lines(() => {}))
  await turns()
  terminal.close()
  assert.deepEqual(await lines, [])
})

test('into a pipe go lines and nothing else', async () => {
  const { terminal, written } = piped(new PassThrough())
  terminal.out('x'.repeat(200))
  terminal.err('* left')
  await turns()
  assert.deepEqual(written, [`out ${'x'.repeat(200)}\n`, 'err * left\n'])
})

test('an output that is behind is waited for, one that has gone is not, and no listener stays on it', async () => {
  for (const how of ['drain', 'close', 'error'] as const) {
    const stdout = Object.assign(new EventEmitter(), { write: () => false })
    const stdio = { stdin: new Keyboard(), stdout: stdout as never, stderr: new Screen(40) as never }
    const terminal = new Terminal(stdio, { json: true, env: {} })
    assert.equal(terminal.drained(), undefined)
    terminal.out('{}')
    await turns()
    let caughtUp = false
    const waiting = terminal.drained()?.then(() => {
      caughtUp = true
    })
    await turns()
    assert.equal(caughtUp, false)
    stdout.emit(how)
    await waiting
    assert.equal(terminal.drained(), undefined)
    assert.deepEqual(stdout.eventNames(), [])
  }
})
