import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { provider } from '#src/crypto/index'
import { SpareKey } from '#src/net/spare-key'
import { withDeadline } from '#src/net/timer'
import { Upgrade, type Upgraded, type UpgradeOptions, type UpgradeProgress, upgrade } from '#src/net/upgrade'
import { NegotiationListener } from '#src/protocol/negotiate'
import { concat, hex, utf8, utf8Text } from '#src/wire/bytes'
import { type ErrorCode, ParleyError } from '#src/wire/errors'
import { generateKey, type PrivateKey } from '#src/wire/keys'
import { PeerId } from '#src/wire/peer-id'
import { type Cutting, cuttingKinds, feed } from '../support/feed.ts'
import {
  CountingSocket,
  Ear,
  errorOf,
  keyOf,
  never,
  noiseOf,
  peerIdOf,
  ReusingSocket,
  rsaKey,
  socketPair,
  turns,
  until,
} from '../support/net.ts'
import { exchange } from '../support/pair.ts'
import { cutAt, pattern } from '../support/wire.ts'

const dialerKey = keyOf(1)
const listenerKey = keyOf(2)

function dialer(options: Partial<UpgradeOptions> = {}): Upgrade {
  return new Upgrade({ direction: 'outbound', identity: noiseOf(dialerKey), ...options })
}

function listener(options: Partial<UpgradeOptions> = {}): Upgrade {
  return new Upgrade({ direction: 'inbound', identity: noiseOf(listenerKey), ...options })
}

/** Runs both machines to the end. */
function finish(a: Upgrade, b: Upgrade, cutting: Cutting): [Upgraded, Upgraded] {
  const heard = exchange(a, b, cutting)
  const [upgradedA, upgradedB] = [heard.a.find(isThere), heard.b.find(isThere)]
  assert.ok(upgradedA && upgradedB, 'both are through')
  return [upgradedA, upgradedB]
}

function isThere<T>(value: T | undefined): value is T {
  return value !== undefined
}

/** Of the first Noise message that was sent, behind the header, the proposal or its echo, and the length. */
function ephemeralKeyOf({ sent }: CountingSocket): string {
  return hex(concat(sent).subarray(30, 62))
}

function assertTalk({ session: from }: Upgraded, { session: to }: Upgraded): void {
  assert.deepEqual(concat(to.receive(concat(from.seal([utf8('hello')])))), utf8('hello'))
}

const muxerForms = {
  'yamux agreed on early': ['/yamux/1.0.0'],
  'yamux agreed on afterwards': [],
}

describe('two upgrades back to back', () => {
  for (const [name, muxers] of Object.entries(muxerForms)) {
    for (const optimistic of [true, false]) {
      for (const cutting of cuttingKinds) {
        test(`become sessions: ${name}, ${optimistic ? 'optimistic' : 'plain'}, cut ${cutting}`, () => {
          const a = dialer({ identity: noiseOf(dialerKey, muxers), optimistic })
          const b = listener({ identity: noiseOf(listenerKey, muxers) })
          const [upgradedA, upgradedB] = finish(a, b, cutting)
          assert.ok(upgradedA.peerId.equals(peerIdOf(listenerKey)))
          assert.ok(upgradedB.peerId.equals(peerIdOf(dialerKey)))
          assert.ok(upgradedA.publicKey.equals(listenerKey.publicKey))
          assertTalk(upgradedA, upgradedB)
          assertTalk(upgradedB, upgradedA)
        })
      }
    }
  }

  for (const [name, muxers] of Object.entries(muxerForms)) {
    test(`tell each stage that they pass, once and in order: ${name}`, () => {
      const told: UpgradeProgress[][] = [[], []]
      const of = (side: number) => (progress: UpgradeProgress) => void told[side]!.push(progress)
      const a = dialer({ identity: noiseOf(dialerKey, muxers), passed: of(0) })
      const b = listener({ identity: noiseOf(listenerKey, muxers), passed: of(1) })
      const upgraded = finish(a, b, 'bytes')
      const muxer = { protocol: '/yamux/1.0.0', early: muxers.length > 0 }
      for (const [side, { publicKey }] of [listenerKey, dialerKey].entries()) {
        const peerId = PeerId.fromPublicKey(publicKey)
        const stages = [{ stage: 'negotiate' }, { stage: 'noise' }, { stage: 'identity' }, { stage: 'muxer' }]
        assert.deepEqual(
          told[side]!.map(({ stage }) => ({ stage })),
          stages,
        )
        const [, , identity, last] = told[side]!
        assert.ok(identity?.stage === 'identity' && identity.peerId.equals(peerId))
        assert.ok(identity.publicKey.equals(publicKey))
        assert.deepEqual(last, { stage: 'muxer', muxer })
        assert.deepEqual(upgraded[side]!.muxer, muxer)
      }
    })
  }

  test('save a round trip by optimism', () => {
    for (const [optimistic, expected] of [
      [true, 1],
      [false, 2],
    ] as const) {
      const a = dialer({ optimistic })
      const b = listener()
      let trips = 0
      for (let upgraded: Upgraded | undefined; !upgraded; trips++) {
        b.receive(a.take())
        upgraded = a.receive(b.take())
      }
      assert.equal(trips, expected)
    }
  })

  test('hand on what came behind the upgrade', () => {
    const [a, b] = [dialer(), listener()]
    b.receive(a.take())
    const upgradedA = a.receive(b.take())!
    const record = concat(upgradedA.session.seal([utf8('frames')]))
    const upgradedB = b.receive(concat([a.take(), record]))
    assert.equal(utf8Text(concat(upgradedB!.rest)), 'frames')
  })

  test('hand on what came behind a muxer that was agreed on afterwards', () => {
    const a = dialer({ identity: noiseOf(dialerKey, []) })
    const b = listener({ identity: noiseOf(listenerKey, []) })
    b.receive(a.take())
    a.receive(b.take())
    const upgradedB = b.receive(a.take())!
    const record = concat(upgradedB.session.seal([utf8('frames')]))
    const upgradedA = a.receive(concat([b.take(), record]))
    assert.equal(utf8Text(concat(upgradedA!.rest)), 'frames')
  })
})

