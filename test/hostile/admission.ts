import assert from 'node:assert/strict'
import { Admission } from '#src/host/admission'
import { tcp } from '#src/net/tcp'
import { defaultLimits } from '#src/protocol/limits'
import { Multiaddr } from '#src/wire/multiaddr'
import { Clock } from '../support/clock.ts'
import { ForeignTransport } from '../support/foreign.ts'
import { turns, until } from '../support/net.ts'
import type { Attack } from './attack.ts'
import { honest } from './speaker.ts'
import type { Stranger } from './stranger.ts'
import { live, pure, type Row } from './suite.ts'
import type { Trial } from './trial.ts'

const nobody = { size: 0, dropSlowest: () => false }

/** How many of those addresses are let in, one after the other, within a second. Each leaves at once, or none does. */
function admitted(addresses: readonly string[], stay: boolean): number {
  const clock = new Clock()
  const admission = new Admission({ limits: defaultLimits, now: clock.now, random: () => 1 })
  let count = 0
  for (const address of addresses) {
    const from = Multiaddr.parse(address)
    clock.advance(1_000 / addresses.length)
    if (admission.enter(from, nobody)) continue
    count++
    if (!stay) admission.leave(from)
  }
  return count
}

/** A thousand newcomers, and how many of them are let in when they stay and when they go. */
function tries(trial: Trial, what: string, addresses: readonly string[], stay: number, go: number): void {
  trial.try(`${what}, who stay`, () => assert.equal(admitted(addresses, true), stay))
  trial.try(`${what}, who go at once`, () => assert.equal(admitted(addresses, false), go))
}

const thousand = (address: (i: number) => string) => Array.from({ length: 1_000 }, (_, i) => address(i))
const port = (i: number) => `tcp/${1_024 + i}`

const foreign = new ForeignTransport(tcp())
/** Made once: a function of the crowd's own would keep the crowd. */
const fromHome = () => undefined

/** A thousand come at once from one address and do something; meanwhile one comes from elsewhere. */
async function crowds(attack: Attack, address: string, act: (stranger: Stranger) => void): Promise<void> {
  foreign.accepted.length = 0
  foreign.from = () => `${address}/tcp/4001`
  const strangers: Stranger[] = []
  // Some at once: the kernel keeps 511 that nobody has accepted, and what they cost here is not to keep the neighbour waiting.
  while (strangers.length < 1_000)
    strangers.push(...(await Promise.all(Array.from({ length: 50 }, () => attack.connect()))))
  for (const stranger of strangers) act(stranger)
  await until(() => foreign.accepted.length === 1_000, 'all have come')
  await until(() => strangers.filter(({ isOver }) => isOver).length >= 1_000 - 17, 'the rest is closed')
  const refused = foreign.accepted.filter(({ attached }) => !attached)
  assert.ok(refused.length >= 1_000 - 17, `${1_000 - refused.length} were let in`)
  // Within the call that brought them: nothing was read of them, and nothing computed.
  assert.ok(refused.every(({ refusedAtOnce }) => refusedAtOnce))
  foreign.from = () => '/ip4/198.51.100.1/tcp/4001'
  await attack.guest()
  foreign.from = fromHome
  foreign.accepted.length = 0
  for (const stranger of strangers) stranger.destroy()
  await turns(2)
}

/** Who is let in at all. */
export const admission: readonly Row[] = [
  pure('B132', 'a thousand newcomers in a second', trial => {
    // 16 at once, and after that one a second; eight at a time.
    tries(
      trial,
      'from one address',
      thousand(i => `/ip4/203.0.113.7/${port(i)}`),
      8,
      16,
    )
    tries(
      trial,
      'from one IPv4 address as IPv6',
      thousand(i => `/ip6/::ffff:203.0.113.7/${port(i)}`),
      8,
      16,
    )
    tries(
      trial,
      'from one /56',
      thousand(i => `/ip6/2001:db8:0:${(i % 256).toString(16)}::${i}/${port(i)}`),
      8,
      16,
    )
    const site = thousand(i => `/ip6/2001:db8:7:${(i * 64).toString(16).slice(-4)}::1/${port(i)}`)
    trial.try('from one /48', () => assert.ok(admitted(site, true) <= 64))
    tries(
      trial,
      'from a thousand addresses',
      thousand(i => `/ip4/203.0.${i >> 8}.${i & 255}/${port(i)}`),
      1_000,
      1_000,
    )
    tries(
      trial,
      'from this machine',
      thousand(i => `/ip4/127.0.0.1/${port(i)}`),
      1_000,
      1_000,
    )
  }),
  live(
    'B132',
    'a thousand connections at once from one address: the rest is closed before a byte is read',
    async attack => {
      await attack.attempt('who say nothing', () => crowds(attack, '/ip4/203.0.113.7', () => {}))
      await attack.attempt('who begin a handshake', () =>
        crowds(attack, '/ip4/203.0.113.8', stranger => stranger.send(honest('outbound').take())),
      )
    },
    { flood: true, transport: foreign },
  ),
]
