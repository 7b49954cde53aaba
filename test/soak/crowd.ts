/** The process of all the others: `crowd.js <address of the host under test> <seed>`. */
import { setTimeout } from 'node:timers/promises'
import { createHost, type Host, ParleyError } from '#src/index'
import { randomNumbers } from '../support/feed.ts'
import { keyOf } from '../support/net.ts'
import { below, choose, streamActs } from './acts.ts'
import { connectionActs } from './churn.ts'
import { type Answer, fault, obey, restlessHosts, say, steadyHosts, type Tally } from './messages.ts'

/** What goes on at once: on each steady host, on each restless one, and with connections. */
const lanes = { steady: 32, restless: 4, connections: 4 }

const [target = '', seed = '1'] = process.argv.slice(2)
const tally: Tally = { streams: 0, connections: 0, acts: {}, errors: {} }
const steady = await makeHosts(1, steadyHosts)
const restless = await makeHosts(1 + steadyHosts, restlessHosts)
let numbers = Number(seed) * 1_000
let running = false
/** What the lanes do until the next rest. */
let lives: Promise<void>[] = []

obey({ rest, go, stop })
say({ kind: 'ready', address: '' })

function makeHosts(first: number, count: number): Promise<Host[]> {
  return Promise.all(Array.from({ length: count }, (_, i) => createHost({ identity: keyOf(first + i) })))
}

async function go(): Promise<Answer> {
  running = true
  lives = [
    ...steady.flatMap(host => repeat(lanes.steady, random => onStream(host, random, false))),
    ...restless.flatMap(host => repeat(lanes.restless, random => onStream(host, random, true))),
    ...repeat(lanes.connections, onConnection),
  ]
  return { kind: 'tally', tally }
}

/** Waits for what is under way; at the end exactly our own hosts are connected. */
async function rest(): Promise<Answer> {
  running = false
  await Promise.all(lives)
  for (const host of [...steady, ...restless]) await host.dial(target)
  return { kind: 'tally', tally }
}

async function stop(): Promise<Answer> {
  await Promise.all([...steady, ...restless].map(host => host.stop()))
  for (const host of [...steady, ...restless]) {
    const usage = host.usage()
    const isNothing = Object.values(usage).every(value => value === 0)
    if (!isNothing) fault(new Error(`A host that has stopped uses ${JSON.stringify(usage)}.`))
  }
  return { kind: 'tally', tally }
}

/** Some lanes, each with numbers of its own: what a lane does is the same for the same seed. */
function repeat(count: number, step: (random: () => number) => Promise<void>): Promise<void>[] {
  return Array.from({ length: count }, async () => {
    const random = randomNumbers(numbers++)
    while (running) await step(random)
  })
}

async function onStream(host: Host, random: () => number, mayFail: boolean): Promise<void> {
  const { name, play } = choose(streamActs, random)
  tally.streams++
  await watch(name, mayFail, play({ host, target, random }))
}

async function onConnection(random: () => number): Promise<void> {
  const { name, play, mayFail = false } = choose(connectionActs, random)
  const place = { host: steady[0]!, target, random, restless, counted: () => tally.connections++ }
  await watch(name, mayFail, play(place))
  await setTimeout(below(20, random))
}

async function watch(name: string, mayFail: boolean, played: Promise<void>): Promise<void> {
  tally.acts[name] = (tally.acts[name] ?? 0) + 1
  try {
    await played
  } catch (error) {
    if (!mayFail || !(error instanceof ParleyError)) return fault(explain(name, error))
    const key = `${name}: ${error.code}`
    tally.errors[key] = (tally.errors[key] ?? 0) + 1
  }
}

function explain(name: string, error: unknown): Error {
  return new Error(`${name}: ${error instanceof Error ? error.stack : String(error)}`)
}
