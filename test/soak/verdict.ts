/** What a soak has shown. */
import type { Sample, Tally } from './messages.ts'
import { type Trend, trendOf } from './trend.ts'

/** What was seen in one lull, in seconds from the start. */
export interface Look extends Sample {
  time: number
  tally: Tally
}

/** A whole soak. */
export interface Course {
  looks: readonly Look[]
  /** The host under test when all others had left and it had stopped. */
  end: Sample
  /** What must not be: errors that nobody has caught, wrong bytes, counters that did not come to rest. */
  faults: readonly string[]
  /** Connections that stand in every lull. */
  standing: number
}

/** What comes of it. */
export interface Verdict {
  /** In megabytes per hour, over the second half; `undefined` where that is too short to say anything. */
  heap: Trend | undefined
  rss: Trend | undefined
  /** Why it did not pass; empty when it did. */
  failures: string[]
  /** What must be known to read the figures. */
  notes: string[]
}

/** Megabytes per hour that the heap may grow by. */
export const heapLimit = 0.5

/** What the process address book of lodestar lost, in megabytes per hour (issue 8969): a soak that cannot see it is too short. */
export const knownLeak = 1.8

/** Seconds that the second half must last: before that the engine still compiles and its caches still fill. */
const shortest = 300

/** Judges a soak. */
export function judge(course: Course): Verdict {
  const half = secondHalf(course.looks)
  const heap = growth(half, ({ heap }) => heap)
  const rss = growth(half, ({ rss }) => rss)
  return {
    heap,
    rss,
    failures: [
      ...faultsOf(course),
      ...leftBehind(course),
      ...unsteady(course),
      ...(heap ? [...moreTimers(course), ...leaks(heap)] : []),
    ],
    notes: heap ? notesOn(heap) : ['Too short to judge whether memory grows: 10 minutes are the least.'],
  }
}

function secondHalf(looks: readonly Look[]): readonly Look[] {
  const end = looks.at(-1)?.time ?? 0
  return looks.filter(({ time }) => time >= end / 2)
}

function growth(looks: readonly Look[], value: (look: Look) => number): Trend | undefined {
  if (looks.length === 0 || looks.at(-1)!.time - looks[0]!.time < shortest) return undefined
  return trendOf(looks.map(look => ({ time: look.time / 3_600, value: value(look) / 1e6 })))
}

function faultsOf({ faults }: Course): string[] {
  const shown = faults.slice(0, 5)
  return faults.length > shown.length ? [...shown, `and ${faults.length - shown.length} more faults`] : shown
}

function leftBehind({ end }: Course): string[] {
  const all = { sockets: end.sockets, timers: end.timers, ...end.usage }
  return Object.entries(all)
    .filter(([, count]) => count !== 0)
    .map(([name, count]) => `After stop() ${name} is ${count}, not 0.`)
}

/** A socket for each connection, and the one that listens. */
function unsteady({ looks, standing }: Course): string[] {
  return looks
    .filter(({ usage, sockets }) => usage.connections !== standing || sockets !== standing + 1)
    .map(
      ({ time, usage, sockets }) =>
        `At ${time.toFixed(0)} s ${usage.connections} connections and ${sockets} sockets stood, not ${standing} and ${standing + 1}.`,
    )
}

/** How many wait differs by a few; towards the end there must not be more than there ever were. */
function moreTimers({ looks }: Course): string[] {
  const third = Math.floor(looks.length / 3)
  const most = (some: readonly Look[]) => Math.max(...some.map(({ timers }) => timers))
  const [before, after] = [most(looks.slice(0, -third)), most(looks.slice(-third))]
  return after > before + 2 ? [`Timers grow: ${after} towards the end, at most ${before} before.`] : []
}

function leaks(heap: Trend): string[] {
  if (heap.least <= heapLimit) return []
  return [`The heap grows by ${heap.slope.toFixed(2)} MB/h, and surely by more than ${heapLimit}.`]
}

function notesOn({ slope, least, most }: Trend): string[] {
  const seen = heapLimit + slope - least
  const sees = `A leak of ${seen.toFixed(2)} MB/h or more would have failed this run`
  const known =
    seen <= knownLeak
      ? `that of ${knownLeak} MB/h in lodestar 8969 among them`
      : `but not one of ${knownLeak}: run it longer`
  const open =
    most > heapLimit
      ? [`The heap may grow by up to ${most.toFixed(2)} MB/h: only a longer run could exclude it.`]
      : []
  return [`${sees}, ${known}.`, ...open]
}
