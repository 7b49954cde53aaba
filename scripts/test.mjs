/**
 * Runs the compiled tests: `npm test -- [word...] [^word...] [--flag...]`.
 *
 * A word keeps the files whose path contains it, one behind a `^` drops them; flags go to `node --test`. The files are found by their sources, so nothing
 * stale in build/ is run, and here rather than by node, whose patterns differ between 20, 22 and 24.
 */
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'

const args = process.argv.slice(2)
const flags = args.filter(arg => arg.startsWith('-'))
const dropped = args.filter(arg => arg.startsWith('^')).map(arg => arg.slice(1))
const words = args.filter(arg => !/^[-^]/.test(arg))

const files = readdirSync('test', { recursive: true, encoding: 'utf8' })
  .filter(file => file.endsWith('.test.ts') && !file.includes('node_modules'))
  .filter(file => words.length === 0 || words.some(word => file.includes(word)))
  .filter(file => !dropped.some(word => file.includes(word)))
  .map(file => join('build', 'test', file.replace(/\.ts$/, '.js')))
  .sort()

if (files.length === 0) {
  console.error(`No test file's path contains ${words.join(' or ')}.`)
  process.exit(1)
}

// Five minutes are far more than any file takes: what hangs shall fail, and say where.
const atOnce = `--test-concurrency=${availableParallelism()}`
const options = ['--test', '--test-reporter=spec', '--test-timeout=300000', atOnce, ...flags]
const { status } = spawnSync(process.execPath, [...options, ...files], { stdio: 'inherit' })
process.exitCode = status ?? 1
