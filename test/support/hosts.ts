import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { isDeepStrictEqual } from 'node:util'
import { createHost, type Host, type HostEvents, type HostOptions } from '#src/host/host'
import type { Usage } from '#src/host/resources'
import { memory } from '#src/net/memory'
import type { Listener, Socket, Transport } from '#src/net/transport'
import { Multiaddr } from '#src/wire/multiaddr'
import { CountingSocket, echo, turns, until } from './net.ts'

/** TCP sockets and servers that this process has open. */
export function openSockets(): number {
  return process.getActiveResourcesInfo().filter(name => name.startsWith('TCP')).length
}

/** What a host uses when nothing is open. */
export const nothing: Usage = {
  connections: 0,
  inbound: 0,
  outbound: 0,
  pending: 0,
  dials: 0,
  peers: 0,
  streams: 0,
  bytes: 0,
}

/** Options for all hosts, or for each by its number. */
export type OptionsOf = HostOptions | ((index: number) => HostOptions)

/**
 * Runs the body with so many hosts, which listen on a TCP port of 127.0.0.1 unless told otherwise, and are stopped
 * afterwards; nothing may be left of them.
 */
export async function withHosts(
  count: number,
  options: OptionsOf,
  body: (...hosts: Host[]) => Promise<void>,
): Promise<void> {
  const before = openSockets()
  const hosts: Host[] = []
  try {
    for (let i = 0; i < count; i++) {
      const own = typeof options === 'function' ? options(i) : options
      hosts.push(await createHost({ listen: ['/ip4/127.0.0.1/tcp/0'], ...own }))
    }
    await body(...hosts)
  } finally {
    await Promise.all(hosts.map(host => host.stop()))
  }
  for (const host of hosts) {
    assert.deepEqual(host.connections, [])
    assert.deepEqual(host.addresses, [])
    await until(() => isDeepStrictEqual(host.usage(), nothing), 'all that was in use is given back')
  }
  await until(() => openSockets() <= before, 'all sockets close')
}

/** Every connect and disconnect of a host, as text in order. */
export function journal(host: Host): string[] {
  const lines: string[] = []
  host.on('connect', ({ peerId }) => lines.push(`connect ${peerId.toString()}`))
  host.on('disconnect', ({ connection: { peerId } }) => lines.push(`disconnect ${peerId.toString()}`))
  return lines
}

/** The next event of that name that fits. */
export function once<Name extends keyof HostEvents>(
  host: Host,
  name: Name,
  fits: (value: HostEvents[Name]) => boolean = () => true,
): Promise<HostEvents[Name]> {
  return new Promise(resolve => {
    const undo = host.on(name, value => {
      if (!fits(value)) return
      undo()
      resolve(value)
    })
  })
}

/** Handles `/echo` by giving back what comes. */
export function serveEcho(host: Host): void {
  host.handle('/echo', echo)
}

/** Whether two hosts see each other, each over one connection. */
export function areConnected(a: Host, b: Host): boolean {
  return a.connections.length === 1 && b.connections.length === 1
}

/** A transport in memory that counts, and that a test may take a hand in. */
export class TestTransport implements Transport {
  readonly name = 'test'
  readonly #memory = memory()
  /** Addresses that were dialled, in order. */
  readonly dialled: string[] = []
  /** Sockets that were accepted on this transport's listeners, or dialled. */
  readonly sockets: Socket[] = []
  /** Called with each dialled socket before it is handed over. */
  onDialled: (socket: Socket) => void = () => {}
  /** Called when a handshake on a dialled or an accepted socket is over, before anyone else knows. */
  onUpgraded: (side: 'dialled' | 'accepted') => void = () => {}
  onListening: (listener: Listener) => void | Promise<void> = () => {}

  supports(address: Multiaddr): boolean {
    return this.#memory.supports(address)
  }

  async dial(address: Multiaddr, signal: AbortSignal): Promise<Socket> {
    this.dialled.push(address.withoutPeerId().toString())
    const socket = await this.#memory.dial(address, signal)
    this.sockets.push(socket)
    this.onDialled(socket)
    return this.#watch(socket, 'dialled')
  }

  async listen(address: Multiaddr, accept: (socket: Socket) => void): Promise<Listener> {
    const listener = await this.#memory.listen(address, socket => {
      this.sockets.push(socket)
      accept(this.#watch(socket, 'accepted'))
    })
    await this.onListening(listener)
    return listener
  }

  /** Nobody but the upgrade pauses a socket that has not even a connection. */
  #watch(socket: Socket, side: 'dialled' | 'accepted'): Socket {
    const watched = new CountingSocket(socket)
    let upgraded = false
    watched.pause = () => {
      socket.pause()
      if (!upgraded) this.onUpgraded(side)
      upgraded = true
    }
    return watched
  }
}

/** Runs the body with the address of something that accepts connections and never says a word. */
export async function withSilence(
  body: (address: Multiaddr, accepted: Socket[]) => Promise<void>,
): Promise<void> {
  const accepted: Socket[] = []
  const listener = await memory().listen(Multiaddr.parse('/memory/0'), socket => {
    accepted.push(socket)
  })
  try {
    await body(listener.addresses[0]!, accepted)
  } finally {
    await listener.close()
    for (const socket of accepted) socket.destroy()
  }
}

/** Whether sockets are gone: a handler that is attached too late hears so at once. */
export async function allClosed(sockets: readonly Socket[]): Promise<boolean> {
  let closed = 0
  const handler = { data() {}, end() {}, drain() {}, close: () => closed++ }
  for (const socket of sockets) socket.attach(handler)
  await turns()
  return closed === sockets.length
}

/** What a program printed, and how it ended. */
export interface Run {
  code: number | null
  stdout: string
  stderr: string
}

/** Runs a module in a process of its own, with the project's aliases. It must end by itself. */
export function runModule(source: string, flags: readonly string[] = []): Promise<Run> {
  const args = [...flags, '--input-type=module', '--eval', source]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  const run: Run = { code: null, stdout: '', stderr: '' }
  child.stdout.on('data', chunk => {
    run.stdout += chunk
  })
  child.stderr.on('data', chunk => {
    run.stderr += chunk
  })
  return new Promise(resolve => {
    child.on('close', code => resolve({ ...run, code }))
  })
}
