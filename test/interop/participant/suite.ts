/**
 * Runs what libp2p/test-plans and libp2p/unified-testing run, without containers: a listener and a dialer that know each
 * other by Redis alone, in a network of their own, with the environment of each suite.
 *
 *     node build/test/interop/participant/suite.js
 */
import { pathToFileURL } from 'node:url'
import { runCell, type Test } from './cell.ts'
import { controls } from './controls.ts'
import { type Dialect, dialects } from './environment.ts'
import { Network, type Program } from './network.ts'
import { findPeers, isMissing, type Peer, parley } from './peers.ts'
import type { Timings } from './report.ts'
import { installTools } from './tools.ts'

/** How a cell went. */
export interface Result {
  name: string
  dialer: string
  listener: string
  status: 'pass' | 'fail' | 'not run'
  why?: string
  figures?: Timings
}

/** What to run, and who hears of it. */
export interface SuiteOptions {
  peers: readonly Peer[]
  /** Ends the suite early; everything is taken down all the same. */
  signal?: AbortSignal
  /** Hears what is being installed, and each result as it comes. */
  log?: (line: string) => void
}

/** Runs parley with itself and with each peer, both ways, in the manner of both suites; then what must fail. */
export async function runSuite({ peers, signal, log = () => {} }: SuiteOptions): Promise<Result[]> {
  const stop = signal ?? new AbortController().signal
  const tests = dialects.flatMap(dialect => [...cells(dialect, peers), ...controls(dialect)])
  const network = await openNetwork(log)
  try {
    const results: Result[] = []
    for (const test of tests) {
      const result = await runTest(test, network, stop)
      log(describe(result))
      results.push(result)
    }
    return results
  } finally {
    if (network instanceof Network) await network.close()
  }
}

function cells(dialect: Dialect, peers: readonly Peer[]): Test[] {
  const pairs: [Peer, Peer][] = [[parley, parley]]
  for (const peer of peers) pairs.push([parley, peer], [peer, parley])
  return pairs.map(([dialer, listener]) => pairTest(dialect, dialer, listener))
}

function pairTest(dialect: Dialect, dialer: Peer, listener: Peer): Test {
  const name = `${dialer.name} x ${listener.name} (tcp, noise, yamux) ${dialect}`
  const names = { name, dialer: dialer.name, listener: listener.name }
  for (const side of [dialer, listener]) if (isMissing(side)) return { ...names, missing: side.missing }
  const cell = { name, dialect, dialer: dialer as Program, listener: listener as Program }
  return { ...names, run: (network, signal) => runCell(network, cell, signal) }
}

/** The network, or the reason why there is none. */
async function openNetwork(log: (line: string) => void): Promise<Network | string> {
  try {
    await installTools(log)
    return await Network.open()
  } catch (error) {
    return (error as Error).message
  }
}

async function runTest(test: Test, network: Network | string, signal: AbortSignal): Promise<Result> {
  const { name, dialer, listener } = test
  const names = { name, dialer, listener }
  if ('missing' in test) return { ...names, status: 'not run', why: test.missing }
  if (typeof network === 'string') return { ...names, status: 'not run', why: network }
  if (signal.aborted) return { ...names, status: 'not run', why: 'the suite was stopped' }
  try {
    const figures = await test.run(network, signal)
    return { ...names, status: 'pass', ...(figures && { figures }) }
  } catch (error) {
    return { ...names, status: signal.aborted ? 'not run' : 'fail', why: (error as Error).message }
  }
}

function describe({ name, status, why, figures }: Result): string {
  const took = figures && `${figures.handshakePlusOneRtt.toFixed(1)} ms, ping ${figures.ping.toFixed(1)} ms`
  return [status.padEnd(8), name, why ?? took].filter(Boolean).join('  ')
}

async function main(): Promise<void> {
  const stop = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => stop.abort())
  const results = await runSuite({
    peers: await findPeers(console.log),
    signal: stop.signal,
    log: console.log,
  })
  const counts = (['pass', 'fail', 'not run'] as const).map(
    status => `${results.filter(result => result.status === status).length} ${status}`,
  )
  console.log(counts.join(', '))
  process.exitCode = stop.signal.aborted ? 130 : results.some(({ status }) => status === 'fail') ? 1 : 0
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await main()
