import type { Dialect } from './environment.ts'

/** What a dialer measured, in milliseconds. */
export interface Timings {
  /** From the start of the dial to the answer of the first ping. */
  handshakePlusOneRtt: number
  /** From that ping to its answer. */
  ping: number
}

/** What the dialer prints, as the runner of that suite reads it. */
export function formatTimings(dialect: Dialect, { handshakePlusOneRtt, ping }: Timings): string {
  const [handshake, rtt] = [handshakePlusOneRtt.toFixed(3), ping.toFixed(3)]
  return dialect === 'test-plans'
    ? `{"handshakePlusOneRTTMillis": ${handshake}, "pingRTTMilllis": ${rtt}}\n`
    : `latency:\n  handshake_plus_one_rtt: ${handshake}\n  ping_rtt: ${rtt}\n  unit: ms\n`
}

/** Reads what a dialer printed. Throws when there is anything but one result. */
export function readTimings(dialect: Dialect, stdout: string): Timings {
  const timings = dialect === 'test-plans' ? readJson(stdout) : readYaml(stdout)
  if (!timings)
    throw new Error(`stdout is not one result of ${dialect}: ${JSON.stringify(stdout.slice(0, 200))}`)
  const { handshakePlusOneRtt, ping } = timings
  if (!(ping > 0 && handshakePlusOneRtt >= ping && handshakePlusOneRtt < Infinity)) {
    throw new Error(`the figures cannot be true: ${JSON.stringify(timings)}`)
  }
  return timings
}

function readJson(stdout: string): Timings | undefined {
  const [, object] = /^(\{[^{}\n]*\})\n$/.exec(stdout) ?? []
  if (object === undefined) return undefined
  const { handshakePlusOneRTTMillis, pingRTTMilllis } = JSON.parse(object) as Record<string, unknown>
  if (typeof handshakePlusOneRTTMillis !== 'number' || typeof pingRTTMilllis !== 'number') return undefined
  return { handshakePlusOneRtt: handshakePlusOneRTTMillis, ping: pingRTTMilllis }
}

/** The suite's runner picks these very lines, with these very indents, and drops comments. */
function readYaml(stdout: string): Timings | undefined {
  const number = '(\\d+(?:\\.\\d+)?)'
  const block = `^(?:#.*\\n)*latency:\\n  handshake_plus_one_rtt: ${number}\\n  ping_rtt: ${number}\\n  unit: ms\\n$`
  const [, handshake, rtt] = new RegExp(block).exec(stdout) ?? []
  return handshake === undefined ? undefined : { handshakePlusOneRtt: Number(handshake), ping: Number(rtt) }
}
