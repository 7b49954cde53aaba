import type { Host } from '#src/host/host'
import { createHost } from '#src/host/host'
import type { Stream } from '#src/net/stream'
import { until } from '../support/net.ts'
import { pattern } from '../support/wire.ts'
import type { Fault } from './rules.ts'

const protocol = '/hostile/neighbour'
const interval = 50
const message = pattern(1000)

/** An honest peer on a session of its own, which has 1 kB echoed every 50 ms and takes down how long that takes. */
export class Neighbour {
  readonly #host: Host
  readonly #stream: Stream
  readonly #machine = new Machine()
  /** When each of the messages under way was due. */
  readonly #due: number[] = []
  #waits: number[] = []
  #received = 0
  #timer: NodeJS.Timeout | undefined
  #fault: Fault | undefined

  private constructor(host: Host, stream: Stream) {
    this.#host = host
    this.#stream = stream
    void this.#listen()
    this.#send(this.#machine.time())
  }

  /** Moves in beside whoever attacks that host. */
  static async of(host: Host): Promise<Neighbour> {
    host.handle(protocol, async stream => {
      for await (const chunk of stream) if (!stream.write(chunk)) await stream.drained()
    })
    const own = await createHost()
    const neighbour = new Neighbour(own, await own.open(host.addresses[0]!, protocol))
    await neighbour.hears()
    return neighbour
  }

  /** Settles at the next echo. */
  async hears(): Promise<void> {
    const before = this.#waits.length
    await until(() => this.#waits.length > before || this.#fault !== undefined, 'the neighbour hears an echo')
  }

  /** Forgets what was so far: the attack begins. */
  async begin(): Promise<void> {
    await this.hears()
    this.#waits = []
  }

  /** Runs a step of the measurement itself, which takes its time and is not held against anyone. */
  excuse<T>(step: () => T): T {
    return this.#machine.excuse(step)
  }

  /** What the neighbour complains of since `begin`, once its last message has come back. */
  async complaints(wait: number): Promise<Fault[]> {
    await this.hears()
    const slowest = percentile(this.#waits, 0.99)
    if (this.#fault) return [this.#fault]
    return slowest <= wait ? [] : [{ rule: 'R5', what: `the neighbour waited ${slowest.toFixed(0)} ms` }]
  }

  /** Moves out. */
  async leave(): Promise<void> {
    clearTimeout(this.#timer)
    this.#machine.stop()
    await this.#host.stop()
  }

  #send(due: number): void {
    this.#due.push(due)
    this.#stream.write(message)
    const now = this.#machine.time()
    const next = Math.max(due + interval, now)
    this.#timer = setTimeout(() => this.#send(next), next - now)
  }

  async #listen(): Promise<void> {
    try {
      for await (const chunk of this.#stream) this.#hear(chunk)
    } catch (error) {
      clearTimeout(this.#timer)
      this.#fault = { rule: 'R5', what: `the neighbour lost its stream: ${String(error)}` }
    }
  }

  #hear(chunk: Uint8Array): void {
    for (const byte of chunk) {
      const expected = message[this.#received % message.length]
      if (byte !== expected)
        this.#fault = { rule: 'R5', what: 'the neighbour heard other bytes than it sent' }
      this.#received++
      if (this.#received % message.length === 0) this.#waits.push(this.#machine.time() - this.#due.shift()!)
    }
  }
}

/**
 * A clock that stands still while other programs have the machine: while this one was due and used no processor. What the host
 * itself spends or lets wait counts in full.
 */
class Machine {
  #withheld = 0
  #last = performance.now()
  #spent = spentSoFar()
  readonly #timer = setInterval(() => this.#look(), tick)

  time(): number {
    this.#look()
    return performance.now() - this.#withheld
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  excuse<T>(step: () => T): T {
    this.#look()
    const before = this.#last
    const result = step()
    this.#last = performance.now()
    this.#spent = spentSoFar()
    this.#withheld += this.#last - before
    return result
  }

  #look(): void {
    const now = performance.now()
    const spent = spentSoFar()
    this.#withheld += Math.max(0, now - this.#last - tick - (spent - this.#spent))
    this.#last = now
    this.#spent = spent
  }
}

/** How often the clock is looked at, in milliseconds. */
const tick = 5

function spentSoFar(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1_000
}

function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.ceil(share * sorted.length) - 1] ?? 0
}
