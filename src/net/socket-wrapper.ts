import type { Multiaddr } from '../wire/multiaddr.ts'
import type { Socket, SocketHandler, WriteOptions } from './transport.ts'

/** A socket that passes everything on to another one: to be extended by whoever wants to see or change some of it. */
export class SocketWrapper implements Socket {
  readonly #socket: Socket

  constructor(socket: Socket) {
    this.#socket = socket
  }

  get remoteAddress(): Multiaddr {
    return this.#socket.remoteAddress
  }

  get unsent(): number {
    return this.#socket.unsent
  }

  attach(handler: SocketHandler): void {
    this.#socket.attach(handler)
  }

  write(pieces: readonly Uint8Array[], options?: WriteOptions): boolean {
    return this.#socket.write(pieces, options)
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
}
