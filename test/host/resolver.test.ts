import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Resolver, resolveAddress, systemResolver } from '#src/host/resolver'
import { Multiaddr } from '#src/wire/multiaddr'
import { withHosts } from '../support/hosts.ts'
import { errorOf, keyOf, peerIdOf, until } from '../support/net.ts'

/** The end of an address that names the peer of that key. */
function named(key: number): string {
  return `/p2p/${peerIdOf(keyOf(key)).toString()}`
}

const peer = named(1)
const otherPeer = named(2)

/** Records by kind and name. What has none throws, as the system's resolver does. */
type Zone = Record<string, string[]>

class FakeResolver implements Resolver {
  readonly asked: string[] = []
  readonly #zone: Zone

  constructor(zone: Zone) {
    this.#zone = zone
  }

  ip4(name: string): Promise<string[]> {
    return this.#answer(`ip4 ${name}`)
  }

  ip6(name: string): Promise<string[]> {
    return this.#answer(`ip6 ${name}`)
  }

  txt(name: string): Promise<string[]> {
    return this.#answer(`txt ${name}`)
  }

  async #answer(question: string): Promise<string[]> {
    this.asked.push(question)
    const answer = this.#zone[question]
    if (!answer) throw new Error('ENOTFOUND')
    return answer
  }
}

async function resolved(address: string, zone: Zone): Promise<string[]> {
  return (await resolveAddress(Multiaddr.parse(address), new FakeResolver(zone))).map(String)
}

const zone: Zone = {
  'ip4 a.example': ['192.0.2.1', '192.0.2.2'],
  'ip6 a.example': ['2001:db8::1'],
  'ip4 four.example': ['192.0.2.4'],
  'ip4 odd.example': ['not an address', '192.0.2.5'],
  'ip6 odd.example': ['fe80::1%lo0', '2001:db8::5'],
  'txt _dnsaddr.boot.example': [
    `dnsaddr=/ip4/192.0.2.7/tcp/7${peer}`,
    `dnsaddr=/ip4/192.0.2.8/tcp/8${otherPeer}`,
    'v=spf1 -all',
    'dnsaddr=nonsense',
    `dnsaddr=/dns4/four.example/tcp/9${peer}`,
  ],
  'txt _dnsaddr.next.example': ['dnsaddr=/dnsaddr/boot.example'],
}

describe('an address', () => {
  const cases: [string, string[]][] = [
    ['/ip4/192.0.2.1/tcp/1', ['/ip4/192.0.2.1/tcp/1']],
    ['/dns4/a.example/tcp/1', ['/ip4/192.0.2.1/tcp/1', '/ip4/192.0.2.2/tcp/1']],
    ['/dns6/a.example/tcp/1', ['/ip6/2001:db8::1/tcp/1']],
    ['/dns/a.example/tcp/1', ['/ip6/2001:db8::1/tcp/1', '/ip4/192.0.2.1/tcp/1', '/ip4/192.0.2.2/tcp/1']],
    ['/dns/four.example/tcp/1', ['/ip4/192.0.2.4/tcp/1']],
    [`/dns4/four.example/tcp/1${peer}`, [`/ip4/192.0.2.4/tcp/1${peer}`]],
    ['/dns/odd.example/tcp/1', ['/ip6/2001:db8::5/tcp/1', '/ip4/192.0.2.5/tcp/1']],
    [
      '/dnsaddr/boot.example',
      [`/ip4/192.0.2.7/tcp/7${peer}`, `/ip4/192.0.2.8/tcp/8${otherPeer}`, `/ip4/192.0.2.4/tcp/9${peer}`],
    ],
    [`/dnsaddr/boot.example${peer}`, [`/ip4/192.0.2.7/tcp/7${peer}`, `/ip4/192.0.2.4/tcp/9${peer}`]],
    [`/dnsaddr/boot.example/tcp/8${otherPeer}`, [`/ip4/192.0.2.8/tcp/8${otherPeer}`]],
    [
      '/dnsaddr/next.example',
      [`/ip4/192.0.2.7/tcp/7${peer}`, `/ip4/192.0.2.8/tcp/8${otherPeer}`, `/ip4/192.0.2.4/tcp/9${peer}`],
    ],
  ]

  for (const [address, expected] of cases) {
    test(`such as ${address.slice(0, 40)} stands for ${expected.length} addresses`, async () =>
      assert.deepEqual(await resolved(address, zone), expected))
  }

  for (const address of [
    '/dns4/nowhere.example/tcp/1',
    '/dns6/four.example/tcp/1',
    '/dns/nowhere.example/tcp/1',
    '/dnsaddr/nowhere.example',
    `/dnsaddr/boot.example${named(3)}`,
  ]) {
    test(`such as ${address.slice(0, 40)} stands for nothing`, async () => {
      const error = await errorOf(resolved(address, zone))
      assert.equal(error.code, 'ERR_RESOLVE')
      assert.equal(error.stage, 'dns')
      assert.ok(error.message.includes(address.split('/')[2]!))
    })
  }

  test('is not found by a resolver that throws at once either', async () => {
    const fail = () => {
      throw new TypeError('broken')
    }
    const resolver = { ip4: fail, ip6: fail, txt: fail }
    for (const address of ['/dns4/a.example/tcp/1', '/dns/a.example/tcp/1', '/dnsaddr/a.example']) {
      const error = await errorOf(resolveAddress(Multiaddr.parse(address), resolver))
      assert.equal(error.code, 'ERR_RESOLVE')
    }
  })
})

