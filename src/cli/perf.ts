import { type Report, textReport } from '../chat/report.ts'
import { createHost } from '../host/host.ts'
import { perf as measurePerf, servePerf } from '../host/services/perf.ts'
import { tcp } from '../net/tcp.ts'
import { monotonicNow } from '../net/timer.ts'
import { ParleyError } from '../wire/errors.ts'
import { PrivateKey } from '../wire/keys.ts'
import { exitCodeOf } from './chat.ts'
import { Meter } from './meter.ts'
import { type PerfFlags, parsePerfFlags, perfUsage } from './perf-flags.ts'
import { onSignals } from './signals.ts'

/** `parley perf`: serves measurements, or makes one. Returns the exit code. */
export async function perf(args: readonly string[]): Promise<number> {
  const report = textReport(
    { out: line => process.stdout.write(`${line}\n`), err: line => process.stderr.write(`${line}\n`) },
    { out: false, err: false },
  )
  try {
    const flags = parsePerfFlags(args)
    if (flags.help) process.stdout.write(perfUsage)
    else await (flags.server ? serve(flags, report) : measure(flags))
    return 0
  } catch (error) {
    if (!(error instanceof ParleyError)) throw error
    report.error(error)
    return exitCodeOf(error)
  }
}

/** The seed is that of go-libp2p's server, whose clients expect this one identity. */
async function serve({ address }: PerfFlags, report: Report): Promise<void> {
  const asked = new Promise<void>(resolve => onSignals(resolve))
  const identity = PrivateKey.fromSeed(new Uint8Array(32))
  const host = await createHost({ identity, transports: [tcp()], listen: [address] })
  servePerf(host)
  for (const own of host.addresses) process.stdout.write(`${own}\n`)
  report.warning(`Serving as ${host.peerId}, which anyone can be: for measurements only. Ctrl-C leaves.`)
  await asked
  await host.stop()
}

async function measure({ address, upload, download }: PerfFlags): Promise<void> {
  const leaving = new AbortController()
  onSignals(() => leaving.abort())
  const host = await createHost({ transports: [tcp()] })
  const meter = new Meter({
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    now: monotonicNow,
  })
  const timer = setInterval(() => meter.tick(), 1_000)
  const onProgress = (uploaded: number, downloaded: number) => meter.count(uploaded, downloaded)
  try {
    await measurePerf(host, address, { upload, download, signal: leaving.signal, onProgress })
    meter.finish()
  } catch (error) {
    if (!leaving.signal.aborted) throw error
    meter.cut()
  } finally {
    clearInterval(timer)
    meter.clear()
    await host.stop()
  }
}
