/**
 * Compiles src/ to dist/ and joins the program into one file; with `tests` also test/, bench/ and scripts/ to build/.
 *
 * What dist/ still holds of a source that is gone is removed afterwards. The folder is not emptied first, because a program
 * in another terminal may be starting from it.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'

const { buildSync } = await import('esbuild').catch(() =>
  fail('The tools are not installed: run `npm ci` first.'),
)
const compiler = join('node_modules', 'typescript', 'bin', 'tsc')

compile('.')
removeLeftovers()
joinProgram()
if (process.argv.includes('tests')) compile('tsconfig.test.json')

/** @param {string} project */
function compile(project) {
  const { status } = spawnSync(process.execPath, [compiler, '-p', project], { stdio: 'inherit' })
  if (status !== 0) fail(`${project} does not compile.`)
}

function removeLeftovers() {
  for (const file of readdirSync('dist', { recursive: true, encoding: 'utf8' })) {
    const source = join('src', file.replace(/(\.d\.ts|\.js)$/, '.ts'))
    if (!existsSync(source)) rmSync(join('dist', file), { recursive: true, force: true })
  }
}

/** Node takes about a millisecond to load a module, and the program has some seventy: as one file it starts twice as fast. */
function joinProgram() {
  buildSync({
    entryPoints: [join('dist', 'cli.js')],
    outfile: join('dist', 'cli.js'),
    allowOverwrite: true,
    bundle: true,
    platform: 'node',
    target: 'node20.19',
    format: 'esm',
    logLevel: 'warning',
  })
}

/**
 * @param {string} message
 * @returns {never}
 */
function fail(message) {
  console.error(message)
  process.exit(1)
}
