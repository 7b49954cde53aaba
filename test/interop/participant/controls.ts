import { fileURLToPath } from 'node:url'
import { type Cell, environment, limit, runCell, type Test } from './cell.ts'
import { type Dialect, type Role, readEnvironment } from './environment.ts'
import { address, type Program } from './network.ts'
import { parley } from './peers.ts'
import type { Redis } from './redis.ts'
import { formatTimings, readTimings, type Timings } from './report.ts'
import type { Running } from './running.ts'

/** Shows that a cell fails when one side is at fault, and what parley does alone: refuses, gives up, takes what it is given. */
export function controls(dialect: Dialect): Test[] {
  return [...faults(dialect), ...refusals(dialect), loneListener(dialect), plainValue(dialect)]
}

function faults(dialect: Dialect): Test[] {
  const good = formatTimings(dialect, { handshakePlusOneRtt: 2, ping: 1 })
  const print = (text: string, code = 0) => ({ dialer: script(`printf '%s' '${text}'; exit ${code}`) })
  const listen = (listener: Program) => ({ listener, timeout: 3 })
  const garbage = { command: process.execPath, args: [fileURLToPath(new URL('garbage.js', import.meta.url))] }
  const faulty: [string, Partial<Cell>, RegExp][] = [
    [
      'a listener that never publishes',
      listen(script('exec sleep 60')),
      /^the dialer ended with 1: Not done within 3 s: Redis had no answer/,
    ],
    ['a listener that ends', listen(script('exit 3')), /^the listener ended first, with 3/],
    ['a listener that answers garbage', listen(garbage), /^the dialer ended with 1: A frame/],
    ['a dialer that prints garbage', print('latency: soon\n'), /^stdout is not one result/],
    ['a dialer that logs on stdout', print(`hello\n${good}`), /^stdout is not one result/],
    ['a dialer that prints two results', print(good + good), /^stdout is not one result/],
    ['a dialer that prints nothing', print(''), /^stdout is not one result/],
    ['a dialer that prints a result and fails', print(good, 1), /^the dialer ended with 1/],
  ]
  return faulty.map(([fault, sides, reason]) => mustFail(dialect, fault, sides, reason))
}

function script(text: string): Program {
  return { command: 'sh', args: ['-c', text] }
}

function mustFail(dialect: Dialect, fault: string, sides: Partial<Cell>, reason: RegExp): Test {
  const name = `${fault} must fail, ${dialect}`
  return {
    name,
    dialer: sides.dialer ? 'fake' : 'parley',
    listener: sides.listener ? 'fake' : 'parley',
    async run(network, signal) {
      const cell = { name, dialect, dialer: parley, listener: parley, ...sides }
      const outcome = await runCell(network, cell, signal).then(
        () => 'it passed',
        (error: Error) => error.message,
      )
      if (!reason.test(outcome)) throw new Error(`expected ${String(reason)}, but: ${outcome}`)
      return undefined
    },
  }
}

/** Combinations that parley does not speak: one sentence on stderr, nothing on stdout. */
function refusals(dialect: Dialect): Test[] {
  const foreign =
    dialect === 'test-plans'
      ? { transport: 'quic-v1', security: 'tls', muxer: 'mplex' }
      : { TRANSPORT: 'ws', SECURE_CHANNEL: 'tls', MUXER: 'mplex' }
  return Object.entries(foreign).map(([variable, value]) =>
    alone(dialect, `parley refuses ${variable}=${value}`, async lab => {
      await lab.expect(lab.start('dialer', { [variable]: value }), 2, /^parley speaks [^\n]*\n$/)
      return undefined
    }),
  )
}

/** A listener that nobody stops ends by itself when its time is up, and has failed. */
function loneListener(dialect: Dialect): Test {
  return alone(dialect, 'parley gives up as a listener', async lab => {
    await lab.expect(lab.start('listener'), 1, /Nobody stopped the listener/)
    return undefined
  })
}

/** One guide has the listener set a plain value, though the programs push on a list: parley dials either. */
function plainValue(dialect: Dialect): Test {
  return alone(dialect, 'parley dials an address that was set', async lab => {
    lab.start('listener')
    const published = await lab.redis.take(lab.key)
    if (!published.startsWith(`/ip4/${address}/tcp/`)) throw new Error(`the listener published ${published}`)
    await lab.redis.command('SET', lab.key, published)
    const dialer = lab.start('dialer')
    await lab.expect(dialer, 0, /dials/)
    return readTimings(dialect, dialer.stdout)
  })
}

interface Lab {
  /** A connection that ends with the test. */
  redis: Redis
  /** The Redis key of this test. */
  key: string
  /** Starts parley in that part. */
  start(role: Role, changes?: Record<string, string>): Running
  /** Waits for its end, with that code and those words on stderr, and nothing on stdout unless it has passed. */
  expect(program: Running, code: number, words: RegExp): Promise<void>
}

/** A test of parley without a counterpart. */
function alone(dialect: Dialect, what: string, run: (lab: Lab) => Promise<Timings | undefined>): Test {
  const cell = { name: `${what}, ${dialect}`, dialect, timeout: 3 }
  return {
    name: cell.name,
    dialer: 'parley',
    listener: 'parley',
    async run(network, signal) {
      const started: Running[] = []
      const environmentOf = (role: Role) => environment(network, cell, role)
      const over = limit(cell, signal)
      const redis = await network.connectRedis(over)
      await redis.command('FLUSHDB')
      try {
        return await run({
          redis,
          key: readEnvironment(environmentOf('listener')).key,
          start: (role, changes) => {
            const program = network.start(parley, role, { ...environmentOf(role), ...changes })
            started.push(program)
            return program
          },
          expect: async (program, code, words) => expectEnd(program, await program.end(over), code, words),
        })
      } finally {
        redis.close()
        await Promise.all(started.map(program => program.kill()))
      }
    },
  }
}

function expectEnd({ stdout, stderr }: Running, code: number, wanted: number, words: RegExp): void {
  const isRight = code === wanted && words.test(stderr) && (code === 0 || stdout === '')
  if (!isRight)
    throw new Error(
      `expected ${wanted} and ${String(words)}, but: ${code}, ${JSON.stringify({ stdout, stderr })}`,
    )
}
