import assert from 'node:assert/strict'
import test from 'node:test'
import { type Colours, jsonReport, type Report, textReport } from '#src/chat/report'
import { ParleyError } from '#src/wire/errors'
import { keyOf, peerIdOf } from '../support/net.ts'
import { address, ann, doors, joined } from './hostile.ts'

const bob = peerIdOf(keyOf(2))
const plain: Colours = { out: false, err: false }
const nasty = '\x1b[2J\u202e\n* '
const shownNasty = '\\x1b[2J\\u{202e}\\x0a* '

/** What a report puts out, a line each, behind the name of the side. */
function told(
  make: (sink: Parameters<typeof jsonReport>[0]) => Report,
  tell: (report: Report) => void,
): string[] {
  const lines: string[] = []
  tell(make({ out: line => lines.push(`out ${line}`), err: line => lines.push(`err ${line}`) }))
  return lines
}

function text(tell: (report: Report) => void, colours = plain): string[] {
  return told(sink => textReport(sink, colours), tell)
}

function json(tell: (report: Report) => void): unknown[] {
  return told(jsonReport, tell).map(line => JSON.parse(line.replace(/^out /, '')))
}

const lost = new ParleyError('ERR_TIMEOUT', 'The other side has stopped answering.')

test('tells a person who comes, talks and goes', () => {
  const lines = text(report => {
    report.listening(ann, [address])
    report.connected(joined)
    report.connected({ ...joined, direction: 'outbound' })
    report.connected({ ...joined, agent: undefined })
    report.message({ from: ann, text: 'hello', protocol: '/chat/1.0.0' })
    report.disconnected({ peer: ann, error: undefined })
    report.disconnected({ peer: ann, error: lost })
    for (let attempt = 1; attempt <= 20; attempt++)
      report.reconnecting({ peer: ann, attempt, delay: 1_000, error: lost })
    report.error(lost)
    report.error(lost, ['hello'])
    report.notice('Do this:', ['this'])
    report.warning('Beware!')
  })
  assert.deepEqual(lines, [
    'err * Others can reach you at:',
    `err     ${address}`,
    `err * ${ann.short} has joined from /ip4/127.0.0.1/tcp/3000 (parley/1).`,
    `err * ${ann.short} is here (parley/1).`,
    `err * ${ann.short} has joined from /ip4/127.0.0.1/tcp/3000.`,
    `out ${ann.short}: hello`,
    `err * ${ann.short} has left.`,
    `err * ${ann.short} has left: The other side has stopped answering.`,
    `err * Trying to reach ${ann.short} again ...`,
    `err * Still trying to reach ${ann.short}: The other side has stopped answering.`,
    `err * Still trying to reach ${ann.short}: The other side has stopped answering.`,
    'err ! The other side has stopped answering.',
    'err ! The other side has stopped answering.',
    'err     hello',
    'err * Do this:',
    'err     this',
    'err ! Beware!',
  ])
})

test('tells a program the same in objects of fixed shape, and nothing else on its side', () => {
  const events = json(report => {
    report.listening(ann, [address])
    report.connected(joined)
    report.connected({ ...joined, agent: undefined })
    report.message({ from: ann, text: 'hello', protocol: '/chat/1.0.0' })
    report.disconnected({ peer: ann, error: lost })
    report.reconnecting({ peer: ann, attempt: 1, delay: 412.3, error: lost })
    report.error(lost, ['hello'])
    report.notice('Do this:', ['this'])
  })
  assert.deepEqual(events, [
    { event: 'listening', peer: String(ann), addresses: [address] },
    { event: 'connected', peer: String(ann), address, agent: 'parley/1' },
    { event: 'connected', peer: String(ann), address, agent: null },
    { event: 'message', from: String(ann), text: 'hello', protocol: '/chat/1.0.0' },
    { event: 'disconnected', peer: String(ann) },
    { event: 'reconnecting', peer: String(ann), delay: 412 },
    { event: 'error', code: 'ERR_TIMEOUT', message: 'The other side has stopped answering.' },
  ])
  assert.deepEqual(
    told(jsonReport, report => report.warning('Beware!')),
    ['err Beware!'],
  )
})

for (const [name, door] of doors) {
  test(`nothing in ${name} is obeyed`, () => {
    const tell = (report: Report) => door(report, nasty)
    const lines = text(tell)
    const objects = told(jsonReport, tell)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there.
    for (const line of [...lines, ...objects]) assert.doesNotMatch(line, /[\0-\x1f\x7f-\x9f\u202e]/)
    assert.ok(objects.length === 1)
    assert.equal(lines.filter(line => line.includes(shownNasty)).length, 1)
  })
}

test('neither a name nor a word of the program can be forged', () => {
  const texts = [`${bob.short}: hi`, `* ${bob.short} has left.`, '! Beware!', `\n${bob.short}: hi`, `\r* x`]
  const lines = text(report => {
    for (const text of texts) report.message({ from: ann, text, protocol: '/chat/1.0.0' })
  })
  assert.equal(lines.length, texts.length)
  for (const line of lines) assert.ok(line.startsWith(`out ${ann.short}: `))
  assert.match(ann.short, /^[1-9A-Za-z]+$/)
})

test('of a long name of a program only the beginning is told', () => {
  const [line = ''] = text(report => report.connected({ ...joined, agent: 'x'.repeat(4_000) }))
  assert.ok(line.length < 150)
})

test('colours names, and only where that is wanted', () => {
  const tell = (report: Report) => {
    report.message({ from: ann, text: 'hi', protocol: '/chat/1.0.0' })
    report.disconnected({ peer: ann, error: undefined })
  }
  const [said, left] = text(tell, { out: true, err: true })
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the colours are controls.
  const colour = /^out \x1b\[(\d+)m\w{8}\x1b\[0m: hi$/.exec(said ?? '')?.[1]
  assert.equal(left, `err \x1b[2m*\x1b[0m \x1b[${colour}m${ann.short}\x1b[0m has left.`)
  assert.deepEqual(text(tell, { out: true, err: false }), [said, `err * ${ann.short} has left.`])
})
