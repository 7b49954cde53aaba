import { execFile } from 'node:child_process'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Program } from './network.ts'

/** A participant on an implementation, or the reason why there is none here. */
export type Peer = { name: string } & (Program | { missing: string })

/** parley as a participant: what the entry of the image runs. */
export const parley: { name: string } & Program = {
  name: 'parley',
  command: process.execPath,
  args: [fileURLToPath(new URL('participant.js', import.meta.url))],
}

/** Whether a peer cannot be had here. */
export function isMissing(peer: Peer): peer is { name: string; missing: string } {
  return 'missing' in peer
}

const execute = promisify(execFile)
const buildTimeout = 30 * 60_000

/** Where builds are kept between runs. */
const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'parley-interop')

type Log = (line: string) => void

/** Builds the participants on the other implementations, as far as this machine has the toolchains. */
export async function findPeers(log: Log): Promise<Peer[]> {
  const go = join(cache, 'go', 'participant')
  const rust = join(cache, 'rust')
  const cargo = ['build', '--release', '--locked', '--bin', 'participant', '--target-dir', rust]
  return [
    await build(log, 'go', ['go', 'build', '-trimpath', '-o', go, './participant'], go),
    await build(log, 'rust', ['cargo', ...cargo], join(rust, 'release', 'participant')),
  ]
}

async function build(log: Log, name: string, words: string[], command: string): Promise<Peer> {
  const [tool, ...args] = words as [string, ...string[]]
  log(`building ${name}: ${words.join(' ')}`)
  try {
    await execute(tool, args, { cwd: resolve('test', 'interop', name), timeout: buildTimeout })
    return { name, command, args: [] }
  } catch (error) {
    return { name, missing: `it cannot be built here: ${lastLine((error as Error).message)}` }
  }
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1)!
}
