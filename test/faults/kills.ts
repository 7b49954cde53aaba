import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { loadIdentity } from '#src/host/identity'
import type { Stream } from '#src/net/stream'
import { PeerId } from '#src/wire/peer-id'
import { randomNumbers } from '../support/feed.ts'
import { withHosts } from '../support/hosts.ts'
import { collect, until } from '../support/net.ts'
import { pattern } from '../support/wire.ts'
import { Child } from './child.ts'
import { codeOf, type Fault, quantile, since, tally, within } from './fault.ts'

/** A survivor must know so soon, on one machine, in milliseconds. */
const bound = 1_000

const bytes = pattern(16_384)

/** The one to be killed: it locks and loads its identity, and pours on streams both ways until then. */
function victim(file: string, target: string, dials: boolean): string {
  return `
    import { createHost, loadIdentity, lockIdentity } from '#src/index'
    const say = word => console.log(JSON.stringify(word))
    await lockIdentity(${JSON.stringify(file)})
    const identity = await loadIdentity(${JSON.stringify(file)})
    const host = await createHost({ identity, listen: ['/ip4/127.0.0.1/tcp/0'] })
    const bytes = new Uint8Array(16_384)
    async function pour(stream) {
      const read = (async () => { for await (const _ of stream); })()
      for (;;) if (!stream.write(bytes)) await stream.drained()
    }
    host.handle('/pour', stream => pour(stream))
    say({ address: host.addresses[0].toString() })
    if (${dials}) for (let i = 0; i < 5; i++) pour(await host.open(${JSON.stringify(target)}, '/pour'))
    setInterval(() => {}, 1_000)
  `
}

/** Reads and writes until the stream breaks; gives the code. */
async function pour(stream: Stream): Promise<string> {
  const write = async () => {
    for (;;) if (!stream.write(bytes)) await stream.drained()
  }
  const codes = await Promise.all([codeOf(collect(stream)), codeOf(write()), codeOf(stream.closed)])
  return codes.find(code => code !== 'done') ?? 'done'
}

/** What is seen over many kills. */
interface Seen {
  times: number[]
  codes: string[]
  early: number
}

/** Starts a peer, lets it talk, and kills it at a random moment, perhaps while it is still starting. */
async function killOnce(file: string, random: () => number, seen: Seen): Promise<void> {
  await withHosts(1, {}, async host => {
    const talks: Promise<string>[] = []
    const talk = (stream: Stream): void => {
      talks.push(pour(stream))
    }
    host.handle('/pour', talk)
    const dials = random() < 0.5
    const child = new Child(victim(file, host.addresses[0]!.toString(), dials))
    try {
      if (random() < 0.3) await sleep(random() * 300)
      else {
        const { address } = await child.next('address')
        for (let i = 0; i < 5 && !dials; i++) talk(await host.open(String(address), '/pour'))
        await until(() => talks.length > 0 || !child.isAlive, 'a stream is open')
        await sleep(random() * 150)
      }
    } finally {
      child.signal('SIGKILL')
    }
    const begin = performance.now()
    await within(bound, 'all streams break', allSettled(talks))
    await within(
      bound,
      'the connection is gone',
      until(() => host.usage().connections === 0),
    )
    if (talks.length === 0) seen.early++
    else seen.times.push(since(begin))
    seen.codes.push(...(await Promise.all(talks)))
    await child.end()
  })
}

async function allSettled(talks: readonly Promise<string>[]): Promise<void> {
  for (const talk of talks) await talk
}

async function killOften(rounds: number): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'parley-faults-'))
  const seen: Seen = { times: [], codes: [], early: 0 }
  let left: string[] = []
  try {
    const random = randomNumbers(17)
    let known: string | undefined
    for (let round = 0; round < rounds; round++) {
      // Each tenth begins without a file, so that some are killed while they make it.
      const file = join(folder, `identity-${Math.floor(round / 10)}.key`)
      await killOnce(file, random, seen)
      const name = PeerId.fromPublicKey((await loadIdentity(file)).publicKey).toString()
      if (round % 10 > 0) assert.equal(name, known, 'another identity than before')
      known = name
    }
    left = readdirSync(folder).filter(name => !name.endsWith('.key'))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
  assert.ok(seen.times.length > 0, 'no kill came while streams were open')
  return `${rounds} kills, ${seen.early} before any stream; known after ${quantile(seen.times, 0.5)} ms, at most ${Math.max(...seen.times)} ms; ${tally(seen.codes)}; identity files sound and free, ${left.length} other files beside`
}

/** Processes that die. */
export const kills: readonly Fault[] = [
  {
    name: 'a peer killed by kill -9 under load breaks its streams within a second, and its identity file is sound',
    run: scale => killOften(scale === 'full' ? 100 : 5),
  },
]
