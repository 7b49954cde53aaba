import { fork } from 'node:child_process'
import { once } from 'node:events'
import { type Message, type Options, parseOptions, type Result } from './harness.ts'
import { printHeading, printJson, printRow, showProgress } from './report.ts'

const usage = `Usage: node build/bench/index.js [suite] [words...] [--quick] [--json]

  suite    framing, noise, yamux or loopback; all of them unless named
  words    only what has all of these words in its name, such as: decode 64
  --quick  a few short rounds: to see that all runs, not how fast
  --json   one object a line on standard output, and nothing else there

Figures are the medians of several rounds after one to warm up, with the least and the greatest.
1 MB is 1,000,000 bytes. Through npm, with clean output: npm run -s bench -- framing --json
`

/** Each suite runs in a process of its own, so that none warms or spoils the code of another. */
const suites: readonly { name: string; flags: readonly string[] }[] = [
  { name: 'framing', flags: [] },
  { name: 'noise', flags: [] },
  { name: 'noise', flags: ['--conditions=portable'] },
  { name: 'yamux', flags: [] },
  { name: 'loopback', flags: [] },
]

async function main(): Promise<number> {
  const options = readOptions()
  if (!options) return 2
  if (options.help) {
    process.stdout.write(usage)
    return 0
  }
  const named = suites.filter(({ name }) => options.words.includes(name))
  const words = options.words.filter(word => !suites.some(({ name }) => name === word))
  const print = options.json ? printJson : printRow
  if (!options.json) printHeading()
  let count = 0
  for (const suite of named.length > 0 ? named : suites) {
    count += await run(suite, words, options, print)
  }
  if (count > 0) return 0
  console.error(`Nothing to measure is called "${options.words.join(' ')}".`)
  return 2
}

function readOptions(): Options | undefined {
  try {
    return parseOptions(process.argv.slice(2))
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${usage}`)
    return undefined
  }
}

/** Runs a suite and returns how many figures it gave. */
async function run(
  { name, flags }: (typeof suites)[number],
  words: readonly string[],
  { quick }: Options,
  print: (result: Result) => void,
): Promise<number> {
  const child = fork(new URL(`./${name}.js`, import.meta.url), [...words, ...(quick ? ['--quick'] : [])], {
    execArgv: [...process.execArgv, ...flags],
  })
  let count = 0
  child.on('message', (message: Message) => {
    showProgress('doing' in message ? message.doing : '')
    if (!('result' in message)) return
    count++
    print(message.result)
  })
  const [code] = await once(child, 'close')
  showProgress('')
  if (code !== 0) throw new Error(`The suite "${name}" failed.`)
  return count
}

process.exitCode = await main()
