import assert from 'node:assert/strict'
import { Admission } from '#src/host/admission'
import { defaultLimits } from '#src/protocol/limits'
import { Multiaddr } from '#src/wire/multiaddr'
import { Clock } from '../support/clock.ts'
import { until } from '../support/net.ts'
import { live, pure, type Row } from './suite.ts'
import { slow } from './yamux.ts'

const source = Multiaddr.parse('/ip4/192.0.2.1/tcp/1')
const calm = { size: 0, dropSlowest: () => false }

/** Who is let in. */
export const admission: readonly Row[] = [
  pure('B132', '1,000 connections in a second from one address, and who leaves at once', trial => {
    for (const stays of [true, false]) {
      trial.try(stays ? 'all stay' : 'each leaves', () => {
        const clock = new Clock()
        const door = new Admission({ limits: defaultLimits, now: clock.now, random: () => 1 })
        let admitted = 0
        for (let i = 0; i < 1_000; i++) {
          clock.advance(1)
          if (door.enter(source, calm)) continue
          admitted++
          if (!stays) door.leave(source)
        }
        assert.ok(admitted <= 17, `${admitted} were admitted`)
      })
    }
  }),
  live(
    'B132',
    'as many from this machine, which no rule of sources binds: few are in their handshake at once, the others are dropped',
    async attack => {
      const count = slow ? 1_000 : 300
      await attack.attempt(`${count} who say nothing`, async () => {
        const strangers = await Promise.all(Array.from({ length: count }, () => attack.connect()))
        const dropped = () => strangers.filter(({ isOver }) => isOver).length
        await until(() => dropped() >= count - defaultLimits.pendingInbound, 'the others are dropped')
        assert.ok(attack.host.usage().pending <= defaultLimits.pendingInbound)
        attack.weigh()
        for (const stranger of strangers) stranger.destroy()
      })
      await attack.attempt('and then somebody honest', async () => {
        const { peer } = await attack.intrude()
        peer.destroy()
      })
    },
    { flood: true },
  ),
]
