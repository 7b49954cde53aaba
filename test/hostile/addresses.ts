import assert from 'node:assert/strict'
import { encodeIdentify, IDENTIFY_PROTOCOL, type IdentifyMessage } from '#src/protocol/identify'
import { concat, hex } from '#src/wire/bytes'
import { generateKey, type PrivateKey } from '#src/wire/keys'
import { Multiaddr } from '#src/wire/multiaddr'
import { protocols } from '#src/wire/multiaddr-protocols'
import { base58, multibase32 } from '#src/wire/multibase'
import { PeerId } from '#src/wire/peer-id'
import { sealPeerRecord } from '#src/wire/peer-record'
import { encodeVarint } from '#src/wire/varint'
import { peerIdOf } from '../support/net.ts'
import { bytesOf, pattern } from '../support/wire.ts'
import { refusedAddressBytes, refusedAddressTexts, refusedIds, refusedMultihashes } from '../wire/hostile.ts'
import { type Attack, failureOf } from './attack.ts'
import { key } from './speaker.ts'
import { live, pure, type Row } from './suite.ts'
import type { Trial } from './trial.ts'

const id = peerIdOf(key)
const named = `/p2p/${id.toString()}`
const digest = pattern(32)

/** Tries bytes that are no multihash of a key: as they are, in both forms of text, and in an address. */
function refusesMultihash(trial: Trial, name: string, bytes: Uint8Array): void {
  trial.refuses('ERR_PEER_ID', name, () => PeerId.fromBytes(bytes))
  trial.refuses('ERR_PEER_ID', `${name}, as a CID`, () =>
    PeerId.parse(multibase32(concat([Uint8Array.of(1, 0x72), bytes]))),
  )
  const component = concat([bytesOf('a503'), encodeVarint(bytes.length), bytes])
  trial.refuses('ERR_MULTIADDR', `${name}, in an address`, () => Multiaddr.fromBytes(component))
  if (bytes.length > 100) return
  trial.refuses('ERR_PEER_ID', `${name}, in base58`, () => PeerId.parse(base58(bytes)))
}

const multihash = (code: Uint8Array, length: number) =>
  concat([code, encodeVarint(length), new Uint8Array(length).fill(0x11)])

const listed = (id: string) =>
  refusedMultihashes.flatMap(([what, digits]) => (what.includes(`(${id})`) ? [bytesOf(digits)] : []))

/** Takes bytes for an address, of which then every way to look at it must work, or has them refused. */
function takesOrRefuses(trial: Trial, name: string, bytes: Uint8Array): void {
  trial.try(name, () => {
    const address = addressIn(bytes, trial)
    if (!address) return
    assert.match(address.toString(), /^[^\p{C}\p{Z}]+$/u)
    assert.equal(hex(Multiaddr.parse(address.toString()).bytes), hex(bytes))
    void address.peerId
  })
}

function addressIn(bytes: Uint8Array, trial: Trial): Multiaddr | undefined {
  try {
    return Multiaddr.fromBytes(bytes)
  } catch (error) {
    trial.expect('ERR_MULTIADDR', error)
    return undefined
  }
}

const soundAddresses = [
  `/ip4/127.0.0.1/tcp/4001${named}`,
  `/dns4/example.com/tcp/443/wss${named}`,
  '/ip6/2001:db8::1/udp/4001/quic-v1',
  `/ip4/192.0.2.1/tcp/1${named}/p2p-circuit${named}`,
  '/unix/%2Ftmp%2Fsocket',
].map(text => Multiaddr.parse(text))

/** For each protocol its name without a value, with one too many and with wrong ones. */
const generatedTexts = protocols.flatMap(({ name, size }) =>
  size === 0
    ? [`/${name}/x`, `/${name}/80`, `/${name}//`, `/${name.toUpperCase()}`]
    : [`/${name}`, `/${name}/`, `/${name}//tcp/80`, `/${name}/\0`, `/${name}/a b`, `/${name}/\u001b[2J`],
)

/** Addresses that nobody may make us dial, whom the host meets over loopback. */
const undialable = [
  '/ip4/0.0.0.0/tcp/4001',
  '/ip4/0.1.2.3/tcp/4001',
  '/ip6/::/tcp/4001',
  '/ip4/224.0.0.1/tcp/4001',
  '/ip4/239.255.255.250/tcp/1900',
  '/ip4/255.255.255.255/tcp/4001',
  '/ip6/ff02::1/tcp/4001',
  '/ip4/127.0.0.1/tcp/0',
  '/ip4/192.0.2.1/tcp/0',
  '/unix/%2Fvar%2Frun%2Fdocker.sock',
]

/** A guest says that of himself; the host keeps no address of it, and so cannot dial him when he is gone. */
async function namesIts(
  attack: Attack,
  name: string,
  message: (by: PrivateKey) => IdentifyMessage,
): Promise<void> {
  await attack.attempt(name, async () => {
    const identity = await generateKey()
    const { guest, here, there } = await attack.guest(
      {
        [IDENTIFY_PROTOCOL]: async stream => {
          stream.write(encodeIdentify(message(identity)))
          await stream.end()
        },
      },
      identity,
    )
    const info = await attack.host.identified(here)
    assert.deepEqual([info?.addresses, info?.signedAddresses], [[], []])
    await there.close()
    await here.closed
    attack.expect('ERR_NO_ADDRESS', await failureOf(attack.host.dial(guest.peerId)))
  })
}

