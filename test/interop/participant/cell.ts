import { createHash } from 'node:crypto'
import type { Dialect, Role } from './environment.ts'
import type { Network, Program } from './network.ts'
import { readTimings, type Timings } from './report.ts'
import type { Running } from './running.ts'

/** One test, or the reason why it cannot be run here. */
export type Test = { name: string; dialer: string; listener: string } & (TestRun | { missing: string })

interface TestRun {
  /** Throws with the reason when the test has failed. */
  run(network: Network, signal: AbortSignal): Promise<Timings | undefined>
}

/** Who plays which part, in which suite's manner. */
export interface Cell {
  name: string
  dialect: Dialect
  dialer: Program
  listener: Program
  /** How long the programs are told that they have, in seconds. */
  timeout?: number
}

const defaultTimeout = 20

/** How much longer they may take until they are stopped, in milliseconds. */
const patience = 10_000

/** Runs a dialer against a listener and reads what the dialer printed. Throws when the test has failed, with the reason. */
export async function runCell(network: Network, cell: Cell, signal: AbortSignal): Promise<Timings> {
  const over = limit(cell, signal)
  await forgetAll(network, over)
  const listener = network.start(cell.listener, 'listener', environment(network, cell, 'listener'))
  const dialer = network.start(cell.dialer, 'dialer', environment(network, cell, 'dialer'))
  try {
    const code = await dialerEnd(dialer, listener, over)
    if (code !== 0) throw new Error(`the dialer ended with ${code}: ${dialer.lastWords}`)
    const timings = readTimings(cell.dialect, dialer.stdout)
    if (!(await listener.stop())) throw new Error('the listener did not end when it was asked to')
    if (listener.stdout !== '')
      throw new Error(`the listener wrote on stdout: ${JSON.stringify(listener.stdout)}`)
    return timings
  } finally {
    await Promise.all([dialer.kill(), listener.kill()])
  }
}

async function forgetAll(network: Network, signal: AbortSignal): Promise<void> {
  const redis = await network.connectRedis(signal)
  await redis.command('FLUSHDB')
  redis.close()
}

/** Ends when the programs have had their time, or the signal fires. */
export function limit({ timeout = defaultTimeout }: Pick<Cell, 'timeout'>, signal: AbortSignal): AbortSignal {
  return AbortSignal.any([signal, AbortSignal.timeout(timeout * 1_000 + patience)])
}

/** What that suite gives its programs. */
export function environment(
  { redisAddress }: Network,
  { dialect, name, timeout = defaultTimeout }: Omit<Cell, 'dialer' | 'listener'>,
  role: Role,
): Record<string, string> {
  const isDialer = String(role === 'dialer')
  return dialect === 'test-plans'
    ? {
        transport: 'tcp',
        security: 'noise',
        muxer: 'yamux',
        is_dialer: isDialer,
        ip: '0.0.0.0',
        redis_addr: redisAddress,
        test_timeout_seconds: String(timeout),
      }
    : {
        IS_DIALER: isDialer,
        REDIS_ADDR: redisAddress,
        TEST_KEY: createHash('sha256').update(name).digest('hex').slice(0, 8),
        TRANSPORT: 'tcp',
        LISTENER_IP: '0.0.0.0',
        DEBUG: 'false',
        SECURE_CHANNEL: 'noise',
        MUXER: 'yamux',
        TEST_TIMEOUT_SECS: String(timeout),
      }
}

/** The dialer's exit code. As with containers, it is all over when the listener ends first. */
function dialerEnd(dialer: Running, listener: Running, signal: AbortSignal): Promise<number> {
  const listenerFirst = listener.ended.then(code => {
    throw new Error(`the listener ended first, with ${code}: ${listener.lastWords}`)
  })
  return Promise.race([dialer.end(signal), listenerFirst])
}
