import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import { keyOf, peerIdOf } from '../support/net.ts'
import { dial, freePort, listen, noTerminal, type Program, TerminalProgram } from '../support/program.ts'

/** Someone who listens at a terminal, and another who has come to him. */
async function meeting(
  t: TestContext,
  env: NodeJS.ProcessEnv = {},
): Promise<{ ann: TerminalProgram; bob: Program; port: number }> {
  const port = await freePort()
  const ann = new TerminalProgram(t, ['--port', String(port), '--ephemeral'], env)
  const [, address] = await ann.stdout.match(/--dial (\/ip4\/127\S+)/)
  await ann.see(/^>$/m)
  const bob = await dial(t, address!)
  await ann.see(/has joined/)
  return { ann, bob, port }
}

const options = { skip: noTerminal }

test('the screen says where one can be reached, how, and what to do next', options, async t => {
  const ann = new TerminalProgram(t, ['--port', '0'], {}, 120)
  const rows = await ann.see(/^>$/m)
  assert.equal(rows[0], '* Others can reach you at:')
  assert.equal(rows.at(-1), '>')
  assert.equal(rows.at(-2), '* Waiting for others to join ...')
  assert.match(rows.at(-3)!, /^\* You are \w{8}\. Type a line and press Enter to send it; Ctrl-C leaves\.$/)
  const command = rows.indexOf('* To join from another terminal on this computer, run:') + 1
  assert.match(rows[command]!, /^ {4}node \S*cli\.js --dial \/ip4\/127\.0\.0\.1\/tcp\/\d+\/p2p\/\w+$/)
  ann.type('anybody there?\r')
  await ann.see(/\n\* Nobody else is here, so nobody got that\.\n/)
})

