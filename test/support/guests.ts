import assert from 'node:assert/strict'
import { after, type TestContext } from 'node:test'
import { Table, type TableOptions } from '#src/chat/table'
import { createHost, type Host } from '#src/host/host'
import type { PrivateKey } from '#src/wire/keys'
import { keyOf, turns, until } from './net.ts'

// A host's timers do not keep a program running, and hosts in memory have no sockets that would.
const awake = setInterval(() => {}, 1_000)
after(() => clearInterval(awake))

/** A host at a table, and all that it has heard there. */
export class Guest {
  readonly host: Host
  readonly table: Table
  /** What was heard, as `<short name>: <text>`. */
  readonly heard: string[] = []
  readonly joined: string[] = []
  /** Who left, and with which error. */
  readonly left: [who: string, code: string | undefined][] = []

  constructor(host: Host, options: TableOptions) {
    this.host = host
    this.table = new Table(host, options)
    this.table.on('message', ({ from, text }) => this.heard.push(`${from.short}: ${text}`))
    this.table.on('join', ({ peer, direction }) => this.joined.push(`${peer.short} ${direction}`))
    this.table.on('leave', ({ peer, error }) => this.left.push([peer.short, error?.code]))
  }

  get name(): string {
    return this.host.peerId.short
  }

  get address(): string {
    return String(this.host.addresses[0])
  }

  /** Goes to another's table, and waits until both know. */
  async join(other: Guest): Promise<void> {
    await this.table.join(other.address)
    await until(() => other.sees(this), 'the other side sees who came')
  }

  sees(other: Guest): boolean {
    return this.table.peers.some(peer => peer.equals(other.host.peerId))
  }

  async sayAll(texts: readonly string[]): Promise<void> {
    for (const text of texts) await this.table.say(text)
  }
}

let nextKey = 1

/** How a host is made: who it is, where it listens, and how its program calls itself. */
export interface HostSetup {
  identity?: PrivateKey
  listen?: string
  agent?: string | undefined
}

/** How a guest's host is made, and what his table is told. */
export type GuestOptions = TableOptions & HostSetup

/** A host, with an identity of its own unless one is given. */
export async function host(
  t: TestContext,
  { identity = keyOf(nextKey++), listen = '/memory/0', agent }: HostSetup = {},
): Promise<Host> {
  const created = await createHost({ identity, listen: [listen], ...(agent !== undefined && { agent }) })
  t.after(async () => {
    await created.stop()
    await turns()
    for (const [what, count] of Object.entries(created.usage()))
      assert.equal(count, 0, `${what} after the end`)
  })
  return created
}

/** Someone at a table of his own. */
export async function guest(t: TestContext, options: GuestOptions = {}): Promise<Guest> {
  return new Guest(await host(t, options), options)
}

/** So many of them. */
export function guests(t: TestContext, count: number, options: GuestOptions = {}): Promise<Guest[]> {
  return Promise.all(Array.from({ length: count }, () => guest(t, options)))
}

/** Until whatever is on its way between the guests has arrived, and whatever they do about it as well. */
export async function settled(...all: Guest[]): Promise<void> {
  const connections = () => all.flatMap(({ host }) => host.connections.map(connection => connection.ping()))
  for (let round = 0; round < 2 * all.length; round++) await Promise.all(connections())
}

/** So many lines, which are numbered. */
export function numbered(count: number, prefix = ''): string[] {
  return Array.from({ length: count }, (_, i) => `${prefix}${i}`)
}
