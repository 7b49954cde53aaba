import { isDeepStrictEqual } from 'node:util'
import { startProxy } from '../faults/proxy.ts'
import { eventually } from './async.ts'
import { type Cell, lines } from './cells.ts'
import { type Column, parley as parleyProgram } from './columns.ts'
import type { Direction } from './matrix.ts'
import { Peer } from './peer.ts'

/** parley's program and another's, started when a cell needs them, and kept for the next that wants the same flags. */
export class Pair {
  readonly column: Column
  #peers: readonly [parley: Peer, other: Peer] | undefined
  #flags: readonly (readonly string[])[] = []
  #version = ''

  constructor(column: Column) {
    this.column = column
  }

  /** The column's name. */
  get name(): string {
    return this.column.name
  }

  /** The other implementation and its version, once one has run. */
  get version(): string {
    return this.#version
  }

  /** Runs a cell on a connection of its own. */
  async run(cell: Cell, direction: Direction): Promise<string | undefined> {
    const [parley, other] = await this.#start(cell)
    const [near, far] = direction === 'out' ? [parley, other] : [other, parley]
    const proxy = cell.through && (await startProxy(portOf(far.address), lines[cell.through]))
    const address = proxy ? far.address.replace(/\/tcp\/\d+/, `/tcp/${proxy.port}`) : far.address
    try {
      const figure = await cell.run(near, far, { address, parley })
      await part(near, far)
      return figure
    } finally {
      await proxy?.close()
    }
  }

  /** Ends both programs at once. */
  async kill(): Promise<void> {
    const peers = this.#peers ?? []
    this.#peers = undefined
    await Promise.all(peers.map(peer => peer.kill()))
  }

  async #start({ ours = [], theirs = [] }: Cell): Promise<readonly [Peer, Peer]> {
    const flags = [ours, theirs]
    if (this.#peers && isDeepStrictEqual(flags, this.#flags)) return this.#peers
    await this.kill()
    const other = await Peer.start(this.name, this.column.peer, theirs)
    const parley = await Peer.start('parley', parleyProgram, ours).catch(async error => {
      await other.kill()
      throw error
    })
    this.#version = `${other.info.implementation} ${other.info.version}`
    this.#flags = flags
    this.#peers = [parley, other]
    return this.#peers
  }
}

function portOf(address: string): number {
  return Number(/\/tcp\/(\d+)/.exec(address)![1])
}

/** Ends the connection between two, so that the next cell begins anew. */
async function part(near: Peer, far: Peer): Promise<void> {
  await near.do('close', { peer: far.id }).catch(() => {})
  for (const [one, other] of [
    [near, far],
    [far, near],
  ] as const) {
    await eventually(10_000, `${one.name} still holds a closed connection`, async () => {
      const { count } = await one.do<{ count: number }>('connections', { peer: other.id })
      return count === 0 || undefined
    })
    one.forget()
  }
}
