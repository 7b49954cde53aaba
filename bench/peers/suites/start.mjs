/** From the start of a process to a peer that listens; beside it a process that does nothing. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const local = path => fileURLToPath(new URL(path, import.meta.url))

/** A node's address, which is printed when it listens. */
const address = /\/tcp\/\d+\/p2p\//

const programs = {
  parley: { args: [local('../../../dist/cli.js'), '--port', '0'], shows: address },
  'js-libp2p': {
    args: ['--import', local('../polyfill.mjs'), local('../listen-js-libp2p.mjs')],
    shows: address,
  },
  'node -e 0': { args: ['-e', '0'], shows: undefined },
}

export const cases = () =>
  Object.entries(programs).map(([subject, program]) => ({
    bench: 'start to listening',
    subject,
    round: async () => ({ ms: await start(program) }),
  }))

async function start({ args, shows }) {
  const begin = performance.now()
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  const exited = once(child, 'exit')
  try {
    await (shows ? seen(child, shows) : exited)
    return performance.now() - begin
  } finally {
    child.kill()
    await exited
  }
}

/** On either output. */
function seen(child, what) {
  let text = ''
  return new Promise((resolve, reject) => {
    const look = piece => {
      text += piece
      if (what.test(text)) resolve(undefined)
    }
    for (const output of [child.stdout, child.stderr]) output.on('data', look)
    child.on('close', () => reject(new Error(`A program ended before it listened; it said: ${text}`)))
  })
}
