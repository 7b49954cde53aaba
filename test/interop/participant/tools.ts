import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'

/** The programs that the network is made of, and the Debian package of each. */
const packages: Readonly<Record<string, string>> = {
  'redis-server': 'redis-server',
  ip: 'iproute2',
  unshare: 'util-linux',
  nsenter: 'util-linux',
}

/** Where programs are looked for. Not everybody's path has the folders of the administrator, where `ip` may be. */
export const searchPath: string = [process.env.PATH ?? '', '/usr/sbin', '/sbin'].join(delimiter)

const installTimeout = 5 * 60_000
const execute = promisify(execFile)

/** Installs what is not here yet. Throws with the reason where that cannot be done. */
export async function installTools(log: (line: string) => void): Promise<void> {
  const missing = Object.keys(packages).filter(tool => !isInstalled(tool))
  if (missing.length === 0) return
  const wanted = [...new Set(missing.map(tool => packages[tool]!))]
  const command = `apt-get install --no-install-recommends ${wanted.join(' ')}`
  if (process.getuid?.() !== 0 || !isInstalled('apt-get')) {
    throw new Error(`${missing.join(', ')} not found; as root of a Debian: ${command}`)
  }
  log(`${missing.join(', ')} not found. Installing: ${command}`)
  await apt('update', '-qq')
  await apt('install', '-qq', '--yes', '--no-install-recommends', ...wanted)
}

async function apt(...args: string[]): Promise<void> {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  await execute('apt-get', args, { env, timeout: installTimeout }).catch((error: Error) => {
    throw new Error(`apt-get ${args[0]} failed: ${error.message.trim().split('\n').at(-1)}`)
  })
}

function isInstalled(tool: string): boolean {
  return searchPath.split(delimiter).some(folder => existsSync(join(folder, tool)))
}
