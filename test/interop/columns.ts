import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import type { Program } from './peer.ts'

/** An implementation to test against: how it is built, and what its programs are called then. */
export interface Column {
  name: string
  /** The tool without which nothing can be built, and the arguments that make it tell its version. */
  tool: readonly [command: string, ...args: string[]]
  /** Builds what is not built yet. Rejects with the last lines of the tool that failed. */
  build(): Promise<void>
  peer: Program
  /** The implementation's own chat, where it has one: as listener on any port, and as dialer. */
  chat?: { listen(): Program; dial(address: string): Program }
}

const here = resolve('test', 'interop')

/** Where builds are kept between runs. */
const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'parley-interop')

/** How long one build step may take, in milliseconds. */
const buildTimeout = 20 * 60_000

const javascript = join(here, 'js')
const polyfilled = ['--import', join(javascript, 'polyfill.mjs')]
const rust = join(cache, 'rust')
const venv = join(cache, 'python')
const inVenv = (program: string) => join(venv, 'bin', program)

/** parley's own program, which is one end of every cell. */
export const parley: Program = {
  command: process.execPath,
  args: [resolve('build', 'test', 'interop', 'parley', 'peer.js')],
}

/** All implementations, in the order of the table. parley against itself comes first, to tell our faults from theirs. */
export const columns: readonly Column[] = [
  { name: 'parley', tool: ['node', '--version'], build: async () => {}, peer: parley },
  {
    name: 'go',
    tool: ['go', 'version'],
    build: async () => {
      await run('go', ['build', '-trimpath', '-o', join(cache, 'go', 'peer'), '.'], join(here, 'go'))
      await run('go', ['build', '-trimpath', '-o', join(cache, 'go', 'chat'), goChat], join(here, 'go'))
    },
    peer: { command: join(cache, 'go', 'peer'), args: [] },
    chat: chat(join(cache, 'go', 'chat'), [], ['-sp', '0'], '-d'),
  },
  {
    name: 'js',
    tool: ['npm', '--version'],
    build: () =>
      once(join(javascript, 'node_modules'), join(javascript, 'package-lock.json'), async () => {
        await run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], javascript)
      }),
    peer: { command: process.execPath, args: [...polyfilled, join(javascript, 'peer.mjs')] },
    chat: chat(process.execPath, [...polyfilled, join(javascript, 'chat.mjs')], [], '--dial'),
  },
  {
    name: 'rust',
    tool: ['cargo', '--version'],
    build: async () => {
      const jobs = String(availableParallelism())
      await run('cargo', ['build', '--release', '--locked', '--jobs', jobs], join(here, 'rust'), {
        CARGO_TARGET_DIR: rust,
      })
    },
    peer: { command: join(rust, 'release', 'interop-rust'), args: [] },
  },
  {
    name: 'python',
    tool: ['python3', '--version'],
    build: () =>
      once(venv, join(here, 'python', 'requirements.txt'), async () => {
        await run('python3', ['-m', 'venv', '--clear', venv], here)
        const install = ['install', '--quiet', '--require-hashes', '--requirement', 'requirements.txt']
        await run(inVenv('pip'), install, join(here, 'python'))
      }),
    peer: { command: inVenv('python'), args: [join(here, 'python', 'peer.py')] },
    chat: chat(inVenv('chat-demo'), [], ['-p', '0'], '-d'),
  },
]

function chat(command: string, args: string[], listen: string[], dial: string): NonNullable<Column['chat']> {
  return {
    listen: () => ({ command, args: [...args, ...listen] }),
    dial: address => ({ command, args: [...args, dial, address] }),
  }
}

/** go-libp2p's own example, by its path. */
const goChat = 'github.com/libp2p/go-libp2p/examples/chat'

/** Why a column cannot be built here; undefined when it can. */
export async function missingTool({ tool: [command, ...args] }: Column): Promise<string | undefined> {
  try {
    await run(command, args, here)
    return undefined
  } catch {
    return `${command} is not installed`
  }
}

/** Installs into a folder unless that was done for the very same lock file before. */
async function once(folder: string, lockFile: string, install: () => Promise<void>): Promise<void> {
  const stamp = join(folder, '.installed')
  const wanted = createHash('sha256').update(readFileSync(lockFile)).digest('hex')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return
  rmSync(stamp, { force: true })
  mkdirSync(folder, { recursive: true })
  await install()
  writeFileSync(stamp, wanted)
}

async function run(command: string, args: string[], cwd: string, env: NodeJS.ProcessEnv = {}): Promise<void> {
  const options = { cwd, env: { ...process.env, ...env }, timeout: buildTimeout, maxBuffer: 1 << 26 }
  try {
    await promisify(execFile)(command, args, options)
  } catch (error) {
    const { stderr = '' } = error as { stderr?: string }
    throw new Error(`${command} ${args[0] ?? ''} failed: ${stderr.trim().split('\n').slice(-5).join(' | ')}`)
  }
}
