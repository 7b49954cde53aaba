import { SocketWrapper } from '../../net/socket-wrapper.ts'
import type { Socket, SocketHandler } from '../../net/transport.ts'
import { concat, EMPTY } from '../../wire/bytes.ts'
import { HEAD_LENGTH, isForeign } from './likeness.ts'

/** A socket that remembers the first bytes that came on it, and says at once when they are not those of a libp2p node. */
export class Witness extends SocketWrapper {
  readonly #foreign: () => void
  #head = EMPTY

  constructor(socket: Socket, foreign: () => void) {
    super(socket)
    this.#foreign = foreign
  }

  get head(): Uint8Array {
    return this.#head
  }

  override attach(handler: SocketHandler): void {
    super.attach({
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

  #remember(chunk: Uint8Array): void {
    const missing = HEAD_LENGTH - this.#head.length
    if (missing > 0) this.#head = concat([this.#head, chunk.slice(0, missing)])
  }
}