describe('an upgrade refuses', () => {
  const keys: [string, () => PrivateKey | Promise<PrivateKey>][] = [
    ['Ed25519', () => keyOf(3)],
    ['secp256k1', () => generateKey('secp256k1')],
    ['ECDSA', () => generateKey('ecdsa')],
    ['RSA', () => rsaKey()],
  ]

  for (const [type, make] of keys) {
    test(`another ${type} peer than the one expected, before message 3 leaves`, async () => {
      const key = await make()
      const expected: PeerId = peerIdOf(listenerKey)
      const a = dialer({ expected })
      const b = new Upgrade({ direction: 'inbound', identity: noiseOf(key) })
      let error: unknown
      try {
        exchange(a, b)
      } catch (thrown) {
        error = thrown
      }
      assert.ok(error instanceof ParleyError)
      assert.equal(error.code, 'ERR_PEER_MISMATCH')
      assert.equal(error.stage, 'identity')
      assert.ok(error.remote)
      assert.ok(error.message.includes(peerIdOf(key).toString()))
      assert.equal(a.take().length, 0, 'nothing leaves after it')
    })

    test(`nothing when the ${type} peer is the one expected`, async () => {
      const key = await make()
      const a = dialer({ expected: peerIdOf(key) })
      const b = new Upgrade({ direction: 'inbound', identity: noiseOf(key) })
      const [upgraded] = finish(a, b, 'whole')
      assert.ok(upgraded.peerId.equals(peerIdOf(key)))
    })
  }

  const garbage: [string, Uint8Array, ErrorCode][] = [
    ['zeros', new Uint8Array(64), 'ERR_NEGOTIATE'],
    ['a TLS hello', Uint8Array.of(0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3, ...pattern(64)), 'ERR_NEGOTIATE'],
    ['an SSH banner', utf8(`SSH-2.0-OpenSSH_9.6\r\n${'x'.repeat(80)}`), 'ERR_NEGOTIATE'],
    [
      'HTTP',
      utf8(`GET / HTTP/1.1\r\nHost: example.com\r\nUser-Agent: curl/8\r\n${'x'.repeat(40)}`),
      'ERR_NEGOTIATE',
    ],
    ['a length that is too long', Uint8Array.of(0x81, 0x08), 'ERR_NEGOTIATE'],
    ['a length that is not minimal', Uint8Array.of(0x93, 0x00), 'ERR_NEGOTIATE'],
  ]

  for (const [name, bytes, code] of garbage) {
    for (const cutting of ['whole', 'bytes'] as const) {
      test(`${name} from either side, cut ${cutting}, at stage negotiate`, () => {
        for (const machine of [dialer(), listener()]) {
          machine.take()
          let error: unknown
          try {
            for (const chunk of feed(bytes, cutting)) machine.receive(chunk)
          } catch (thrown) {
            error = thrown
          }
          assert.ok(error instanceof ParleyError)
          assert.equal(error.code, code)
          assert.equal(error.stage, 'negotiate')
          assert.ok(error.remote)
        }
      })
    }
  }

  test('a listener that says na to noise, as one that speaks no common protocol', () => {
    const machine = dialer()
    const other = new NegotiationListener(protocol => protocol === '/tls/1.0.0')
    const plain = dialer({ optimistic: false })
    assert.throws(() => exchange(plain, other), { code: 'ERR_PROTOCOL_UNSUPPORTED', stage: 'negotiate' })
    assert.throws(() => machine.receive(utf8('\u0013/multistream/1.0.0\n\u0003na\n')), {
      code: 'ERR_PROTOCOL_UNSUPPORTED',
      stage: 'negotiate',
    })
  })

  test('a handshake that is not genuine, at stage noise', () => {
    const a = dialer()
    const b = listener()
    b.receive(a.take())
    const answer = b.take()
    answer[answer.length - 1]! ^= 1
    assert.throws(() => a.receive(answer), { code: 'ERR_NOISE', stage: 'noise' })
  })

  test('a record that is not genuine, at stage muxer', () => {
    const a = dialer({ identity: noiseOf(dialerKey, []) })
    const b = listener({ identity: noiseOf(listenerKey, []) })
    b.receive(a.take())
    a.receive(b.take())
    const last = a.take()
    last[last.length - 1]! ^= 1
    assert.throws(() => feed(last, 'bytes').map(chunk => b.receive(chunk)), {
      code: 'ERR_NOISE',
      stage: 'muxer',
    })
  })
})