/** Peer IDs and multiaddrs. */
export const addresses: readonly Row[] = [
  pure('B16', 'a SHA-256 of another length than 32 bytes', trial => {
    for (const bytes of listed('B16')) refusesMultihash(trial, hex(bytes.subarray(0, 2)), bytes)
    for (let length = 0; length <= 64; length++) {
      if (length !== 32) refusesMultihash(trial, `${length} bytes`, multihash(bytesOf('12'), length))
    }
  }),
  pure('B17', 'an identity of no bytes, or of more than 42', trial => {
    for (const bytes of listed('B17')) refusesMultihash(trial, hex(bytes.subarray(0, 2)), bytes)
    for (let length = 43; length <= 127; length++)
      refusesMultihash(trial, `${length} bytes`, multihash(bytesOf('00'), length))
  }),
  pure('B18', 'a hash function that no peer ID uses', trial => {
    for (const bytes of listed('B18')) refusesMultihash(trial, hex(bytes.subarray(0, 3)), bytes)
    for (let code = 0; code < 0x80; code++) {
      if (code !== 0 && code !== 0x12)
        refusesMultihash(trial, `code ${code}`, multihash(Uint8Array.of(code), 32))
    }
  }),
  pure('B19', 'bytes behind the multihash', trial => {
    for (const bytes of listed('B19')) refusesMultihash(trial, hex(bytes.subarray(0, 2)), bytes)
    for (let count = 1; count <= 40; count++) {
      refusesMultihash(trial, `${count} behind a hash`, concat([bytesOf('1220'), digest, pattern(count)]))
      refusesMultihash(trial, `${count} behind a key`, concat([id.bytes, pattern(count)]))
    }
  }),
  pure('B20', 'an address whose peer has a broken multihash', trial => {
    for (const [what, digits] of refusedAddressBytes.filter(([what]) => what.includes('multihash'))) {
      trial.refuses('ERR_MULTIADDR', what, () => Multiaddr.fromBytes(bytesOf(digits)))
    }
    const whole = concat([bytesOf('a5032612'), new Uint8Array(37)])
    for (let at = 3; at < whole.length; at++) {
      for (const byte of [0x00, 0x12, 0x20, 0x24, 0x80, 0xff])
        takesOrRefuses(trial, `byte ${at} is ${byte}`, whole.with(at, byte))
    }
    takesOrRefuses(trial, 'the beginning in the list', bytesOf('a503221221'))
  }),
  pure('B21', 'base58 with a letter that it lacks, and a megabyte of it', trial => {
    const text = id.toString()
    for (let at = 0; at < text.length; at++) {
      for (const letter of '0OIl') {
        const wrong = text.slice(0, at) + letter + text.slice(at + 1)
        trial.refuses('ERR_PEER_ID', wrong, () => PeerId.parse(wrong))
      }
    }
    for (const long of [`1${'z'.repeat(1e6)}`, 'Qm'.repeat(5e5), `z${'2'.repeat(1e6)}`, '1'.repeat(129)]) {
      trial.within(1, `${long.length} characters`, () =>
        trial.refuses('ERR_PEER_ID', `${long.length} characters`, () => PeerId.parse(long)),
      )
      trial.within(5, `${long.length} characters in an address`, () =>
        trial.refuses('ERR_MULTIADDR', 'in an address', () => Multiaddr.parse(`/p2p/${long}`)),
      )
    }
  }),
  pure('B22', 'a CID of another codec, version or base', trial => {
    for (const text of refusedIds) trial.refuses('ERR_PEER_ID', text.slice(0, 40), () => PeerId.parse(text))
    for (let codec = 0; codec < 0x80; codec++) {
      if (codec === 0x72) continue
      const cid = multibase32(concat([Uint8Array.of(1, codec), id.bytes]))
      trial.refuses('ERR_PEER_ID', `codec ${codec}`, () => PeerId.parse(cid))
    }
    for (const prefix of '?xXfFvVtTkKhyYmM079') {
      trial.refuses('ERR_PEER_ID', `base ${prefix}`, () => PeerId.parse(`${prefix}${id.toCid().slice(1)}`))
    }
  }),
  pure('B23', 'texts that are no address', trial => {
    for (const text of new Set([...refusedAddressTexts, ...generatedTexts])) {
      const name = JSON.stringify(text.slice(0, 40))
      trial.within(5, name, () => trial.refuses('ERR_MULTIADDR', name, () => Multiaddr.parse(text)))
    }
  }),
  pure('B24', 'bytes that are no address: listed ones, and sound ones cut or changed anywhere', trial => {
    for (const [what, digits] of refusedAddressBytes) {
      trial.refuses('ERR_MULTIADDR', what, () => Multiaddr.fromBytes(bytesOf(digits)))
    }
    for (const { bytes } of soundAddresses) {
      for (let length = 1; length < bytes.length; length++)
        takesOrRefuses(trial, `${length} bytes of ${hex(bytes)}`, bytes.subarray(0, length))
      for (let bit = 0; bit < 8 * bytes.length; bit++) {
        const changed = bytes.with(bit >> 3, bytes[bit >> 3]! ^ (1 << (bit & 7)))
        takesOrRefuses(trial, `bit ${bit} of ${hex(bytes)}`, changed)
      }
    }
  }),
  live('B25', 'addresses of a peer that must never be dialled', async attack => {
    const own = attack.host.addresses[0]!.withoutPeerId().toString()
    for (const text of [...undialable, own]) {
      const addresses = [Multiaddr.parse(text)]
      const signedPeerRecord = (by: PrivateKey) => sealPeerRecord(by, { seq: 1n, addresses })
      await namesIts(attack, text, () => ({ addresses }))
      await namesIts(attack, `${text}, signed`, by => ({ signedPeerRecord: signedPeerRecord(by) }))
    }
  }),
]
