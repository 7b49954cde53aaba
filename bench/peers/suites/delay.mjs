/** The same over a distance: a proxy holds everything back for 50 ms on its way, in either direction. */
import { startProxy } from '../proxy.mjs'

const oneWay = 50
const roundTrip = 2 * oneWay

/** A window that begins small takes some round trips to open. */
const longer = 5

const firstBytes = [
  { subject: 'parley', contender: 'parley', early: false },
  { subject: 'parley, early', contender: 'parley', early: true },
  { subject: 'js-libp2p', contender: 'js-libp2p', early: false },
  { subject: 'node:tls', contender: 'node:tls', early: false },
]

/** What node:net moves is what the proxy lets through: TCP itself sees no delay on either side of it. */
const everyone = ['parley', 'js-libp2p', 'node:tls', 'node:net']

export const cases = ({ pairs }) => [
  ...firstBytes.map(({ subject, contender, early }) => ({
    bench: 'round trips from dial to answer',
    subject,
    round: async () => ({ 'round trips': await roundTripsToAnswer(await pairs.of(contender), early) }),
  })),
  ...Object.entries({ up: 'upload', down: 'download' }).flatMap(([direction, task]) =>
    everyone.map(subject => ({
      bench: `bulk ${direction} at ${roundTrip} ms`,
      subject,
      round: async ms => ({ 'MB/s': await throughput(await pairs.of(subject), task, longer * ms) }),
    })),
  ),
]

/** The proxy itself answers TCP's handshake, and at once: its round trip is added. */
async function roundTripsToAnswer(pair, early) {
  const ms = await behindProxy(pair.addresses.echo, echo =>
    pair.do('firstByte', { addresses: { echo }, early }),
  )
  return 1 + ms / roundTrip
}

/** On a connection of its own: the one that stands does not go through the proxy. */
async function throughput(pair, task, ms) {
  const service = task === 'upload' ? 'sink' : 'source'
  const { done, seconds } = await behindProxy(pair.addresses[service], address =>
    pair.do('apart', { task, parameters: { addresses: { [service]: address }, ms } }),
  )
  return done / seconds / 1e6
}

async function behindProxy(address, body) {
  const proxy = await startProxy(portOf(address), oneWay)
  try {
    return await body(address.replace(/\/tcp\/\d+/, `/tcp/${proxy.port}`))
  } finally {
    await proxy.close()
  }
}

const portOf = address => Number(/\/tcp\/(\d+)/.exec(address)[1])