test('whoever cannot connect is sent to the doctor', options, async t => {
  const address = `/ip4/127.0.0.1/tcp/${await freePort()}/p2p/${String(peerIdOf(keyOf(1)))}`
  const rows = await new TerminalProgram(t, ['--dial', address], {}, 160).see(/ doctor \/.*\n/)
  const [error = '', notice, command = ''] = rows.slice(rows.findIndex(row => row.startsWith('!')))
  assert.match(error, /^! Could not connect to /)
  assert.equal(notice, '* To find out more, run:')
  assert.match(command, /^ {4}node \S*cli\.js doctor \//)
  assert.ok(command.endsWith(` doctor ${address}`))
})

test('who talks at a terminal is heard, and hears, and loses nothing of what he types', options, async t => {
  const { ann, bob } = await meeting(t)
  ann.type('Grüße, 你好\r')
  assert.deepEqual(await bob.texts(1), ['Grüße, 你好'])
  ann.type('half a li')
  await ann.see(/\n> half a li$/)
  bob.say('hello')
  await ann.see(/\n\w{8}: hello\n> half a li$/)
  ann.type('ne\r')
  assert.deepEqual(await bob.texts(1), ['half a line'])
})

test('a long line that is being typed stands below what comes', options, async t => {
  const { ann, bob } = await meeting(t)
  const line = 'x'.repeat(200)
  ann.type(line)
  await ann.see(/\nx{42}$/)
  bob.say('one', 'two')
  await ann.see(/\n\w{8}: one\n\w{8}: two\n> x{78}\nx{80}\nx{42}$/)
  ann.type('\r')
  assert.deepEqual(await bob.texts(1), [line])
})

test('names are coloured, unless NO_COLOR asks otherwise', options, async t => {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the colours are controls.
  const colours = /\x1b\[\d*m/
  const coloured = await meeting(t)
  coloured.bob.say('hello')
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the colours are controls.
  await coloured.ann.stdout.match(/\x1b\[\d+m\w{8}\x1b\[0m: hello\r\n/)
  for (const env of [{ NO_COLOR: '1' }, { TERM: 'dumb' }]) {
    const { ann, bob } = await meeting(t, env)
    bob.say('hello')
    await ann.stdout.match(/\w{8}: hello\r\n/)
    assert.doesNotMatch(ann.stdout.text, colours)
  }
})

test('what a stranger sends is not obeyed', options, async t => {
  const { ann, bob } = await meeting(t)
  const evil = ['\x1b]0;title\x07', '\x1b[2J\x1b[H', '\x9b2J', 'a\bb', '\u202egnp', '\x1b]52;c;aGk=\x07']
  bob.say(...evil, 'the end')
  const rows = await ann.see(/: the end\n>$/)
  assert.deepEqual(
    rows.slice(-8, -1).map(row => row.replace(/^\w{8}: /, '')),
    [
      '\\x1b]0;title\\x07',
      '\\x1b[2J\\x1b[H',
      '\\x9b2J',
      'a\\x08b',
      '\\u{202e}gnp',
      '\\x1b]52;c;aGk=\\x07',
      'the end',
    ],
  )
  // The screen fails at any command that it does not know. What it knows is the prompt's, and colours.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: controls are what is looked for.
  assert.doesNotMatch(ann.stdout.text, /[\x07\x7f-\x9f\u202e]|\x1b[^[]|\x1b\[2J/)
})

test('Ctrl-C leaves, whatever is typed, and gives the terminal back', options, async t => {
  const { ann, bob } = await meeting(t)
  ann.type('a line of which nothing comes')
  await ann.see(/nothing comes$/)
  ann.type('\x03')
  await bob.next('disconnected')
  assert.deepEqual(await ann.left(), { code: 0, restored: true })
  await ann.see(/\n\* \w{8} has joined [^\n]*\n$/)
  assert.equal(ann.screen.cursor[1], 0)
})

test('Ctrl-D leaves, and what was said before arrives', options, async t => {
  const { ann, bob } = await meeting(t)
  ann.type('bye\r\x04')
  assert.deepEqual(await bob.texts(1), ['bye'])
  await bob.next('disconnected')
  assert.deepEqual(await ann.left(), { code: 0, restored: true })
})

test('a second Ctrl-C leaves at once', options, async t => {
  const { ann, bob } = await meeting(t)
  bob.signal('SIGSTOP')
  ann.type(`${'x'.repeat(1_000)}\r\x03\x03`)
  const { restored } = await ann.left()
  assert.equal(restored, true)
})

for (const signal of ['SIGTERM', 'SIGHUP'] as const) {
  test(`${signal} gives the terminal back as well`, options, async t => {
    const { ann, bob } = await meeting(t)
    process.kill(await ann.chatPid(), signal)
    await bob.next('disconnected')
    assert.deepEqual(await ann.left(), { code: 0, restored: true })
  })
}

test('when the only other one goes, the screen says so and what can be done', options, async t => {
  const { program: bob, address } = await listen(t)
  const ann = new TerminalProgram(t, ['--no-reconnect', '--dial', address])
  await ann.see(/^>$/m)
  bob.signal('SIGKILL')
  await ann.see(/\n\* \w{8} has left: The connection was closed\.\n\* Nobody else is here any more\..*\n>$/)
  ann.type('hello\r')
  await ann.see(/\n\* Nobody else is here, so nobody got that\.\n>$/)
  ann.type('\x03')
  assert.deepEqual(await ann.left(), { code: 0, restored: true })
})

test('while the other one is away one may type on, and sees what becomes of it', options, async t => {
  const port = String(await freePort())
  const bob = await listen(t, '--port', port)
  const ann = new TerminalProgram(t, ['--dial', bob.address])
  await ann.see(/^>$/m)
  bob.program.signal('SIGKILL')
  await ann.see(
    /\* (\w{8}) has left: The .*\n\* Trying to reach \1 again \.\.\.\n\* What you type meanwhile is kept for \1; Ctrl-C leaves\.\n>$/,
  )
  for (const line of ['one', 'two']) {
    ann.type(`${line}\r`)
    await ann.see(new RegExp(`\n> ${line}\n>$`))
  }
  const { program: back } = await listen(t, '--port', port)
  await ann.see(/\* (\w{8}) is here .*\n\* 2 lines that waited for \1 were sent\.\n>$/)
  assert.deepEqual(await back.texts(2), ['one', 'two'])
  back.signal('SIGINT')
  await ann.see(/\* (\w{8}) has left\.\n\* Trying to reach \1 again \.\.\.\n/)
  ann.type('three\r')
  await ann.see(/\n> three\n>$/)
  ann.type('\x03')
  assert.deepEqual(await ann.left(), { code: 0, restored: true })
  await ann.see(/\n! 1 line for \w{8} was not sent\.\n {4}three\n$/)
})

test('a fault before the chat begins leaves the terminal alone', options, async t => {
  const ann = new TerminalProgram(t, ['--dial', 'localhost'])
  assert.deepEqual(await ann.left(), { code: 2, restored: true })
  await ann.see(/^! "localhost" is not .*\.\n$/)
})
