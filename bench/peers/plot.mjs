/** Draws docs/bench.svg: for each of some benches a group of bars, each group on a scale of its own. */
import { readable } from '../../build/bench/report.js'
import { page, text } from '../../build/bench/svg.js'

/** @typedef {import('../../build/bench/harness.js').Result} Result */

/** What the picture shows; less is better where it says so. Who is left out does so little that the others could not be told apart. */
const groups = [
  { bench: 'bulk up', metric: 'MB/s', title: 'Bulk on one stream, MB/s' },
  { bench: 'messages of 64 B', metric: 'messages/s', title: 'Messages of 64 bytes a second' },
  { bench: 'echo of 64 B at rest', metric: 'us p50', title: 'Echo of 64 bytes, median in µs', less: true },
  {
    bench: 'connections in turn',
    metric: 'connections/s',
    title: 'Connections a second',
    without: 'node:net',
  },
  { bench: 'streams, 64 in flight', metric: 'streams/s', title: 'Streams a second' },
  {
    bench: 'idle connections',
    metric: 'kB/connection',
    title: 'Memory of an idle connection, kB',
    less: true,
  },
  {
    bench: 'round trips from dial to answer',
    metric: 'round trips',
    title: 'Round trips from dial to answer',
    less: true,
  },
  { bench: 'start to listening', metric: 'ms', title: 'From start to listening, ms', less: true },
]

const size = { width: 760, label: 150, value: 90, bar: 14, row: 20, title: 26, gap: 14, margin: 16 }

/** @param {readonly Result[]} results @param {string} machine @returns {string} */
export function draw(results, machine) {
  let top = size.margin
  const drawn = groups.flatMap(group => {
    const bars = results.filter(result => isIn(group, result))
    if (bars.length === 0) return []
    const svg = drawGroup(group, bars, top)
    top += size.title + bars.length * size.row + size.gap
    return svg
  })
  const footer = text('quiet', size.margin, top + 10, `Medians of one run; ${machine}`)
  const height = top + 10 + size.margin
  return page('parley beside what it is measured against', { width: size.width, height }, [...drawn, footer])
}

function isIn({ bench, metric, without }, result) {
  return result.bench === bench && result.metric === metric && result.subject !== without
}

function drawGroup({ title, less }, bars, top) {
  const longest = Math.max(...bars.map(({ median }) => median))
  const heading = text('title', size.margin, top + 14, title + (less ? ' (less is better)' : ''))
  const rows = bars.map((bar, index) => drawBar(bar, longest, top + size.title + index * size.row))
  return [heading, ...rows].join('\n')
}

function drawBar({ subject, median }, longest, top) {
  const left = size.margin + size.label
  const room = size.width - left - size.value - size.margin
  const length = Math.max(1, (room * median) / longest)
  const kind = subject.startsWith('parley') ? 'ours' : 'bar'
  return `${text('quiet', size.margin, top + 12, subject)}
<rect class="${kind}" x="${left}" y="${top + 1}" width="${length.toFixed(1)}" height="${size.bar}" rx="3"/>
${text('value', left + length + 8, top + 12, readable(median))}`
}
