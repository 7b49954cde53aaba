import assert from 'node:assert/strict'
import { escapeText } from '#src/chat/escape'
import { createHost, type Host } from '#src/host/host'
import type { PeerInfo } from '#src/host/peers'
import { type Resolver, resolveAddress } from '#src/host/resolver'
import type { Stream } from '#src/net/stream'
import { tcp } from '#src/net/tcp'
import { aborted, onAbort } from '#src/net/timer'
import type { Listener, Socket, Transport } from '#src/net/transport'
import { encodeIdentify, IDENTIFY_PROTOCOL, IDENTIFY_PUSH_PROTOCOL } from '#src/protocol/identify'
import { PING_PROTOCOL } from '#src/protocol/ping'
import { concat, utf8 } from '#src/wire/bytes'
import { sealEnvelope } from '#src/wire/envelope'
import { ParleyError } from '#src/wire/errors'
import { encodeFrame } from '#src/wire/frame'
import type { PrivateKey } from '#src/wire/keys'
import { Multiaddr } from '#src/wire/multiaddr'
import type { PeerId } from '#src/wire/peer-id'
import { sealPeerRecord } from '#src/wire/peer-record'
import { ProtobufWriter } from '#src/wire/protobuf'
import { collect, errorOf, keyOf, peerIdOf, turns, until, withResolvers } from '../support/net.ts'
import { pattern } from '../support/wire.ts'
import { type Attack, failureOf, type Guest, soon } from './attack.ts'
import { asIdentify } from './framing.ts'
import { key, listenHonestly, otherKey } from './speaker.ts'
import type { Stranger } from './stranger.ts'
import { live, pure, type Row } from './suite.ts'

const other = peerIdOf(otherKey)
const claimed = Multiaddr.parse('/ip4/203.0.113.1/tcp/1')
const signed = Multiaddr.parse('/ip4/203.0.113.2/tcp/2')

/** Somebody who answers the host's question who he is with that, and what the host then knows of him. */
async function introduced(attack: Attack, ...pieces: Uint8Array[]): Promise<Guest & { info: PeerInfo }> {
  const guest = await attack.guest({
    [IDENTIFY_PROTOCOL]: async stream => {
      for (const piece of pieces) stream.write(piece)
      await stream.end()
    },
  })
  const info = await soon(attack.host.identified(guest.here), 1_000)
  return { ...guest, info: info! }
}

/** Somebody pushes that to the host: how that ends for him. */
function pushes({ there }: Guest, ...pieces: Uint8Array[]): Promise<unknown> {
  const push = async () => {
    const stream = await there.open(IDENTIFY_PUSH_PROTOCOL)
    for (const piece of pieces) stream.write(piece)
    await stream.end()
    await collect(stream)
  }
  return failureOf(push())
}

/** A field with those bytes again and again, in as many messages as there may be, each as long or as full as it may be. */
function crowded(field: number, bytes: Uint8Array, most = 2_000): Uint8Array[] {
  const entry = new ProtobufWriter().bytes(field, bytes).finish()
  const message = concat(Array<Uint8Array>(Math.min(Math.floor(8_192 / entry.length), most)).fill(entry))
  return Array<Uint8Array>(10).fill(encodeFrame(message))
}

/** What must hold of a text once it is shown: nothing that a terminal would obey. */
function assertHarmless(text: string): void {
  assert.ok([...text].length <= 128, `${text.length} characters are kept`)
  assert.match(escapeText(text), /^[^\p{Cc}\p{Bidi_Control}\u2028\u2029]*$/u)
}

const block = pattern(64 * 1024)
const ugly = '\u001b]52;c;eA==\u0007 \u001b[2J \u202e gnp.exe \u2066\u0000\u009b31m \r\n'

/** A record that a peer signs with its own key, whatever it says. */
function record(key: PrivateKey, seq: bigint, about: PeerId = peerIdOf(key)): Uint8Array {
  const address = new ProtobufWriter().bytes(1, signed.bytes).finish()
  return new ProtobufWriter().bytes(1, about.bytes).uint64(2, seq).message(3, address).finish()
}

