import type { Line, Lines } from '../faults/proxy.ts'
import { eventually, sleep } from './async.ts'
import { check, equal, fails } from './check.ts'
import { type Digest, patternDigest } from './pattern.ts'
import type { Peer } from './peer.ts'

/** How a proxy passes bytes on: one by one, or gathered into large pieces. */
export type Cutting = 'bytes' | 'blocks'

/** The line that cuts so, in both directions. */
export const lines: Record<Cutting, Lines> = {
  bytes: both({ pieces: 1 }),
  blocks: both({ delay: 5, joins: 65_536 }),
}

/** One row of the matrix: what two peers do with each other. `near` is the one that dials. */
export interface Cell {
  name: string
  /** Flags for parley's program, and for the other; those of the contract. */
  ours?: readonly string[]
  theirs?: readonly string[]
  /** Bytes go through a proxy that cuts them so. */
  through?: Cutting
  /** Long cells that only wait run beside the others. */
  aside?: boolean
  /** Milliseconds until it has failed. */
  timeout?: number
  /** Says what was seen, as a figure, or nothing. `link` connects them anew each time. */
  run(near: Peer, far: Peer, link: Link): Promise<string | undefined>
}

/** The way from the one that dials to the one that is dialled. */
export interface Link {
  /** The address of the far one, as the near one should dial it. */
  address: string
  /** Which of the two is parley. */
  parley: Peer
}

const MiB = 1024 * 1024

function both(line: Line): Lines {
  return { up: line, down: line }
}

/** Connects, has each of the two act on the other in turn, and connects no more. */
function bothSides(act: (one: Peer, other: Peer) => Promise<string | undefined>) {
  return async (near: Peer, far: Peer, link: Link): Promise<string | undefined> => {
    await dial(near, far, link)
    const figures = [await act(near, far), await act(far, near)]
    return figures.every(figure => figure !== undefined) ? figures.join(' and ') : undefined
  }
}

/** Connects, and has the one that dialled act. */
function dialled(act: (near: Peer, far: Peer, link: Link) => Promise<string | undefined>) {
  return async (near: Peer, far: Peer, link: Link): Promise<string | undefined> => {
    await dial(near, far, link)
    return act(near, far, link)
  }
}

async function dial(near: Peer, far: Peer, { address }: Link): Promise<void> {
  const { peer } = await near.do<{ peer: string }>('dial', { address })
  equal(peer, far.id, 'the peer ID of whom was dialled')
  await eventually(5_000, `${far.name} does not see the connection`, () => connected(far, near))
}

async function connected(one: Peer, other: Peer): Promise<true | undefined> {
  const { count } = await one.do<{ count: number }>('connections', { peer: other.id })
  return count > 0 ? true : undefined
}

async function ping(one: Peer, other: Peer, count = 3): Promise<string> {
  const { rtts } = await one.do<{ rtts: number[] }>('ping', { peer: other.id, count })
  equal(rtts.length, count, 'the number of answers')
  return `${median(rtts).toFixed(1)} ms`
}

async function echo(one: Peer, other: Peer, bytes: number): Promise<undefined> {
  equal(await one.do<Digest>('echo', { peer: other.id, bytes }), digestOf(bytes), 'what came back')
}

/** What a peer says of itself, and what another has heard of it. */
interface Description {
  agentVersion: string | null
  protocolVersion: string | null
  protocols: string[] | null
  listenAddrs: string[] | null
  publicKey: string | null
  observedAddr?: string | null
  signedPeerRecord?: boolean | null
}

async function identified(one: Peer, other: Peer): Promise<Description> {
  return eventually(10_000, `${one.name} heard nothing from identify`, async () => {
    const heard = await one.do<Description>('identify', { peer: other.id })
    return heard.agentVersion === null && heard.protocols === null ? undefined : heard
  })
}

/** Compares every field that both know, and names them. */
async function identify(one: Peer, other: Peer): Promise<string> {
  const heard = await identified(one, other)
  const said = await other.do<Description>('self')
  const compared: string[] = []
  for (const field of ['agentVersion', 'protocolVersion', 'publicKey'] as const) {
    if (heard[field] === null || said[field] === null) continue
    equal(heard[field], said[field], `${field} as ${one.name} heard it`)
    compared.push(field)
  }
  for (const field of ['protocols', 'listenAddrs'] as const) {
    if (heard[field] === null || said[field] === null) continue
    equal(heard[field].toSorted(), said[field].toSorted(), `${field} as ${one.name} heard them`)
    compared.push(field)
  }
  if (typeof heard.observedAddr === 'string') {
    const seen = heard.observedAddr.replace(`/p2p/${one.id}`, '')
    check(/^\/ip4\/127\.0\.0\.1\/tcp\/\d+$/.test(seen), `observedAddr is ${heard.observedAddr}`)
    compared.push('observedAddr')
  }
  if (typeof heard.signedPeerRecord === 'boolean') {
    check(heard.signedPeerRecord, `${one.name} got no signed record`)
    compared.push('signedPeerRecord')
  }
  check(compared.length >= 3, `only ${compared.join(', ')} could be compared`)
  return `${one.name} heard ${compared.join(', ')}`
}

