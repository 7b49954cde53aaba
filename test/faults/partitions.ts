import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { until } from '../support/net.ts'
import { type Fault, NotHere, type Scale, since, within } from './fault.ts'
import { addresses, Machines, type Side } from './machines.ts'

const cli = fileURLToPath(new URL('../../../dist/cli.js', import.meta.url))

/** How many talk, half of them on either machine. */
const size = 10

/** How long the two machines do not hear of each other, in milliseconds: who is fed from a pipe waits a minute for the others. */
const partedFor = 45_000

/** One who takes part in the chat, on one of the machines. */
class Member {
  readonly side: Side
  readonly #process: ChildProcess
  readonly #here = new Set<string>()
  readonly #heard: string[] = []
  /** Where others dial it. */
  address = ''
  complaint = ''

  constructor(machines: Machines, side: Side, dials: readonly string[]) {
    this.side = side
    const flags = [
      '--json',
      '--ephemeral',
      '--no-relay',
      '--port',
      '0',
      ...dials.flatMap(one => ['--dial', one]),
    ]
    const [command, ...args] = [...machines.enter(side), process.execPath, cli, ...flags]
    this.#process = spawn(command!, args, { stdio: ['pipe', 'pipe', 'pipe'] })
    createInterface(this.#process.stdout!).on('line', line => this.#hear(JSON.parse(line)))
    this.#process.stderr!.on('data', text => {
      this.complaint += String(text)
    })
  }

  /** How many of the others are connected. */
  get company(): number {
    return this.#here.size
  }

  say(text: string): void {
    this.#process.stdin!.write(`${text}\n`)
  }

  /** How often it has heard that. */
  count(text: string): number {
    return this.#heard.filter(heard => heard === text).length
  }

  /** What it has heard more than once. */
  get twice(): string[] {
    return this.#heard.filter((text, i) => this.#heard.indexOf(text) !== i)
  }

  kill(): Promise<void> {
    this.#process.kill('SIGKILL')
    return new Promise(resolve => this.#process.on('close', () => resolve()))
  }

  #hear({ event, peer, text, addresses: own }: Record<string, unknown>): void {
    if (event === 'listening')
      this.address = (own as string[]).find(one => one.includes(addresses[this.side]))!
    if (event === 'connected') this.#here.add(String(peer))
    if (event === 'disconnected') this.#here.delete(String(peer))
    if (event === 'message') this.#heard.push(String(text))
  }
}

/** Starts them all; each dials all before it. */
async function gather(machines: Machines, members: Member[]): Promise<void> {
  for (let i = 0; i < size; i++) {
    const member = new Member(
      machines,
      i < size / 2 ? 0 : 1,
      members.map(({ address }) => address),
    )
    members.push(member)
    await until(() => member.address !== '' && member.company === i, 'the next one joins all before it')
  }
  await until(() => members.every(({ company }) => company === size - 1))
}

/** Each says something; gives how many of those who should have heard it have, and waits until all of them did. */
async function round(
  members: readonly Member[],
  word: string,
  reaches: (a: Member, b: Member) => boolean,
): Promise<void> {
  for (const [i, member] of members.entries()) member.say(`${word} ${i}`)
  const pairs = pairsOf(members).filter(([speaker, listener]) =>
    reaches(members[speaker]!, members[listener]!),
  )
  await within(
    15_000,
    `all hear "${word}"`,
    until(() => pairs.every(([speaker, listener]) => members[listener]!.count(`${word} ${speaker}`) > 0)),
  )
}

function pairsOf(members: readonly Member[]): [speaker: number, listener: number][] {
  return members.flatMap((_, speaker) =>
    members.flatMap((_, listener): [number, number][] => (speaker === listener ? [] : [[speaker, listener]])),
  )
}

/** A chat is parted into halves, and healed. */
async function part(scale: Scale): Promise<string> {
  if (scale === 'short') throw new NotHere('it takes two minutes: npm run faults -- --full parted')
  const machines = await Machines.open()
  const members: Member[] = []
  try {
    await gather(machines, members)
    await round(members, 'before', () => true)
    await machines.cut()
    const cut = performance.now()
    await round(members, 'during', (a, b) => a.side === b.side)
    await sleep(partedFor - since(cut))
    for (const { company } of members)
      assert.equal(company, size / 2 - 1, 'nobody of the other half is there')
    await round(members, 'late', (a, b) => a.side === b.side)
    await machines.join()
    const healed = performance.now()
    while (members.some(({ company }) => company < size - 1)) {
      assert.ok(since(healed) < 60_000, `after a minute: ${members.map(({ company }) => company).join(' ')}`)
      await sleep(50)
    }
    const time = since(healed)
    await round(members, 'after', () => true)
    for (const member of members) assert.deepEqual(member.twice, [], 'heard twice')
    const across = pairsOf(members).filter(([a, b]) => members[a]!.side !== members[b]!.side)
    const heard = (word: string) => across.filter(([a, b]) => members[b]!.count(`${word} ${a}`) === 1).length
    return `${size} in two halves for ${partedFor / 1_000} s; all together again ${time} ms after. Of ${across.length} pairs across, ${heard('during')} heard the line from when nobody had noticed, ${heard('late')} the one to those known to be away; none a line twice; all those from afterwards`
  } finally {
    await Promise.all(members.map(member => member.kill()))
    await machines.close()
  }
}

/** Networks that fall into pieces. */
export const partitions: readonly Fault[] = [
  {
    name: 'a chat that is parted in halves goes on in both, and is one again within a minute of the heal; nothing is heard twice',
    long: true,
    run: part,
  },
]
