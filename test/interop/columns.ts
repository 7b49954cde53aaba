import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { NotOffered, NotRun, type Program } from './peer.ts'

/** An implementation to test against: how it is built, and what its programs are called then. */
export interface Column {
  name: string
  /** The tool without which nothing can be built, and the arguments that make it tell its version. */
  tool: readonly [command: string, ...args: string[]]
  /** Builds what is not built yet. Rejects with the last lines of the tool that failed. */
  build(): Promise<void>
  peer: Program
  /** The implementation's chat example as it stands, or why there is none to run. */
  chat: Chat | NotOffered | NotRun
  /** The same rebuilt on its library, where that is of use. */
  rebuiltChat?: Chat
}

/** A chat program, as listener on any port and as dialer. */
export interface Chat {
  listen(): Program
  dial(address: string): Program
}

const here = resolve('test', 'interop')

/** Where builds are kept between runs. */
const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'parley-interop')

/** How long one build step may take, in milliseconds. */
const buildTimeout = 20 * 60_000

/** parley's own program. */
export const cli = resolve('dist', 'cli.js')

const goFolder = join(cache, 'go')
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
  {
    name: 'parley',
    tool: ['node', '--version'],
    build: async () => {},
    peer: parley,
    chat: chat(process.execPath, [cli, '--ephemeral'], ['--port', '0'], '--dial'),
  },
  {
    name: 'go',
    tool: ['go', 'version'],
    async build() {
      await run(
        'go',
        ['build', '-trimpath', '-o', `${goFolder}/`, '.', './chat', './participant'],
        join(here, 'go'),
      )
      this.chat = await installGoChat()
    },
    peer: { command: join(goFolder, 'interop'), args: [] },
    chat: new NotRun('it was not built'),
    rebuiltChat: goChat(join(goFolder, 'chat')),
  },
  {
    name: 'js',
    tool: ['npm', '--version'],
    build: () =>
      once(join(javascript, 'node_modules'), join(javascript, 'package-lock.json'), async () => {
        await run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], javascript)
      }),
    peer: { command: process.execPath, args: [...polyfilled, join(javascript, 'peer.mjs')] },
    chat: new NotOffered('the example of js-libp2p finds its peers by mDNS alone; it is rebuilt below'),
    rebuiltChat: chat(process.execPath, [...polyfilled, join(javascript, 'chat.mjs')], [], '--dial'),
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
    chat: new NotOffered('rust-libp2p has no example with this protocol'),
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

function chat(command: string, args: string[], listen: string[], dial: string): Chat {
  return {
    listen: () => ({ command, args: [...args, ...listen] }),
    dial: address => ({ command, args: [...args, dial, address] }),
  }
}

function goChat(command: string): Chat {
  return chat(command, [], ['-sp', '0'], '-d')
}

/**
 * go-libp2p's examples/chat, built by its path, at the commit of v0.48.0: its module has no tags, and not every module
 * proxy serves it. PARLEY_GO_CHAT names a binary that was built otherwise.
 */
async function installGoChat(): Promise<Chat | NotRun> {
  const own = process.env.PARLEY_GO_CHAT
  if (own) return goChat(resolve(own))
  const module = 'github.com/libp2p/go-libp2p/examples/chat@v0.0.0-20260317215846-062200be7aa1'
  try {
    await run('go', ['install', '-trimpath', module], here, { GOBIN: join(goFolder, 'example') })
    return goChat(join(goFolder, 'example', 'chat'))
  } catch {
    return new NotRun(
      'the Go module proxy does not serve github.com/libp2p/go-libp2p/examples; PARLEY_GO_CHAT may name its chat',
    )
  }
}

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