async function push(one: Peer, other: Peer): Promise<undefined> {
  await identified(one, other)
  const protocol = `/interop/late-${Date.now().toString(36)}/1.0.0`
  await other.do('handle', { protocol })
  await eventually(10_000, `${one.name} did not hear of a new protocol`, async () => {
    const { protocols } = await one.do<Description>('identify', { peer: other.id })
    return protocols?.includes(protocol) || undefined
  })
  await one.do('select', { peer: other.id, protocols: [protocol] })
}

async function wrongPeer(near: Peer, far: Peer, { address }: Link): Promise<undefined> {
  const stranger = '12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN'
  const wrong = address.replace(far.id, stranger)
  await fails(near.do('dial', { address: wrong }), `${near.name} took ${far.name} for another`)
  await near.do('dial', { address })
  await ping(near, far)
}

async function select(one: Peer, other: Peer): Promise<undefined> {
  const protocols = ['/interop/unknown/1.0.0', '/interop/echo/1.0.0']
  const { protocol } = await one.do<{ protocol: string }>('select', { peer: other.id, protocols })
  equal(protocol, protocols[1], 'the protocol agreed on')
}

/** The opener ends first, and a megabyte comes after; then the acceptor does, and a megabyte goes after. */
async function halfClose(one: Peer, other: Peer): Promise<undefined> {
  equal(
    await one.do<Digest>('download', { peer: other.id, bytes: MiB }),
    digestOf(MiB),
    'what came after our end',
  )
  await one.do('mute', { peer: other.id, bytes: MiB })
  const { bytes, sha256 } = await other.event('received')
  equal({ bytes, sha256 }, digestOf(MiB), 'what went after their end')
}

/** Resets by either side, in the middle of a transfer, beside a stream that goes on. */
async function reset(one: Peer, other: Peer): Promise<undefined> {
  const sibling = echo(one, other, 8 * MiB)
  await Promise.all([one.do('be-reset', { peer: other.id }), one.do('reset', { peer: other.id }), sibling])
  await other.event('reset')
  await ping(one, other)
}

async function slowReader(one: Peer, other: Peer): Promise<string> {
  const bytes = 16 * MiB
  const protocol = '/interop/hold/1.0.0'
  const waiting = one.do<Digest>('upload', { peer: other.id, bytes, protocol })
  waiting.catch(() => {})
  await sleep(500)
  const figures = [await ping(one, other), await ping(other, one)]
  await other.do('release')
  equal(await waiting, digestOf(bytes), 'what was read in the end')
  return `pings ${figures.join(', ')}`
}

async function streams(one: Peer, other: Peer): Promise<undefined> {
  await one.do('streams', { peer: other.id, count: 256, atOnce: true })
  await one.do('streams', { peer: other.id, count: 1_000, atOnce: false })
}

async function bulk(one: Peer, other: Peer): Promise<string> {
  const bytes = 256 * MiB
  const rates: string[] = []
  for (const command of ['upload', 'download']) {
    const begin = performance.now()
    const digest = await one.do<Digest>(command, { peer: other.id, bytes }, 170_000)
    equal(digest, digestOf(bytes), `the ${command}`)
    rates.push(
      `${Math.round(256_000 / (performance.now() - begin))} MiB/s ${command === 'upload' ? 'up' : 'down'}`,
    )
  }
  return rates.join(', ')
}

async function idle(near: Peer, far: Peer): Promise<undefined> {
  near.forget()
  far.forget()
  await sleep(60_000)
  for (const [one, other] of [
    [near, far],
    [far, near],
  ] as const) {
    check(!one.heard('disconnected'), `${one.name} lost the connection`)
    await ping(one, other)
  }
}

/** Closed by the one, seen by the other; then the same the other way round. */
async function close(near: Peer, far: Peer, link: Link): Promise<undefined> {
  for (const [one, other] of [
    [near, far],
    [far, near],
  ] as const) {
    await dial(near, far, link)
    await identified(one, other)
    near.forget()
    far.forget()
    await one.do('close', { peer: other.id })
    for (const peer of [one, other]) await peer.event('disconnected')
    if (link.parley === other)
      await eventually(1_000, 'parley still holds the connection', () => gone(other, one))
  }
  await dial(near, far, link)
  await ping(near, far)
}

async function gone(one: Peer, other: Peer): Promise<true | undefined> {
  return (await connected(one, other)) ? undefined : true
}

