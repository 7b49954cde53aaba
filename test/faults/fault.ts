import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Host } from '#src/host/host'
import type { LimitOptions } from '#src/protocol/limits'
import { ParleyError } from '#src/wire/errors'
import { withHosts } from '../support/hosts.ts'
import { until } from '../support/net.ts'
import { type FaultyProxy, startProxy } from './proxy.ts'

/** How much of a fault is tried: what a minute has room for, or all of it. */
export type Scale = 'short' | 'full'

/** Something that breaks, and the promise that is kept all the same. */
export interface Fault {
  name: string
  /** Left out of `npm test` for its length. */
  long?: boolean
  /** Throws when the promise was not kept; says what was seen, with figures. */
  run(scale: Scale): Promise<string>
}

/** Thrown where a fault cannot be made on this machine; the message says why. */
export class NotHere extends Error {}

/** Declares the faults that are short enough as tests. */
export function testFaults(faults: readonly Fault[]): void {
  for (const { name, long = false, run } of faults) {
    test(name, { skip: long && 'this is left to npm run faults' }, async t => {
      try {
        t.diagnostic(await run('short'))
      } catch (error) {
        if (!(error instanceof NotHere)) throw error
        t.skip(error.message)
      }
    })
  }
}

/** Runs the body with two hosts and a proxy between them. */
export async function withProxy(
  limits: LimitOptions,
  body: (dialer: Host, listener: Host, proxy: FaultyProxy, target: string) => Promise<void>,
): Promise<void> {
  await withHosts(2, { limits }, async (dialer, listener) => {
    const proxy = await startProxy(Number(listener.addresses[0]!.value('tcp')))
    try {
      await body(dialer, listener, proxy, `/ip4/127.0.0.1/tcp/${proxy.port}`)
    } finally {
      await proxy.close()
    }
  })
}

/** Waits until all counters of a host are at zero. */
export async function isIdle(host: Host): Promise<void> {
  const used = () => Object.entries(host.usage()).filter(([, count]) => count !== 0)
  await until(() => used().length === 0, 'all counters are zero').catch(error => {
    throw new Error(`left over: ${used().join(' ')}`, { cause: error })
  })
}

/** Milliseconds since a time of `performance.now()`, whole. */
export function since(begin: number): number {
  return Math.round(performance.now() - begin)
}

/** The code of the error that work ends in; `done` when it ends well, and a failure when the error is none of ours. */
export function codeOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'done',
    (error: unknown) => {
      assert.ok(error instanceof ParleyError, `no error of parley's: ${String(error)}`)
      return error.code
    },
  )
}

/** Fails unless the work is over within so many milliseconds. */
export async function within<T>(ms: number, what: string, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not within ${ms} ms: ${what}`)), ms)
  })
  return Promise.race([work, late]).finally(() => clearTimeout(timer))
}

/** The value below which so great a part of the values lies. */
export function quantile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? 0
}

/** How often each occurs, the most frequent first. */
export function tally(values: readonly string[]): string {
  const counts = new Map<string, number>()
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1)
  const sorted = [...counts].sort(([, a], [, b]) => b - a)
  return sorted.map(([value, count]) => `${value} ${count}×`).join(', ')
}
