import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Socket as NodeSocket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { createHost, type Host } from '#src/host/host'
import { loadIdentity } from '#src/host/identity'
import { tcp } from '#src/net/tcp'
import type { Socket } from '#src/net/transport'
import { Multiaddr } from '#src/wire/multiaddr'
import { withHosts } from '../support/hosts.ts'
import { collect, Ear, never, until } from '../support/net.ts'
import { Child } from './child.ts'
import { codeOf, type Fault, NotHere, quantile, type Scale, since, tally, within } from './fault.ts'

const cli = fileURLToPath(new URL('../../../dist/cli.js', import.meta.url))

const MiB = 1024 * 1024

/** A host that echoes, swallows and never reads, as it is asked; and dials 200 addresses at a signal. */
const served = (dialled: number) => `
  import { createHost } from '#src/index'
  const say = word => console.log(JSON.stringify(word))
  const host = await createHost({ listen: ['/ip4/127.0.0.1/tcp/0'], limits: { dialTimeout: 2_000 } })
  host.handle('/echo', async stream => {
    for await (const chunk of stream) if (!stream.write(chunk)) await stream.drained()
    await stream.end()
  })
  host.handle('/unread', stream => stream.closed)
  say({ address: host.addresses[0].toString() })
  process.on('SIGUSR2', async () => {
    const dials = Array.from({ length: 200 }, (_, i) =>
      host.dial('/ip4/127.0.1.' + (i + 1) + '/tcp/${dialled}').then(() => 'connected', ({ code, message }) => code + (message.includes('files open') ? ': EMFILE' : '')))
    say({ codes: await Promise.all(dials) })
  })
  setInterval(() => {
    say({ usage: { ...host.usage(), peak: 1024 * process.resourceUsage().maxRSS } })
  }, 250)
`

/** Runs the body with such a host in a process of its own. */
async function withServed(
  options: ConstructorParameters<typeof Child>[1],
  dialled: number,
  body: (child: Child, address: Multiaddr) => Promise<void>,
): Promise<void> {
  const child = new Child(served(dialled), options)
  try {
    const { address } = await child.next('address')
    await body(child, Multiaddr.parse(String(address)))
    assert.ok(child.isAlive, `it died: ${child.stderr}`)
    assert.equal(child.stderr, '')
  } finally {
    await child.kill()
  }
}

async function pingAs(peer: Host, address: Multiaddr): Promise<number> {
  const begin = performance.now()
  await peer.ping(address)
  return since(begin)
}

/** 200 strangers connect, and 200 dials go out, with room for some forty of them all. */
async function fewDescriptors(): Promise<string> {
  if (spawnSync('prlimit', ['--version']).status !== 0) throw new NotHere('there is no prlimit')
  const taken: NodeSocket[] = []
  const silent = createServer(socket => {
    socket.on('error', () => {})
    taken.push(socket)
  }).listen(0, '0.0.0.0')
  await until(() => silent.listening)
  const { port } = silent.address() as { port: number }
  let told = ''
  try {
    await withServed({ before: ['prlimit', '--nofile=64:64'] }, port, async (child, address) => {
      const strangers: Socket[] = []
      for (let i = 0; i < 200; i++) strangers.push(await tcp().dial(address.withoutPeerId(), never))
      for (const stranger of strangers) stranger.attach(new Ear())
      child.signal('SIGUSR2')
      const codes = (await child.next('codes')).codes as string[]
      for (const stranger of strangers) stranger.destroy()
      await withHosts(1, { listen: [] }, async peer => {
        const time = await within(5_000, 'an honest dial is let in again', pingAs(peer, address))
        told = `dials out: ${tally(codes)}; an honest dial afterwards took ${time} ms`
      })
      assert.ok(
        codes.every(code => code.startsWith('ERR_')),
        tally(codes),
      )
      assert.ok(codes.includes('ERR_UNREACHABLE: EMFILE'), 'descriptors never ran out')
    })
  } finally {
    for (const socket of taken) socket.destroy()
    silent.close()
  }
  return told
}

/** Fills windows that are never read. */
async function pourUnread(peer: Host, address: Multiaddr): Promise<void> {
  const window = new Uint8Array(256 * 1024)
  for (let i = 0; i < 200; i++) {
    const stream = await peer.open(address, '/unread', { optimistic: true })
    stream.write(window)
  }
}

/** Opens and resets. */
async function openAndReset(peer: Host, address: Multiaddr, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    const stream = await peer.open(address, '/echo', { optimistic: true })
    stream.reset()
    if (i % 100 === 0) await sleep(1)
  }
}

/** Connects and says nonsense, again and again. */
async function babble(address: Multiaddr, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    const socket = await tcp().dial(address.withoutPeerId(), never)
    socket.attach(new Ear())
    socket.write([new Uint8Array(10_000).fill(i)])
    await sleep(1)
    socket.destroy()
  }
}