async function chat(one: Peer, other: Peer): Promise<undefined> {
  await one.do('chat', { peer: other.id })
  const said = [
    [one, other, 'Grüße, 你好 👋'],
    [other, one, 'and back again'],
  ] as const
  for (const [speaker, listener, text] of said) {
    await speaker.do('say', { peer: listener.id, text })
    equal((await listener.event('line', ({ peer }) => peer === speaker.id)).text, text, 'the line')
  }
}

async function perf(one: Peer, other: Peer): Promise<string> {
  const rounds = [
    [0, 0],
    [1, 1],
    [64 * MiB, 64 * MiB],
  ] as const
  let rate = 0
  for (const [upload, download] of rounds) {
    const begin = performance.now()
    const { bytes } = await one.do<{ bytes: number }>('perf', { peer: other.id, upload, download })
    equal(bytes, download, 'the bytes received')
    rate = (upload + download) / MiB / ((performance.now() - begin) / 1_000)
  }
  return `${Math.round(rate)} MiB/s`
}

/** Everything short, over a connection that is cut up. */
async function shortly(one: Peer, other: Peer): Promise<undefined> {
  await ping(one, other)
  await identified(one, other)
  await select(one, other)
  await echo(one, other, 4_096)
}

async function muxer(
  near: Peer,
  far: Peer,
  { parley }: Link,
  wanted: 'early' | 'multistream',
): Promise<undefined> {
  const other = parley === near ? far : near
  const { muxer } = await parley.do<{ muxer: string }>('connections', { peer: other.id })
  equal(muxer, wanted, 'how the muxer was agreed on')
  await ping(near, far)
}

const keyTypes = ['ed25519', 'secp256k1', 'ecdsa', 'rsa'] as const

/** Pings and identifies, so that the key also travels in identify and in the signed record. */
const proves = bothSides(async (one, other) => {
  await ping(one, other)
  await identified(one, other)
  return undefined
})

/** All rows, in the order of the table. */
export const cells: readonly Cell[] = [
  { name: 'ping, three on one stream', run: bothSides(ping) },
  {
    name: 'ping by the library itself',
    run: bothSides(async (one, other) => {
      await one.do('own-ping', { peer: other.id })
      return undefined
    }),
  },
  { name: 'identify, every field', run: bothSides(identify) },
  { name: 'identify push', run: bothSides(push) },
  ...keyTypes.map(key => ({ name: `parley with ${key} keys`, ours: ['--key', key], run: proves })),
  ...keyTypes
    .slice(1)
    .map(key => ({ name: `the other with ${key} keys`, theirs: ['--key', key], run: proves })),
  { name: 'RSA keys on both sides', ours: ['--key', 'rsa'], theirs: ['--key', 'rsa'], run: proves },
  { name: 'another peer than expected', run: wrongPeer },
  {
    name: 'the muxer agreed on inside Noise',
    theirs: ['--muxer', 'early'],
    run: dialled((near, far, link) => muxer(near, far, link, 'early')),
  },
  {
    name: 'the muxer agreed on by multistream-select',
    theirs: ['--muxer', 'plain'],
    run: dialled((near, far, link) => muxer(near, far, link, 'multistream')),
  },
  {
    name: "the library's default order of security: TLS first in go, js and rust",
    theirs: ['--security', 'default'],
    run: proves,
  },
  { name: 'na, then another protocol on the same stream', run: bothSides(select) },
  { name: 'half-close by each side, 1 MiB after it', run: bothSides(halfClose) },
  { name: 'reset by each side, the others unhurt', run: bothSides(reset) },
  { name: 'a slow reader, 16 MiB waiting', run: bothSides(slowReader) },
  { name: '256 streams at once, 1,000 in a row', run: bothSides(streams), timeout: 180_000 },
  { name: '256 MiB up and down', run: dialled(bulk), timeout: 360_000 },
  { name: '60 s idle under the monitoring of both', run: dialled(idle), aside: true, timeout: 120_000 },
  { name: 'closed by each side', run: close },
  { name: 'cut into single bytes', through: 'bytes', run: bothSides(shortly), timeout: 120_000 },
  {
    name: 'joined to 64 KiB',
    through: 'blocks',
    run: bothSides(async (one, other) => {
      await shortly(one, other)
      await echo(one, other, 4 * MiB)
      return undefined
    }),
  },
  { name: 'chat in lines', run: bothSides(chat) },
  { name: 'perf: 0/0, 1/1, 64 MiB each way', run: bothSides(perf), timeout: 180_000 },
]

const digests = new Map<number, Digest>()

function digestOf(bytes: number): Digest {
  const known = digests.get(bytes) ?? patternDigest(bytes)
  digests.set(bytes, known)
  return known
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!
}
