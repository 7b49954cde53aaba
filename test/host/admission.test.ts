import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Admission, type Crowd, type Refusal } from '#src/host/admission'
import { sourceOf } from '#src/host/source'
import { defaultLimits, type Limits } from '#src/protocol/limits'
import { Multiaddr } from '#src/wire/multiaddr'
import { Clock } from '../support/clock.ts'

const address = (text: string) =>
  Multiaddr.parse(text.includes(':') ? `/ip6/${text}/tcp/1` : `/ip4/${text}/tcp/1`)
const stranger = address('192.0.2.1')
const calm: Crowd = { size: 0, dropSlowest: () => false }

class Door {
  readonly clock = new Clock()
  readonly admission: Admission
  chance = 0.5

  constructor(limits: Partial<Limits> = {}) {
    const { now } = this.clock
    this.admission = new Admission({
      limits: { ...defaultLimits, ...limits },
      now,
      random: () => this.chance,
    })
  }

  enter(from: Multiaddr, crowd = calm): Refusal | 'welcome' {
    return this.admission.enter(from, crowd) ?? 'welcome'
  }

  /** Comes and goes at once. */
  visit(from: Multiaddr): Refusal | 'welcome' {
    const answer = this.enter(from)
    if (answer === 'welcome') this.admission.leave(from)
    return answer
  }
}

describe('the source of a connection', () => {
  for (const [text, source] of [
    ['/ip4/192.0.2.7/tcp/1', { key: '192.0.2.7', network: '192.0' }],
    [
      '/ip6/2001:db8:1:2ff::5/tcp/1',
      { key: '32.1.13.184.0.1.2', site: '32.1.13.184.0.1', network: '32.1.13.184' },
    ],
    ['/ip6zone/eth0/ip6/fe80::1/tcp/1', { key: 'fe80::1', network: 'eth0' }],
    ['/ip4/127.9.9.9/tcp/1', undefined],
    ['/ip6/::1/tcp/1', undefined],
    ['/memory/7', undefined],
  ] as const) {
    test(`of ${text} is ${JSON.stringify(source)}`, () => {
      assert.deepEqual(sourceOf(Multiaddr.parse(text)), source)
    })
  }
})

describe('admission', () => {
  test('lets a source have eight connections at once, and another when one is gone', () => {
    const door = new Door()
    for (let i = 0; i < 8; i++) assert.equal(door.enter(stranger), 'welcome')
    assert.equal(door.enter(stranger), 'source')
    assert.equal(door.enter(address('192.0.2.2')), 'welcome')
    door.admission.leave(stranger)
    assert.equal(door.enter(stranger), 'welcome')
  })

  test('counts an IPv6 /56 as one source, and bounds its /48 as well', () => {
    const door = new Door({ perSource: 2, perSite: 3 })
    const from = (subnet: string) => address(`2001:db8:1:${subnet}::1`)
    assert.deepEqual([door.enter(from('1')), door.enter(from('ff'))], ['welcome', 'welcome'])
    assert.equal(door.enter(from('2')), 'source')
    assert.deepEqual([door.enter(from('100')), door.enter(from('200'))], ['welcome', 'source'])
    door.admission.leave(from('1'))
    assert.equal(door.enter(from('200')), 'welcome')
  })

  test('lets a source come 16 times at once and once a second after that', () => {
    const door = new Door()
    const visits = Array.from({ length: 1_000 }, () => door.visit(stranger))
    assert.equal(visits.filter(answer => answer === 'welcome').length, 16)
    assert.equal(visits.at(-1), 'rate')
    door.clock.advance(1_000)
    assert.deepEqual([door.visit(stranger), door.visit(stranger)], ['welcome', 'rate'])
  })

  test('has no such rule for loopback', () => {
    const door = new Door()
    for (const text of ['127.0.0.1', '::1']) {
      door.admission.punish(address(text), 'flood')
      for (let i = 0; i < 100; i++) assert.equal(door.enter(address(text)), 'welcome')
    }
    assert.equal(door.admission.size, 0)
  })

  test('shuts out whoever fails five handshakes or more, a second each, until one succeeds', () => {
    const door = new Door()
    for (let i = 0; i < 4; i++) door.admission.punish(stranger, 'failure')
    assert.equal(door.visit(stranger), 'welcome')
    door.admission.punish(stranger, 'failure')
    assert.equal(door.visit(stranger), 'penalty')
    door.clock.advance(1_000)
    assert.equal(door.visit(stranger), 'welcome')
    door.admission.forgive(stranger)
    door.admission.punish(stranger, 'failure')
    assert.equal(door.visit(stranger), 'welcome')
  })

  for (const [offence, time] of [
    ['fault', 15_000],
    ['flood', 600_000],
  ] as const) {
    test(`shuts out for ${time / 1000} seconds after a ${offence}, and a lesser offence changes nothing`, () => {
      const door = new Door()
      door.admission.punish(stranger, offence)
      door.admission.punish(stranger, 'failure')
      door.clock.advance(time - 1)
      assert.equal(door.visit(stranger), 'penalty')
      assert.equal(door.visit(address('192.0.2.2')), 'welcome')
      door.clock.advance(1)
      assert.equal(door.visit(stranger), 'welcome')
    })
  }

  test('turns newcomers away at random when many are in their handshake, the more the more are', () => {
    const door = new Door()
    const answers = (chance: number) => {
      door.chance = chance
      return [31, 32, 48, 63].map((size, i) =>
        door.enter(address(`192.0.3.${10 * chance + i}`), { ...calm, size }),
      )
    }
    assert.deepEqual(answers(0), ['welcome', 'crowd', 'crowd', 'crowd'])
    assert.deepEqual(answers(0.4), ['welcome', 'welcome', 'crowd', 'crowd'])
    assert.deepEqual(answers(0.9), ['welcome', 'welcome', 'welcome', 'crowd'])
    assert.equal(door.enter(address('127.0.0.1'), { ...calm, size: 63 }), 'welcome')
  })

  test('drops the slowest instead, if it is slow, and not for one who is turned away anyway', () => {
    const door = new Door()
    door.chance = 0
    let dropped = 0
    const crowd = { size: 40, dropSlowest: () => ++dropped > 0 }
    assert.equal(door.enter(stranger, crowd), 'welcome')
    door.admission.punish(stranger, 'fault')
    assert.equal(door.enter(stranger, crowd), 'penalty')
    assert.equal(dropped, 1)
  })

  test('remembers 4,096 sources and no more, but none too few of those that are here', () => {
    const door = new Door()
    for (let i = 0; i < 8; i++) door.enter(stranger)
    for (let i = 0; i < 40_960; i++) door.visit(address(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`))
    assert.equal(door.admission.size, 4_096)
    assert.equal(door.enter(stranger), 'source')
  })
})
