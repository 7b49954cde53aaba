/** `npm run soak`: see README.md. */
import { parseArgs } from 'node:util'
import { machine } from '../../bench/report.ts'
import { soak } from './conductor.ts'
import { printLook, printVerdict } from './report.ts'
import { save } from './save.ts'
import { judge } from './verdict.ts'

const { values: flags } = parseArgs({
  options: {
    minutes: { type: 'string', default: '30' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    leak: { type: 'string', default: '0' },
    save: { type: 'boolean', default: false },
  },
})
const [minutes, seed, leak] = [flags.minutes, flags.seed, flags.leak].map(Number) as [number, number, number]
if (!(minutes > 0 && seed >= 0 && leak >= 0)) throw new Error('--minutes, --seed and --leak take numbers.')

console.log(`${machine()}; ${minutes} minutes, seed ${seed}${leak ? `, ${leak} MB/h leaked on purpose` : ''}`)
const course = await soak({ minutes, seed, leak, looked: printLook })
const verdict = judge(course)
printVerdict(course, verdict)
if (flags.save) save({ minutes, seed, machine: machine() }, course, verdict)
process.exitCode = verdict.failures.length > 0 ? 1 : 0