const recordType = Uint8Array.of(3, 1)
const seal = (key: PrivateKey, payload: Uint8Array, domain = 'libp2p-peer-record', type = recordType) =>
  sealEnvelope(key, domain, type, payload)

/** What the host knows of a peer's addresses. */
const known = (host: Host, peer: PeerId) => (host.peers.get(peer)?.addresses ?? []).map(String)

/** Somebody with a key of his own, by which he signs what he says of himself. */
async function liar(attack: Attack, key: PrivateKey, say: (key: PrivateKey) => Uint8Array): Promise<Guest> {
  const handlers = {
    [IDENTIFY_PROTOCOL]: async (stream: Stream) => {
      stream.write(say(key))
      await stream.end()
    },
  }
  const guest = await attack.guest(handlers, key)
  await soon(attack.host.identified(guest.here), 1_000)
  return guest
}

/** How many bytes a stream of pings gives back, or with what error it ends. */
async function answersTo({ there }: Guest, ...pieces: Uint8Array[]): Promise<unknown> {
  const stream = await there.open(PING_PROTOCOL)
  for (const piece of pieces) stream.write(piece)
  const answers = collect(stream).then(({ length }) => length, codeOf)
  await stream.end().catch(() => {})
  return soon(answers, 1_000)
}

const codeOf = (error: unknown) => (error instanceof ParleyError ? error.code : String(error))

/** How many bytes come next on a stream, or with what error it ends. */
const next = (stream: Stream) =>
  soon(
    stream[Symbol.asyncIterator]()
      .next()
      .then(({ value }) => value?.length, codeOf),
    1_000,
  )

/** The host pings somebody who answers so; the ping fails, and the peer is not dead for that. */
async function pinged(
  attack: Attack,
  code: 'ERR_PROTOCOL' | 'ERR_UNEXPECTED_END' | 'ERR_STREAM_RESET' | 'ERR_TIMEOUT',
  answer: (stream: Stream) => void | Promise<void>,
): Promise<void> {
  const { guest, here } = await attack.guest({ [PING_PROTOCOL]: answer })
  attack.expect(code, await soon(failureOf(attack.host.ping(guest.peerId)), 2_000))
  assert.equal(here.status, 'open', 'R3: the connection goes on')
  await here.ping()
}

function halfAnswer(stream: Stream): Promise<void> {
  stream.write(pattern(31))
  return stream.end()
}

/** A zone in which every name has that many records, and what was asked. */
class Zone implements Resolver {
  asked = 0
  readonly #records: (name: string) => string[]

  constructor(records: (name: string) => string[]) {
    this.#records = records
  }

  ip4 = (name: string) => this.#answer(name)
  ip6 = (name: string) => this.#answer(name)
  txt = (name: string) => this.#answer(name)

  async #answer(name: string): Promise<string[]> {
    this.asked++
    return this.#records(name)
  }
}

const many = <T>(count: number, record: (i: number) => T) =>
  Array.from({ length: count }, (_, i) => record(i))

/** TCP but for a network in which nobody answers; counts the dials under way. */
class HoleyTransport implements Transport {
  readonly name = 'holey'
  readonly #tcp = tcp()
  #underWay = 0
  most = 0

  supports(address: Multiaddr): boolean {
    return this.#tcp.supports(address)
  }

