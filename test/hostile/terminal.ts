import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { escapeText } from '#src/chat/escape'
import { withPatience } from '#src/chat/patience'
import { jsonReport, type Report, textReport } from '#src/chat/report'
import { rowsOf } from '#src/chat/rows'
import { loadIdentity } from '#src/host/identity'
import { utf8Text } from '#src/wire/bytes'
import { ann, dangerous, doors, strangeTexts } from '../chat/hostile.ts'
import { keyOf, peerIdOf, turns } from '../support/net.ts'
import { Person } from '../support/person.ts'
import { freePort, noTerminal, TerminalProgram } from '../support/program.ts'
import { bytesOf } from '../support/wire.ts'
import { failureOf } from './attack.ts'
import { pure, type Row } from './suite.ts'
import type { Trial } from './trial.ts'

const plain = { out: false, err: false }

/** Commands to a terminal, whole and cut, in both of their forms. */
const commands: readonly string[] = [
  ...[
    '52;c;aGk=\x07',
    '0;title\x07',
    '8;;http://x\x1b\\link',
    '4;1;?\x07',
    '11;?\x07',
    '777;notify;a;b\x07',
    '',
  ].map(text => `\x1b]${text}`),
  ...[
    '2J',
    'H',
    '10A',
    '6n',
    '?1000h',
    '?1049h',
    '?25l',
    '5i',
    '31m',
    '1;1H',
    '!p',
    '>c',
    '999999999b',
    '200~',
  ].map(text => `\x1b[${text}`),
  ...[
    'c',
    'Pq\x1b\\',
    '_x\x1b\\',
    '^x\x1b\\',
    'Xx\x1b\\',
    '7',
    '8',
    'D',
    'M',
    '(0',
    '#8',
    '%G',
    'N',
    'Z',
    '',
  ].map(text => `\x1b${text}`),
  ...Array.from({ length: 32 }, (_, i) => `a${String.fromCharCode(i)}b`),
  ...Array.from({ length: 33 }, (_, i) => `a${String.fromCharCode(0x7f + i)}b`),
]

const strange = [...strangeTexts.map(([, text]) => text), ...commands]

/** All lines that a report makes of something. */
function linesOf(make: typeof jsonReport, tell: (report: Report) => void): string[] {
  const lines: string[] = []
  tell(make({ out: line => lines.push(line), err: line => lines.push(line) }))
  return lines
}

const told = (tell: (report: Report) => void) => linesOf(sink => textReport(sink, plain), tell)

function harmless(line: string): void {
  assert.doesNotMatch(line, dangerous)
}

/** What somebody at a terminal of so many columns sees of what is said to her. */
async function seen(columns: number, say: (report: Report) => void): Promise<Person> {
  const person = new Person(columns)
  await turns()
  say(withPatience(textReport(person.terminal, plain)))
  await turns()
  person.terminal.close()
  return person
}

const said = (report: Report, text: string) => report.message({ from: ann, text, protocol: '/chat/1.0.0' })

/** Attempts to write in another's name. */
const forgeries = [
  'bob: hi',
  `${peerIdOf(keyOf(2)).short}: hi`,
  '* bob has left.',
  '! Beware!',
  '> typed',
  '    copied',
]

/** Tells a row of bytes that are not UTF-8, and how they are shown: every one that fits nowhere as U+FFFD. */
const notUtf8: readonly [digits: string, shown: string][] = [
  ['61c0af62', 'a\ufffd\ufffdb'],
  ['61eda08062', 'a\ufffd\ufffd\ufffdb'],
  ['61f8888080 8062', 'a\ufffd\ufffd\ufffd\ufffd\ufffdb'],
  ['61ff62', 'a\ufffdb'],
  ['61e282', 'a\ufffd'],
  ['6180bf62', 'a\ufffd\ufffdb'],
  ['61f490808062', 'a\ufffd\ufffd\ufffd\ufffdb'],
  ['efbbbf61', '\\u{feff}a'],
  ['610062', 'a\\x00b'],
  ['61c28062', 'a\\x80b'],
  ['61c29b324a', 'a\\x9b2J'],
  ['61e280a862', 'a\\u{2028}b'],
  ['c3a9', 'é'],
  ['e4bda0', '你'],
  ['f09f9880', '😀'],
]

