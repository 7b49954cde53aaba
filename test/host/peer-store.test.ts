import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, beforeEach, describe, test } from 'node:test'
import { lockFile } from '#src/host/file-lock'
import { createHost } from '#src/host/host'
import { decodePeers, encodePeers } from '#src/host/peer-file'
import { DIALLED_TTL, PeerStore, SIGNED_TTL } from '#src/host/peer-store'
import { Multiaddr } from '#src/wire/multiaddr'
import type { PeerId } from '#src/wire/peer-id'
import { Clock } from '../support/clock.ts'
import { once, withHosts } from '../support/hosts.ts'
import { hashedPeer, keyOf, peerIdOf } from '../support/net.ts'
import { asNobody, nobody } from '../support/nobody.ts'
import { Program } from '../support/program.ts'

const posix = { skip: process.platform === 'win32' && 'Windows knows no modes' }
const root = { skip: process.getuid?.() !== 0 && 'only root can take another user’s part' }
const mounts = { skip: !canMount() && 'only root on Linux can mount a small disk' }

const base = mkdtempSync(join(tmpdir(), 'parley-peers-'))
after(() => rmSync(base, { recursive: true }))

let file = ''
let warnings: string[] = []
let clock = new Clock()

beforeEach(() => {
  file = join(mkdtempSync(join(base, 'b-')), 'parley', 'peers')
  warnings = []
  clock = new Clock(1_790_000_000_000)
})

