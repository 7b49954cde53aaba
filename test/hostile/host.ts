import assert from 'node:assert/strict'
import { setTimeout as wait } from 'node:timers/promises'
import { escapeText } from '#src/chat/escape'
import { type Resolver, resolveAddress } from '#src/host/resolver'
import type { Connection } from '#src/net/connection'
import type { Stream } from '#src/net/stream'
import {
  encodeIdentify,
  IDENTIFY_PROTOCOL,
  IDENTIFY_PUSH_PROTOCOL,
  type IdentifyMessage,
} from '#src/protocol/identify'
import { PING_PROTOCOL } from '#src/protocol/ping'
import { concat, EMPTY } from '#src/wire/bytes'
import { sealEnvelope } from '#src/wire/envelope'
import { encodeFrame } from '#src/wire/frame'
import { PrivateKey } from '#src/wire/keys'
import { Multiaddr } from '#src/wire/multiaddr'
import { sealPeerRecord } from '#src/wire/peer-record'
import { ProtobufWriter } from '#src/wire/protobuf'
import { dangerous } from '../chat/hostile.ts'
import { collect, peerIdOf, until } from '../support/net.ts'
import { bytesOf, pattern } from '../support/wire.ts'
import { type Attack, failureOf, type Guest, secret, soon } from './attack.ts'
import { asIdentify } from './framing.ts'
import { honest, key, listenHonestly, otherKey } from './speaker.ts'
import { live, pure, type Row } from './suite.ts'
import { slow } from './yamux.ts'

/** A guest who answers with these bytes when he is asked who he is. */
function guestWho(attack: Attack, ...answers: Uint8Array[]): Promise<Guest> {
  return attack.guest({
    [IDENTIFY_PROTOCOL]: async stream => {
      for (const answer of answers) stream.write(answer)
      await stream.end()
    },
  })
}

/** What the host keeps of a guest who says that of himself. */
async function kept(attack: Attack, ...messages: IdentifyMessage[]) {
  const answers = attack.prepare(() => messages.map(encodeIdentify))
  const guest = await guestWho(attack, ...answers)
  const info = await attack.host.identified(guest.here)
  return { ...guest, info: info! }
}

const claimed = Multiaddr.parse('/ip4/192.0.2.1/tcp/1')
const signed = Multiaddr.parse('/ip4/192.0.2.2/tcp/2')
const later = () => BigInt(Date.now() + 1_000_000)

/** Answers the same to every question of a kind. */
function resolverOf(txt: (name: string) => string[]): Resolver {
  return { ip4: async () => [], ip6: async () => [], txt: async name => txt(name) }
}

async function resolved(text: string, txt: (name: string) => string[]): Promise<Multiaddr[]> {
  return resolveAddress(Multiaddr.parse(text), resolverOf(txt))
}

/** Says all that there is to say on a stream, and gives what is answered. */
async function says(connection: Connection, protocol: string, bytes: Uint8Array): Promise<Uint8Array> {
  const stream = await connection.open(protocol)
  stream.write(bytes)
  await stream.end()
  return collect(stream)
}

