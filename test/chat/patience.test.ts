import assert from 'node:assert/strict'
import test from 'node:test'
import { withPatience } from '#src/chat/patience'
import { textReport } from '#src/chat/report'
import { Clock } from '../support/clock.ts'
import { keyOf, peerIdOf } from '../support/net.ts'
import { ann } from './hostile.ts'

const bob = peerIdOf(keyOf(2))
const protocol = '/chat/1.0.0'

/** A report for a person, and the lines that it has printed. */
function patient() {
  const lines: string[] = []
  const print = (line: string) => lines.push(line)
  const clock = new Clock()
  const report = withPatience(textReport({ out: print, err: print }, { out: false, err: false }), clock.now)
  return { report, lines, clock }
}

test('a long message is cut between characters, and that is said', () => {
  const { report, lines } = patient()
  report.message({ from: ann, text: 'x'.repeat(4096), protocol })
  report.message({ from: ann, text: 'x'.repeat(1_000_000), protocol })
  report.message({ from: ann, text: `${'x'.repeat(4095)}😀y`, protocol })
  assert.deepEqual(lines, [
    `${ann.short}: ${'x'.repeat(4096)}`,
    `${ann.short}: ${'x'.repeat(4096)} ... (995904 more characters)`,
    `${ann.short}: ${'x'.repeat(4095)} ... (3 more characters)`,
  ])
})

test('of one who talks without end some lines are left out, which is said, and the others are heard', () => {
  const { report, lines, clock } = patient()
  for (let i = 0; i < 1_000; i++) report.message({ from: ann, text: String(i), protocol })
  assert.equal(lines.length, 201)
  assert.equal(lines.at(-1), `* ${ann.short} says too much; some lines are not shown.`)
  report.message({ from: bob, text: 'hello', protocol })
  assert.equal(lines.at(-1), `${bob.short}: hello`)
  clock.advance(60_000)
  report.message({ from: ann, text: 'calm', protocol })
  assert.deepEqual(lines.slice(-2), [`* 800 lines of ${ann.short} were not shown.`, `${ann.short}: calm`])
})

test('whoever leaves and comes again is not heard the sooner', () => {
  const { report, lines, clock } = patient()
  for (let i = 0; i < 300; i++) report.message({ from: ann, text: String(i), protocol })
  report.disconnected({ peer: ann, error: undefined })
  const { length } = lines
  report.message({ from: ann, text: 'back', protocol })
  assert.equal(lines.length, length)
  clock.advance(60_000)
  report.disconnected({ peer: ann, error: undefined })
  report.message({ from: ann, text: 'back', protocol })
  assert.equal(lines.at(-1), `${ann.short}: back`)
})
