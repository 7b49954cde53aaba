import { fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'

/** No task takes nearly as long, in milliseconds; the longest makes 10,000 connections. */
const taskTimeout = 300_000

/** One of a contender's two processes. */
class End {
  #child

  constructor(contender, options) {
    const { nodeFlags = [], ...own } = options
    const flags = [
      ...(contender === 'js-libp2p' ? ['--import', new URL('polyfill.mjs', import.meta.url).href] : []),
      ...(contender === 'parley portable' ? ['--conditions=portable'] : []),
      ...nodeFlags,
    ]
    const program = new URL('end.mjs', import.meta.url)
    this.#child = fork(program, [contender, JSON.stringify(own)], {
      execArgv: [...process.execArgv, ...flags],
    })
  }

  /** @param {string} task @param {object} [parameters] */
  async ask(task, parameters = {}) {
    if (!this.#child.connected) throw new Error(`The process that should do "${task}" is gone.`)
    const over = new AbortController()
    const { signal } = over
    const outcomes = [
      once(this.#child, 'message', { signal }).then(([message]) => message),
      once(this.#child, 'exit', { signal }).then(() => ({
        error: `The process ended before "${task}" was done.`,
      })),
      delay(taskTimeout, { error: `"${task}" was not done in time.` }, { signal }),
    ]
    this.#child.send({ task, parameters })
    const { answer, error } = await Promise.race(outcomes)
    over.abort()
    await Promise.allSettled(outcomes)
    if (error) throw new Error(error)
    return answer
  }

  async stop() {
    if (!this.#child.connected) return
    const exited = once(this.#child, 'exit')
    this.#child.disconnect()
    await exited
  }
}

/** A contender at both ends: one process listens, the other dials. */
export class Pair {
  #listener
  #dialler
  addresses

  /** @param {string} contender @param {import('./contender.mjs').Options & { nodeFlags?: string[] }} [options] */
  static async start(contender, options = {}) {
    const pair = new Pair(contender, options)
    try {
      pair.addresses = await pair.#listener.ask('listen')
      return pair
    } catch (error) {
      await pair.stop()
      throw error
    }
  }

  constructor(contender, options) {
    this.#listener = new End(contender, options)
    this.#dialler = new End(contender, options)
  }

  /** Has the dialling end do something. */
  do(task, parameters = {}) {
    return this.#dialler.ask(task, { addresses: this.addresses, ...parameters })
  }

  /** As \`do\`, of what is counted: how much of it a second. */
  async perSecond(task, parameters = {}) {
    const { done, seconds } = await this.do(task, parameters)
    return done / seconds
  }

  /** What the listening process has used so far. */
  listenerUsage() {
    return this.#listener.ask('usage')
  }

  /** Seconds of processors that both have used so far. */
  async cpu() {
    const usages = await Promise.all([this.#listener.ask('usage'), this.#dialler.ask('usage')])
    return usages[0].cpu + usages[1].cpu
  }

  async stop() {
    await Promise.all([this.#listener.stop(), this.#dialler.stop()])
  }
}

/** The pairs of a run. Each is started when it is first needed, and then stands idle while the others have their turns. */
export class Pairs {
  /** @type {Map<string, Promise<Pair>>} */
  #pairs = new Map()

  /** @param {string} contender */
  of(contender) {
    const standing = this.#pairs.get(contender) ?? Pair.start(contender)
    this.#pairs.set(contender, standing)
    return standing
  }

  async stop() {
    const stopped = [...this.#pairs.values()].map(async pair => (await pair).stop())
    this.#pairs.clear()
    await Promise.allSettled(stopped)
  }
}
