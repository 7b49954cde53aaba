import type { Stream } from '../net/stream.ts'
import { checkProtocol } from '../protocol/negotiate.ts'

/** Speaks a protocol on an inbound stream. When it throws, the stream is reset; the host goes on. */
export type StreamHandler = (stream: Stream) => void | Promise<void>

/** How a protocol is handled. */
export interface HandleOptions {
  /** Streams of this protocol that one connection may have open to us; further ones are reset. Default: no bound but the muxer's. */
  maxInbound?: number
}

interface Entry {
  handler: StreamHandler
  maxInbound: number
}

/** The protocols that a host speaks, and who speaks each. */
export class Handlers {
  readonly #entries = new Map<string, Entry>()
  readonly #changed: () => void
  /** Streams of bounded protocols that were given to a handler; others may have agreed on theirs in the same chunk. */
  readonly #served = new WeakSet<Stream>()

  /** @param changed told when a protocol comes or goes */
  constructor(changed: () => void) {
    this.#changed = changed
  }

  /** The names of the protocols. */
  get protocols(): string[] {
    return [...this.#entries.keys()]
  }

  /** Whether a protocol is spoken here. */
  has(protocol: string): boolean {
    return this.#entries.has(protocol)
  }

  /** Handles a protocol, in place of any handler before. Returns the undo. */
  add(protocol: string, handler: StreamHandler, options: HandleOptions): () => void {
    checkProtocol(protocol)
    const entry = { handler, maxInbound: options.maxInbound ?? Number.POSITIVE_INFINITY }
    this.#entries.set(protocol, entry)
    this.#changed()
    return () => {
      if (this.#entries.get(protocol) !== entry) return
      this.#entries.delete(protocol)
      this.#changed()
    }
  }

  /** Gives a stream to its handler, or resets it when there are too many. */
  serve(stream: Stream): void {
    const entry = this.#entries.get(stream.protocol)
    if (!entry || this.#isOneTooMany(stream, entry)) return stream.reset()
    if (entry.maxInbound < Number.POSITIVE_INFINITY) this.#served.add(stream)
    // Called within a promise, so that a handler that throws at once is treated as one that rejects.
    Promise.resolve(stream)
      .then(entry.handler)
      .catch(error => stream.reset(error))
  }

  #isOneTooMany({ connection, protocol }: Stream, { maxInbound }: Entry): boolean {
    if (maxInbound === Number.POSITIVE_INFINITY) return false
    const alike = connection.streams.filter(other => this.#served.has(other) && other.protocol === protocol)
    return alike.length >= maxInbound
  }
}
