import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { type TestContext, test } from 'node:test'
import { freePort, listen, noTerminal, Program, run, TerminalProgram } from './support/program.ts'

const readme = readFileSync('README.md', 'utf8')

const blocks = [...readme.matchAll(/^```(\w+)\n(.*?)^```$/gms)].map(([, kind = '', text = '']) => ({
  kind,
  text,
}))
const ofKind = (kind: string) => blocks.filter(block => block.kind === kind).map(({ text }) => text)

/** What each program of the page prints, in order. */
const printed = [/^Hello, Alice!$/m, /^2 \+ 40 = 42$/m]

for (const [index, pattern] of printed.entries()) {
  test(`the page's program ${index + 1} does what it says`, async t => {
    // Beside the built tests, so that it finds the package by its name.
    mkdirSync('build/readme', { recursive: true })
    const file = `build/readme/program-${index + 1}.mjs`
    writeFileSync(file, ofKind('js')[index] ?? '')
    await new Program(t, [process.execPath, file]).stdout.match(pattern)
  })
}

test('the page has no program, command or session that is not tried here or in CI', () => {
  assert.deepEqual(new Set(blocks.map(({ kind }) => kind)), new Set(['js', 'sh', 'console']))
  assert.equal(ofKind('js').length, printed.length)
  assert.deepEqual(ofKind('sh'), ['npm ci && npm start -- --port 3000\n', 'npm ci && npm test\n'])
  const ci = readFileSync('.ci/run', 'utf8')
  for (const command of ofKind('sh')) assert.ok(ci.includes(`'${command.trim()}'`), command)
  assert.equal(ofKind('console').length, 3)
})

test('the scripts that the page names exist', () => {
  const { scripts } = JSON.parse(readFileSync('package.json', 'utf8'))
  const named = [...readme.matchAll(/`npm run ([\w:]+)/g)].map(([, name = '']) => name)
  assert.ok(named.length > 3)
  for (const name of named) assert.ok(name in scripts, name)
})

test('what the page links to exists', () => {
  const targets = [...readme.matchAll(/\]\(([^)#]+)\)/g)].map(([, target = '']) => target)
  assert.ok(targets.length > 10)
  for (const target of targets) assert.ok(existsSync(target), target)
})

/** A row of a session without what differs from one to the next: IDs, short names, ports. */
function shape(row: string): string {
  return row
    .replaceAll(/12D3KooW[\w.]*/g, 'ID')
    .replaceAll(/\/tcp\/\d+/g, '/tcp/PORT')
    .replace(/^(\* |\* Connecting to |\* You are )\w{8}(?=[ .])/, '$1NAME')
    .replace(/^\w{8}: /, 'NAME: ')
}

/** What remains of a session on any machine: without the addresses of its network. */
function shapes(rows: readonly string[]): string[] {
  return rows
    .filter(
      row => row.trim() !== '' && !/^ +.*\/ip[46]\/(?!127\.)/.test(row) && !row.includes('another computer'),
    )
    .map(shape)
}

interface Script {
  command: string
  typed: string[]
  rows: string[]
}

/** A session on the page: the command, what is typed behind the prompt, and all that is then on the screen. */
function scriptOf(text: string): Script {
  const [command = '', ...rows] = text.trimEnd().split('\n')
  const typed = rows.filter(row => row.startsWith('> ')).map(row => row.slice(2))
  return { command, typed, rows }
}

const start = (t: TestContext, ...args: string[]) => new TerminalProgram(t, args, { NO_COLOR: '1' }, 160)

test('two people see what the page shows', { skip: noTerminal }, async t => {
  const [anna, ben] = ofKind('console').map(scriptOf) as [Script, Script]
  assert.equal(anna.command, '$ node dist/cli.js --port 3000')
  assert.match(ben.command, /^\$ node dist\/cli\.js --dial \/ip4\/127\.0\.0\.1\/tcp\/3000\/p2p\/12D3KooW/)

  const listener = start(t, '--port', String(await freePort()))
  await listener.see(/Waiting/)
  const [address = ''] = /\/ip4\/127\S+/.exec(listener.screen.rows.join('\n')) ?? []
  const dialler = start(t, '--dial', address)
  await dialler.see(/is here/)
  await listener.see(/has joined/)
  for (const [index, line] of ben.typed.entries()) {
    dialler.type(`${line}\r`)
    await listener.see(new RegExp(`: ${literally(line)}`))
    const answer = anna.typed[index]
    if (answer === undefined) continue
    listener.type(`${answer}\r`)
    await dialler.see(new RegExp(`: ${literally(answer)}`))
  }
  dialler.type('\x03')
  const seenByAnna = await listener.see(/has left/)
  await dialler.ended
  assert.deepEqual(shapes(withoutPrompt(seenByAnna)), shapes(anna.rows))
  assert.deepEqual(shapes(withoutPrompt(dialler.screen.rows)), shapes(ben.rows))
})

test('the doctor says what the page shows', async t => {
  const { address } = await listen(t)
  const { command, rows } = scriptOf(ofKind('console')[2] ?? '')
  const [, expected = ''] =
    /^\$ node dist\/cli\.js doctor \/dns4\/localhost\/tcp\/3000\/p2p\/(\w+)$/.exec(command) ?? []
  const port = /tcp\/(\d+)/.exec(address)?.[1]
  const { stdout } = await run(t, ['doctor', `/dns4/localhost/tcp/${port}/p2p/${expected}`])
  const measured = (row: string) => shape(row.replace(/ +[\d.]+ ms/, ' MS').replace(/:\d+$/, ':PORT'))
  assert.deepEqual(stdout.trimEnd().split('\n').map(measured), rows.map(measured))
})

/** Without the empty prompt that waits for more. */
function withoutPrompt(rows: readonly string[]): string[] {
  return rows.filter(row => row !== '>')
}

function literally(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')
}
