import { spawnSync } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'

const folder = join('test', 'fuzz', 'parser')

/** What npm writes when it has installed all that the lock file names. */
const installed = join(folder, 'node_modules', '.package-lock.json')

/** Installs what the fuzzer reads sources with, unless it is there; returns whether it is. */
export function installParser(): boolean {
  if (isInstalled()) return true
  console.error('Installing what the fuzzer reads sources with ...')
  const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--silent']
  // npm is a script on Windows, which only a shell finds.
  const shell = process.platform === 'win32'
  const { status } = spawnSync('npm', args, { cwd: folder, stdio: ['ignore', 2, 2], shell })
  return status === 0
}

/** Whether the parser is there, in the version that the lock file names. */
export function isInstalled(): boolean {
  return existsSync(installed) && changed(installed) >= changed(join(folder, 'package-lock.json'))
}

const changed = (file: string) => statSync(file).mtimeMs
