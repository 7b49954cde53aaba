/** What parley wants to be, as ratios of figures from one run. */

/**
 * @typedef {import('../../build/bench/harness.js').Result} Result
 *
 * @typedef {object} Goal
 * @property {string} bench
 * @property {string} metric
 * @property {string} [subject] whose figure it is; parley unless named
 * @property {Partial<Pick<Goal, 'bench' | 'metric' | 'subject'>>} [over] what the figure is divided by: the same of someone else, or
 *   something else of parley's own; nothing where the figure itself is the goal
 * @property {number} [atLeast]
 * @property {number} [atMost] with neither, the ratio is shown for comparison alone
 *
 * @typedef {{ name: string, ratio: number, goal?: string, met?: boolean }} Verdict
 */

const tls = { subject: 'node:tls' }
const js = { subject: 'js-libp2p' }
const tcp = { subject: 'node:net' }
const secretStream = { subject: 'secret-stream' }
const rate = 'MB/s'

/** @param {string} what @param {number} atLeast */
function framing(what, atLeast) {
  return [{ bench: `framing ${what}`, metric: 'frames/s', over: { subject: 'it-length-pref.' }, atLeast }]
}

/** @type {readonly Goal[]} */
const goals = [
  ...['bulk up', 'bulk down'].flatMap(bench => [
    { bench, metric: rate, over: tls, atLeast: 1 },
    { bench, metric: rate, over: js, atLeast: 3 },
    { bench, metric: rate, over: tcp, atLeast: 0.5 },
    { bench, metric: 'CPU s/GB', over: tls, atMost: 1.1 },
    { bench: `${bench}, 10 streams`, metric: rate, over: { bench }, atLeast: 1 },
    { bench: `${bench}, 10 streams`, metric: rate, over: js },
    { bench: `${bench} at 100 ms`, metric: rate, over: js, atLeast: 3 },
    { bench: `${bench} at 100 ms`, metric: rate, over: tls },
    { bench: `${bench} at 100 ms`, metric: rate, over: tcp },
  ]),
  { bench: 'messages of 64 B', metric: 'messages/s', over: js, atLeast: 100 },
  { bench: 'messages of 64 B, each awaited', metric: 'messages/s', over: js, atLeast: 50 },
  { bench: 'echo of 64 B at rest', metric: 'us p50', over: tls, atMost: 1.15 },
  { bench: 'echo of 64 B at rest', metric: 'us p50', over: js, atMost: 0.6 },
  { bench: 'echo of 64 B at rest', metric: 'us p50', over: secretStream },
  { bench: 'echo of 64 B at rest', metric: 'us p50', over: tcp },
  { bench: 'echo of 64 B at rest', metric: 'us p99', over: tls },
  { bench: 'echo of 64 B under bulk', metric: 'us p99', over: js },
  { bench: 'echo of 64 B under bulk', metric: 'us p99', over: { bench: 'echo of 64 B at rest' }, atMost: 5 },
  { bench: 'connections in turn', metric: 'connections/s', over: tls, atLeast: 1.5 },
  { bench: 'connections in turn', metric: 'connections/s', over: js, atLeast: 15 },
  { bench: 'connections in turn', metric: 'connections/s', over: secretStream },
  {
    bench: 'connections, 50 at once',
    metric: 'connections/s',
    over: { bench: 'connections in turn' },
    atLeast: 1,
  },
  { bench: 'connections, 50 at once', metric: 'connections/s', over: tls },
  { bench: 'connections in turn, first second', metric: 'connections/s', over: tls },
  { bench: 'connections in turn, first second', metric: 'connections/s', over: js },
  { bench: 'streams in turn', metric: 'us each', over: { subject: 'parley, echo' }, atMost: 1.2 },
  { bench: 'streams in turn', metric: 'streams/s', over: js, atLeast: 12 },
  { bench: 'streams in turn', metric: 'streams/s', subject: 'parley, echo', over: js },
  { bench: 'streams, 64 in flight', metric: 'streams/s', over: js, atLeast: 20 },
  ...framing('decode 64 B', 6),
  ...framing('decode 64 KiB', 1),
  ...['encode', 'encode in pieces'].flatMap(each =>
    [`${each} 64 B`, `${each} 64 KiB`].flatMap(one => framing(one, 3)),
  ),
  { bench: 'idle connections', metric: 'kB/connection', atMost: 25 },
  { bench: 'idle connections', metric: '% of a core', atMost: 5 },
  { bench: 'idle connections', metric: 'still answer', over: { metric: 'connections' }, atLeast: 1 },
  { bench: 'idle connections', metric: 'kB/connection', over: js },
  { bench: 'idle connections', metric: 'CPU us/(connection s)', over: js },
  { bench: 'round trips from dial to answer', metric: 'round trips', subject: 'parley, early', atMost: 3.2 },
  { bench: 'round trips from dial to answer', metric: 'round trips', subject: 'parley, early', over: tls },
  { bench: 'round trips from dial to answer', metric: 'round trips', over: js },
  { bench: 'start to listening', metric: 'ms', over: { subject: 'node -e 0' }, atMost: 1.5 },
  { bench: 'start to listening', metric: 'ms', over: js },
  ...['perf upload', 'perf download'].flatMap(bench =>
    ['go', 'rust'].map(name => ({
      bench,
      metric: rate,
      subject: 'parley to parley',
      over: { subject: `${name} to ${name}` },
    })),
  ),
]

/**
 * What became of the goals whose figures are all there.
 *
 * @param {readonly Result[]} results @returns {Verdict[]}
 */
export const judge = results => goals.flatMap(goal => verdictOn(goal, results) ?? [])

function verdictOn({ subject = 'parley', over, atLeast, atMost, ...what }, results) {
  const ours = medianOf({ subject, ...what }, results)
  const theirs = over ? medianOf({ subject, ...what, ...over }, results) : 1
  if (ours === undefined || theirs === undefined) return undefined
  const verdict = { name: nameOf({ subject, over, ...what }), ratio: ours / theirs }
  if (atLeast !== undefined) return { ...verdict, goal: `at least ${atLeast}`, met: verdict.ratio >= atLeast }
  if (atMost !== undefined) return { ...verdict, goal: `at most ${atMost}`, met: verdict.ratio <= atMost }
  return verdict
}

const medianOf = (what, results) =>
  results.find(result => Object.entries(what).every(([key, value]) => result[key] === value))?.median

function nameOf({ subject, over, bench, metric }) {
  const divisor = over ? ` / ${Object.values(over).join(', ')}` : ''
  return `${bench}, ${metric}: ${subject}${divisor}`
}

/** @param {readonly Verdict[]} verdicts */
export function printVerdicts(verdicts) {
  const width = Math.max(...verdicts.map(({ name }) => name.length))
  console.log(`\n${'goal'.padEnd(width)}${'ratio'.padStart(9)}  wanted`)
  for (const { name, ratio, goal, met } of verdicts) {
    const judged = goal ? `${goal}: ${met ? 'met' : 'NOT MET'}` : '-'
    console.log(`${name.padEnd(width)}${ratio.toFixed(2).padStart(9)}  ${judged}`)
  }
}
