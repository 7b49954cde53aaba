import { connect, type Socket } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { concat, utf8 } from '#src/wire/bytes'
import { withResolvers } from '../support/net.ts'

/** Someone at the other end of a TCP connection who sends bytes as they are told. */
export class Stranger {
  readonly socket: Socket
  readonly #chunks: Uint8Array[] = []
  readonly #over = withResolvers()
  #isOver = false

  constructor(socket: Socket) {
    this.socket = socket
    socket.setNoDelay(true)
    socket.on('data', chunk => this.#chunks.push(chunk))
    for (const event of ['end', 'close'] as const) socket.on(event, () => this.#finish())
    // A reset is as good a way to be shown the door as any.
    socket.on('error', () => this.#finish())
  }

  /** Connects to a port of this machine. */
  static async to(port: number): Promise<Stranger> {
    const socket = connect({ port, host: '127.0.0.1' })
    const stranger = new Stranger(socket)
    const connected = withResolvers()
    socket.once('connect', connected.resolve)
    socket.once('error', connected.reject)
    await connected.promise
    return stranger
  }

  /** Whether the other side has closed. */
  get isOver(): boolean {
    return this.#isOver
  }

  /** Settles when the other side has closed. */
  get over(): Promise<void> {
    return this.#over.promise
  }

  /** All that the other side has said. */
  get received(): Uint8Array {
    return concat([new Uint8Array(0), ...this.#chunks])
  }

  send(bytes: Uint8Array | string): void {
    if (!this.socket.destroyed) this.socket.write(typeof bytes === 'string' ? utf8(bytes) : bytes)
  }

  /** Sends pieces in segments of their own, so many milliseconds apart, until the other side has had enough. */
  async drip(pieces: Iterable<Uint8Array>, pause: number): Promise<void> {
    for (const piece of pieces) {
      if (this.#isOver) return
      this.send(piece)
      await wait(pause)
    }
  }

  /** Sends pieces as fast as they are taken, until the other side has had enough. */
  async pour(pieces: Iterable<Uint8Array>): Promise<void> {
    for (const piece of pieces) {
      if (this.#isOver || this.socket.destroyed) return
      if (!this.socket.write(piece)) await Promise.race([this.#drained(), this.over])
    }
  }

  end(): void {
    this.socket.end()
  }

  destroy(): void {
    this.socket.destroy()
  }

  #drained(): Promise<void> {
    const drained = withResolvers()
    this.socket.once('drain', drained.resolve)
    return drained.promise
  }

  #finish(): void {
    this.#isOver = true
    this.#over.resolve()
  }
}