/** How long it takes at most until what somebody types is on the screen, while 10,000 lines come. */
async function slowestKey(): Promise<number> {
  const person = new Person(80)
  const report = withPatience(textReport(person.terminal, plain))
  await turns()
  let slowest = 0
  for (let i = 0; i < 100; i++) {
    for (let j = 0; j < 100; j++) said(report, `line ${i}`)
    const begin = performance.now()
    await person.type('x')
    slowest = Math.max(slowest, performance.now() - begin)
  }
  person.terminal.close()
  assert.ok(person.screen.written.includes('x'.repeat(20)))
  return slowest
}

/** Ways in which a chat at a terminal ends. */
const endings: readonly [name: string, end: (chat: TerminalProgram) => Promise<void> | void][] = [
  ['Ctrl-C', chat => chat.type('\x03')],
  ['SIGINT', async chat => void process.kill(await chat.chatPid(), 'SIGINT')],
  ['SIGTERM', async chat => void process.kill(await chat.chatPid(), 'SIGTERM')],
  ['SIGHUP', async chat => void process.kill(await chat.chatPid(), 'SIGHUP')],
  [
    'Ctrl-Z, its return, and Ctrl-C',
    async chat => {
      const shown = chat.stdout.text.length
      chat.type('\x1a')
      const pid = await chat.chatPid()
      // A session of its own does not stop, and only its prompt tells that it has seen the key and is back.
      for (; chat.stdout.text.length === shown; await setTimeout(20)) process.kill(pid, 'SIGCONT')
      await chat.see(/^>$/m)
      chat.type('back\r')
      await chat.see(/Nobody else is here/)
      chat.type('\x03')
    },
  ],
]

async function leavesCleanly(
  trial: Trial,
  t: TestContext,
  name: string,
  end: (chat: TerminalProgram) => Promise<void> | void,
  env: NodeJS.ProcessEnv = {},
): Promise<void> {
  await trial.attempt(name, async () => {
    const chat = new TerminalProgram(t, ['--port', String(await freePort()), '--ephemeral'], env)
    await chat.see(/^>$/m)
    await end(chat)
    assert.equal((await chat.left()).restored, true)
  })
}

