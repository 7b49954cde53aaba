import assert from 'node:assert/strict'
import { setTimeout as wait } from 'node:timers/promises'
import { provider } from '#src/crypto/index'
import { CipherState } from '#src/protocol/noise/cipher-state'
import { NoiseSession } from '#src/protocol/noise/session'
import { concat, utf8 } from '#src/wire/bytes'
import { ProtobufWriter } from '#src/wire/protobuf'
import { payloadOf, signedBytes } from '../protocol/noise/hostile.ts'
import { flip, identityKey, identityOf, identityTypes, messagesOf, Side } from '../protocol/noise/peers.ts'
import { data } from '../protocol/yamux/frames.ts'
import { peerIdOf, until } from '../support/net.ts'
import { pattern } from '../support/wire.ts'
import { type Attack, failureOf, type Intruder } from './attack.ts'
import {
  framed,
  greeting,
  heardBehind,
  key,
  listenHonestly,
  otherKey,
  refusalOf,
  shakeAsDialer,
  shakeAsListener,
} from './speaker.ts'
import { live, pure, type Row } from './suite.ts'
import type { Trial } from './trial.ts'
import { opening, Witness } from './witness.ts'

const staticKey = provider.x25519()
const honestPayload = payloadOf(key.publicKey.bytes, key.sign(signedBytes(staticKey.publicKey)))

/** The host dials the address of one peer, where another proves himself. */
async function mistaken(attack: Attack, type: (typeof identityTypes)[number]): Promise<void> {
  const [sought, found] = [await identityKey(type), await identityKey(type)]
  const expected = peerIdOf(sought)
  await attack.repels(type, 'ERR_PEER_MISMATCH', stranger => void listenHonestly(stranger, found), {
    expected,
  })
  assert.equal(attack.host.peers.get(expected), undefined, 'nothing is kept of the peer that was sought')
}

const ephemeralKeys = [pattern(32), pattern(64).subarray(32)].map(secret => provider.x25519(secret))
const [alice, bob] = [identityOf(key), identityOf(otherKey)]

const fixedPair = () => ({
  a: new Side({ role: 'initiator', identity: alice, ephemeralKey: ephemeralKeys[0] }),
  b: new Side({ role: 'responder', identity: bob, ephemeralKey: ephemeralKeys[1] }),
})

/** A length that has grown leaves the side waiting; whatever else has changed is refused. */
function neverSecures(trial: Trial, name: string, side: Side, bad: Uint8Array): void {
  const announced = bad[0]! * 256 + bad[1]!
  if (announced > bad.length - 2) trial.try(name, () => side.receive(bad))
  else trial.refuses('ERR_NOISE', name, () => side.receive(bad))
  assert.equal(side.secured, undefined, name)
}

/** An intruder with a stream that the host reads, on which he is in the middle of a message. */
async function inMidStream(attack: Attack, witness: Witness): Promise<Intruder> {
  const intruder = await attack.intrude()
  const before = witness.streams
  intruder.peer.send(opening(1, witness.protocol))
  intruder.peer.send(data(1, utf8('begun')))
  await until(() => witness.streams > before, 'the stream arrives')
  return intruder
}

/** What may be done with three records that follow. */
const disorders: [name: string, order: (records: Uint8Array[]) => (Uint8Array | undefined)[]][] = [
  ['replayed', ([one, two]) => [one, one, two]],
  ['swapped', ([one, two, three]) => [two, one, three]],
  ['dropped', ([, two, three]) => [two, three]],
  ['cut at its end', ([one, two]) => [one!.subarray(0, -1), two]],
  ['longer by a byte', ([one, two]) => [concat([one!, Uint8Array.of(0)]), two]],
]

