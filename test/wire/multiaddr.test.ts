import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { inspect } from 'node:util'
import fc from 'fast-check'
import { concat, hex, utf8 } from '#src/wire/bytes'
import { Multiaddr } from '#src/wire/multiaddr'
import { protocols, VARIABLE } from '#src/wire/multiaddr-protocols'
import { PeerId } from '#src/wire/peer-id'
import { encodeVarint } from '#src/wire/varint'
import { anyBytes, bytesOf, cuttings, parsed, refuses } from '../support/wire.ts'
import { refusedAddressBytes, refusedAddressTexts } from './hostile.ts'

const ID = 'QmcgpsyWgH8Y8ajJz1Cu72KnS5uo2Aa2LpzU7kinSupNKC'
const OTHER_ID = '12D3KooWCryG7Mon9orvQxcS1rYZjotPgpwoJNHHKcLLfE4Hf5mV'
const HASH = 'uEiAkH5a4DPGKUuOBjYw0CgwjvcJCJMD2K_1aluKR_tpevQ'
const V6 = '/ip6/2001:8a0:7ac5:4201:3ac9:86ff:fe31:7095'

// Text and bytes: from the suites of the multiaddr specification and of its Go and JavaScript implementations.
const vectors: [text: string, digits: string, printed?: string][] = [
  [
    '/ip4/127.0.0.1/tcp/3001/ipfs/QmcxsSTeHBEfaWBb2QKe5UZWK8ezWJkxJfmcb5rQV374M6',
    '047f000001060bb9a503221220d94aeb934ca659f42f2b6204f1d020251e4c6ae663980c7371da7663a31296c9',
    '/ip4/127.0.0.1/tcp/3001/p2p/QmcxsSTeHBEfaWBb2QKe5UZWK8ezWJkxJfmcb5rQV374M6',
  ],
  ['/ip4/192.0.2.42/tcp/443', '04c000022a0601bb'],
  ['/ip4/127.0.0.1/udp/1234', '047f000001910204d2'],
  ['/ip4/127.0.0.1/tcp/4321', '047f0000010610e1'],
  ['/ip4/127.0.0.1/udp/1234/ip4/127.0.0.1/tcp/4321', '047f000001910204d2047f0000010610e1'],
  ['/ip6zone/eth0/ip6/::1', '2a0465746830 2900000000000000000000000000000001'],
  ['/ip6/::ffff:127.0.0.1/tcp/111', '2900000000000000000000ffff7f000001 06006f'],
  ['/dns4/example.com/tcp/443/wss', '360b6578616d706c652e636f6d 0601bb de03'],
  ['/unix/%2Fdir%2Ffile.socket', '90031 02f6469722f66696c652e736f636b6574'],
  ['/dns/*000000000000000000000000000000000000000000', `352b2a${'30'.repeat(42)}`],
]

// Texts that are printed as they are read, from the same suites.
const roundTrips = [
  '/ip4/1.2.3.4',
  '/ip4/0.0.0.0',
  '/ip6/::1',
  '/ip6/::',
  V6,
  '/udp/0',
  '/tcp/65535',
  '/ip6zone/x/ip6/fe80::1',
  '/ip6zone/x%y/ip6/fe80::1/udp/1234/quic-v1',
  `/ip4/127.0.0.1/p2p/${ID}/tcp/1234`,
  `${V6}/tcp/8000/ws/p2p/${ID}`,
  '/ip4/127.0.0.1/tcp/9090/tls/sni/example.com/ws',
  '/ip4/127.0.0.1/tcp/8000/https',
  '/ip4/127.0.0.1/tcp/127/noise',
  '/tcp/1234/tls/http',
  '/ip4/127.0.0.1/udp/1234/webrtc-direct',
  `/ip4/1.2.3.4/udp/4001/quic-v1/webtransport/certhash/${HASH}/certhash/uEiAfbgiymPP2_nX7Dgir8B4QkksjHp2lVuJZz0F79Be9JA/p2p/12D3KooWBdmLJjhpgJ9KZgLM3f894ff9xyBfPvPjFNn7MKJpyrC2`,
  `/p2p-circuit/p2p/${ID}`,
  `/p2p/${ID}/p2p-circuit`,
  `/memory/test/p2p/${ID}`,
  '/dnsaddr/bootstrap.libp2p.io',
  '/dns6/münchen.example/tcp/1',
  '/unix/a%2Fb%2Fc%2Fd%2Fe',
  '/unix/%2Fa%2520space',
  '/ip4/127.0.0.1/tcp/9090/tls/http-path/tmp%2Ffoo%2F..%2Fbar',
]

