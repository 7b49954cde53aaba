/** What it costs one process to hold connections on which nothing happens but signs of life. */
import { existsSync, readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { Pair } from '../pair.mjs'

/** Milliseconds between signs of life, for every contender; long enough that they do not come all at once. */
const keepAlive = 5_000

/** Connections before the others, so that what a process needs for any at all is not counted with them. */
const first = 50

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
    round: () => held(subject, count, options.quick ? keepAlive : 4 * keepAlive),
  }))

/** Both ends collect their garbage before they are looked at. */
async function held(contender, count, ms) {
  checkFiles(count)
  const pair = await Pair.start(contender, { keepAlive, nodeFlags: ['--expose-gc'] })
  try {
    await pair.do('hold', { count: first })
    const before = await pair.listenerUsage()
    await pair.do('hold', { count: first + count })
    // Streams that told both sides who the other is have to go first.
    await delay(keepAlive)
    const standing = await pair.listenerUsage()
    await delay(ms)
    const after = await pair.listenerUsage()
    return {
      connections: count,
      'kB/connection': (standing.memory - before.memory) / count / 1000,
      'CPU us/(connection s)': ((after.cpu - standing.cpu) * 1e9) / ((first + count) * ms),
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
