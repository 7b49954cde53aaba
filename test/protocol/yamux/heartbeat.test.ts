import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Heartbeat } from '#src/protocol/yamux/heartbeat'
import { refuses } from '../../support/wire.ts'

const begin = 1_000
const fresh = (role: 'client' | 'server' = 'client') =>
  new Heartbeat({ keepAliveInterval: 30_000, keepAliveTimeout: 10_000 }, role, begin)

describe('Heartbeat', () => {
  test('measures the round trip of each ping by its value, in any order', () => {
    const heartbeat = fresh()
    const values = [0, 5, 9].map(delay => heartbeat.ping(begin + delay))
    assert.equal(new Set(values).size, 3)
    assert.equal(heartbeat.rtt, 0)
    assert.equal(heartbeat.pong(values[1]!, begin + 25), 20)
    assert.equal(heartbeat.pong(values[0]!, begin + 26), 26)
    assert.equal(heartbeat.rtt, 26)
    assert.equal(heartbeat.pong(values[2]!, begin + 29), 20)
  })

  test('bears 32 answers that nobody asked for, repeated ones too, and then no more', () => {
    const heartbeat = fresh()
    const value = heartbeat.ping(begin)
    heartbeat.pong(value, begin + 7)
    for (let i = 0; i < 32; i++) assert.equal(heartbeat.pong(i % 2 ? value : 0xdeadbeef, begin), undefined)
    assert.equal(heartbeat.rtt, 7)
    assert.equal(heartbeat.pong(heartbeat.ping(begin), begin + 3), 3)
    refuses('ERR_YAMUX', () => heartbeat.pong(value, begin))
  })

  test('is due an interval after the last ping or later bytes, and a timeout after a ping or later bytes', () => {
    const heartbeat = fresh()
    assert.equal(heartbeat.due(begin), begin + 30_000)
    const value = heartbeat.ping(begin + 30_000)
    assert.equal(heartbeat.due(begin + 30_000), begin + 40_000)
    heartbeat.heard(begin + 35_000)
    assert.equal(heartbeat.due(begin + 44_999), begin + 45_000)
    heartbeat.pong(value, begin + 44_999)
    assert.equal(heartbeat.due(begin + 44_999), begin + 65_000)
  })

  test('lets the client ask first, so that one of two asks', () => {
    const server = fresh('server')
    assert.equal(server.due(begin + 30_000), begin + 33_000)
    server.heard(begin + 30_000)
    assert.equal(server.due(begin + 33_000), begin + 63_000)
  })

  test('tells the shortest round trip from the latest', () => {
    const heartbeat = fresh()
    assert.equal(heartbeat.shortestRtt, 0)
    for (const [rtt, shortest] of [
      [20, 20],
      [5, 5],
      [9, 5],
    ] as const) {
      heartbeat.pong(heartbeat.ping(begin), begin + rtt)
      assert.deepEqual([heartbeat.rtt, heartbeat.shortestRtt], [rtt, shortest])
    }
  })

  test('gives up when nothing at all came in time', () => {
    const heartbeat = fresh()
    heartbeat.heard(begin + 29_000)
    heartbeat.ping(begin + 30_000)
    heartbeat.ping(begin + 39_000)
    for (const late of [0, 1, 1_000_000]) refuses('ERR_TIMEOUT', () => heartbeat.due(begin + 40_000 + late))
  })
})
