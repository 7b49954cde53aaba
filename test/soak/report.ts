/** What a soak prints. */
import { readable } from '../../bench/report.ts'
import { lullInterval } from './messages.ts'
import type { Trend } from './trend.ts'
import type { Course, Look, Verdict } from './verdict.ts'

/** Seconds between two lines, where nobody looks on. */
const interval = 60

/** A line for a lull; where nobody looks on, for one in each minute. */
export function printLook(look: Look): void {
  const first = look.time % interval < lullInterval + 2
  if (process.stdout.isTTY || first) console.log(lineOf(look))
}

function lineOf({ time, tally, heap, code, rss, sockets, timers, usage }: Look): string {
  return [
    `${readable(Math.round(time)).padStart(6)} s`,
    `${readable(tally.streams)} streams`,
    `${readable(tally.connections)} connections`,
    `heap ${megabytes(heap)}`,
    `code ${megabytes(code)}`,
    `RSS ${megabytes(rss)}`,
    `${sockets} sockets, ${timers} timers`,
    Object.entries(usage)
      .map(([name, value]) => `${name} ${value}`)
      .join(' '),
  ].join(' | ')
}

/** What came of it. */
export function printVerdict(course: Course, verdict: Verdict): void {
  const last = course.looks.at(-1)
  console.log(
    `\n${table(last?.tally.acts ?? {})}\n\nErrors on connections that were cut:\n${table(last?.tally.errors ?? {})}`,
  )
  console.log(
    `\nafter stop(): ${course.end.sockets} sockets, ${course.end.timers} timers, heap ${megabytes(course.end.heap)}`,
  )
  console.log(`heap: ${describe(verdict.heap)}\nRSS: ${describe(verdict.rss)}`)
  for (const note of verdict.notes) console.log(note)
  for (const failure of verdict.failures) console.log(`FAILED: ${failure}`)
  if (verdict.failures.length === 0) console.log('Passed.')
}

function table(counts: Record<string, number>): string {
  const rows = Object.entries(counts).sort(([a], [b]) => (a < b ? -1 : 1))
  return rows.map(([name, count]) => `${readable(count).padStart(12)}  ${name}`).join('\n')
}

function describe(trend: Trend | undefined): string {
  if (!trend) return 'no slope'
  const [slope, least, most] = [trend.slope, trend.least, trend.most].map(value => value.toFixed(2))
  return `${slope} MB/h in the second half, 95 % between ${least} and ${most}`
}

/** Bytes in megabytes. */
export function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(2)} MB`
}
