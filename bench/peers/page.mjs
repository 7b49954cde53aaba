/** Writes the figures of a run into README.md, between two marks. */
import { readFileSync, writeFileSync } from 'node:fs'
import { readable } from '../../build/bench/report.js'

/** @typedef {import('../../build/bench/harness.js').Result} Result */

const page = 'README.md'
const begin = '<!-- bench: written by npm run bench:peers -- --save -->\n'
const end = '\n<!-- /bench -->'

const columns = ['parley', 'js-libp2p', 'node:tls', 'node:net', 'secret-stream']

/** What the table shows; what a row is about, and which of its figures. */
const rows = [
  ['bulk on one stream, up, MB/s', 'bulk up', 'MB/s'],
  ['the same, down', 'bulk down', 'MB/s'],
  ['processor time for a gigabyte, up, s', 'bulk up', 'CPU s/GB'],
  ['ten streams in sum, up, MB/s', 'bulk up, 10 streams', 'MB/s'],
  ['bulk at a round trip of 100 ms, up, MB/s', 'bulk up at 100 ms', 'MB/s'],
  ['messages of 64 bytes a second', 'messages of 64 B', 'messages/s'],
  ['the same, each awaited', 'messages of 64 B, each awaited', 'messages/s'],
  ['echo of 64 bytes, median, µs', 'echo of 64 B at rest', 'us p50'],
  ['the same, 99th percentile', 'echo of 64 B at rest', 'us p99'],
  ['99th percentile beside bulk, µs', 'echo of 64 B under bulk', 'us p99'],
  ['connections a second, in turn', 'connections in turn', 'connections/s'],
  ['the same in the first second of a process', 'connections in turn, first second', 'connections/s'],
  ['the same, 50 at once', 'connections, 50 at once', 'connections/s'],
  ['streams a second, in turn', 'streams in turn', 'streams/s'],
  ['the same, 64 in flight', 'streams, 64 in flight', 'streams/s'],
  ['round trips from dial to answer, TCP’s included', 'round trips from dial to answer', 'round trips'],
  ['memory of an idle connection, kB', 'idle connections', 'kB/connection'],
  ['start to listening, ms', 'start to listening', 'ms'],
]

/** @param {readonly Result[]} results @param {string} machine */
export function writePage(results, machine) {
  const text = readFileSync(page, 'utf8')
  const [from, to] = [text.indexOf(begin) + begin.length, text.indexOf(end)]
  if (from < begin.length || to < 0) throw new Error(`${page} has no place for the figures.`)
  writeFileSync(page, text.slice(0, from) + table(results, machine) + text.slice(to))
}

function table(results, machine) {
  const lines = rows.flatMap(([title, bench, metric]) => {
    const cells = columns.map(subject => cellOf(results, { bench, metric, subject }))
    return cells[0] === '' ? [] : [`| ${title} | ${cells.join(' | ')} |`]
  })
  return [
    `| | ${columns.join(' | ')} |`,
    `|---|${'---|'.repeat(columns.length)}`,
    ...lines,
    '',
    `${machine}.`,
  ].join('\n')
}

function cellOf(results, wanted) {
  const found = results.find(result => Object.entries(wanted).every(([key, value]) => result[key] === value))
  return found ? readable(found.median) : ''
}
