/** What it costs one process to hold connections on which nothing happens but signs of life. */
import { existsSync, readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { Pair } from '../pair.mjs'

/** Milliseconds between signs of life, for every contender: parley's own pace where many stand, and else a faster one. */
const paceOf = ({ full }) => (full ? 30_000 : 5_000)

/** Connections before the others, so that what a process needs for any at all is not counted with them. */
const first = 50

/** Milliseconds until what is said at the beginning of a connection has been said. */
const settling = 5_000

/** Files that a process holds beside its connections. */
const otherFiles = 100

const counts = ({ full, quick }) => ({
  parley: full ? 10_000 : quick ? 300 : 1_000,
  'js-libp2p': quick ? 100 : 300,
})

export const cases = ({ options }) =>
  Object.entries(counts(options)).map(([subject, count]) => ({
    bench: 'idle connections',
    subject,
    once: true,
    round: () => held(subject, count, paceOf(options), options.quick ? 1 : 2),
  }))

/** Both ends collect their garbage before they are looked at. In the end every connection has to answer. */
async function held(contender, count, keepAlive, intervals) {
  checkFiles(count)
  const pair = await Pair.start(contender, { keepAlive, nodeFlags: ['--expose-gc'] })
  try {
    await pair.do('hold', { count: first })
    const before = await pair.listenerUsage()
    await pair.do('hold', { count: first + count })
    // Streams that told both sides who the other is have to go first.
    await delay(settling)
    const standing = await pair.listenerUsage()
    const ms = intervals * keepAlive
    await delay(ms)
    const after = await pair.listenerUsage()
    const cpu = (after.cpu - standing.cpu) * 1000
    return {
      connections: count,
      'kB/connection': (standing.memory - before.memory) / count / 1000,
      'CPU us/(connection s)': (cpu * 1e6) / ((first + count) * ms),
      '% of a core': (cpu * 100) / ms,
      'still answer': (await pair.do('answers')) - first,
    }
  } finally {
    await pair.stop()
  }
}

function checkFiles(count) {
  const limit = openFiles()
  if (limit >= first + count + otherFiles) return
  throw new Error(
    `${count} connections need more open files than the ${limit} allowed here: raise \`ulimit -n\`.`,
  )
}

/** The limit that Node raises itself to as it starts. */
function openFiles() {
  const page = '/proc/self/limits'
  if (!existsSync(page)) return Number.POSITIVE_INFINITY
  return Number(
    /Max open files\s+\d+\s+(\d+)/.exec(readFileSync(page, 'utf8'))?.[1] ?? Number.POSITIVE_INFINITY,
  )
}