// Texts that are printed otherwise. RFC 5952 and its own examples for IPv6.
const normalized: [text: string, printed: string][] = [
  ['/ip6/0001:08a0:00c5:4201:3ac9:86ff:fe31:0709', '/ip6/1:8a0:c5:4201:3ac9:86ff:fe31:709'],
  ['/ip6/0000:0000:0000:0000:0000:0000:0000:0001', '/ip6/::1'],
  ['/ip6/::101.45.75.219/tcp/9090', '/ip6/::652d:4bdb/tcp/9090'],
  ['/ip6/::1.45.5.219/tcp/9090', '/ip6/::12d:5db/tcp/9090'],
  ['/ip6/2001:DB8:0:0:1:0:0:1', '/ip6/2001:db8::1:0:0:1'],
  ['/ip6/2001:db8:0:1:1:1:1:1', '/ip6/2001:db8:0:1:1:1:1:1'],
  ['/ip6/2001:db8::1:1:1:1:1', '/ip6/2001:db8:0:1:1:1:1:1'],
  ['/ip6/2001:0:0:1:0:0:0:1', '/ip6/2001:0:0:1::1'],
  ['/ip6/1:2:3:4:5:6::', '/ip6/1:2:3:4:5:6::'],
  ['/ip6/::ffff:7f00:1', '/ip6/::ffff:127.0.0.1'],
  ['/ip6/64:ff9b::192.0.2.33', '/ip6/64:ff9b::c000:221'],
  ['/ip4/127.0.0.1/tcp/1234/', '/ip4/127.0.0.1/tcp/1234'],
  ['/ipfs/bafzbeigvf25ytwc3akrijfecaotc74udrhcxzh2cx3we5qqnw5vgrei4bm', `/p2p/${ID}`],
  ['/unix/%2ftmp%2f%61:b', '/unix/%2Ftmp%2Fa%3Ab'],
  ['/certhash/b2uaraocy6yrdblb4sfptaddgimjmmpy', '/certhash/u1QEQOFj2IjCsPJFfMAxmQxLGPw'],
]

