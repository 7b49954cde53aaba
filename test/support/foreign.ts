import { SocketWrapper } from '#src/net/socket-wrapper'
import type { Listener, Socket, SocketHandler, Transport } from '#src/net/transport'
import { Multiaddr } from '#src/wire/multiaddr'

/** One that was accepted, and what became of it before anything else did. */
class ForeignSocket extends SocketWrapper {
  readonly #remoteAddress: Multiaddr
  /** Whether somebody began to read from it, which costs more than a look into a table. */
  attached = false
  /** Whether it was closed within the very call that brought it. */
  refusedAtOnce = false
  /** Whether it was closed here. */
  closed = false

  constructor(socket: Socket, remoteAddress: Multiaddr) {
    super(socket)
    this.#remoteAddress = remoteAddress
  }

  override get remoteAddress(): Multiaddr {
    return this.#remoteAddress
  }

  override attach(handler: SocketHandler): void {
    this.attached = true
    super.attach(handler)
  }

  override destroy(): void {
    this.closed = true
    super.destroy()
  }
}

/** A transport on which whoever connects seems to come from another machine. */
export class ForeignTransport implements Transport {
  readonly name = 'foreign'
  readonly #transport: Transport
  /** Where the next one comes from; where it really comes from by default. */
  from: () => string | undefined = () => undefined
  /** All that were accepted, in order. */
  readonly accepted: ForeignSocket[] = []

  constructor(transport: Transport) {
    this.#transport = transport
  }

  supports(address: Multiaddr): boolean {
    return this.#transport.supports(address)
  }

  dial(address: Multiaddr, signal: AbortSignal): Promise<Socket> {
    return this.#transport.dial(address, signal)
  }

  listen(address: Multiaddr, accept: (socket: Socket) => void): Promise<Listener> {
    return this.#transport.listen(address, socket => {
      const from = this.from()
      const foreign = new ForeignSocket(socket, from ? Multiaddr.parse(from) : socket.remoteAddress)
      this.accepted.push(foreign)
      accept(foreign)
      foreign.refusedAtOnce = foreign.closed
    })
  }
}