/** What strangers can do to a terminal, and to whoever reads there. */
export const terminal: readonly Row[] = [
  pure('B119', 'commands for the terminal', async trial => {
    for (const text of strange) {
      trial.try(JSON.stringify(text), () => {
        for (const line of told(report => said(report, text))) harmless(line)
      })
    }
    // The screen fails at any command but those of a prompt and of colours.
    await trial.attempt('all of them on a screen', async () => {
      const person = await seen(80, report => {
        for (const text of commands) said(report, text)
      })
      assert.ok(person.screen.rows.join('').includes('\\x1b]52;c;aGk=\\x07'))
      // biome-ignore lint/suspicious/noControlCharactersInRegex: controls are what is looked for.
      assert.doesNotMatch(person.screen.written, /[\x00-\x09\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f-\x9f]/)
    })
  }),
  pure('B120', 'the same by every way that text from a stranger takes', async trial => {
    for (const [door, tell] of doors) {
      for (const text of strange) {
        trial.try(`${door}: ${JSON.stringify(text)}`, () => {
          const lines = told(report => tell(report, text))
          const objects = linesOf(jsonReport, report => tell(report, text))
          for (const line of [...lines, ...objects]) harmless(line)
          for (const line of objects) assert.equal(typeof JSON.parse(line), 'object')
        })
      }
    }
    for (const text of ['\x1b[2J', '\u202egnp', 'a\nb']) {
      await trial.attempt(`a file called ${JSON.stringify(text)}`, async () => {
        const error = await failureOf(loadIdentity(`/dev/null/${text}`))
        for (const line of told(report => report.error(error as never))) harmless(line)
      })
    }
  }),
  pure(
    'B121',
    'going back over the name, turned text, marks without end, and wide characters at the edge',
    async trial => {
      const texts = [
        ...forgeries.flatMap(text =>
          ['\r', '\b'.repeat(40), '\n', '\u2028', '\x1b[1G', ' '.repeat(70)].map(by => by + text),
        ),
        ...['\u202a', '\u202e', '\u2066', '\u2069', '\u200b', '\u00ad', '\u{e0041}'].map(mark =>
          mark.repeat(100),
        ),
        `a${'\u0301'.repeat(1_000)}`,
        `${'你'.repeat(200)}${'😀'.repeat(200)}`,
        `${'x'.repeat(71)}😀`,
        'x'.repeat(4_096),
      ]
      for (const text of texts) {
        for (const columns of [20, 79, 80, 81]) {
          trial.try(`${columns} columns: ${JSON.stringify(text.slice(0, 30))}`, () => {
            const [line = ''] = told(report => said(report, text))
            const rows = rowsOf(line, columns)
            assert.ok(rows[0]!.startsWith(`${ann.short}:`))
            for (const row of rows.slice(1)) assert.match(row, /^ {2}/)
          })
        }
      }
      await trial.attempt('on a screen', async () => {
        const person = await seen(40, report => {
          for (const text of texts) said(report, text)
        })
        for (const row of person.screen.rows.slice(0, -1)) {
          if (!row.startsWith('  ')) assert.ok(row.startsWith(`${ann.short}:`), row)
        }
      })
    },
  ),
  pure('B122', 'what is not UTF-8, and what is and should not be shown', trial => {
    for (const [digits, shown] of notUtf8) {
      trial.try(digits, () => assert.equal(escapeText(utf8Text(bytesOf(digits))), shown))
    }
    for (let code = 0xd800; code <= 0xdfff; code += 0x3f) {
      trial.try(code.toString(16), () => harmless(escapeText(`a${String.fromCharCode(code)}b`)))
    }
    for (let first = 0x80; first <= 0xff; first++) {
      for (const second of [0x0a, 0x1b, 0x80, 0x9b, 0xbf, 0xff]) {
        trial.try(`${first} ${second}`, () => harmless(escapeText(utf8Text(Uint8Array.of(first, second)))))
      }
    }
  }),
  pure('B123', 'a megabyte in one message, 100,000 lines, and both while somebody types', async trial => {
    await trial.attempt('1 MB', async () => {
      const person = await seen(80, report => said(report, 'x'.repeat(1_000_000)))
      assert.ok(person.screen.rows.length <= 60)
    })
    await trial.attempt('100,000 lines', async () => {
      const person = await seen(80, report => {
        for (let i = 0; i < 100_000; i++) said(report, `line ${i}`)
      })
      assert.ok(person.screen.rows.length <= 204)
    })
    await trial.attempt('10,000 lines a second', async () => {
      let quickest = Number.POSITIVE_INFINITY
      for (let run = 0; run < 3 && quickest > 50; run++) quickest = Math.min(quickest, await slowestKey())
      assert.ok(quickest < 50, `a key took ${quickest} ms`)
    })
  }),
  pure(
    'B124',
    'a name like another: names are made of the key, in letters that cannot be mistaken',
    trial => {
      for (let number = 1; number <= 60; number++) {
        trial.try(`key ${number}`, () => {
          const peer = peerIdOf(keyOf(number))
          const [line = ''] = told(report =>
            report.message({ from: peer, text: 'hi', protocol: '/chat/1.0.0' }),
          )
          assert.equal(line, `${peer.toString().slice(-8)}: hi`)
          assert.match(peer.short, /^[1-9A-HJ-NP-Za-km-z]{8}$/)
        })
      }
      const names = new Set(Array.from({ length: 60 }, (_, i) => peerIdOf(keyOf(i + 1)).short))
      trial.try('all differ', () => assert.equal(names.size, 60))
    },
  ),
  pure('B125', 'a message that looks like a word of the program', trial => {
    for (const text of forgeries) {
      trial.try(text, () => {
        const lines = told(report => said(report, text))
        assert.deepEqual(lines, [`${ann.short}: ${text}`])
        assert.doesNotMatch(ann.short, /^[*!> ]/)
      })
    }
  }),
  pure('B125', 'a chat that ends: the terminal is given back', async (trial, t) => {
    if (noTerminal) return trial.skip(noTerminal)
    const chats = endings.map(([name, end]) => leavesCleanly(trial, t, name, end))
    const crash = encodeURIComponent('setTimeout(() => { throw new Error("crash") }, 1200)')
    const env = { NODE_OPTIONS: `--import=data:text/javascript,${crash}` }
    await Promise.all([...chats, leavesCleanly(trial, t, 'a crash', () => {}, env)])
  }),
]