test('a listener says na to /tls/1.0.0 and goes on to /noise', () => {
  const b = listener()
  const a = dialer()
  const proposals = a.take()
  const header = proposals.subarray(0, 20)
  assert.equal(b.receive(concat([header, utf8('\u000b/tls/1.0.0\n')])), undefined)
  assert.equal(utf8Text(b.take()), '\u0013/multistream/1.0.0\n\u0003na\n')
  assert.equal(b.receive(proposals.subarray(20)), undefined)
  assert.ok(utf8Text(b.take()).startsWith('\u0007/noise\n'))
})

describe('upgrade()', () => {
  const inbound = { direction: 'inbound', identity: noiseOf(listenerKey) } as const
  const outbound = { direction: 'outbound', identity: noiseOf(dialerKey) } as const

  test('gives both sides a session, and keeps what follows for the next handler', async () => {
    const [a, b] = await socketPair()
    const listening = upgrade(b, inbound, never)
    const upgradedA = await upgrade(a, outbound, never)
    const upgradedB = await listening
    // Nobody on the other side has attached a handler yet.
    b.write(upgradedB.session.seal([utf8('early')]))
    b.end()
    await turns()
    const ear = new Ear()
    a.attach(ear)
    await until(() => ear.ends === 1)
    assert.equal(utf8Text(concat(upgradedA.session.receive(ear.bytes))), 'early')
    a.destroy()
    await until(() => ear.isClosed)
  })

  test('makes a key for the next one while it waits, and takes the one that was made', async () => {
    const spareKeys = [new SpareKey(), new SpareKey()] as const
    const handshakes: [string, string][] = []
    for (let count = 0; count < 3; count++) {
      const [a, b] = (await socketPair()).map(socket => new CountingSocket(socket)) as [
        CountingSocket,
        CountingSocket,
      ]
      const listening = upgrade(b, { ...inbound, spareKey: spareKeys[1] }, never)
      await upgrade(a, { ...outbound, spareKey: spareKeys[0] }, never)
      await listening
      handshakes.push([ephemeralKeyOf(a), ephemeralKeyOf(b)])
      a.destroy()
      b.destroy()
    }
    const made = spareKeys.map(spareKey => hex(spareKey.take()!.publicKey))
    // Six in handshakes and two for those to come: none twice.
    assert.equal(new Set([...handshakes.flat(), ...made]).size, 8)
  })

  test('sends the key that was made', async t => {
    const key = provider.x25519()
    t.mock.method(provider, 'x25519', () => key, { times: 1 })
    const spareKey = new SpareKey()
    spareKey.prepare()
    const [a, b] = await socketPair()
    const dialled = new CountingSocket(a)
    const listening = upgrade(b, inbound, never)
    const upgradedA = await upgrade(dialled, { ...outbound, spareKey }, never)
    assert.equal(ephemeralKeyOf(dialled), hex(key.publicKey))
    assertTalk(upgradedA, await listening)
    a.destroy()
    b.destroy()
  })

  for (const length of [513, 560, 620]) {
    test(`copies what it keeps of a message longer than ${length} bytes, whose chunks are written over`, async () => {
      const identity = noiseOf(rsaKey())
      const cut = (chunk: Uint8Array) => cutAt(chunk, chunk.length > length ? [length] : [])
      const [a, b] = await socketPair()
      const listening = upgrade(new ReusingSocket(b, cut), { direction: 'inbound', identity }, never)
      const dialled = new ReusingSocket(a, cut)
      const upgradedA = await upgrade(dialled, { direction: 'outbound', identity }, never)
      const upgradedB = await listening
      for (const { publicKey } of [upgradedA, upgradedB]) assert.ok(publicKey.equals(rsaKey().publicKey))
      assertTalk(upgradedA, upgradedB)
      assertTalk(upgradedB, upgradedA)
      a.destroy()
      b.destroy()
    })
  }

  for (const [name, options, stage] of [
    ['dialer', outbound, 'negotiate'],
    ['listener', inbound, 'negotiate'],
  ] as const) {
    test(`a ${name} fails when the other side ends early, and closes the socket`, async () => {
      const [a, b] = await socketPair()
      const ear = new Ear()
      const work = upgrade(a, options, never)
      b.attach(ear)
      b.end()
      const error = await errorOf(work)
      assert.equal(error.code, 'ERR_CONNECTION_CLOSED')
      assert.equal(error.stage, stage)
      assert.ok(error.remote)
      await until(() => ear.isClosed)
    })

    test(`a ${name} fails when the socket breaks`, async () => {
      const [a, b] = await socketPair()
      const work = upgrade(a, options, never)
      b.destroy()
      assert.equal((await errorOf(work)).code, 'ERR_CONNECTION_CLOSED')
    })

    test(`a ${name} whose signal has fired already closes the socket and sends nothing`, async () => {
      const [a, b] = await socketPair()
      const ear = new Ear()
      b.attach(ear)
      const error = await errorOf(upgrade(a, options, AbortSignal.abort()))
      assert.equal(error.code, 'ERR_ABORTED')
      assert.equal(error.stage, stage)
      await until(() => ear.isClosed)
      assert.equal(ear.length, 0)
    })

    test(`a ${name} keeps to its deadline though bytes trickle in`, async t => {
      t.mock.timers.enable({ apis: ['setTimeout'] })
      const [a, b] = await socketPair()
      const ear = new Ear()
      b.attach(ear)
      const work = withDeadline({ delay: 10_000, message: 'Too late.' }, signal =>
        upgrade(a, options, signal),
      )
      work.catch(() => {})
      const header = utf8('\u0013/multistream/1.0.0\n')
      for (const [i] of header.entries()) {
        b.write([header.subarray(i, i + 1)])
        await turns(2)
        t.mock.timers.tick(480)
      }
      assert.equal(ear.isClosed, false)
      t.mock.timers.tick(400)
      const error = await errorOf(work)
      assert.equal(error.code, 'ERR_TIMEOUT')
      assert.equal(error.stage, stage)
      await turns()
      assert.ok(ear.isClosed)
    })
  }

  test('sends nothing more once the signal fires at a stage that was passed', async () => {
    const [a, b] = await socketPair()
    const controller = new AbortController()
    const sent: number[] = []
    const passed = ({ stage }: UpgradeProgress) => {
      if (stage !== 'identity') return
      sent.push(socket.writes)
      controller.abort()
    }
    const socket = new CountingSocket(a)
    const listening = upgrade(b, inbound, never)
    const error = await errorOf(upgrade(socket, { ...outbound, passed }, controller.signal))
    assert.equal(error.code, 'ERR_ABORTED')
    assert.deepEqual([error.stage, sent], ['muxer', [socket.writes]])
    assert.equal((await errorOf(listening)).stage, 'noise')
  })

  for (const stage of ['negotiate', 'noise', 'muxer'] as const) {
    test(`names ${stage} as the stage that an end cut off`, async () => {
      const [a, b] = await socketPair()
      const machine = listener({ identity: noiseOf(listenerKey, []) })
      const work = upgrade(a, { ...outbound, identity: noiseOf(dialerKey, []) }, never)
      const ear = new Ear()
      ear.onData = () => {
        machine.receive(ear.chunks.at(-1)!)
        const out = machine.take()
        const [negotiation, noise] = [out.subarray(0, 28), out.subarray(28)]
        if (stage !== 'negotiate') b.write([negotiation])
        if (stage === 'muxer') b.write([noise])
        b.end()
      }
      b.attach(ear)
      const error = await errorOf(work)
      assert.equal(error.code, 'ERR_CONNECTION_CLOSED')
      assert.equal(error.stage, stage)
      b.destroy()
    })
  }

  test('tells the peer nothing of a breach but that the connection is closed', async () => {
    const [a, b] = await socketPair()
    const ear = new Ear()
    b.attach(ear)
    const work = upgrade(a, inbound, never)
    b.write([new Uint8Array(32)])
    assert.equal((await errorOf(work)).code, 'ERR_NEGOTIATE')
    await until(() => ear.isClosed)
    assert.equal(ear.length, 0)
  })
})