/** An honest peer in a process of its own: it asks for a ping, again and again, and says how long it took, or why there was none. */
const honest = (address: Multiaddr) => `
  import { createHost } from '#src/index'
  const host = await createHost()
  for (;;) {
    const begin = performance.now()
    const refusal = await host.ping('${address.toString()}').then(() => undefined, ({ code }) => code)
    console.log(JSON.stringify(refusal ? { refusal } : { ping: performance.now() - begin }))
    await new Promise(resolve => setTimeout(resolve, 50))
  }
`

/** All floods at once against a process that has little heap. */
async function littleHeap(scale: Scale): Promise<string> {
  const [peers, rounds] = scale === 'full' ? [8, 20_000] : [4, 1_000]
  let told = ''
  await withServed({ flags: ['--max-old-space-size=128'] }, 0, async (child, address) => {
    const peer = new Child(honest(address))
    const attackers = await Promise.all(Array.from({ length: 2 * peers }, () => createHost()))
    try {
      await peer.next('ping')
      const floods = attackers.map((attacker, i) =>
        codeOf(i % 2 === 0 ? pourUnread(attacker, address) : openAndReset(attacker, address, rounds)),
      )
      const ends = await Promise.all([...floods, codeOf(babble(address, rounds / 10))])
      const { usage } = (await child.fresh('usage')) as { usage: Record<string, number> }
      const times = peer.all('ping').map(Number)
      const refusals = peer.all('refusal').map(String)
      assert.ok(child.isAlive, child.stderr)
      assert.ok(usage.bytes! <= 256 * MiB)
      told = `floods: ${tally(ends)}; ${Math.round(usage.bytes! / MiB)} MiB held unread, resident at most ${Math.round(usage.peak! / MiB)} MiB; ${times.length} honest pings, p99 ${Math.round(quantile(times, 0.99))} ms, ${refusals.length} refused`
      assert.equal(refusals.length, 0, `${told}: ${tally(refusals)}`)
    } finally {
      await peer.kill()
      await Promise.all(attackers.map(attacker => attacker.stop()))
    }
    await within(10_000, 'all is given back', allBack(child))
  })
  return told
}

async function allBack(child: Child): Promise<void> {
  for (;;) {
    const { usage } = (await child.fresh('usage')) as { usage: Record<string, number> }
    if (usage.connections! + usage.pending! + usage.streams! + usage.bytes! === 0) return
  }
}

/** Where groups of processes are given their share of the CPU, in the first version of Linux's control groups and in the second. */
const cgroups = [
  { folder: '/sys/fs/cgroup/cpu', file: 'cpu.cfs_quota_us', tenth: '10000' },
  { folder: '/sys/fs/cgroup', file: 'cpu.max', tenth: '10000 100000' },
]

/** Gives a process a tenth of a CPU; returns the undo, to be called when it has ended. */
function slowDown(pid: number): () => void {
  for (const { folder, file, tenth } of cgroups) {
    const group = join(folder, `parley-faults-${pid}`)
    try {
      mkdirSync(group)
      writeFileSync(join(group, file), tenth)
      writeFileSync(join(group, 'cgroup.procs'), String(pid))
      return () => rmdirSync(group)
    } catch {
      if (existsSync(group)) rmdirSync(group)
    }
  }
  throw new NotHere('no group of processes can be given a share of the CPU here')
}

/** Twenty peers come at once to a process that has a tenth of a CPU, each has a megabyte echoed, and stays. */
async function littleCpu(): Promise<string> {
  let told = ''
  let undo = () => {}
  await withServed({}, 0, async (child, address) => {
    undo = slowDown(child.pid)
    await withHosts(20, { listen: [] }, async (...peers) => {
      const begin = performance.now()
      await Promise.all(peers.map(peer => peer.dial(address)))
      const dialled = since(begin)
      await Promise.all(peers.map(peer => echoed(peer, address)))
      const times = await Promise.all(peers.map(peer => pingAs(peer, address)))
      for (const peer of peers) assert.equal(peer.connections.length, 1)
      told = `20 dials in ${dialled} ms, 20 MiB both ways by ${since(begin)} ms, pings then at most ${Math.max(...times)} ms`
    })
  }).finally(() => undo())
  return told
}

async function echoed(peer: Host, address: Multiaddr): Promise<void> {
  const bytes = new Uint8Array(MiB)
  const stream = await peer.open(address, '/echo')
  stream.write(bytes)
  const [back] = await Promise.all([collect(stream), stream.end()])
  assert.equal(back.length, bytes.length)
}

