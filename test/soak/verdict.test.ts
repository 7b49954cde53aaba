import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { randomNumbers } from '../support/feed.ts'
import { nothing } from '../support/hosts.ts'
import type { Sample } from './messages.ts'
import { type Course, heapLimit, judge, type Look } from './verdict.ts'

const rest: Sample = {
  heap: 17e6,
  buffers: 8e6,
  code: 3e6,
  rss: 100e6,
  sockets: 7,
  timers: 24,
  usage: { ...nothing, connections: 6, inbound: 6, peers: 6 },
}

const end: Sample = { ...rest, sockets: 0, timers: 0, usage: nothing }

/** Half an hour in which the heap grows by so much an hour, behind a warm-up, under the noise that real runs have. */
function course(leak: number, seed = 1, changes: (index: number) => Partial<Sample> = () => ({})): Course {
  const random = randomNumbers(seed)
  const look = (_: unknown, index: number): Look => {
    const time = index * 10.8
    const warmUp = 2e6 * (1 - Math.exp(-time / 60))
    const heap = 17e6 + warmUp + (leak * 1e6 * time) / 3_600 + 250e3 * (random() + random() - 1)
    const tally = { streams: 700 * time, connections: 30 * time, acts: {}, errors: {} }
    return { ...rest, heap, ...changes(index), time, tally }
  }
  return { looks: Array.from({ length: 167 }, look), end, faults: [], standing: 6 }
}

describe('a soak of half an hour', () => {
  test('finds a leak of 1.8 MB an hour among noise, and none where there is none', () => {
    for (let seed = 1; seed <= 50; seed++) {
      const { failures, heap, notes } = judge(course(1.8, seed))
      assert.match(failures.join(), /^The heap grows by [12]\.\d+ MB\/h, and surely by more than 0\.5\.$/)
      assert.ok(heap && heap.least > heapLimit)
      assert.match(notes.join(), /lodestar 8969 among them/)
      assert.deepEqual(judge(course(0, seed)).failures, [])
    }
  })

  test('says what it could not have seen', () => {
    const random = randomNumbers(3)
    const noisy = judge(course(0, 3, () => ({ heap: 17e6 + 9e6 * random() })))
    assert.match(noisy.notes.join(), /but not one of 1\.8: run it longer/)
  })

  test('does not judge memory when it is short, but counters', () => {
    const { looks } = course(50)
    const short = judge({ ...course(50), looks: looks.slice(0, 20) })
    assert.deepEqual(short.failures, [])
    assert.equal(short.heap, undefined)
    assert.match(short.notes.join(), /Too short/)
  })

  const failing: Record<string, [Course, RegExp]> = {
    'an error that nobody caught': [{ ...course(0), faults: ['subject: TypeError'] }, /^subject: TypeError$/],
    'a socket that is left': [{ ...course(0), end: { ...end, sockets: 1 } }, /^After stop\(\) sockets is 1/],
    'a timer that is left': [{ ...course(0), end: { ...end, timers: 2 } }, /^After stop\(\) timers is 2/],
    'a stream that is counted for ever': [
      { ...course(0), end: { ...end, usage: { ...nothing, streams: 1 } } },
      /^After stop\(\) streams is 1/,
    ],
    'a connection that is lost, or one too many': [
      course(0, 1, index => (index === 99 ? { usage: { ...rest.usage, connections: 7 } } : {})),
      /^At 1069 s 7 connections and 7 sockets stood, not 6 and 7\.$/,
    ],
    'a socket that no connection has': [
      course(0, 1, index => (index === 99 ? { sockets: 8 } : {})),
      /^At 1069 s 6 connections and 8 sockets stood/,
    ],
    'timers that become more': [
      course(0, 1, index => ({ timers: 20 + Math.floor(index / 10) })),
      /^Timers grow: 36 towards the end, at most 31 before\.$/,
    ],
  }
  for (const [name, [bad, failure]] of Object.entries(failing)) {
    test(`fails for ${name}`, () => assert.match(judge(bad).failures.join('\n'), failure))
  }

  test('tells the first five faults, and how many more there are', () => {
    const { failures } = judge({ ...course(0), faults: Array.from({ length: 9 }, (_, i) => `fault ${i}`) })
    assert.deepEqual(failures.slice(4), ['fault 4', 'and 4 more faults'])
  })
})