  async dial(address: Multiaddr, signal: AbortSignal): Promise<Socket> {
    this.#underWay++
    this.most = Math.max(this.most, this.#underWay)
    const isHole = address.value('ip4')?.startsWith('203.0.113.')
    const dialled = isHole ? silence(signal) : this.#tcp.dial(address, signal)
    return dialled.finally(() => this.#underWay--)
  }

  listen(address: Multiaddr, accept: (socket: Socket) => void): Promise<Listener> {
    return this.#tcp.listen(address, accept)
  }
}

function silence(signal: AbortSignal): Promise<never> {
  const { promise, reject } = withResolvers<never>()
  onAbort(signal, () => reject(aborted(signal, 'tcp')))
  return promise
}

const holes = new HoleyTransport()

/** identify, ping and dialling. */
export const host: readonly Row[] = [
  live('B82', 'identify messages that are too long, or too many', async attack => {
    const full = encodeFrame(new ProtobufWriter().bytes(15, pattern(8_188)).finish())
    const short = encodeIdentify({ agent: 'a' })
    await asIdentify(attack, '8,193 bytes', 'ERR_FRAME', encodeFrame(pattern(8_193)))
    await asIdentify(attack, 'eleven messages', 'ERR_PROTOCOL', ...Array<Uint8Array>(11).fill(short))
    await asIdentify(attack, 'without end', 'ERR_PROTOCOL', ...Array<Uint8Array>(1_000).fill(short))
    await attack.attempt('ten of 8,192 bytes are read', async () => {
      const { info } = await introduced(attack, ...Array<Uint8Array>(9).fill(full), short)
      assert.equal(info.agent, 'a')
    })
    await attack.attempt('the same where they are pushed', async () => {
      const guest = await introduced(attack, short)
      for (const pieces of [[encodeFrame(pattern(8_193))], Array<Uint8Array>(11).fill(short)])
        attack.expect('ERR_STREAM_RESET', await pushes(guest, ...pieces))
      assert.equal(guest.here.status, 'open')
    })
  }),
  live('B83', '40,000 protocols or addresses in ten messages', async attack => {
    for (const field of [2, 3]) {
      const pieces = crowded(field, new Uint8Array(0), 4_096)
      await asIdentify(attack, `more than 2,048 of field ${field} in a message`, 'ERR_PROTOBUF', ...pieces)
    }
    for (const [name, pieces] of [
      ['protocols', crowded(3, new Uint8Array(0))],
      ['protocols of some bytes', crowded(3, utf8('/a'))],
      ['addresses that are none', crowded(2, new Uint8Array(0))],
      ['addresses', crowded(2, claimed.bytes)],
      ['addresses that are too long', crowded(2, pattern(2_000))],
    ] as const) {
      await attack.attempt(name, async () => {
        const { info } = await introduced(attack, ...pieces)
        assert.ok(info.protocols.length <= 256 && info.addresses.length <= 32)
      })
    }
    await attack.attempt('different addresses', async () => {
      const addresses = many(500, i => `/ip4/203.0.113.1/tcp/${i + 1}`).map(Multiaddr.parse)
      const { info } = await introduced(attack, encodeIdentify({ addresses }))
      assert.equal(info.addresses.length, 32)
    })
  }),
  live('B84', 'the public key of somebody else', async attack => {
    for (const [name, publicKey] of [
      ['another key', otherKey.publicKey.bytes],
      ['what is no key', pattern(36)],
      ['no bytes', new Uint8Array(0)],
      ['a key of 8 kB', pattern(8_000)],
    ] as const) {
      await attack.attempt(name, async () => {
        const { guest, here } = await introduced(attack, encodeIdentify({ publicKey, agent: 'liar' }))
        assert.ok(here.peerId.equals(guest.peerId))
        assert.ok(here.peerId.matches(here.publicKey), 'the key proved in the handshake stays')
        assert.equal(attack.host.peers.get(other), undefined)
      })
    }
  }),
  live(
    'B85',
    'names that a terminal would obey, and long ones: kept short, and escaped where they are shown',
    async attack => {
      for (const [name, text] of [
        ['controls', ugly],
        ['8 kB of them', ugly.repeat(150)],
        ['8 kB of a letter', 'a'.repeat(8_000)],
        ['letters of four bytes', '😀'.repeat(1_900)],
      ] as const) {
        await attack.attempt(name, async () => {
          const protocols = [text.slice(0, 90), text.slice(-90)]
          const { info } = await introduced(attack, encodeIdentify({ agent: text, protocols }))
          for (const kept of [info.agent!, ...info.protocols]) assertHarmless(kept)
        })
      }
      await attack.attempt('bytes that are no text', async () => {
        const bytes = new ProtobufWriter()
          .bytes(6, Uint8Array.of(0xff, 0xc0, 0x80, 0xed, 0xa0, 0x80))
          .finish()
        const { info } = await introduced(attack, encodeFrame(bytes))
        assert.match(info.agent!, /^\ufffd+$/)
      })
    },
  ),
  live('B86', 'signed records that are not about the one who shows them', async attack => {
    const { host } = attack
    const forms: [string, (key: PrivateKey) => Uint8Array][] = [
      ['of a third peer', () => seal(otherKey, record(otherKey, 9n))],
      ['about a third peer', key => seal(key, record(key, 9n, other))],
      ['of a third peer about the liar', key => seal(otherKey, record(otherKey, 9n, peerIdOf(key)))],
      ['in another domain', key => seal(key, record(key, 9n), 'libp2p-relay-rsvp')],
      ['of another type', key => seal(key, record(key, 9n), undefined, Uint8Array.of(3, 2))],
      ['that is damaged', key => seal(key, record(key, 9n)).map((byte, i) => (i === 90 ? byte ^ 1 : byte))],
      ['of 8 kB of noise', () => pattern(8_000)],
    ]
    for (const [i, [name, make]] of forms.entries()) {
      await attack.attempt(name, async () => {
        const size = host.peers.size
        const say = (key: PrivateKey) =>
          encodeIdentify({ agent: 'liar', addresses: [claimed], signedPeerRecord: make(key) })
        const {
          here: { peerId },
        } = await liar(attack, keyOf(70 + i), say)
        assert.deepEqual(known(host, peerId), [claimed.toString()], 'the record counts for nothing')
        assert.deepEqual([host.peers.get(other), host.peers.size], [undefined, size + 1])
      })
    }
    await attack.attempt('with the highest number: a peer spoils its own record alone', async () => {
      const say = (key: PrivateKey) =>
        encodeIdentify({ agent: 'liar', signedPeerRecord: seal(key, record(key, 2n ** 64n - 1n)) })
      const spoilt = await liar(attack, keyOf(90), say)
      assert.deepEqual(known(host, spoilt.here.peerId), [signed.toString()])
      const honest = (key: PrivateKey) =>
        encodeIdentify({
          agent: 'honest',
          signedPeerRecord: sealPeerRecord(key, { seq: 1n, addresses: [claimed] }),
        })
      const {
        here: { peerId },
      } = await liar(attack, keyOf(91), honest)
      assert.deepEqual(known(host, peerId), [claimed.toString()])
    })
    await attack.attempt('with a lower number than before', async () => {
      const say = (key: PrivateKey) =>
        encodeIdentify({
          agent: 'a',
          signedPeerRecord: sealPeerRecord(key, { seq: 9n, addresses: [claimed] }),
        })
      const old = await liar(attack, keyOf(92), say)
      const older = seal(keyOf(92), record(keyOf(92), 8n))
      await pushes(old, encodeIdentify({ agent: 'b', signedPeerRecord: older }))
      await until(() => host.peers.get(old.here.peerId)?.agent === 'b', 'it is heard')
      assert.deepEqual(known(host, old.here.peerId), [claimed.toString()])
    })
  }),
  live(
    'B87',
    'silence instead of an answer who one is',
    async attack => {
      for (const [name, begin] of [
        ['from the first byte', []],
        ['in the middle of a message', [encodeIdentify({ agent: 'a' }).subarray(0, 2)]],
        ['behind a message, without an end', [encodeIdentify({ agent: 'a' })]],
      ] as const) {
        await attack.attempt(
          `${name}: the stream ends at its deadline, and the connection at its own`,
          async () => {
            const { here } = await attack.guest({
              [IDENTIFY_PROTOCOL]: async stream => {
                for (const piece of begin) stream.write(piece)
                await stream.closed
              },
            })
            attack.expect('ERR_TIMEOUT', await soon(failureOf(attack.host.identified(here)), 600))
            await soon(here.closed, 1_500)
          },
        )
      }
    },
    { limits: { serviceTimeout: 200, upgradeTimeout: 600 } },
  ),
  live(
    'B87',
    'somebody who asks the host who it is, and never ends the stream',
    async attack => {
      for (const [name, writes] of [
        ['and says nothing', false],
        ['and says something', true],
      ] as const) {
        await attack.attempt(`${name}: the stream is reset at its deadline`, async () => {
          const { there, here } = await attack.guest()
          const stream = await there.open(IDENTIFY_PROTOCOL)
          if (writes) stream.write(pattern(1_000))
          attack.expect('ERR_STREAM_RESET', await soon(failureOf(stream.closed), 1_000))
          assert.equal(here.status, 'open')
        })
      }
    },
    { limits: { serviceTimeout: 300 } },
  ),
  live('B88', 'a thousand pushes as fast as they go: 16 are heard, and then one a second', async attack => {
    await attack.attempt('the rest is refused before it is read', async () => {
      const guest = await introduced(attack, encodeIdentify({ agent: 'a' }))
      let heard = 0
      attack.host.on('identify', () => heard++)
      const begin = performance.now()
      for (let i = 0; i < 1_000; i++) await pushes(guest, encodeIdentify({ agent: `b${i}` }))
      const seconds = (performance.now() - begin) / 1_000
      assert.ok(heard >= 16 && heard <= 16 + Math.ceil(seconds), `${heard} were heard in ${seconds} s`)
      assert.equal(guest.here.status, 'open')
    })
  }),
  live('B89', 'many who lie about where they see us', async attack => {
    const { host } = attack
    const before = host.addresses.map(String)
    const observedAddress = Multiaddr.parse('/ip4/203.0.113.66/tcp/666')
    for (let i = 0; i < 12; i++) {
      await attack.attempt(`the ${i + 1}th`, async () => {
        const { there, info } = await introduced(attack, encodeIdentify({ observedAddress }))
        assert.ok(info.observedAddress?.equals(observedAddress), 'it is kept as what he says')
        assert.deepEqual(host.addresses.map(String), before, 'and not believed')
        const told = await collect(await there.open(IDENTIFY_PROTOCOL))
        assert.equal(
          Buffer.from(told).includes(Buffer.from(observedAddress.bytes)),
          false,
          'nor told to others',
        )
      })
    }
  }),
  live(
    'B90',
    'pings that are none, and wrong answers to pings',
    async attack => {
      for (const [name, pieces, answer] of [
        ['31 bytes and the end', [pattern(31)], 'ERR_STREAM_RESET'],
        ['33 bytes and the end', [pattern(33)], 'ERR_STREAM_RESET'],
        ['no bytes', [], 0],
        ['one byte after the other', Array.from(pattern(64), byte => Uint8Array.of(byte)), 64],
      ] as const) {
        await attack.attempt(name, async () => {
          const guest = await attack.guest()
          assert.equal(await answersTo(guest, ...pieces), answer)
          await attack.host.ping(guest.guest.peerId)
        })
      }
      for (const [name, code, answer] of [
        ['another answer', 'ERR_PROTOCOL', stream => void stream.write(pattern(32))],
        ['an answer of 33 bytes', 'ERR_PROTOCOL', stream => void stream.write(pattern(33))],
        ['half an answer', 'ERR_UNEXPECTED_END', halfAnswer],
        ['a reset', 'ERR_STREAM_RESET', stream => stream.reset()],
        ['no answer', 'ERR_TIMEOUT', () => {}],
      ] as [string, Parameters<typeof pinged>[1], (stream: Stream) => void | Promise<void>][]) {
        await attack.attempt(name, () => pinged(attack, code, answer))
      }
    },
    { limits: { serviceTimeout: 500 } },
  ),
  live(
    'B90',
    'streams of pings that are too many, or on which nothing comes',
    async attack => {
      await attack.attempt('a third one is reset', async () => {
        const { there } = await attack.guest()
        const streams = await Promise.all(many(3, () => there.open(PING_PROTOCOL)))
        for (const stream of streams.slice(0, 2)) stream.write(pattern(32))
        const answers = await Promise.all(streams.map(stream => next(stream)))
        assert.deepEqual(answers, [32, 32, 'ERR_STREAM_RESET'])
      })
      for (const [name, pieces] of [
        ['nothing', []],
        ['half a ping', [pattern(16)]],
        ['one ping', [pattern(32)]],
      ] as const) {
        await attack.attempt(`${name} comes, and then nothing: it is reset at its deadline`, async () => {
          const { there } = await attack.guest()
          const stream = await there.open(PING_PROTOCOL)
          for (const piece of pieces) stream.write(piece)
          attack.expect('ERR_STREAM_RESET', await soon(failureOf(stream.closed), 1_500))
        })
      }
    },
    { limits: { idleTimeout: 400 } },
  ),
  live(
    'B90',
    'a flood of pings: as many are answered as are read',
    async attack => {
      await attack.attempt('64 kB at a time, 8 MB in all', async () => {
        const { there } = await attack.guest()
        const stream = await there.open(PING_PROTOCOL)
        const answered = collect(stream).then(({ length }) => length)
        for (let i = 0; i < 128; i++) if (!stream.write(block)) await stream.drained()
        await stream.end()
        assert.equal(await answered, 128 * 64 * 1024)
      })
      await attack.attempt('whose answers nobody reads: the sender has to wait', async () => {
        const { there, here } = await attack.guest()
        const stream = await there.open(PING_PROTOCOL)
        while (stream.write(block));
        await until(() => here.held > 0, 'answers wait')
        await turns(100)
        attack.weigh()
        assert.ok(here.held <= 2 * 1024 * 1024, `${here.held} bytes wait`)
      })
    },
    { flood: true },
  ),
  pure('B91', 'a dnsaddr that leads to itself, or to very much', async trial => {
    for (const [name, records, most] of [
      ['a loop', () => ['dnsaddr=/dnsaddr/a.example'], 0],
      [
        'two names that lead to each other',
        (asked: string) => [`dnsaddr=/dnsaddr/${asked.includes('a.e') ? 'b' : 'a'}.example`],
        0,
      ],
      [
        '33 steps',
        (asked: string) => ['dnsaddr=/ip4/203.0.113.1/tcp/1', `dnsaddr=/dnsaddr/a${asked.slice(9)}`],
        4,
      ],
      ['10,000 records', () => many(10_000, i => `dnsaddr=/ip4/203.0.113.1/tcp/${i + 1}`), 100],
      [
        '10,000 names in each of 10,000 records',
        () => many(10_000, i => `dnsaddr=/dnsaddr/n${i}.example`),
        0,
      ],
      ['records that are none', () => ['dnsaddr=', 'dnsaddr=/x', '\u0000', 'dnsaddr=/ip4/999.0.0.1', ''], 0],
      ['a record of 1 MB', () => [`dnsaddr=/dnsaddr/${'a'.repeat(1_000_000)}`], 0],
    ] as [string, (name: string) => string[], number][]) {
      await trial.attempt(name, async () => {
        const zone = new Zone(records)
        const work = resolveAddress(Multiaddr.parse('/dnsaddr/a.example'), zone)
        if (most === 0) trial.expect('ERR_RESOLVE', await failureOf(work))
        else assert.equal((await work).length, most)
        assert.ok(zone.asked <= 32, `${zone.asked} questions`)
      })
    }
  }),
  live(
    'B92',
    'a thousand addresses of which one is good, and the others are silent',
    async attack => {
      const { host } = attack
      for (const place of [0, 7, 8, 20, 31]) {
        await attack.attempt(`the good one in place ${place}`, async () => {
          const peer = await createHost({ listen: ['/ip4/127.0.0.1/tcp/0'] })
          const bad = many(999, i => `/ip4/203.0.113.${i & 255}/tcp/${1 + (i >> 8)}`).map(Multiaddr.parse)
          host.peers.add(peer.peerId, bad.toSpliced(place, 0, peer.addresses[0]!))
          assert.equal(known(host, peer.peerId).length, 32, 'no more are kept')
          holes.most = 0
          // All times here are a tenth of the defaults: 10 s are a second, or two on a busy machine.
          await soon(host.dial(peer.peerId), 2_000)
          assert.ok(holes.most <= 8, `${holes.most} dials at once`)
          await peer.stop()
        })
      }
      await attack.attempt('behind 31 that swallow what they are sent', async () => {
        const swallowing = await Promise.all(many(31, () => attack.lure(() => {})))
        const good = await attack.lure(stranger => listenHonestly(stranger))
        host.peers.add(peerIdOf(key), [...swallowing, good])
        const { remoteAddress } = await soon(host.dial(peerIdOf(key)), 2_000)
        assert.ok(remoteAddress.equals(good))
      })
      await attack.attempt('none of them good', async () => {
        host.peers.add(
          other,
          many(999, i => `/ip4/203.0.113.${i & 255}/tcp/${1 + (i >> 8)}`).map(Multiaddr.parse),
        )
        attack.expect('ERR_TIMEOUT', await soon(errorOf(host.dial(other)), 3_000))
      })
    },
    { transport: holes, limits: { dialStagger: 25, dialTimeout: 1_500 } },
  ),
  live(
    'B93',
    'strangers who leave at once, and listeners who hang up, a thousand times',
    async attack => {
      await attack.attempt('strangers', async () => {
        for (let i = 0; i < 1_000; i += 100) {
          const strangers = await Promise.all(many(100, () => attack.connect()))
          for (const stranger of strangers) stranger.end()
          await soon(Promise.all(strangers.map(({ over }) => over)), 1_000)
          for (const stranger of strangers) stranger.destroy()
        }
      })
      await attack.attempt('listeners', async () => {
        let accepted = 0
        const hangUp = (stranger: Stranger) => {
          accepted++
          stranger.end()
        }
        const addresses = await Promise.all(many(20, () => attack.lure(hangUp)))
        for (let i = 0; i < 1_000; i += addresses.length) {
          for (const error of await Promise.all(addresses.map(one => failureOf(attack.host.dial(one)))))
            attack.expect('ERR_CONNECTION_CLOSED', error)
        }
        await turns(20)
        // Once as we like to, and once in plain for those who stumble over that; then nobody asks for more.
        assert.ok(accepted <= 2_000, `${accepted} connections for 1,000 dials`)
      })
    },
    { flood: true },
  ),
  live('B94', 'the host itself in the mouth of others', async attack => {
    const { host } = attack
    const own = host.addresses[0]!
    await attack.attempt('its address, with its name and without', async () => {
      const addresses = [own, own.withoutPeerId(), claimed.withPeerId(host.peerId)]
      const { guest } = await introduced(attack, encodeIdentify({ addresses }))
      assert.deepEqual(known(host, guest.peerId), [claimed.toString()])
    })
    await attack.attempt('a record about it', async () => {
      const say = (key: PrivateKey) =>
        encodeIdentify({ agent: 'liar', signedPeerRecord: seal(key, record(key, 9n, host.peerId)) })
      const {
        here: { peerId },
      } = await liar(attack, keyOf(93), say)
      assert.deepEqual(known(host, peerId), [])
    })
    await attack.attempt('its own key', async () => {
      const { here } = await introduced(attack, encodeIdentify({ publicKey: host.peerId.publicKey?.bytes }))
      assert.equal(here.peerId.equals(host.peerId), false)
    })
    for (const target of [own, own.withoutPeerId(), host.peerId]) {
      await attack.attempt(`a dial to ${target === own ? 'itself' : 'its address or name'}`, async () => {
        attack.expect('ERR_DIAL_SELF', await failureOf(host.dial(target)))
      })
    }
    assert.equal(host.peers.get(host.peerId), undefined)
  }),
]
