/** Draws docs/soak.svg: what the host under test holds in each lull, and how many streams had gone by. */
import { readable } from '../../bench/report.ts'
import { page, text } from '../../bench/svg.ts'
import type { Look } from './verdict.ts'

const size = { width: 760, left: 16, right: 90, title: 26, plot: 90, gap: 22, margin: 16 }

/** What the picture shows, each on a scale of its own that begins at zero. */
const curves: readonly { title: string; value: (look: Look) => number }[] = [
  { title: 'Heap after a collection, MB', value: ({ heap }) => heap / 1e6 },
  { title: 'Resident memory, MB', value: ({ rss }) => rss / 1e6 },
  { title: 'Streams so far, thousands', value: ({ tally }) => tally.streams / 1e3 },
  { title: 'Connections so far, thousands', value: ({ tally }) => tally.connections / 1e3 },
]

/** The picture of a soak. */
export function draw(looks: readonly Look[], machine: string): string {
  const step = size.title + size.plot + size.gap
  const drawn = curves.map((curve, index) => drawCurve(curve, looks, size.margin + index * step))
  const bottom = size.margin + curves.length * step
  const minutes = readable((looks.at(-1)?.time ?? 0) / 60)
  const footer = text(
    'quiet',
    size.left,
    bottom + 10,
    `One host for ${minutes} minutes, looked at in each lull; ${machine}`,
  )
  return page('A soak of one host', { width: size.width, height: bottom + 10 + size.margin }, [
    ...drawn,
    footer,
  ])
}

function drawCurve({ title, value }: (typeof curves)[number], looks: readonly Look[], top: number): string {
  const values = looks.map(value)
  const [most, end] = [Math.max(...values, 1e-9), looks.at(-1)?.time || 1]
  const room = size.width - size.left - size.right
  const base = top + size.title + size.plot
  const x = (index: number) => size.left + (room * looks[index]!.time) / end
  const y = (number: number) => base - (size.plot * number) / most
  const points = values.map((number, index) => `${x(index).toFixed(1)},${y(number).toFixed(1)}`).join(' ')
  return `${text('title', size.left, top + 14, title)}
<path class="axis" d="M${size.left} ${base}H${size.left + room}"/>
<polyline class="line" points="${points}"/>
${text('value', size.left + room + 8, y(values.at(-1) ?? 0) + 4, readable(values.at(-1) ?? 0))}`
}
