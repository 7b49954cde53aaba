/**
 * Fuzzes one target, in a process of its own. The hooks must stand before the first of parley's modules is loaded: hence what
 * needs any is imported behind them.
 */
import { register } from 'node:module'
import { counters } from './coverage.ts'
import { isInstalled } from './install.ts'

const globals = globalThis as unknown as { $counters: Uint8Array; $places: number }
globals.$counters = counters
globals.$places = 0
if (isInstalled()) register(new URL('./instrument.js', import.meta.url))

const { fuzz } = await import('./session.ts')
await fuzz(JSON.parse(process.argv[2]!), () => globals.$places)
