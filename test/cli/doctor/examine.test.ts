import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { examine } from '#src/cli/doctor/examine'
import { manners } from '#src/cli/doctor/manners'
import { exitCodes, type Failed, type Finding, type Stage, type Summary } from '#src/cli/doctor/stages'
import { createHost } from '#src/host/host'
import type { Resolver } from '#src/host/resolver'
import { tcp } from '#src/net/tcp'
import { aborted, onAbort } from '#src/net/timer'
import type { Transport } from '#src/net/transport'
import { upgrade } from '#src/net/upgrade'
import { IDENTIFY_PROTOCOL } from '#src/protocol/identify'
import { encodeMessage, MULTISTREAM_PROTOCOL } from '#src/protocol/negotiate'
import { NOISE_PROTOCOL } from '#src/protocol/noise/handshake'
import { encodePayload } from '#src/protocol/noise/payload'
import { PING_PROTOCOL } from '#src/protocol/ping'
import { concat, utf8 } from '#src/wire/bytes'
import { ParleyError } from '#src/wire/errors'
import { Multiaddr } from '#src/wire/multiaddr'
import { CountingSocket, type Ear, keyOf, never, noiseOf, peerIdOf, turns } from '../../support/net.ts'
import { freePort } from '../../support/program.ts'
import {
  negotiate,
  nodeKey,
  serve,
  serveLate,
  serveNode,
  serveRaw,
  settleMuxer,
  shakeHands,
} from './nodes.ts'

const stranger = peerIdOf(keyOf(1))
const nodeId = peerIdOf(nodeKey)
const [strangerText, nodeText] = [stranger, nodeId].map(String)

const nameless: Resolver = { ip4: async () => [], ip6: async () => [], txt: async () => [] }

interface Options {
  resolver?: Resolver
  transport?: Transport
}

interface Examined {
  summary: Summary
  findings: Finding[]
  /** The stages, in order, the ones that failed with a minus. */
  course: string
  failure: Failed
}

const timeout = 60_000

async function run(target: Multiaddr | string, options: Options = {}): Promise<Examined> {
  const findings: Finding[] = []
  const summary = await examine(Multiaddr.from(target), {
    resolver: nameless,
    transport: tcp(),
    timeout,
    tell: finding => findings.push(finding),
    ...options,
  })
  const course = findings.map(({ ok, stage }) => `${ok ? '' : '-'}${stage}`).join(' ')
  const failure = findings.find((finding): finding is Failed => !finding.ok)!
  return { summary, findings, course, failure }
}

const courses: Record<Stage, string> = {
  dns: '-dns',
  tcp: '-tcp',
  negotiate: 'tcp -negotiate',
  noise: 'tcp negotiate -noise',
  identity: 'tcp negotiate noise -identity',
  muxer: 'tcp negotiate noise identity -muxer',
  identify: 'tcp negotiate noise identity muxer -identify ping',
  ping: 'tcp negotiate noise identity muxer identify -ping',
}

/** Asserts that the examination fails at that stage, and says so in one sentence that fits. */
async function fails(
  target: Multiaddr | string,
  stage: Stage,
  says: RegExp,
  options: Options & { course?: string } = {},
): Promise<Failed> {
  const { summary, failure, course } = await run(target, options)
  assert.equal(course, options.course ?? courses[stage])
  assert.match(failure.message, says)
  assert.match(failure.message, /^[^.!].*[.]$/s)
  assert.deepEqual([summary.ok, summary.stage, summary.exit], [false, stage, exitCodes[stage]])
  return failure
}

