import type { Socket, SocketHandler } from '../../net/transport.ts'
import { concat, EMPTY } from '../../wire/bytes.ts'
import type { Multiaddr } from '../../wire/multiaddr.ts'
import { HEAD_LENGTH, isForeign } from './likeness.ts'

/** A socket that remembers the first bytes that came on it, and says at once when they are not those of a libp2p node. */
export class Witness implements Socket {
  readonly #socket: Socket
  readonly #foreign: () => void
  #head = EMPTY

  constructor(socket: Socket, foreign: () => void) {
    this.#socket = socket
    this.#foreign = foreign
  }

  get head(): Uint8Array {
    return this.#head
  }

  get remoteAddress(): Multiaddr {
    return this.#socket.remoteAddress
  }

  attach(handler: SocketHandler): void {
    this.#socket.attach({
      data: chunk => {
        this.#remember(chunk)
        if (isForeign(this.#head)) this.#foreign()
        handler.data(chunk)
      },
      end: () => handler.end(),
      drain: () => handler.drain(),
      close: error => handler.close(error),
    })
  }

  write(pieces: readonly Uint8Array[]): boolean {
    return this.#socket.write(pieces)
  }

  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  end(): void {
    this.#socket.end()
  }

  destroy(): void {
    this.#socket.destroy()
  }

  #remember(chunk: Uint8Array): void {
    const missing = HEAD_LENGTH - this.#head.length
    if (missing > 0) this.#head = concat([this.#head, chunk.slice(0, missing)])
  }
}
