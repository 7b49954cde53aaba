/**
 * Tries what can break, and prints what was seen:
 *
 *     npm run faults                      the short form, which takes under a minute
 *     npm run faults -- --full            all of it, at real deadlines
 *     npm run faults -- kill slow         those whose name holds one of these
 */
import { parseArgs } from 'node:util'
import { faults } from './all.ts'
import { type Fault, NotHere, type Scale, since } from './fault.ts'

const { values: flags, positionals: words } = parseArgs({
  allowPositionals: true,
  options: { full: { type: 'boolean', default: false } },
})
const scale: Scale = flags.full ? 'full' : 'short'
const counts = { kept: 0, broken: 0, skipped: 0 }

const wanted = faults.filter(({ name }) => words.length === 0 || words.some(word => name.includes(word)))
if (wanted.length === 0) {
  console.error(`No fault's name holds ${words.join(' or ')}.`)
  process.exit(2)
}
for (const fault of wanted) await tryOne(fault)
console.log(`\n${counts.kept} promises kept, ${counts.broken} broken, ${counts.skipped} not tried here.`)
process.exitCode = counts.broken > 0 ? 1 : 0

async function tryOne({ name, run }: Fault): Promise<void> {
  const begin = performance.now()
  console.log(name)
  const tell = (word: string, text: string) => console.log(`  ${word}, ${since(begin)} ms: ${text}`)
  try {
    tell('kept', await run(scale))
    counts.kept++
  } catch (error) {
    if (error instanceof NotHere) {
      tell('not tried here', error.message)
      counts.skipped++
      return
    }
    tell('BROKEN', error instanceof Error ? (error.stack ?? error.message) : String(error))
    counts.broken++
  }
}
