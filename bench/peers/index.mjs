import { writeFileSync } from 'node:fs'
import { loadavg } from 'node:os'
import { parseArgs } from 'node:util'
import { measure } from '../../build/bench/harness.js'
import { machine, printHeading, printJson, printRow, showProgress } from '../../build/bench/report.js'
import { judge, printVerdicts } from './goals.mjs'
import { installContenders } from './install.mjs'
import { writePage } from './page.mjs'
import { Pairs } from './pair.mjs'
import { draw } from './plot.mjs'

const names = [
  'bulk',
  'messages',
  'echo',
  'connections',
  'streams',
  'framing',
  'idle',
  'delay',
  'start',
  'perf',
]

const usage = `Usage: npm run bench:peers -- [suite...] [words...] [--quick] [--full] [--json] [--save]

  suite    ${names.slice(0, -1).join(', ')} or ${names.at(-1)}; all of them unless named
  words    only what has all of these words in its name, such as: bulk tls
  --quick  a few short rounds: to see that all runs, not how fast
  --full   holds 10,000 idle connections, not 1,000
  --json   one object a line on standard output, and nothing else there
  --save   writes the figures to docs/bench.json, a picture of them to docs/bench.svg, and a table into README.md

parley and the others take turns, round by round, each with one process that listens and one that dials. Figures are the
medians of several rounds after one to warm up, with the least and the greatest. 1 MB is 1,000,000 bytes.
`

const flags = {
  quick: { type: 'boolean', default: false },
  full: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
  save: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
}

const pace = { rounds: 5, ms: 1_000 }
const quickPace = { rounds: 3, ms: 100 }

async function main() {
  const options = readOptions()
  if (!options) return 2
  if (options.help) {
    process.stdout.write(usage)
    return 0
  }
  installContenders()
  const load = loadavg()
  if (!options.json) printHeading()
  const { results, failed } = await runAll(options)
  if (results.length === 0 && !failed) return nothingCalled(options.words)
  conclude(results, load, options)
  return failed ? 1 : 0
}

function readOptions() {
  try {
    const { values, positionals } = parseArgs({
      options: /** @type {const} */ (flags),
      allowPositionals: true,
    })
    return { ...values, words: positionals }
  } catch (error) {
    console.error(`${error.message}\n\n${usage}`)
    return undefined
  }
}

async function runAll(options) {
  const named = names.filter(name => options.words.includes(name))
  const words = options.words.filter(word => !names.includes(word))
  const results = []
  let failed = false
  for (const name of named.length > 0 ? named : names) {
    try {
      for await (const result of run(name, words, options)) results.push(result)
    } catch (error) {
      failed = true
      console.error(`The suite "${name}" has failed: ${error.message}`)
    }
  }
  return { results, failed }
}

/** Each suite has processes of its own, so that none warms or spoils the code of another. */
async function* run(name, words, options) {
  const suite = await import(`./suites/${name}.mjs`)
  const pairs = new Pairs()
  const cases = suite.cases({ pairs, options })
  try {
    for await (const message of measure(cases, words, options.quick ? quickPace : pace)) {
      showProgress('doing' in message ? message.doing : '')
      if (!('result' in message)) continue
      if (options.json) printJson(message.result)
      else printRow(message.result)
      yield message.result
    }
  } finally {
    await pairs.stop()
  }
  for (const sentence of suite.missing?.() ?? []) console.error(sentence)
}

function nothingCalled(words) {
  console.error(`Nothing to measure is called "${words.join(' ')}".`)
  return 2
}

function conclude(results, load, { json, save }) {
  const verdicts = judge(results)
  if (!json && verdicts.length > 0) printVerdicts(verdicts)
  const loads = `load ${load[0].toFixed(1)} before, ${loadavg()[0].toFixed(1)} after`
  if (!json) console.log(`\n${loads}`)
  if (!save) return
  const page = { machine: machine(), load: loads, goals: verdicts, results }
  writeFileSync('docs/bench.json', `${JSON.stringify(page, null, 2)}\n`)
  writeFileSync('docs/bench.svg', draw(results, machine()))
  writePage(results, machine())
}

process.exitCode = await main()