/** A disk of 16 KiB, or one that cannot be written, and the program on it. Whoever is not root gets a namespace of users. */
function onDisk(script: string, place: string): { code: number | null; output: string } {
  const own = process.getuid?.() === 0 ? [] : ['--user', '--map-root-user']
  const mount = `mount -t tmpfs -o size=16k,mode=700 none "$place"; ${script}`
  const env = { ...process.env, place, cli, node: process.execPath }
  const options = { encoding: 'utf8', env, timeout: 20_000 } as const
  const probe = spawnSync(
    'unshare',
    ['--mount', ...own, 'sh', '-ec', 'mount -t tmpfs none "$place"'],
    options,
  )
  if (probe.status !== 0)
    throw new NotHere(`no disk can be mounted here: ${probe.stderr?.trim() || 'there is no unshare'}`)
  const { status, stdout, stderr } = spawnSync('unshare', ['--mount', ...own, 'sh', '-ec', mount], options)
  return { code: status, output: `${stdout}${stderr}` }
}

const start = '"$node" "$cli" --port 0 --identity "$place/me.key" </dev/null'
const fill = 'dd if=/dev/zero of="$place/filler" bs=1k count=64 2>/dev/null || true'

async function noDisk(): Promise<string> {
  const place = mkdtempSync(join(tmpdir(), 'parley-faults-'))
  try {
    const said: string[] = []
    const cases = [
      [`${fill}; code=0; ${start} || code=$?; ls "$place"; exit $code`, /\(ENOSPC\)/],
      [`mount -o remount,ro "$place"; ${start}`, /\(EROFS\)/],
    ] as const
    for (const [script, says] of cases) {
      const { code, output } = onDisk(script, place)
      assert.equal(code, 2, output)
      assert.match(output, /^! The identity file \S+ cannot be written [^\n]*\.$/m)
      assert.match(output, says)
      assert.doesNotMatch(output, /\.new$|^\s+at /m)
      said.push(/\((E\w+)\)/.exec(output)![1]!)
    }
    return `each one sentence and exit code 2: ${said.join(', ')}; nothing is left beside`
  } finally {
    rmSync(place, { recursive: true, force: true })
  }
}

/** A key that is there is read, whatever else the disk does, and stays as it is. */
async function keyOnBadDisk(): Promise<string> {
  const place = mkdtempSync(join(tmpdir(), 'parley-faults-'))
  try {
    const key = join(mkdtempSync(join(place, 'kept-')), 'me.key')
    await loadIdentity(key)
    const load = `"$node" --input-type=module --eval "
      import { loadIdentity } from '#src/index'
      await loadIdentity(process.env.place + '/me.key')"`
    const copy = `cp "${key}" "$place.key"; cp "$place.key" "$place/me.key"; chmod 600 "$place/me.key"`
    const same = 'cmp "$place.key" "$place/me.key"; rm "$place.key"'
    const disk = mkdtempSync(join(tmpdir(), 'parley-disk-'))
    const { code, output } = onDisk(
      `${copy}; ${fill}; ${load}; mount -o remount,ro "$place"; ${load}; ${same}`,
      disk,
    )
    rmSync(disk, { recursive: true, force: true })
    assert.equal(code, 0, output)
    return 'read from a full disk and from a read-only one'
  } finally {
    rmSync(place, { recursive: true, force: true })
  }
}

/** What it prints goes to a device that is always full. */
async function fullOutput(): Promise<string> {
  const run = (flags: string) =>
    spawnSync('sh', ['-c', `exec timeout -s INT 2 "$node" "$cli" ${flags} --port 0 </dev/null >/dev/full`], {
      encoding: 'utf8',
      env: { ...process.env, cli, node: process.execPath, XDG_DATA_HOME: tmpdir() },
    })
  const ends = ['--json', ''].map(flags => {
    const { status, stderr } = run(flags)
    assert.doesNotMatch(stderr, /^\s+at |Error:/m)
    return status
  })
  // The program ends well, or goes on until it is interrupted, which it is after two seconds: 124 says so.
  for (const status of ends) assert.ok(status === 0 || status === 124, `exit code ${status}`)
  return `exit codes ${ends.join(' and ')} (124: it went on), and no complaint`
}

/** What runs out. */
export const resources: readonly Fault[] = [
  {
    name: 'with 64 file descriptors, 200 who come and 200 dials neither end the process nor shut it to honest peers',
    run: fewDescriptors,
  },
  {
    name: 'with 128 MB of heap a process survives all floods, answers an honest peer meanwhile, and gives all back',
    long: true,
    run: littleHeap,
  },
  {
    name: 'with a tenth of a CPU twenty peers at once are served, and none is lost',
    long: true,
    run: littleCpu,
  },
  { name: 'an identity that cannot be written is refused in one sentence, and leaves nothing', run: noDisk },
  { name: 'an identity that is there is read from a full and from a read-only disk', run: keyOnBadDisk },
  { name: 'an output that takes nothing is no reason to crash', run: fullOutput },
]
