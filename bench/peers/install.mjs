import { spawnSync } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const here = fileURLToPath(new URL('.', import.meta.url))

/** What npm writes when it has installed all that the lock file names. */
const installed = `${here}node_modules/.package-lock.json`

/**
 * Installs the contenders where they are not there in the wanted versions. Their scripts are not run: what they have of
 * native code comes built, inside the packages.
 */
export function installContenders() {
  if (existsSync(installed) && changed(installed) >= changed(`${here}package-lock.json`)) return
  console.error('Installing what parley is measured against ...')
  const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--silent']
  // npm is a script on Windows, which only a shell finds.
  const shell = process.platform === 'win32'
  const { status } = spawnSync('npm', args, { cwd: here, stdio: ['ignore', 2, 2], shell })
  if (status !== 0) throw new Error('The contenders could not be installed: see what npm says above.')
}

const changed = file => statSync(file).mtimeMs
