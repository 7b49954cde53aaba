import { digest, digestMessage, pattern, readU64 } from './bytes.mjs'
import { streamLimits } from './node.mjs'
import { end, Reader, write, writeAll } from './streams.mjs'

/** @typedef {import('@libp2p/interface').Stream} Stream */
/** @typedef {import('@libp2p/interface').Connection} Connection */

export const protocols = {
  ping: '/ipfs/ping/1.0.0',
  echo: '/interop/echo/1.0.0',
  sink: '/interop/sink/1.0.0',
  source: '/interop/source/1.0.0',
  mute: '/interop/mute/1.0.0',
  reset: '/interop/reset/1.0.0',
  hold: '/interop/hold/1.0.0',
  chat: '/chat/1.0.0',
  perf: '/perf/1.0.0',
}

/** How much is read of a stream before it is reset. */
export const readBeforeReset = 65_536

/** What a peer does with the streams that others open. */
export class Acceptors {
  #report
  #chats
  /** @type {(() => void)[]} */
  #held = []

  /**
   * @param {(event: object) => void} report
   * @param {import('./chats.mjs').Chats} chats
   */
  constructor(report, chats) {
    this.#report = report
    this.#chats = chats
  }

  /** @param {import('libp2p').Libp2p} node */
  async serve(node) {
    await node.handle(protocols.echo, echo, streamLimits)
    await node.handle(protocols.sink, sink, streamLimits)
    await node.handle(protocols.source, stream => this.#source(stream), streamLimits)
    await node.handle(protocols.mute, stream => this.#mute(stream), streamLimits)
    await node.handle(protocols.reset, reset, streamLimits)
    await node.handle(protocols.hold, stream => this.#hold(stream), streamLimits)
    await node.handle(protocols.perf, perf, streamLimits)
    await node.handle(
      protocols.chat,
      (stream, connection) => this.#chats.add(connection.remotePeer.toString(), stream),
      streamLimits,
    )
  }

  /** Lets all streams on hold go on. */
  release() {
    for (const go of this.#held.splice(0)) go()
  }

  /** @param {Stream} stream */
  async #source(stream) {
    try {
      await writeAll(stream, pattern(readU64(await new Reader(stream).take(8))))
      await end(stream)
    } catch {
      this.#report({ event: 'reset', protocol: stream.protocol })
    }
  }

  /** @param {Stream} stream */
  async #mute(stream) {
    const reader = new Reader(stream)
    await end(stream)
    this.#report({ event: 'received', protocol: stream.protocol, ...(await digest(reader)) })
  }

  /** @param {Stream} stream */
  async #hold(stream) {
    stream.pause()
    await new Promise(resolve => this.#held.push(/** @type {() => void} */ (resolve)))
    await sink(stream)
  }
}

/** @param {Stream} stream */
export async function echo(stream) {
  for await (const piece of new Reader(stream)) await write(stream, piece)
  await end(stream)
}

/** @param {Stream} stream */
async function sink(stream) {
  await write(stream, digestMessage(await digest(new Reader(stream))))
  await end(stream)
}

/** @param {Stream} stream */
async function reset(stream) {
  await new Reader(stream).take(readBeforeReset)
  stream.abort(new Error('reset, as was asked for'))
}

/** @param {Stream} stream */
async function perf(stream) {
  const reader = new Reader(stream)
  const count = readU64(await reader.take(8))
  await reader.drain()
  await writeAll(stream, pattern(count))
  await end(stream)
}
