/** Starts the processes of a soak, lets them rest now and then to look at the host under test, and collects what it sees. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout } from 'node:timers/promises'
import { type Answer, lullInterval, type Order, type Report, restlessHosts, steadyHosts } from './messages.ts'
import type { Course, Look } from './verdict.ts'

/** How long a soak lasts, and by which numbers. */
export interface SoakOptions {
  minutes: number
  seed: number
  /** Megabytes per hour that are leaked on purpose. */
  leak: number
  /** Told of each lull. */
  looked(look: Look): void
}

/** Far more than any answer takes, in milliseconds. */
const patience = 60_000

/** Runs a whole soak. */
export async function soak({ minutes, seed, leak, looked }: SoakOptions): Promise<Course> {
  const faults: string[] = []
  const subject = new Process('subject', [String(leak)], faults)
  const { address } = await subject.next('ready')
  const crowd = new Process('crowd', [address, String(seed)], faults)
  await crowd.next('ready')
  const looks = await perform(subject, crowd, minutes * 60, looked)
  await crowd.ask('stop', 'tally')
  const { sample: end } = await subject.ask('stop', 'sample')
  await Promise.all([crowd.leave(), subject.leave()])
  return { looks, end, faults, standing: steadyHosts + restlessHosts }
}

async function perform(
  subject: Process,
  crowd: Process,
  seconds: number,
  looked: (look: Look) => void,
): Promise<Look[]> {
  const looks: Look[] = []
  const start = performance.now()
  const time = () => (performance.now() - start) / 1_000
  while (time() < seconds) {
    await crowd.ask('go', 'tally')
    await setTimeout(1_000 * Math.min(lullInterval, Math.max(1, seconds - time())))
    const { tally } = await crowd.ask('rest', 'tally')
    const { sample } = await subject.ask('sample', 'sample')
    const look = { ...sample, time: time(), tally }
    looks.push(look)
    looked(look)
  }
  return looks
}

type Kind = Answer['kind']

/** One of the processes. */
class Process {
  readonly #child: ChildProcess
  readonly #name: string
  readonly #faults: string[]
  #leaving = false
  #waiting: { resolve: (answer: Answer) => void; reject: (error: Error) => void } | undefined

  constructor(name: string, args: readonly string[], faults: string[]) {
    this.#name = name
    this.#faults = faults
    this.#child = fork(new URL(`./${name}.js`, import.meta.url), args, { execArgv: ['--expose-gc'] })
    this.#child.on('message', (report: Report) => this.#hear(report))
    this.#child.on('exit', (code, signal) => this.#gone(`${code ?? signal}`))
  }

  ask<K extends Kind>(order: Order, kind: K): Promise<Extract<Answer, { kind: K }>> {
    this.#child.send(order)
    return this.next(kind)
  }

  /** The next answer. Rejects when the process is gone, or has not answered for a minute. */
  async next<K extends Kind>(kind: K): Promise<Extract<Answer, { kind: K }>> {
    const timeout = new AbortController()
    const late = setTimeout(patience, undefined, { signal: timeout.signal }).then(() => {
      throw new Error(`The ${this.#name} does not answer. ${this.#faults.join('\n')}`)
    })
    const answer = new Promise<Answer>((resolve, reject) => {
      this.#waiting = { resolve, reject }
    })
    try {
      const given = await Promise.race([answer, late])
      if (given.kind !== kind) throw new Error(`The ${this.#name} answers ${given.kind} instead of ${kind}.`)
      return given as Extract<Answer, { kind: K }>
    } finally {
      timeout.abort()
      late.catch(() => {})
    }
  }

  /** Nothing may keep it from ending. */
  async leave(): Promise<void> {
    this.#leaving = true
    this.#child.disconnect()
    await once(this.#child, 'exit')
  }

  #hear(report: Report): void {
    if (report.kind === 'fault') this.#faults.push(`${this.#name}: ${report.text}`)
    else this.#waiting?.resolve(report)
  }

  #gone(how: string): void {
    if (this.#leaving) return
    this.#waiting?.reject(new Error(`The ${this.#name} ended with ${how}. ${this.#faults.join('\n')}`))
  }
}