describe('a dnsaddr that never ends', () => {
  test('because it leads to itself is given up', async () => {
    const resolver = new FakeResolver({ 'txt _dnsaddr.loop.example': ['dnsaddr=/dnsaddr/loop.example'] })
    const error = await errorOf(resolveAddress(Multiaddr.parse('/dnsaddr/loop.example'), resolver))
    assert.equal(error.code, 'ERR_RESOLVE')
    assert.equal(resolver.asked.length, 4)
  })

  test('or is only deep gives what is found within four steps', async () => {
    const deep: Zone = {}
    for (let i = 0; i < 33; i++) {
      deep[`txt _dnsaddr.d${i}.example`] = [
        `dnsaddr=/ip4/192.0.2.1/tcp/${i + 1}`,
        `dnsaddr=/dnsaddr/d${i + 1}.example`,
      ]
    }
    assert.equal((await resolved('/dnsaddr/d0.example', deep)).length, 4)
  })

  test('but branches asks a bounded number of questions', async () => {
    const branching: Zone = {}
    const all = Array.from({ length: 100 }, (_, i) => `dnsaddr=/dnsaddr/b${i}.example`)
    for (let i = 0; i < 100; i++) branching[`txt _dnsaddr.b${i}.example`] = all
    const resolver = new FakeResolver(branching)
    assert.equal(
      (await errorOf(resolveAddress(Multiaddr.parse('/dnsaddr/b0.example'), resolver))).code,
      'ERR_RESOLVE',
    )
    assert.ok(resolver.asked.length <= 32, `${resolver.asked.length} questions`)
  })

  test('nor takes in more of an answer than one can hold', async () => {
    const records = Array<string>(1_000).fill('v=spf1 -all')
    const zone = { 'txt _dnsaddr.long.example': [...records, 'dnsaddr=/ip4/192.0.2.1/tcp/1'] }
    assert.equal((await errorOf(resolved('/dnsaddr/long.example', zone))).code, 'ERR_RESOLVE')
    zone['txt _dnsaddr.long.example'].shift()
    assert.equal((await resolved('/dnsaddr/long.example', zone)).length, 1)
  })

  test('or has 10,000 records gives a hundred addresses', async () => {
    const records = Array.from({ length: 10_000 }, (_, i) => `dnsaddr=/ip4/192.0.2.1/tcp/${i + 1}${peer}`)
    const found = await resolved(`/dnsaddr/many.example${peer}`, { 'txt _dnsaddr.many.example': records })
    assert.equal(found.length, 100)
    const hosts = Array.from({ length: 10_000 }, (_, i) => `10.0.${i >> 8}.${i & 255}`)
    assert.equal((await resolved('/dns4/many.example/tcp/1', { 'ip4 many.example': hosts })).length, 100)
  })
})

describe('a host', () => {
  test('dials by name, and checks the peer behind it', () =>
    withHosts(1, {}, async b => {
      const port = b.addresses[0]!.value('tcp')
      const resolver = new FakeResolver({
        'ip4 b.example': ['127.0.0.1'],
        'txt _dnsaddr.b.example': [
          `dnsaddr=${String(b.addresses[0])}`,
          `dnsaddr=/ip4/127.0.0.1/tcp/${port}${peer}`,
        ],
      })
      for (const [address, code] of [
        [`/dns4/b.example/tcp/${port}`, undefined],
        [`/dns/b.example/tcp/${port}/p2p/${b.peerId.toString()}`, undefined],
        [`/dnsaddr/b.example/p2p/${b.peerId.toString()}`, undefined],
        [`/dnsaddr/b.example${peer}`, 'ERR_PEER_MISMATCH'],
        [`/dns4/b.example/tcp/${port}${peer}`, 'ERR_PEER_MISMATCH'],
        [`/dns4/c.example/tcp/${port}`, 'ERR_RESOLVE'],
      ] as const) {
        await withHosts(1, { resolver, listen: [] }, async a => {
          const dial = a.dial(address)
          if (code) assert.equal((await errorOf(dial)).code, code, address)
          else assert.ok((await dial).peerId.equals(b.peerId))
        })
        await until(() => b.connections.length === 0)
      }
    }))
})

test('the system knows localhost', async () => {
  const found = await resolveAddress(Multiaddr.parse('/dns4/localhost/tcp/1'), systemResolver())
  assert.ok(found.map(String).includes('/ip4/127.0.0.1/tcp/1'))
})