function canMount(): boolean {
  try {
    execFileSync('unshare', ['-m', 'true'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

function open(): Promise<PeerStore> {
  return PeerStore.open(file, { warn: sentence => warnings.push(sentence), now: clock.now })
}

const [one, two, three] = [1, 2, 3].map(number => peerIdOf(keyOf(number))) as [PeerId, PeerId, PeerId]

function addresses(...ports: number[]): Multiaddr[] {
  return ports.map(port => Multiaddr.parse(`/ip4/192.0.2.1/tcp/${port}`))
}

/** The ports of each peer in the file. */
function kept(): Record<string, number[]> {
  const peers = decodePeers(new Uint8Array(readFileSync(file)))
  const port = (address: Multiaddr) => Number(address.value('tcp'))
  return Object.fromEntries(
    peers.map(({ peerId, addresses }) => [String(peerId), addresses.map(({ address }) => port(address))]),
  )
}

/** A file with these bytes. */
function write(bytes: Uint8Array, mode = 0o600): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  writeFileSync(file, bytes, { mode })
  chmodSync(file, mode)
}

/** A sound file with one peer. */
function sound(): Uint8Array {
  const [address] = addresses(4001)
  return encodePeers([{ peerId: one, addresses: [{ address: address!, expires: clock.now() + 1_000 }] }])
}

/** What a host knows of a peer after it was told by the store. */
async function restored(store: PeerStore, peerId: PeerId): Promise<string[]> {
  const host = await createHost()
  store.restore(host, peerId)
  const ports = (host.peers.get(peerId)?.addresses ?? []).map(address => address.value('tcp')!)
  await host.stop()
  return ports
}

describe('an address book on disk', () => {
  test('is for its owner alone, whatever the umask, and is read back', posix, async () => {
    const umask = process.umask(0)
    try {
      const store = await open()
      store.note(one, addresses(4001, 4002), DIALLED_TTL)
      await store.save()
    } finally {
      process.umask(umask)
    }
    const mode = (path: string) => (statSync(path).mode & 0o777).toString(8)
    assert.deepEqual([mode(file), mode(dirname(file))], ['600', '700'])
    assert.deepEqual(readdirSync(dirname(file)), ['peers'], 'nothing is left beside it')
    const again = await open()
    assert.ok(again.knows(one) && !again.knows(two))
    assert.deepEqual(await restored(again, one), ['4001', '4002'])
    assert.deepEqual(warnings, [])
  })

  test('is not made when there is nothing to write, nor written again when nothing has changed', async () => {
    const store = await open()
    await store.save()
    assert.equal(existsSync(dirname(file)), false)
    store.note(one, [], DIALLED_TTL)
    await store.save()
    assert.equal(existsSync(dirname(file)), false)
    store.note(one, addresses(1), DIALLED_TTL)
    await store.save()
    rmSync(file)
    await store.save()
    assert.equal(existsSync(file), false)
  })

  test('forgets an address in time, those that were only signed sooner', async () => {
    const store = await open()
    store.note(one, addresses(1), DIALLED_TTL)
    store.note(one, addresses(1, 2), SIGNED_TTL)
    store.note(two, addresses(3), SIGNED_TTL)
    await store.save()
    assert.deepEqual(kept(), { [String(one)]: [1, 2], [String(two)]: [3] })
    clock.advance(SIGNED_TTL)
    const later = await open()
    assert.ok(later.knows(one) && !later.knows(two))
    assert.deepEqual(await restored(later, one), ['1'])
    later.note(three, addresses(5), SIGNED_TTL)
    await later.save()
    assert.deepEqual(kept(), { [String(one)]: [1], [String(three)]: [5] })
  })

  test('believes nothing for longer than an address that was dialled just now', async () => {
    const store = await open()
    store.note(one, addresses(1), 1_000 * DIALLED_TTL)
    await store.save()
    const [peer] = decodePeers(new Uint8Array(readFileSync(file)))
    assert.equal(peer!.addresses[0]!.expires, clock.now() + DIALLED_TTL)
  })

  test('keeps those we have dialled, however many others sign addresses', async () => {
    const store = await open()
    store.note(one, addresses(1), DIALLED_TTL)
    for (let number = 100; number < 2_500; number++) {
      clock.advance(1)
      store.note(hashedPeer(number), addresses(2), SIGNED_TTL)
    }
    await store.save()
    const peers = decodePeers(new Uint8Array(readFileSync(file)))
    assert.equal(peers.length, 1_024)
    assert.ok(peers[0]!.peerId.equals(one))
    assert.ok(peers[1]!.peerId.equals(hashedPeer(2_499)))
  })

  test('keeps 16 addresses of a peer, those that last longest', async () => {
    const store = await open()
    store.note(one, addresses(...Array.from({ length: 100 }, (_, i) => i + 1)), SIGNED_TTL)
    store.note(one, addresses(500), DIALLED_TTL)
    await store.save()
    const ports = kept()[String(one)]!
    assert.equal(ports.length, 16)
    assert.equal(ports[0], 500)
  })

  test('takes no address that only says who, and keeps none with /p2p', async () => {
    const itself = Multiaddr.parse(`/p2p/${String(one)}`)
    const store = await open()
    store.note(one, [itself, addresses(1)[0]!.withPeerId(one)], SIGNED_TTL)
    store.note(two, [itself], SIGNED_TTL)
    await store.save()
    assert.deepEqual(kept(), { [String(one)]: [1] })
    assert.doesNotMatch(readFileSync(file, 'utf8'), /p2p/)
    assert.ok((await open()).knows(one))
  })

  test('keeps what several processes learn', async () => {
    const numbers = Array.from({ length: 8 }, (_, i) => i + 1)
    const stores = await Promise.all(numbers.map(open))
    for (const [i, store] of stores.entries())
      store.note(peerIdOf(keyOf(numbers[i]!)), addresses(i + 1), DIALLED_TTL)
    await Promise.all(stores.map(store => store.save()))
    assert.deepEqual(warnings, [])
    assert.equal(Object.keys(kept()).length, 8)
    assert.deepEqual(readdirSync(dirname(file)), ['peers'])
  })
})

test('an address book whose writer is killed at any moment is the old one or the new (B130)', async t => {
  const source = `
    import { PeerStore } from '#src/host/peer-store'
    import { Multiaddr } from '#src/wire/multiaddr'
    import { PeerId } from '#src/wire/peer-id'
    const store = await PeerStore.open(${JSON.stringify(file)}, { warn: console.log })
    const [peer, address] = [PeerId.parse('${String(one)}'), Multiaddr.parse('/ip4/192.0.2.1/tcp/1')]
    for (let turn = 0; ; turn++) {
      store.note(peer, [address], 1e9 + turn)
      await store.save()
      if (turn === 0) console.log('begun')
    }`
  for (let round = 0; round < 12; round++) {
    const writer = new Program(t, [process.execPath, '--input-type=module', '--eval', source])
    await writer.stdout.match(/begun/)
    await new Promise(resolve => setTimeout(resolve, round * 1.7))
    writer.signal('SIGKILL')
    const { stdout, stderr } = await writer.ended
    assert.deepEqual([stdout, stderr], ['begun\n', ''])
    const store = await open()
    assert.ok(store.knows(one))
  }
  const store = await open()
  store.note(two, addresses(2), DIALLED_TTL)
  await store.save()
  assert.deepEqual(warnings, [])
  const left = readdirSync(dirname(file)).filter(name => !name.startsWith('.lock-'))
  assert.deepEqual(left, ['peers'], 'what the killed ones left is gone')
})

describe('an address book that is damaged', () => {
  /** Asserts that it is set aside with one warning, and that the store goes on. */
  async function isSetAside(size = statSync(file).size): Promise<void> {
    const start = performance.now()
    const store = await open()
    assert.ok(performance.now() - start < 2_000, 'B130 allows two seconds')
    assert.equal(warnings.length, 1, warnings.join('\n'))
    assert.match(
      warnings[0]!,
      /^The address book \S+ is [^\n]*; it is kept as \S+\.damaged, and a new one is begun\.$/,
    )
    assert.equal(statSync(`${file}.damaged`).size, size)
    assert.equal(existsSync(file), false)
    assert.deepEqual(await restored(store, one), [])
    store.note(two, addresses(7), DIALLED_TTL)
    await store.save()
    assert.deepEqual(kept(), { [String(two)]: [7] })
    assert.equal(warnings.length, 1)
  }

  const good = () => sound()
  const damaged: Record<string, () => Uint8Array> = {
    'is empty': () => new Uint8Array(0),
    'is cut short': () => good().subarray(0, -1),
    'has a bit flipped': () => good().map((byte, i) => (i === 100 ? byte ^ 1 : byte)),
    'is of version 99': () =>
      Buffer.from(Buffer.from(good()).toString().replace('"version":1', '"version":99')),
    'holds noise': () => Buffer.alloc(10_000, 0xa7),
    'holds a million peers': () =>
      Buffer.from(
        `{"peer":"${String(one)}","addresses":[["/ip4/192.0.2.1/tcp/4001",1]]}\n`.repeat(1_000_000),
      ),
  }
  for (const [name, bytes] of Object.entries(damaged)) {
    test(`${name} is set aside, and a new one begun (B130)`, async () => {
      write(bytes())
      await isSetAside()
    })
  }

  test('is of a gigabyte is set aside, and a new one begun (B130)', async () => {
    write(good())
    truncateSync(file, 2 ** 30)
    await isSetAside(2 ** 30)
  })

  test('is set aside when that shows only when it is written (B130)', async () => {
    const store = await open()
    store.note(two, addresses(7), DIALLED_TTL)
    write(sound().subarray(0, -1))
    await store.save()
    assert.equal(warnings.length, 1)
    assert.equal(existsSync(`${file}.damaged`), true)
    assert.deepEqual(kept(), { [String(two)]: [7] })
  })
})

describe('an address book that is not ours alone is neither read nor written when it', () => {
  /** Asserts that it stays as it is. */
  async function isLeft(says: RegExp): Promise<void> {
    const store = await open()
    assert.equal(warnings.length, 1)
    assert.match(warnings[0]!, /^The address book [^\n]*; no peers are remembered\.$/)
    assert.match(warnings[0]!, says)
    store.note(two, addresses(7), DIALLED_TTL)
    await store.save()
    assert.equal(warnings.length, 1)
    assert.ok(!existsSync(`${file}.damaged`))
  }

  for (const mode of [0o644, 0o660]) {
    test(`is open to others: ${mode.toString(8)} (B126)`, posix, async () => {
      write(sound(), mode)
      await isLeft(/is open to other users; run: chmod 600/)
      assert.deepEqual(new Uint8Array(readFileSync(file)), sound())
    })
  }

  test('lies in a folder that others can write to (B126)', posix, async () => {
    write(sound())
    chmodSync(dirname(file), 0o777)
    await isLeft(/chmod go-w/)
    assert.deepEqual(new Uint8Array(readFileSync(file)), sound())
  })

  test('is a symbolic link (B127)', posix, async () => {
    const target = join(dirname(dirname(file)), 'elsewhere')
    writeFileSync(target, sound(), { mode: 0o600 })
    mkdirSync(dirname(file), { mode: 0o700 })
    symlinkSync(target, file)
    await isLeft(/is a symbolic link/)
    assert.deepEqual(new Uint8Array(readFileSync(target)), sound())
  })

  test('is a pipe (B127)', posix, async () => {
    mkdirSync(dirname(file), { mode: 0o700 })
    execFileSync('mkfifo', ['-m', '600', file])
    await isLeft(/is not a plain file/)
  })

  test('is a folder (B127)', posix, async () => {
    mkdirSync(file, { recursive: true, mode: 0o700 })
    await isLeft(/is not a plain file/)
  })

  test('belongs to someone else (B127)', root, async () => {
    write(sound())
    chownSync(file, nobody, nobody)
    await isLeft(/belongs to another user/)
  })
})

describe('an address book that cannot be written', () => {
  /** A program on a small disk of its own, mounted on the folder: it opens the book, fills the disk, and saves twice. */
  function onSmallDisk(folder: string, prepare: string): string {
    const script = `
      import { execSync } from 'node:child_process'
      import { readFileSync, writeFileSync } from 'node:fs'
      import { PeerStore } from '#src/host/peer-store'
      import { Multiaddr } from '#src/wire/multiaddr'
      import { PeerId } from '#src/wire/peer-id'
      const file = ${JSON.stringify(join(folder, 'peers'))}
      const store = await PeerStore.open(file, { warn: text => console.log('warning', text) })
      const learn = port => store.note(PeerId.parse('${String(one)}'), [Multiaddr.parse('/ip4/192.0.2.1/tcp/' + port)], 1e6)
      learn(1)
      await store.save()
      const before = readFileSync(file, 'utf8')
      ${prepare}
      for (const port of [2, 3]) {
        learn(port)
        await store.save()
      }
      console.log(readFileSync(file, 'utf8') === before ? 'intact' : 'changed')`
    const mount = `mount -t tmpfs -o size=16k,mode=700 tmpfs '${folder}'`
    const args = [
      '-m',
      'sh',
      '-c',
      `${mount} && exec "$0" --input-type=module --eval "$1"`,
      process.execPath,
      script,
    ]
    return execFileSync('unshare', args, { encoding: 'utf8' })
  }

  test('because the disk is full stays as it was, and says so once (F12)', mounts, () => {
    const fill = `try { writeFileSync(${JSON.stringify(base)} + '/full/rest', Buffer.alloc(1e6)) } catch {}`
    mkdirSync(join(base, 'full'), { mode: 0o700 })
    const [warning, state, ...more] = onSmallDisk(join(base, 'full'), fill).trim().split('\n')
    assert.match(
      warning!,
      /^warning The address book \S+ cannot be written \(ENOSPC\); .*; what is learned of peers is forgotten at the end\.$/,
    )
    assert.deepEqual([state, ...more], ['intact'])
  })

  test('because the disk is read-only stays as it was, and says so once (F12)', mounts, () => {
    const folder = join(base, 'read-only')
    mkdirSync(folder, { mode: 0o700 })
    const [warning, state, ...more] = onSmallDisk(folder, `execSync("mount -o remount,ro '${folder}'")`)
      .trim()
      .split('\n')
    assert.match(
      warning!,
      /^warning The address book \S+ cannot be locked \(EROFS\); what is learned of peers is forgotten at the end\.$/,
    )
    assert.deepEqual([state, ...more], ['intact'])
  })

  test('because its folder is someone else’s goes on in memory (F12)', root, async () => {
    for (const folder of [base, dirname(dirname(file))]) chmodSync(folder, 0o755)
    mkdirSync(dirname(file), { mode: 0o755 })
    const store = await open()
    store.note(one, addresses(1), DIALLED_TTL)
    await asNobody(async () => {
      await store.save()
      await store.save()
    })
    assert.equal(warnings.length, 1)
    assert.match(warnings[0]!, /cannot be locked \(EACCES\)/)
    assert.equal(store.knows(one), true)
    assert.deepEqual(readdirSync(dirname(file)), [])
  })

  test('because another process does not let go of it says so, and is written the next time', async () => {
    const store = await open()
    store.note(one, addresses(1), DIALLED_TTL)
    mkdirSync(dirname(file), { mode: 0o700 })
    const release = await lockFile(file)
    await store.save()
    assert.match(warnings.join('\n'), /^The address book \S+ is locked by another process; [^\n]*$/)
    release?.()
    await store.save()
    assert.deepEqual(kept(), { [String(one)]: [1] })
  })
})

/** Only the second host listens: in two places. */
const listening = (index: number) => ({
  listen: index === 1 ? ['/ip4/127.0.0.1/tcp/0', '/memory/store'] : [],
})

describe('the store of a host', () => {
  test('learns where it has dialled, and what peers have signed, and nothing else', () =>
    withHosts(2, listening, async (a, b) => {
      const [ours, theirs] = [await open(), await open()]
      ours.follow(a)
      theirs.follow(b)
      const identified = Promise.all([once(a, 'identify'), once(b, 'identify')])
      await a.dial(b.addresses[0]!)
      await identified
      a.peers.add(two, addresses(9))
      assert.ok(ours.knows(b.peerId) && !ours.knows(two))
      assert.ok(!theirs.knows(a.peerId), 'who does not listen has no address')
      await ours.save()
      const [peer] = decodePeers(new Uint8Array(readFileSync(file)))
      const times = Object.fromEntries(
        peer!.addresses.map(({ address, expires }) => [String(address), expires - clock.now()]),
      )
      const [tcp, memory] = b.addresses.map(address => String(address.withoutPeerId()))
      assert.deepEqual(times, { [tcp!]: DIALLED_TTL, [memory!]: SIGNED_TTL })
    }))

  test('lets it dial by ID whom it has met before', () =>
    withHosts(3, listening, async (a, b, c) => {
      const store = await open()
      const undo = store.follow(a)
      await a.dial(b.addresses[0]!)
      await store.save()
      undo()
      const again = await open()
      again.restore(c, b.peerId)
      assert.ok((await c.dial(b.peerId)).peerId.equals(b.peerId))
    }))
})
