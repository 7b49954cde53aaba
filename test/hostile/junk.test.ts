import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import { createHost, type Host } from '#src/host/host'
import { encodeMessage } from '#src/protocol/negotiate'
import { concat } from '#src/wire/bytes'
import { data, SYN } from '../protocol/yamux/frames.ts'
import { keyOf, until } from '../support/net.ts'
import { pattern } from '../support/wire.ts'
import { Attack, type Intruder } from './attack.ts'
import { Neighbour } from './neighbour.ts'
import { bytesAtRest } from './rules.ts'
import { header } from './speaker.ts'

/** How often, how much, and how soon a ping is answered meanwhile: in full as in Bitcoin Core's test of invalid messages. */
const messages = process.env.PARLEY_SLOW ? 80 : 20
const size = 4_000_000
const pings = 20
const mostWait = 2_000

const junk = pattern(size)
const record = 60_000
const reader = '/hostile/reader'
const silent = '/hostile/silent'

/** One peer sends junk while another pings; afterwards the host has nothing open but what that one uses. */
async function sends(t: TestContext, act: (attack: Attack) => Promise<void>): Promise<void> {
  const host = await Attack.target({})
  const neighbour = await Neighbour.of(host)
  const friend = await createHost()
  try {
    await friend.ping(host.addresses[0]!)
    await until(() => host.usage().streams === 1, 'only the neighbour has a stream')
    const before = host.usage()
    const attack = Attack.on(host, neighbour, await bytesAtRest())
    const longest = await longestPing(friend, host, act(attack))
    t.diagnostic(`the longest of all pings took ${longest.toFixed(0)} ms`)
    assert.ok(longest <= mostWait)
    attack.leave()
    await until(() => isDeepStrictEqual(host.usage(), before), 'nothing of the junk is left')
  } finally {
    await neighbour.leave()
    await Promise.all([host.stop(), friend.stop()])
  }
}

/** Pings as often as it takes, and on until the other work is done. */
async function longestPing(from: Host, to: Host, work: Promise<void>): Promise<number> {
  let done = false
  const over = work.finally(() => {
    done = true
  })
  let longest = 0
  for (let i = 0; i < pings || !done; i++) {
    longest = Math.max(longest, await from.ping(to.peerId))
    await wait(10)
  }
  await over
  return longest
}

/** Sends bytes until the connection dies, as fast as they are taken. */
async function pours({ peer, connection }: Intruder, pieces: Iterable<Uint8Array>): Promise<void> {
  const { ear } = peer
  for (const piece of pieces) {
    const { drains } = ear
    if (connection.status === 'closed') return
    if (!peer.write(piece)) await until(() => ear.drains > drains || connection.status === 'closed')
  }
}

function* records({ peer }: Intruder, bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += record) yield peer.seal(bytes.subarray(at, at + record))
}

/** Comes back as often as it is thrown out, as the same peer, with a message each time. */
async function returns(attack: Attack, act: (intruder: Intruder) => Promise<void>): Promise<void> {
  for (let i = 0; i < messages; i++) {
    const intruder = await attack.intrude({ key: keyOf(99) })
    await act(intruder)
    await intruder.connection.closed
    intruder.peer.destroy()
    await until(() => !attack.host.connections.includes(intruder.connection), 'it is thrown out')
  }
}

describe(`${messages} messages of 4 MB of junk do not keep another peer waiting`, () => {
  test('in place of Noise records', t =>
    sends(t, attack => returns(attack, intruder => pours(intruder, [junk]))))

  test('in Noise records, in place of frames', t =>
    sends(t, attack => returns(attack, intruder => pours(intruder, records(intruder, junk)))))

  test('on a stream that nobody reads, without regard for its window', t =>
    sends(t, attack => {
      attack.host.handle(silent, () => {})
      const open = data(1, concat([header, encodeMessage(silent)]), SYN)
      const frames = concat([open, data(1, junk.subarray(0, 200_000)), data(1, junk.subarray(0, 200_000))])
      return returns(attack, intruder => pours(intruder, records(intruder, frames)))
    }))

  test('on streams that nobody reads, within their windows', t =>
    sends(t, async attack => {
      attack.host.handle(silent, () => {})
      const { there, here } = await attack.guest()
      for (let i = 0; i < messages; i++) (await there.open(silent)).write(junk.subarray(0, 300_000))
      await until(() => here.held > messages * 200_000, 'the windows are full')
      await wait(200)
    }))

  test('on a stream that is read', t =>
    sends(t, async attack => {
      let read = 0
      attack.host.handle(reader, async stream => {
        for await (const { length } of stream) read += length
      })
      const { there } = await attack.guest()
      const stream = await there.open(reader)
      for (let i = 0; i < messages; i++) if (!stream.write(junk)) await stream.drained()
      await until(() => read === messages * size, 'all of it is read')
    }))
})
