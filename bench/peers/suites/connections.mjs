/** Connections between two who prove their Ed25519 keys to each other: in turn, each closed again, and fifty at once. */

const contenders = ['parley', 'parley portable', 'js-libp2p', 'node:tls', 'secret-stream']
const count = 50

export const cases = ({ pairs }) => [
  ...contenders.map(subject => ({
    bench: 'connections in turn',
    subject,
    round: async ms => ({ 'connections/s': await (await pairs.of(subject)).do('connections', { ms }) }),
  })),
  ...contenders.map(subject => ({
    bench: `connections, ${count} at once`,
    subject,
    round: async () => ({
      'connections/s': await (await pairs.of(subject)).do('connectionsAtOnce', { count }),
    }),
  })),
]
