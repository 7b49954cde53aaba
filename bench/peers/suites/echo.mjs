/** A small message there and back, on a line at rest, and beside bulk on a sibling stream. */

const everyone = ['parley', 'js-libp2p', 'node:tls', 'node:net', 'secret-stream']
const withStreams = ['parley', 'js-libp2p']

/** Round trips are slow under load; a 99th percentile wants some hundred of them. */
const longer = 3

export const cases = ({ pairs }) => [
  ...everyone.map(subject => ({
    bench: 'echo of 64 B at rest',
    subject,
    round: async ms => (await pairs.of(subject)).do('echo', { ms }),
  })),
  ...withStreams.map(subject => ({
    bench: 'echo of 64 B under bulk',
    subject,
    round: async ms => (await pairs.of(subject)).do('echo', { ms: longer * ms, loaded: true }),
  })),
]
