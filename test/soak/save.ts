/** Keeps a soak in docs/: its figures, and a picture of them. */
import { writeFileSync } from 'node:fs'
import { draw } from './picture.ts'
import type { Course, Verdict } from './verdict.ts'

/** What was run. */
export interface Setting {
  minutes: number
  seed: number
  machine: string
}

/** Writes docs/soak.json and docs/soak.svg. */
export function save(setting: Setting, course: Course, verdict: Verdict): void {
  const last = course.looks.at(-1)
  const rows = course.looks.map(({ time, tally, heap, buffers, code, rss, sockets, timers }) => ({
    time: Math.round(time),
    streams: tally.streams,
    connections: tally.connections,
    heap,
    buffers,
    code,
    rss,
    sockets,
    timers,
  }))
  const figures = {
    date: new Date().toISOString().slice(0, 10),
    ...setting,
    streams: last?.tally.streams,
    connections: last?.tally.connections,
    'MB/h': { heap: verdict.heap, rss: verdict.rss },
    failures: verdict.failures,
    notes: verdict.notes,
    acts: last?.tally.acts,
    'errors on connections that were cut': last?.tally.errors,
    'after stop': course.end,
    lulls: rows,
  }
  writeFileSync('docs/soak.json', `${JSON.stringify(figures, undefined, 2)}\n`)
  writeFileSync('docs/soak.svg', draw(course.looks, setting.machine))
}
