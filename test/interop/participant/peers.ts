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
const folder = fileURLToPath(new URL('../../../test/interop', import.meta.url))
const cache = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'parley-interop')

/** Builds the participants on the other implementations, as far as this machine has the toolchains. */
export async function findPeers(log: (line: string) => void): Promise<Peer[]> {
  const go = join(cache, 'go-participant')
  const target = process.env['CARGO_TARGET_DIR'] || join(cache, 'rust')
  return [
    await build(log, 'go-libp2p', ['go', 'build', '-trimpath', '-o', go, './participant'], go),
    await build(
      log,
      'rust-libp2p',
      ['cargo', 'build', '--release', '--locked', '--bin', 'participant', '--target-dir', target],
      resolve(target, 'release', 'participant'),
    ),
  ]
}

async function build(log: (line: string) => void, name: string, words: string[], command: string): Promise<Peer> {
  const [tool, ...args] = words as [string, ...string[]]
  const cwd = join(folder, tool === 'cargo' ? 'rust' : tool)
  log(`Building the participant on ${name}: ${words.join(' ')}`)
  try {
    await execute(tool, args, { cwd, timeout: buildTimeout })
    return { name, command, args: [] }
  } catch (error) {
    return { name, missing: `it cannot be built here: ${lastLine((error as Error).message)}` }
  }
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1)!
}