/** What a host does with what its peers say of themselves, and with addresses. */
export const host: readonly Row[] = [
  live('B82', 'identify messages that are too long, or too many', async attack => {
    await asIdentify(attack, '8,193 bytes', 'ERR_FRAME', concat([bytesOf('8140'), new Uint8Array(8_193)]))
    const message = encodeIdentify({ agent: 'again' })
    await asIdentify(attack, '11 messages', 'ERR_PROTOCOL', ...Array.from({ length: 11 }, () => message))
    await asIdentify(attack, '10,000 messages', 'ERR_PROTOCOL', new Uint8Array(10_000))
    await attack.attempt('8,192 bytes in 10 messages', async () => {
      const full = encodeFrame(new ProtobufWriter().string(6, 'x'.repeat(8_189)).finish())
      assert.equal(full.length, 8_194)
      const { here } = await guestWho(attack, ...Array.from({ length: 10 }, () => full))
      assert.equal((await attack.host.identified(here))?.agent, 'x'.repeat(128))
    })
  }),
  live('B83', 'as many protocols and addresses as ten messages hold', async attack => {
    await attack.attempt('20,000 protocols', async () => {
      const lists = Array.from({ length: 10 }, () => ({
        protocols: Array.from({ length: 2_000 }, () => '/a'),
      }))
      assert.equal((await kept(attack, ...lists)).info.protocols.length, 256)
    })
    await attack.attempt('7,000 addresses', async () => {
      const list = (message: number) =>
        Array.from({ length: 700 }, (_, i) => Multiaddr.parse(`/ip4/192.0.2.${message}/tcp/${i + 1}`))
      const lists = attack.prepare(() => Array.from({ length: 10 }, (_, i) => ({ addresses: list(i) })))
      assert.equal((await kept(attack, ...lists)).info.addresses.length, 32)
    })
  }),
  live('B83', 'as many addresses that do not parse', async attack => {
    await attack.attempt('20,000', async () => {
      const bad = attack.prepare(() =>
        encodeFrame(concat(Array.from({ length: 2_000 }, () => bytesOf('1201 7f')))),
      )
      const { here } = await guestWho(attack, ...Array.from({ length: 10 }, () => bad))
      assert.deepEqual((await attack.host.identified(here))?.addresses, [])
    })
  }),
  live('B84', 'the key of another peer', async attack => {
    await attack.attempt('another key', async () => {
      const { guest, here } = await kept(attack, { publicKey: otherKey.publicKey.bytes, agent: 'liar' })
      assert.ok(here.peerId.equals(guest.peerId) && here.publicKey.equals(guest.peerId.publicKey!))
      assert.equal(attack.host.peers.get(peerIdOf(otherKey)), undefined)
    })
    await attack.attempt('no key at all', async () => {
      const { guest, here } = await kept(attack, { publicKey: pattern(40) })
      assert.ok(here.peerId.equals(guest.peerId))
    })
  }),
  live(
    'B85',
    'names with commands for a terminal, and long ones: they are kept to 128 characters, and escaped where they are shown',
    async attack => {
      for (const text of [
        '\u001b[2J',
        '\u202egnp',
        '\u001b]52;c;aGk=\u0007',
        'x'.repeat(8_000),
        '😀'.repeat(2_000),
      ]) {
        await attack.attempt(JSON.stringify(text.slice(0, 20)), async () => {
          const texts = text.length < 1_000 ? { protocols: [text], protocolVersion: text } : {}
          const { info } = await kept(attack, { agent: text, ...texts })
          for (const shown of [info.agent!, info.protocolVersion ?? '', ...info.protocols]) {
            assert.ok(Array.from(shown).length <= 128)
            assert.doesNotMatch(escapeText(shown), dangerous)
          }
        })
      }
    },
  ),
  live('B86', 'signed records of others, of other domains, older or as new as can be', async attack => {
    const { guest, there } = await kept(attack, { addresses: [claimed] })
    const push = async (message: IdentifyMessage) => {
      await says(there, IDENTIFY_PUSH_PROTOCOL, encodeIdentify(message)).catch(() => EMPTY)
    }
    const size = attack.host.peers.size
    const forged = sealEnvelope(key, 'another-domain', Uint8Array.of(3, 1), pattern(50))
    const records: [name: string, record: Uint8Array][] = [
      ['of a third peer', sealPeerRecord(otherKey, { seq: later(), addresses: [signed] })],
      ['of a liar with 2^64 - 1', sealPeerRecord(otherKey, { seq: 2n ** 64n - 1n, addresses: [signed] })],
      ['of another domain', forged],
      ['of no sense', pattern(100)],
      ['of ours', sealPeerRecord(PrivateKey.fromSeed(secret), { seq: later(), addresses: [signed] })],
    ]
    for (const [name, record] of records) {
      await attack.attempt(name, async () => {
        await push({ signedPeerRecord: record, addresses: [claimed] })
        const { addresses } = attack.host.peers.get(guest.peerId)!
        assert.deepEqual(addresses.map(String), [claimed.toString()])
        assert.equal(attack.host.peers.get(peerIdOf(otherKey)), undefined)
        assert.equal(attack.host.peers.size, size)
      })
    }
  }),
  live(
    'B87',
    'an identify stream on which nothing is said, and one that trickles',
    async attack => {
      const silent: [name: string, say: (stream: Stream) => void][] = [
        ['nothing', () => {}],
        ['a byte at a time', stream => void trickle(stream)],
      ]
      for (const [name, say] of silent) {
        await attack.attempt(name, async () => {
          const { here } = await attack.guest({ [IDENTIFY_PROTOCOL]: say })
          attack.expect('ERR_TIMEOUT', await soon(failureOf(attack.host.identified(here)), 1_000))
          await soon(here.closed, 1_000)
        })
      }
    },
    { limits: { serviceTimeout: 200, upgradeTimeout: 400 } },
  ),
  live('B88', 'a hundred pushes at once: some are taken in, the others refused', async attack => {
    await attack.attempt('100 pushes', async () => {
      let heard = 0
      attack.host.on('identify', () => heard++)
      const { there, here } = await kept(attack, { agent: 'pusher' })
      let refused = 0
      for (let i = 0; i < 100; i++) {
        if (await failureOf(says(there, IDENTIFY_PUSH_PROTOCOL, encodeIdentify({ agent: `pusher ${i}` }))))
          refused++
      }
      assert.ok(heard <= 20, `${heard} were taken in`)
      assert.ok(refused >= 80)
      assert.equal(here.status, 'open')
    })
  }),
  live('B89', 'a lie about where the host is: it is not believed, whoever says so', async attack => {
    for (let i = 1; i <= 5; i++) {
      await attack.attempt(`liar ${i}`, async () => {
        const before = attack.host.addresses.map(String)
        await kept(attack, { observedAddress: Multiaddr.parse(`/ip4/203.0.113.${i}/tcp/4001`) })
        assert.deepEqual(attack.host.addresses.map(String), before)
      })
    }
  }),
  live(
    'B90',
    'pings of another length, wrong answers, too many streams, and a flood',
    async attack => {
      const guest = await attack.guest({
        [PING_PROTOCOL]: async stream => {
          for await (const chunk of stream) stream.write(chunk.map(byte => byte ^ 1))
        },
      })
      for (const length of [1, 31, 33, 63]) {
        await attack.attempt(`${length} bytes and FIN`, async () => {
          const answered = says(guest.there, PING_PROTOCOL, pattern(length))
          attack.expect('ERR_STREAM_RESET', await soon(failureOf(answered), 1_000))
        })
      }
      await attack.attempt('a wrong answer', async () => {
        attack.expect('ERR_PROTOCOL', await failureOf(attack.host.ping(guest.guest.peerId)))
        assert.equal(guest.here.status, 'open', 'one failure does not make a peer dead')
      })
      await attack.attempt('a ping stream too many', async () => {
        const streams = await Promise.allSettled(
          Array.from({ length: 12 }, () => guest.there.open(PING_PROTOCOL)),
        )
        const open = streams.flatMap(stream => (stream.status === 'fulfilled' ? [stream.value] : []))
        const refused = open.map(stream => Promise.race([failureOf(stream.closed), wait(200)]))
        const left = (await Promise.all(refused)).filter(error => error === undefined)
        assert.ok(left.length <= 2, `${left.length} are served`)
        for (const stream of open) stream.reset()
      })
      await attack.attempt('a flood', async () => {
        const stream = await guest.there.open(PING_PROTOCOL)
        const echoes = collect(stream)
        for (let i = 0; i < 100; i++) if (!stream.write(pattern(32 * 1_024))) await stream.drained()
        await stream.end()
        assert.equal((await echoes).length, 100 * 32 * 1_024)
      })
    },
    { flood: true },
  ),
  pure('B91', 'names that lead to themselves, to thousands, or ever deeper', async trial => {
    await trial.attempt('a loop', async () => {
      const error = await failureOf(resolved('/dnsaddr/a', () => ['dnsaddr=/dnsaddr/a']))
      trial.expect('ERR_RESOLVE', error)
    })
    await trial.attempt('10,000 answers', async () => {
      const answers = Array.from({ length: 10_000 }, (_, i) => `dnsaddr=/ip4/192.0.2.1/tcp/${i + 1}`)
      assert.equal((await resolved('/dnsaddr/a', () => answers)).length, 100)
    })
    await trial.attempt('33 deep', async () => {
      let asked = 0
      const deeper = (name: string) => {
        asked++
        return [`dnsaddr=/dnsaddr/x${name.replace('_dnsaddr.', '')}`]
      }
      trial.expect('ERR_RESOLVE', await failureOf(resolved('/dnsaddr/a', deeper)))
      assert.ok(asked <= 4)
    })
    await trial.attempt('each leads to a hundred more', async () => {
      let asked = 0
      const wider = (name: string) => {
        asked++
        return Array.from({ length: 100 }, (_, i) => `dnsaddr=/dnsaddr/${i}.${name.slice(9)}`)
      }
      trial.expect('ERR_RESOLVE', await failureOf(resolved('/dnsaddr/a', wider)))
      assert.ok(asked <= 32)
    })
    for (const answer of [
      'dnsaddr=',
      'dnsaddr=nonsense',
      'dnsaddr=/ip4/1',
      '\u001b[2J',
      'x'.repeat(60_000),
    ]) {
      await trial.attempt(JSON.stringify(answer.slice(0, 20)), async () =>
        trial.expect('ERR_RESOLVE', await failureOf(resolved('/dnsaddr/a', () => [answer]))),
      )
    }
  }),
  live(
    'B92',
    'a thousand addresses of one peer, of which all but one swallow what they are sent: 32 are kept, and the good one is reached',
    async attack => {
      await attack.attempt('31 of 32', async () => {
        let open = 0
        let most = 0
        const lure = () =>
          attack.lure(stranger => {
            open++
            most = Math.max(most, open)
            void stranger.over.then(() => open--)
          })
        const black = await Promise.all(Array.from({ length: 31 }, lure))
        const good = await attack.lure(stranger => listenHonestly(stranger))
        const thousand = Array.from({ length: 1_000 }, (_, i) =>
          Multiaddr.parse(`/ip4/192.0.2.1/tcp/${i + 1}`),
        )
        attack.host.peers.add(peerIdOf(key), thousand)
        assert.equal(attack.host.peers.get(peerIdOf(key))!.addresses.length, 32)
        attack.host.peers.remove(peerIdOf(key))
        attack.host.peers.add(peerIdOf(key), [...black, good])
        const connection = await soon(attack.host.dial(peerIdOf(key)), 3_000)
        assert.ok(connection.remoteAddress.equals(good))
        assert.ok(most <= 8, `${most} dials at once`)
      })
    },
    // The list has 10 s, and the default is 15: an eighth of all times shows the same.
    { limits: { dialTimeout: 2_000, dialStagger: 30 } },
  ),
  live(
    'B93',
    'somebody who connects and leaves at once, again and again',
    async attack => {
      const count = slow ? 1_000 : 200
      for (let i = 0; i < count; i++) {
        await attack.attempt(`visit ${i}`, async () => {
          const stranger = await attack.connect()
          if (i % 2 === 0) stranger.end()
          else stranger.destroy()
          await soon(stranger.over, 1_000)
          stranger.destroy()
        })
      }
    },
    { flood: true },
  ),
  live('B94', 'the peer ID of the host itself in the mouth of others', async attack => {
    const own = PrivateKey.fromSeed(secret)
    const message = {
      publicKey: own.publicKey.bytes,
      signedPeerRecord: sealPeerRecord(own, { seq: later(), addresses: [signed] }),
    }
    await attack.attempt('in what a peer says of itself', async () => {
      const { here, guest } = await kept(attack, message)
      assert.ok(here.peerId.equals(guest.peerId))
      assert.equal(attack.host.peers.get(attack.host.peerId), undefined)
    })
    await attack.attempt('in an address', async () => {
      const address = Multiaddr.parse('/ip4/192.0.2.1/tcp/1').withPeerId(attack.host.peerId)
      attack.expect('ERR_DIAL_SELF', await failureOf(attack.host.dial(address)))
    })
    await attack.expelled('proved with a stolen key', async stranger => {
      const upgrade = honest('outbound', own)
      stranger.send(upgrade.take())
      await until(() => stranger.received.length > 200, 'message 2 comes')
      const upgraded = upgrade.receive(stranger.received.slice())
      stranger.send(concat([upgrade.take(), upgraded?.pending ?? EMPTY]))
    })
  }),
]

async function trickle(stream: Stream): Promise<void> {
  const closed = stream.closed.catch(() => 'over')
  stream.write(Uint8Array.of(0xff, 0x1f))
  while ((await Promise.race([closed, wait(20)])) === undefined) stream.write(pattern(1))
}
