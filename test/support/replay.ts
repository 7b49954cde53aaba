import { SocketWrapper } from '#src/net/socket-wrapper'
import type { Socket, SocketHandler } from '#src/net/transport'
import { fromHex, hex } from '#src/wire/bytes'
import type { Multiaddr } from '#src/wire/multiaddr'
import { turns, withResolvers } from './net.ts'

/** What a socket told, in order: bytes (in hex), the end of them, its close; and between them where a step of ours began. */
export type Entry = readonly [kind: 'step' | 'data' | 'end' | 'close', text: string]

/** A socket that remembers what it sent, and is told where a step begins. */
export interface SteppedSocket extends Socket {
  readonly sent: Uint8Array[]
  step(name: string): void
}

/** A real socket, and a record of what it tells. */
export class RecordingSocket extends SocketWrapper implements SteppedSocket {
  readonly sent: Uint8Array[] = []
  readonly entries: Entry[] = []

  step(name: string): void {
    this.entries.push(['step', name])
  }

  override attach(handler: SocketHandler): void {
    super.attach({
      data: chunk => {
        this.entries.push(['data', hex(chunk)])
        handler.data(chunk)
      },
      end: () => {
        this.entries.push(['end', ''])
        handler.end()
      },
      drain: () => handler.drain(),
      close: error => {
        this.entries.push(['close', ''])
        handler.close(error)
      },
    })
  }

  override write(pieces: readonly Uint8Array[]): boolean {
    this.sent.push(...pieces)
    return super.write(pieces)
  }
}

/** What was recorded, told once more: the bytes in any pieces, those behind a step only once the step was taken. */
export class ReplaySocket implements SteppedSocket {
  readonly remoteAddress: Multiaddr
  readonly unsent = 0
  readonly sent: Uint8Array[] = []
  readonly #entries: readonly Entry[]
  readonly #cut: (bytes: Uint8Array) => Uint8Array[]
  #handler: SocketHandler | undefined
  #paused = true
  #resumed = withResolvers()
  #taken = new Set<string>()

  constructor(remoteAddress: Multiaddr, entries: readonly Entry[], cut: (bytes: Uint8Array) => Uint8Array[]) {
    this.remoteAddress = remoteAddress
    this.#entries = entries
    this.#cut = cut
    void this.#play()
  }

  step(name: string): void {
    this.#taken.add(name)
    this.#go()
  }

  attach(handler: SocketHandler): void {
    this.#handler = handler
    this.resume()
  }

  write(pieces: readonly Uint8Array[]): boolean {
    this.sent.push(...pieces)
    return true
  }

  pause(): void {
    this.#paused = true
  }

  resume(): void {
    this.#paused = false
    this.#go()
  }

  end(): void {}

  destroy(): void {
    this.#handler?.close(undefined)
    this.#handler = undefined
  }

  async #play(): Promise<void> {
    for (const [kind, text] of joined(this.#entries)) {
      if (kind === 'step') await this.#until(() => this.#taken.has(text))
      else if (kind === 'end') await this.#tell(handler => handler.end())
      else if (kind === 'close') await this.#tell(handler => handler.close(undefined))
      else for (const chunk of this.#cut(fromHex(text))) await this.#tell(handler => handler.data(chunk))
    }
  }

  /** A turn of its own for each: what was heard before is dealt with first. */
  async #tell(event: (handler: SocketHandler) => void): Promise<void> {
    await turns(1)
    await this.#until(() => !this.#paused)
    if (this.#handler) event(this.#handler)
  }

  async #until(condition: () => boolean): Promise<void> {
    while (!condition()) await this.#resumed.promise
  }

  #go(): void {
    this.#resumed.resolve()
    this.#resumed = withResolvers()
  }
}

/** Bytes that nothing of ours lies between may be cut anew. */
function joined(entries: readonly Entry[]): Entry[] {
  const all: Entry[] = []
  for (const [kind, text] of entries) {
    const last = all.at(-1)
    if (kind === 'data' && last?.[0] === 'data') all[all.length - 1] = ['data', last[1] + text]
    else all.push([kind, text])
  }
  return all
}