describe('Multiaddr', () => {
  test('reads and prints the published vectors both ways', () => {
    for (const [text, digits, printed = text] of vectors) {
      const address = Multiaddr.parse(text)
      assert.equal(hex(address.bytes), hex(bytesOf(digits)), text)
      assert.equal(address.toString(), printed)
      assert.equal(Multiaddr.fromBytes(bytesOf(digits)).toString(), printed)
    }
  })

  test('prints what it reads, in one normal form', () => {
    for (const [text, printed] of [...roundTrips.map(same => [same, same]), ...normalized] as [
      string,
      string,
    ][]) {
      const address = Multiaddr.parse(text)
      assert.equal(address.toString(), printed)
      for (const same of [address.bytes, printed, address, JSON.parse(JSON.stringify(address))]) {
        assert.ok(Multiaddr.from(same).equals(address), text)
      }
    }
  })

  test('refuses text that is none (B23)', () => {
    for (const text of refusedAddressTexts)
      refuses('ERR_MULTIADDR', () => Multiaddr.parse(text), text.slice(0, 60))
  })

  for (const [what, digits] of refusedAddressBytes) {
    test(`refuses bytes with ${what}`, () =>
      refuses('ERR_MULTIADDR', () => Multiaddr.fromBytes(bytesOf(digits))))
  }

  test('refuses every beginning of an address that does not end with a component', () => {
    const address = Multiaddr.parse(`/dns4/example.com/tcp/443/wss/p2p/${ID}`)
    const whole = [13, 16, 18, address.bytes.length]
    for (const [start] of cuttings(address.bytes).slice(2)) {
      if (whole.includes(start!.length)) assert.ok(Multiaddr.fromBytes(start!))
      else refuses('ERR_MULTIADDR', () => Multiaddr.fromBytes(start!))
    }
  })

  test('says which part is wrong, what should stand there, and whose fault it is', () => {
    const messages: [text: string, message: RegExp][] = [
      ['/ip4/01.2.3.4/tcp/80', /ip4 takes four numbers .*, not "01\.2\.3\.4"\.$/],
      ['/ip4/1.2.3.4/tcp', /tcp takes a number from 0 to 65535, not ""\.$/],
      ['/ip4/1.2.3.4/ws/80', /"80" is not a protocol that parley knows\.$/],
      ['ip4/1.2.3.4', /does not begin with a slash\.$/],
      ['/dns4/\u001b[2J\u202e', /dns4 takes a name .*, not "\\u\{1b\}\[2J\\u\{202e\}"\.$/],
    ]
    for (const [text, message] of messages)
      assert.throws(() => Multiaddr.parse(text), { message, remote: false })
    assert.throws(() => Multiaddr.fromBytes(bytesOf('7f')), { message: /unknown code 127/, remote: true })
  })

  test('is made of nothing but text, bytes or another multiaddr', () => {
    for (const other of [undefined, null, 80, {}, []])
      refuses('ERR_MULTIADDR', () => Multiaddr.from(other as never))
  })

  test('gives its components, values and peer', () => {
    const address = Multiaddr.parse(`/ip4/1.2.3.4/tcp/80/tls/ws/p2p/${ID}/p2p-circuit/p2p/${OTHER_ID}`)
    assert.deepEqual(address.components.slice(0, 3), [
      { code: 4, name: 'ip4', value: '1.2.3.4' },
      { code: 6, name: 'tcp', value: '80' },
      { code: 448, name: 'tls', value: undefined },
    ])
    assert.equal(address.value('tcp'), '80')
    assert.equal(address.value('p2p'), ID)
    assert.equal(address.value('tls'), undefined)
    assert.deepEqual([address.has('tls'), address.has('ip6')], [true, false])
    assert.equal(address.peerId?.toString(), OTHER_ID)
    assert.equal(Multiaddr.parse('/tcp/80').peerId, undefined)
    assert.equal(inspect(Multiaddr.parse('/tcp/80')), 'Multiaddr(/tcp/80)')
  })

  test('puts one address behind another', () => {
    const address = Multiaddr.parse('/ip4/127.0.0.1/udp/1234').encapsulate('/udp/5678')
    assert.equal(address.toString(), '/ip4/127.0.0.1/udp/1234/udp/5678')
    assert.equal(hex(address.bytes), '047f000001910204d29102162e')
    const circuits = Multiaddr.parse('/p2p-circuit'.repeat(16))
    refuses('ERR_MULTIADDR', () => circuits.encapsulate('/p2p-circuit'))
    const name = `/dns/${'a'.repeat(253)}`
    refuses('ERR_MULTIADDR', () => Multiaddr.parse(name.repeat(4)).encapsulate('/tcp/80'))
  })

  test('cuts at the last occurrence of another, and only at whole components', () => {
    const cases: [address: string, other: string, left: string][] = [
      ['/ip4/1.2.3.4/tcp/80', '/tcp/80', '/ip4/1.2.3.4'],
      ['/ip4/1.2.3.4/tcp/80', '/udp/80', '/ip4/1.2.3.4/tcp/80'],
      ['/ip4/1.2.3.4', '/ip4/1.2.3.4/tcp/1234', '/ip4/1.2.3.4'],
      ['/ip4/1.2.3.5/udp/1234/quic-v1', '/udp/1234', '/ip4/1.2.3.5'],
      ['/ip4/1.2.3.6/udp/1234/quic-v1', '/udp/1234/quic-v1', '/ip4/1.2.3.6'],
      ['/dnsaddr/wss.com/tcp/4001', '/ws', '/dnsaddr/wss.com/tcp/4001'],
      ['/dnsaddr/wss.com/tcp/4001/ws', '/wss', '/dnsaddr/wss.com/tcp/4001/ws'],
      ['/tcp/1/ws/tcp/1/ws/tcp/2', '/tcp/1/ws', '/tcp/1/ws'],
      ['/ip4/1.2.3.4/tcp/1234', '/ip4/1.2.3.4', '/'],
    ]
    for (const [address, other, left] of cases)
      assert.equal(Multiaddr.parse(address).decapsulate(other).toString(), left)
  })

  test('gains and loses the peer at its end', () => {
    const id = PeerId.parse(ID)
    const bare = Multiaddr.parse('/ip4/1.2.3.4/tcp/80')
    const full = bare.withPeerId(id)
    assert.equal(full.toString(), `/ip4/1.2.3.4/tcp/80/p2p/${ID}`)
    assert.equal(full.withPeerId(id), full)
    assert.equal(full.withPeerId(PeerId.parse(OTHER_ID)).toString(), `/ip4/1.2.3.4/tcp/80/p2p/${OTHER_ID}`)
    assert.ok(full.withoutPeerId().equals(bare))
    assert.equal(bare.withoutPeerId(), bare)
    const circuit = Multiaddr.parse(`/p2p/${ID}/p2p-circuit`)
    assert.equal(circuit.withPeerId(id).toString(), `/p2p/${ID}/p2p-circuit/p2p/${ID}`)
    assert.equal(circuit.withoutPeerId(), circuit)
    const empty = Multiaddr.parse(`/p2p/${ID}`).withoutPeerId()
    assert.deepEqual([empty.toString(), empty.bytes.length, empty.components], ['/', 0, []])
    assert.equal(empty.withPeerId(id).toString(), `/p2p/${ID}`)
  })

  test('keeps its own copy of the bytes it was read from', () => {
    const bytes = bytesOf('047f000001061f40')
    const address = Multiaddr.fromBytes(bytes)
    bytes.fill(0xff)
    assert.equal(hex(address.bytes), '047f000001061f40')
    assert.equal(address.toString(), '/ip4/127.0.0.1/tcp/8000')
  })

  const anyValue = (size: number) =>
    size === VARIABLE
      ? fc.oneof(
          anyBytes(20),
          fc.string({ unit: 'binary', minLength: 1, maxLength: 20 }).map(utf8),
          fc.domain().map(utf8),
          anyBytes(32).map(digest => Uint8Array.of(0x12, digest.length, ...digest)),
          fc.constant(PeerId.parse(ID).bytes),
        )
      : fc.uint8Array({ minLength: size, maxLength: size })
  const component = fc.constantFrom(...protocols).chain(({ code, size }) =>
    anyValue(size).map(value => {
      const length = size === VARIABLE ? encodeVarint(value.length) : bytesOf('')
      return concat([encodeVarint(code), length, value])
    }),
  )

  test('takes any bytes for one address, which its text gives back, or refuses them', () => {
    const bytes = fc.oneof(
      anyBytes(30),
      fc.array(component, { maxLength: 6 }).map(list => concat([...list, bytesOf('')])),
    )
    let sound = 0
    fc.assert(
      fc.property(bytes, raw => {
        const address = parsed('ERR_MULTIADDR', () => Multiaddr.fromBytes(raw))
        if (address === undefined) return
        sound++
        const text = address.toString()
        assert.deepEqual(address.bytes, raw)
        assert.deepEqual(Multiaddr.parse(text).bytes, raw)
        assert.doesNotMatch(text, /[\p{C}\p{Z}]/u)
        void address.peerId
      }),
      { numRuns: 1000 },
    )
    assert.ok(sound > 50)
  })

  test('takes any text for an address, or refuses it', () => {
    const segment = fc.oneof(
      fc.constantFrom(...protocols.map(({ name }) => name), 'ipfs', ID, '1.2.3.4', '80', '::1', ''),
      fc.string({ unit: 'binary', maxLength: 8 }),
      fc.ipV6(),
    )
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(segment, { maxLength: 8 }).map(list => `/${list.join('/')}`),
      fc
        .tuple(fc.constantFrom(...roundTrips), fc.nat(), fc.string({ maxLength: 1 }))
        .map(([good, at, put]) => {
          const place = at % good.length
          return good.slice(0, place) + put + good.slice(place + 1)
        }),
    )
    fc.assert(
      fc.property(text, raw => {
        const address = parsed('ERR_MULTIADDR', () => Multiaddr.parse(raw))
        if (address) assert.ok(Multiaddr.parse(address.toString()).equals(address))
      }),
      { numRuns: 1000 },
    )
  })

  test('reads every IPv6 address as the URL parser does', () => {
    fc.assert(
      fc.property(fc.ipV6(), text => {
        const bytes = Multiaddr.parse(`/ip6/${text}`).bytes
        const groups = Array.from({ length: 8 }, (_, i) =>
          (bytes[2 * i + 1]! * 256 + bytes[2 * i + 2]!).toString(16),
        )
        assert.equal(new URL(`http://[${groups.join(':')}]`).hostname, new URL(`http://[${text}]`).hostname)
      }),
    )
  })
})