/** The Noise handshake, and the records of the session behind it. */
export const noise: readonly Row[] = [
  live('B40', 'an address that leads to another peer than the one it names', attack =>
    mistaken(attack, 'ed25519'),
  ),
  live('B41', 'the same with keys of which the peer ID is a hash, and with secp256k1', async attack => {
    for (const type of identityTypes) if (type !== 'ed25519') await mistaken(attack, type)
  }),
  live('B42', 'our own bytes sent back to us, and our own address', async attack => {
    await attack.repels('a mirror that listens', ['ERR_NOISE', 'ERR_NEGOTIATE'], stranger => {
      stranger.socket.pipe(stranger.socket)
    })
    await attack.expelled('a mirror that dials', async stranger => {
      stranger.send(concat([greeting, framed(pattern(32))]))
      const second = await heardBehind(stranger, greeting.length)
      stranger.send(framed(second!))
    })
    await attack.attempt('ourselves', async () => {
      const address = attack.host.addresses[0]!.withoutPeerId()
      attack.expect('ERR_DIAL_SELF', await failureOf(attack.host.dial(address)))
    })
  }),
  live(
    'B43',
    'a first message of 0, 31 or 65,535 bytes; the last is early data, which is passed over, and comes to nothing',
    async attack => {
      for (const length of [0, 1, 16, 31]) {
        const message = framed(pattern(length))
        attack.expect(
          'ERR_NOISE',
          refusalOf('inbound', say => say(concat([greeting, message]))),
        )
        await attack.expelled(`${length} bytes`, stranger => stranger.send(concat([greeting, message])))
      }
      await attack.expelled('65,535 bytes', async stranger => {
        stranger.send(concat([greeting, framed(pattern(65_535))]))
        await until(() => stranger.received.length > greeting.length, 'message 2 comes')
        attack.weigh()
      })
      await attack.expelled('the beginning of 65,535 bytes', async stranger => {
        stranger.send(concat([greeting, framed(pattern(65_535)).subarray(0, 60_000)]))
        await wait(20)
        attack.weigh()
      })
    },
    { limits: { upgradeTimeout: 400 } },
  ),
  pure('B44', 'messages 2 and 3 with any bit turned over', trial => {
    const [first, second, third] = messagesOf(fixedPair())
    for (let bit = 0; bit < 8 * second.length; bit++) {
      neverSecures(trial, `bit ${bit} of message 2`, fixedPair().a, flip(second, bit))
    }
    for (let bit = 0; bit < 8 * third.length; bit++) {
      const { b } = fixedPair()
      b.receive(first)
      b.take()
      neverSecures(trial, `bit ${bit} of message 3`, b, flip(third, bit))
    }
  }),
  live('B44', 'such messages over a connection, some of them', async attack => {
    for (let bit = 0; bit < 8 * 180; bit += 131) {
      const altered = (message: Uint8Array) => flip(message, bit)
      const falsehood = { staticKey, altered }
      await attack.expelled(`bit ${bit} of message 3`, stranger =>
        shakeAsDialer(stranger, honestPayload, falsehood),
      )
      await attack.repels(`bit ${bit} of message 2`, 'ERR_NOISE', stranger =>
        shakeAsListener(stranger, honestPayload, falsehood),
      )
    }
  }),
  live(
    'B45',
    'a third message that never comes, or comes byte by byte',
    async attack => {
      const third = framed(pattern(180))
      await attack.expelled('nothing', stranger => stranger.send(concat([greeting, framed(pattern(32))])))
      await attack.expelled('a byte at a time', async stranger => {
        stranger.send(concat([greeting, framed(pattern(32))]))
        await stranger.drip(
          Array.from(third, byte => Uint8Array.of(byte)),
          25,
        )
      })
    },
    // The list has 10 s, and a byte every second.
    { limits: { upgradeTimeout: 400 } },
  ),
  live('B46', 'a record with a bad tag', async attack => {
    const witness = new Witness(attack)
    for (let bit = 0; bit < 128; bit += 9) {
      await attack.attempt(`bit ${bit}`, async () => {
        const intruder = await inMidStream(attack, witness)
        const record = intruder.peer.seal(data(1, utf8('forged')))
        intruder.peer.write(flip(record, 8 * (record.length - 16) + bit))
        await attack.closes(intruder, 'ERR_NOISE')
      })
    }
    assert.doesNotMatch(witness.text, /forged/)
    await until(() => witness.ends.length === witness.streams, 'all streams end')
    assert.deepEqual([...new Set(witness.ends)], ['ERR_NOISE'])
  }),
  pure('B46', 'a record with a bad tag does not move the counter', trial => {
    const cipherKey = pattern(32)
    for (let bit = 0; bit < 128; bit++) {
      trial.try(`bit ${bit}`, () => {
        const [ciphertext, tag] = new CipherState(cipherKey).encrypt(utf8('genuine'))
        const receiver = new CipherState(cipherKey)
        assert.equal(receiver.decrypt([ciphertext], flip(tag, bit)), undefined)
        assert.deepEqual(concat(receiver.decrypt([ciphertext], tag)!), utf8('genuine'))
      })
    }
  }),
  live('B47', 'a record shorter than a tag', async attack => {
    for (let length = 0; length < 16; length++) {
      await attack.dismissed(`${length} bytes`, 'ERR_NOISE', ({ peer }) => {
        peer.write(concat([Uint8Array.of(0, length), pattern(length)]))
      })
    }
  }),
  live('B48', 'records replayed, swapped, dropped or cut', async attack => {
    const witness = new Witness(attack)
    for (const [name, order] of disorders) {
      await attack.attempt(name, async () => {
        const intruder = await inMidStream(attack, witness)
        const records = ['a', 'b', 'c'].map(text => intruder.peer.seal(data(1, utf8(text))))
        intruder.peer.write(concat(order(records).filter(record => record !== undefined)))
        await attack.closes(intruder, 'ERR_NOISE')
      })
    }
    for (const [name, cut] of [
      ['in a record', 9],
      ['between records', 0],
    ] as const) {
      await attack.attempt(`FIN ${name}`, async () => {
        const intruder = await inMidStream(attack, witness)
        intruder.peer.write(intruder.peer.seal(data(1, utf8('d'))).subarray(0, cut))
        intruder.peer.end()
        await attack.closes(intruder, 'ERR_CONNECTION_CLOSED', 2_000)
      })
    }
    await until(() => witness.ends.length === witness.streams, 'all streams end')
    assert.ok(!witness.ends.includes('end'), 'no stream seems to have ended in good order')
  }),
  pure('B49', 'a counter at its end: no number is used twice', trial => {
    const [one, two] = [pattern(32), pattern(64).subarray(32)]
    const last = Number.MAX_SAFE_INTEGER - 1
    const session = () => new NoiseSession(new CipherState(one, last), new CipherState(two, last))
    const record = concat(
      new NoiseSession(new CipherState(two, last), new CipherState(one)).seal([utf8('last')]),
    )
    trial.refuses('ERR_NONCE_EXHAUSTED', 'sealed', () => {
      const sender = session()
      sender.seal([utf8('last')])
      sender.seal([utf8('one more')])
    })
    trial.refuses('ERR_NONCE_EXHAUSTED', 'opened', () => {
      const receiver = session()
      assert.deepEqual(concat(receiver.receive(record)), utf8('last'))
      receiver.receive(record)
    })
  }),
  live('B49b', 'muxers without end, extensions that nobody knows, and early data', async attack => {
    const offers = (count: number) => {
      const extensions = new ProtobufWriter().string(2, '/yamux/1.0.0')
      for (let i = 1; i < count; i++) extensions.string(2, '/m')
      return payloadOf(key.publicKey.bytes, key.sign(signedBytes(staticKey.publicKey)), extensions.finish())
    }
    // 10,000 are more fields than any message may have, which is refused; 2,000 are cut to 100.
    const many = offers(10_000)
    await attack.expelled('10,000 muxers, from a dialer', stranger =>
      shakeAsDialer(stranger, many, { staticKey }),
    )
    await attack.repels('10,000 muxers, from a listener', 'ERR_IDENTITY', stranger =>
      shakeAsListener(stranger, many, { staticKey }),
    )
    const unknown = new ProtobufWriter().string(2, '/yamux/1.0.0').bytes(1_000, pattern(900)).finish()
    const odd = payloadOf(key.publicKey.bytes, key.sign(signedBytes(staticKey.publicKey)), unknown)
    for (const [name, payload] of [
      ['2,000 muxers', offers(2_000)],
      ['extension 1,000', odd],
    ] as const) {
      await attack.attempt(name, async () => {
        const stranger = await attack.connect()
        await shakeAsDialer(stranger, payload, { staticKey })
        const peerId = peerIdOf(key)
        await until(() => attack.host.connections.some(one => one.peerId.equals(peerId)), 'it stands')
        stranger.destroy()
        await until(() => !attack.host.connections.some(one => one.peerId.equals(peerId)), 'it is gone')
      })
    }
    await attack.expelled('early data of a handshake that fails', stranger =>
      stranger.send(concat([greeting, framed(pattern(1_000)), framed(pattern(186))])),
    )
  }),
]
