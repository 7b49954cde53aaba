import type { Multiaddr } from '../wire/multiaddr.ts'

/** Who hears what happens on a socket. */
export interface SocketHandler {
  /** Bytes came. The socket may write over them once the call is over: what is to be kept must be copied. */
  data(chunk: Uint8Array): void
  /** The other side will send no more. */
  end(): void
  /** More may be written, after a `write` that returned false. */
  drain(): void
  /** The socket is gone; nothing follows. `error` says why, unless it was closed in good order. */
  close(error: Error | undefined): void
}

/** What a batch may say of itself. */
export interface WriteOptions {
  /** Nobody will look at the pieces again: the socket may free their memory when they have left. Default false. */
  givenAway?: boolean
}

/** A raw connection of bytes, as every transport hands it over: not yet secured, and paused until attached. */
export interface Socket {
  readonly remoteAddress: Multiaddr
  /** How many of the bytes written wait here still, because the other side does not take them in. */
  readonly unsent: number
  /** Names the handler, in place of any before it, and lets bytes flow. */
  attach(handler: SocketHandler): void
  /**
   * Sends the pieces as one batch; not after `end`. Returns false when so much waits that the caller should wait for
   * `drain`. Of no effect once the socket is gone.
   */
  write(pieces: readonly Uint8Array[], options?: WriteOptions): boolean
  pause(): void
  resume(): void
  /** Sends what waits, then says that no more will come. */
  end(): void
  /** Drops the connection at once; the handler hears `close` and nothing else. */
  destroy(): void
}

/** Something that is listening. */
export interface Listener {
  /** Where, with real ports; one bound to every interface names each of them. */
  readonly addresses: Multiaddr[]
  /** Stops listening; connections that stand are not touched. */
  close(): Promise<void>
}

/** A way to carry bytes between two machines. A host has several and asks each in turn. */
export interface Transport {
  readonly name: string
  /** Whether it can dial or listen on this address. */
  supports(address: Multiaddr): boolean
  /**
   * Connects. Throws `ERR_CONNECTION_REFUSED`, `ERR_UNREACHABLE`, or `ERR_ABORTED` when the signal fires.
   */
  dial(address: Multiaddr, signal: AbortSignal): Promise<Socket>
  /** Listens. Throws `ERR_ADDRESS_IN_USE` or `ERR_LISTEN`. */
  listen(address: Multiaddr, accept: (socket: Socket) => void): Promise<Listener>
}

/** What may wait in a socket before `write` returns false, in bytes: eight full records. */
export const SOCKET_HIGH_WATER = 512 * 1024