describe('a node in good health', () => {
  for (const [name, start] of Object.entries({ early: serveNode, late: serveLate })) {
    test(`passes all stages; its muxer was agreed on ${name}`, async t => {
      const address = await start(t)
      const { summary, findings, course } = await run(address.withPeerId(nodeId))
      assert.equal(course, 'tcp negotiate noise identity muxer identify ping')
      assert.deepEqual(summary, {
        ok: true,
        stage: undefined,
        exit: 0,
        address: address.withPeerId(nodeId),
        notes: [],
      })
      const facts = Object.fromEntries(
        findings.map(finding => [finding.stage, finding.ok ? finding.facts : undefined]),
      ) as Record<Stage, Record<string, unknown>>
      assert.deepEqual(facts.identity, { peer: nodeId, key: 'ed25519' })
      assert.deepEqual(facts.muxer, { protocol: '/yamux/1.0.0', early: name === 'early' })
      assert.match(String(facts.identify.agent), /^parley\//)
      assert.match(String(facts.identify.observedAddress), /^\/ip4\/127\.0\.0\.1\/tcp\/\d+$/)
      assert.equal((facts.ping.rtts as number[]).length, 3)
      assert.ok(findings.every(({ ms }) => ms >= 0))
    })
  }

  test('may take nearly all of the time for each stage', async t => {
    t.mock.timers.enable({ apis: ['setTimeout'] })
    class SlowSocket extends CountingSocket {
      override write(pieces: readonly Uint8Array[]): boolean {
        // The agreement on Noise, its message 2, and the muxer's first frames.
        if (this.writes < 3) t.mock.timers.tick(timeout - 1)
        return super.write(pieces)
      }
    }
    const address = await serveNode(t, {}, socket => new SlowSocket(socket))
    assert.equal((await run(address)).course, 'tcp negotiate noise identity muxer identify ping')
  })

  test('is told who examines it, and gets its pings answered', async t => {
    const host = await createHost({ listen: ['/ip4/127.0.0.1/tcp/0'] })
    t.after(() => host.stop())
    const agents: unknown[] = []
    host.on('identify', ({ info }) => agents.push(info.agent))
    const pings: Promise<number>[] = []
    host.on('connect', ({ peerId }) => pings.push(host.ping(peerId)))
    const { summary } = await run(host.addresses[0]!)
    assert.equal(summary.exit, 0)
    assert.equal((await Promise.all(pings)).length, 1)
    assert.match(String(agents[0]), /^parley\//)
  })

  test('that listens on loopback alone is told so', async t => {
    const host = await createHost({ listen: ['/ip4/127.0.0.1/tcp/0'] })
    t.after(() => host.stop())
    const { notes } = (await run(host.addresses[0]!)).summary
    assert.equal(notes.length, 1)
    assert.match(notes[0]!.text, /loopback alone/)
  })

  test('whose address has no peer ID is given one that has', async t => {
    const address = await serveNode(t)
    const { notes } = (await run(address)).summary
    assert.match(notes[0]!.text, /whom to expect/)
    assert.deepEqual(notes[0]!.addresses.map(String), [String(address.withPeerId(nodeId))])
  })
})

describe('a name', () => {
  const failing = (code: string): Resolver => {
    const fail = () => Promise.reject(Object.assign(new Error(code), { code }))
    return { ip4: fail, ip6: fail, txt: fail }
  }

  const unresolved: [name: string, target: string, resolver: Resolver, says: RegExp][] = [
    [
      'that is unknown',
      '/dns/nobody.invalid/tcp/1',
      failing('ENOTFOUND'),
      /nobody\.invalid does not resolve;/,
    ],
    ['without IPv4 addresses', '/dns4/six.example/tcp/1', nameless, /does not resolve to an IPv4 address/],
    ['without IPv6 addresses', '/dns6/four.example/tcp/1', nameless, /does not resolve to an IPv6 address/],
    ['that no server answers for', '/dns/node.example/tcp/1', failing('EAI_AGAIN'), /No DNS server answered/],
    ['without records', '/dnsaddr/node.example', nameless, /_dnsaddr\.node\.example has no TXT record/],
    [
      'without records of the peer',
      `/dnsaddr/node.example/p2p/${strangerText}`,
      { ...nameless, txt: async () => ['dnsaddr=/ip4/192.0.2.1/tcp/1'] },
      /has no TXT record "dnsaddr=\.\.\." with this peer in it/,
    ],
    [
      'that leads to addresses that are not on TCP',
      '/dnsaddr/node.example',
      { ...nameless, txt: async () => ['dnsaddr=/ip4/192.0.2.1/udp/1/quic-v1'] },
      /no address on TCP.*\/ip4\/192\.0\.2\.1\/udp\/1\/quic-v1/,
    ],
  ]
  for (const [name, target, resolver, says] of unresolved) {
    test(`${name} is the fault`, async () => {
      await fails(target, 'dns', says, { resolver })
    })
  }

  test('that no server answers for in time is the fault', async t => {
    t.mock.timers.enable({ apis: ['setTimeout'] })
    const silent = () => {
      t.mock.timers.tick(timeout)
      return new Promise<string[]>(() => {})
    }
    await fails('/dns4/node.example/tcp/1', 'dns', /No DNS server answered within 60 s/, {
      resolver: { ...nameless, ip4: silent },
    })
  })

  test('leads to several addresses, which are tried in turn up to one that works', async t => {
    const works = await serveNode(t)
    const refuses = Multiaddr.parse(`/ip4/127.0.0.1/tcp/${await freePort()}`)
    const closes = await serveRaw(t, socket => socket.end())
    const others = ['/ip4/127.0.0.1/udp/1/quic-v1']
    const records = [refuses, ...others, closes, works, refuses.withPeerId(stranger)].map(
      one => `dnsaddr=${String(one)}`,
    )
    const { summary, findings, course } = await run('/dnsaddr/node.example', {
      resolver: { ...nameless, txt: async () => records },
    })
    assert.equal(course, 'dns -tcp tcp -negotiate tcp negotiate noise identity muxer identify ping')
    const [first] = findings
    assert.ok(first?.ok && first.stage === 'dns')
    assert.deepEqual(first.facts.addresses.map(String).slice(0, 3), [refuses, closes, works].map(String))
    assert.deepEqual(first.facts.others.map(String), others)
    assert.equal(String(summary.address), String(works.withPeerId(nodeId)))
    const [, detour] = summary.notes
    assert.deepEqual(detour?.addresses, [refuses, closes])
  })

  test('none of whose addresses works fails at the stage that one of them came to', async t => {
    const refuses = `/ip4/127.0.0.1/tcp/${await freePort()}`
    const closes = String(await serveRaw(t, socket => socket.end()))
    for (const records of [
      [refuses, closes],
      [closes, refuses],
    ]) {
      const txt = async () => records.map(one => `dnsaddr=${one}`)
      const { summary } = await run('/dnsaddr/node.example', { resolver: { ...nameless, txt } })
      assert.deepEqual([summary.stage, summary.exit], ['negotiate', 12])
    }
  })
})

describe('a connection', () => {
  test('to a port where nobody listens', async () => {
    const port = await freePort()
    await fails(
      `/ip4/127.0.0.1/tcp/${port}`,
      'tcp',
      new RegExp(`Nothing listens at 127\\.0\\.0\\.1:${port};.*this very machine`),
    )
  })

  /** A network that fails as the system says it. */
  const network = (code: 'ERR_UNREACHABLE' | 'ERR_CONNECTION_REFUSED', errno: string): Transport => ({
    ...tcp(),
    dial: () => Promise.reject(new ParleyError(code, 'It failed.', { cause: { code: errno } })),
  })

  const unreachable: [target: string, errno: string, says: RegExp][] = [
    ['/ip6/2001:db8::1/tcp/1', 'ENETUNREACH', /has no IPv6 network; use .* with \/ip4\./],
    ['/ip6/2001:db8::1/tcp/1', 'EHOSTUNREACH', /No way leads to \[2001:db8::1\]:1; check the address/],
    ['/ip6/fe80::1/tcp/1', 'EINVAL', /only with an interface .* \/ip6zone\/eth0\/ip6\/fe80::1\.$/],
    ['/ip4/10.1.2.3/tcp/1', 'EHOSTUNREACH', /10\.1\.2\.3:1: that is an address of a private network/],
  ]
  for (const [target, errno, says] of unreachable) {
    test(`to ${target} that ends in ${errno}`, async () => {
      await fails(target, 'tcp', says, { transport: network('ERR_UNREACHABLE', errno) })
    })
  }

  test('that is reset before it is used', async () => {
    await fails('/ip4/192.0.2.1/tcp/1', 'tcp', /accepts connections and closes them/, {
      transport: network('ERR_CONNECTION_REFUSED', 'ECONNRESET'),
    })
  })

  test('to a port of another machine where nobody listens', async () => {
    await fails('/ip4/192.0.2.1/tcp/1', 'tcp', /listens on that interface/, {
      transport: network('ERR_CONNECTION_REFUSED', 'ECONNREFUSED'),
    })
  })

  test('that a firewall swallows', async t => {
    t.mock.timers.enable({ apis: ['setTimeout'] })
    const dial: Transport['dial'] = (_address, signal) =>
      new Promise((_, reject) => {
        onAbort(signal, () => reject(aborted(signal, 'tcp')))
        t.mock.timers.tick(timeout)
      })
    const transport = { ...tcp(), dial }
    await fails('/ip4/192.0.2.1/tcp/1', 'tcp', /No answer from 192\.0\.2\.1:1 within 60 s.*firewall/, {
      transport,
    })
  })
})

describe('what is no node', () => {
  const strangers: [name: string, says: string | Uint8Array, message: RegExp][] = [
    [
      'a web server',
      'HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n',
      /A web server .*"HTTP\/1\.1 400 Bad Request".*WebSocket/,
    ],
    ['a TLS server', Uint8Array.of(0x15, 3, 1, 0, 2, 2, 0x46), /A TLS server .*15030100020246/],
    ['an SSH server', 'SSH-2.0-OpenSSH_9.6\r\n', /An SSH server .*"SSH-2\.0-OpenSSH_9\.6"/],
    ['a mail server', '220 mail.example ESMTP\r\n', /A mail or FTP server .*"220 mail\.example ESMTP"/],
    ['a node of a private network', new Uint8Array(44).fill(0xa7), /private network.*look like this/],
  ]
  for (const [name, says, message] of strangers) {
    test(`${name} is called by its name`, async t => {
      const address = await serveRaw(t, socket => socket.once('data', () => socket.end(says)))
      await fails(address, 'negotiate', message)
    })
  }

  test('a web server that answers at length is, too', async t => {
    const page = `HTTP/1.1 400 Bad Request\r\n\r\n${'x'.repeat(5_000)}`
    const address = await serveRaw(t, socket => socket.once('data', () => socket.end(page)))
    await fails(address, 'negotiate', /A web server/)
  })

  test('a server that greets and waits for an answer is not waited for', async t => {
    const address = await serveRaw(t, socket => socket.write('220 mail.example ESMTP\r\n'))
    await fails(address, 'negotiate', /A mail or FTP server/)
  })

  test('something that closes without a word', async t => {
    const address = await serveRaw(t, socket => socket.end())
    await fails(address, 'negotiate', /closes them without a word.*limits.*private network/)
  })

  test('something that resets without a word', async t => {
    const address = await serveRaw(t, socket => socket.once('data', () => socket.resetAndDestroy()))
    await fails(address, 'negotiate', /closes them without a word/)
  })

  test('something that says nothing', async t => {
    t.mock.timers.enable({ apis: ['setTimeout'] })
    const address = await serveRaw(t, socket => socket.once('data', () => t.mock.timers.tick(timeout)))
    await fails(address, 'negotiate', /says nothing within 60 s/)
  })

  test('half a greeting is none of another program', async t => {
    const half = encodeMessage(MULTISTREAM_PROTOCOL).subarray(0, 7)
    const closes = await serveRaw(t, socket => socket.end(half))
    await fails(closes, 'negotiate', /greeted and closed/)
    t.mock.timers.enable({ apis: ['setTimeout'] })
    const waits = await serveRaw(t, socket => {
      socket.write(half)
      socket.once('data', () => void turns(20).then(() => t.mock.timers.tick(timeout)))
    })
    await fails(waits, 'negotiate', /began to greet, but did not agree on Noise within 60 s/)
  })
})

describe('a node that fails', () => {
  test('to agree on any secure channel', async t => {
    const address = await serve(t, socket => negotiate(socket, () => false))
    await fails(address, 'negotiate', /refuses \/noise and every other/)
  })

  test('to speak Noise, since it speaks only TLS', async t => {
    const address = await serve(t, socket => negotiate(socket, protocol => protocol === '/tls/1.0.0'))
    await fails(address, 'negotiate', /refuses \/noise and speaks \/tls\/1\.0\.0/)
  })

  test('to speak multistream-select as it should', async t => {
    const answer = concat([encodeMessage(MULTISTREAM_PROTOCOL), encodeMessage('/nonsense')])
    const address = await serveRaw(t, socket => socket.once('data', () => socket.end(answer)))
    await fails(address, 'negotiate', /breaks the rules of multistream-select/)
  })

  test('to stay after its greeting', async t => {
    const address = await serveRaw(t, socket =>
      socket.once('data', () => socket.end(encodeMessage(MULTISTREAM_PROTOCOL))),
    )
    await fails(address, 'negotiate', /greeted and closed/)
  })

  const agreed = (t: TestContext, then: (socket: Parameters<typeof negotiate>[0], ear: Ear) => void) =>
    serve(t, socket =>
      negotiate(
        socket,
        protocol => protocol === NOISE_PROTOCOL,
        ear => then(socket, ear),
      ),
    )

  test('to stay for the handshake', async t => {
    await fails(await agreed(t, socket => socket.end()), 'noise', /closed in the middle of the handshake/)
  })

  test('to answer the handshake', async t => {
    t.mock.timers.enable({ apis: ['setTimeout'] })
    const address = await agreed(t, (_socket, ear) => {
      ear.onData = () => t.mock.timers.tick(timeout)
    })
    await fails(address, 'noise', /did not shake hands within 60 s/)
  })

  test('to shake hands soundly', async t => {
    const address = await agreed(t, (socket, ear) => {
      ear.onData = () => void socket.write([concat([Uint8Array.of(0, 200), new Uint8Array(200)])])
    })
    await fails(address, 'noise', /handshake is not genuine/)
  })

  test('to be the one that is expected', async t => {
    let spoken = 0
    const address = await serve(t, socket =>
      shakeHands(socket, () => {
        spoken++
      }),
    )
    const failure = await fails(
      address.withPeerId(stranger),
      'identity',
      new RegExp(`Another node .* answered, ${nodeText};`),
    )
    assert.equal(failure.code, 'ERR_PEER_MISMATCH')
    assert.deepEqual(failure.instead.map(String), [String(address.withPeerId(nodeId))])
    assert.equal(spoken, 0, 'it never learns who asked')
  })

  test('to be the one that is expected, behind a name', async t => {
    const port = (await serveNode(t)).value('tcp')
    const resolver = { ...nameless, ip4: async () => ['127.0.0.1'] }
    const target = `/dns4/node.example/tcp/${port}`
    const course = `dns ${courses.identity}`
    const failure = await fails(`${target}/p2p/${strangerText}`, 'identity', /Another node/, {
      resolver,
      course,
    })
    assert.deepEqual(failure.instead.map(String), [`${target}/p2p/${nodeText}`])
  })

  test('to prove its key', async t => {
    const { staticKey } = noiseOf(nodeKey)
    const payload = encodePayload(nodeKey, noiseOf(nodeKey).staticKey.publicKey, [])
    const address = await serve(t, socket => {
      upgrade(socket, { direction: 'inbound', identity: { staticKey, payload } }, never).catch(() => {})
    })
    await fails(address, 'identity', /could not prove its key/)
  })

  test('to speak yamux', async t => {
    const address = await serve(t, socket => shakeHands(socket, settleMuxer('/mplex/6.7.0')))
    await fails(address, 'muxer', /refuses \/yamux\/1\.0\.0.*mplex/)
  })

  test('to admit a peer that it does not know', async t => {
    for (const muxers of [['/yamux/1.0.0'], []]) {
      const address = await serve(t, socket => {
        const options = { direction: 'inbound', identity: noiseOf(nodeKey, muxers) } as const
        upgrade(socket, options, never).then(
          () => socket.destroy(),
          () => {},
        )
      })
      await fails(address, 'muxer', /closed the connection right after the handshake/)
    }
  })

  test('to answer on its muxer', async t => {
    t.mock.timers.enable({ apis: ['setTimeout'] })
    const address = await serve(t, socket => {
      const options = { direction: 'inbound', identity: noiseOf(nodeKey) } as const
      upgrade(socket, options, never).then(
        () => t.mock.timers.tick(timeout),
        () => {},
      )
    })
    await fails(address, 'muxer', /its muxer did not answer within 60 s/)
  })

  test('to keep to yamux', async t => {
    const address = await serve(t, socket => {
      const options = { direction: 'inbound', identity: noiseOf(nodeKey) } as const
      upgrade(socket, options, never).then(
        ({ session }) => socket.write(session.seal([new Uint8Array(12).fill(0xff)])),
        () => {},
      )
    })
    await fails(address, 'muxer', /agreed on yamux but breaks its rules/)
  })

  const without = (protocol: string) => ({
    accepts: (proposal: string) => proposal !== protocol && manners(nodeKey, timeout).accepts(proposal),
  })

  test('to speak identify', async t => {
    const address = await serveNode(t, without(IDENTIFY_PROTOCOL))
    await fails(address, 'identify', /does not speak \/ipfs\/id\/1\.0\.0/)
  })

  test('to say who it is', async t => {
    t.mock.timers.enable({ apis: ['setTimeout'] })
    const usual = manners(nodeKey, timeout)
    const address = await serveNode(t, {
      stream: stream => {
        if (stream.protocol === IDENTIFY_PROTOCOL) t.mock.timers.tick(timeout)
        else usual.stream(stream)
      },
    })
    await fails(address, 'identify', /did not say who it is within 60 s/)
  })

  test('to say who it is in a form that can be read', async t => {
    const usual = manners(nodeKey, timeout)
    const address = await serveNode(t, {
      stream: stream => {
        if (stream.protocol !== IDENTIFY_PROTOCOL) return usual.stream(stream)
        stream.write(utf8('\u0007not so.'))
        void stream.end()
      },
    })
    await fails(address, 'identify', /./)
  })

  test('to stay when asked who it is', async t => {
    const address = await serveNode(t, { stream: stream => stream.connection.abort() })
    const course = 'tcp negotiate noise identity muxer -identify'
    await fails(address, 'identify', /closed the connection instead of saying who it is/, { course })
  })

  test('to speak ping', async t => {
    await fails(await serveNode(t, without(PING_PROTOCOL)), 'ping', /does not speak \/ipfs\/ping\/1\.0\.0/)
  })

  test('to answer pings', async t => {
    t.mock.timers.enable({ apis: ['setTimeout'] })
    const usual = manners(nodeKey, timeout)
    const address = await serveNode(t, {
      stream: stream => {
        if (stream.protocol === PING_PROTOCOL) t.mock.timers.tick(timeout)
        else usual.stream(stream)
      },
    })
    await fails(address, 'ping', /did not answer a ping within 60 s/)
  })

  test('to stay when pinged', async t => {
    const usual = manners(nodeKey, timeout)
    const address = await serveNode(t, {
      stream: stream =>
        stream.protocol === PING_PROTOCOL ? stream.connection.abort() : usual.stream(stream),
    })
    await fails(address, 'ping', /closed the connection instead of answering a ping/)
  })
})
