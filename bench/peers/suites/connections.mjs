/**
 * Connections between two who prove their Ed25519 keys to each other: in turn, each closed again, and fifty at once. What runs once
 * in a connection is compiled late: so the first second of a process is measured by itself, and what comes after many.
 */
import { Pair } from '../pair.mjs'

const contenders = ['parley', 'parley portable', 'js-libp2p', 'node:tls', 'secret-stream']
/** node:net proves nothing: it shows what of the time is TCP's. */
const everyone = [...contenders, 'node:net']
const count = 50

/** Seconds until all contenders have reached their pace. */
const warmUps = 10

export const cases = ({ pairs, options }) => [
  ...contenders.map(subject => ({
    bench: 'connections in turn, first second',
    subject,
    warmUps: 0,
    round: async ms => ({ 'connections/s': await firstOf(subject, ms) }),
  })),
  ...everyone.map(subject => ({
    bench: 'connections in turn',
    subject,
    warmUps: options.quick ? 1 : warmUps,
    round: async ms => ({ 'connections/s': await (await pairs.of(subject)).do('connections', { ms }) }),
  })),
  ...everyone.map(subject => ({
    bench: `connections, ${count} at once`,
    subject,
    round: async () => ({
      'connections/s': await (await pairs.of(subject)).do('connectionsAtOnce', { count }),
    }),
  })),
]

async function firstOf(subject, ms) {
  const pair = await Pair.start(subject)
  try {
    return await pair.do('connections', { ms })
  } finally {
    await pair.stop()
  }
}
