/** Two yamux sessions back to back, with neither cipher nor network between them. */
import { MAX_PLAINTEXT } from '#src/protocol/noise/session'
import { type YamuxEvent, YamuxSession } from '#src/protocol/yamux/session'
import { type Case, expectEqual, perSecond, runSuite } from './harness.ts'

const now = () => performance.now()

/** A client and a server, and the bytes that have come through at each. What ends at the server, it ends too. */
class Pair {
  readonly client = new YamuxSession({ role: 'client', now })
  readonly #server = new YamuxSession({ role: 'server', now })
  /** The frames of a turn, joined as a record joins them. Used again, since all is consumed at once. */
  readonly #record = new Uint8Array(MAX_PLAINTEXT)
  received = 0
  ended = 0

  /** Carries frames both ways until neither side has more to say. */
  exchange(): void {
    while (this.client.wantsTurn || this.#server.wantsTurn) {
      this.#carry(this.client, this.#server)
      this.#carry(this.#server, this.client)
    }
  }

  #carry(from: YamuxSession, to: YamuxSession): void {
    while (from.wantsTurn) {
      for (const event of to.receive(this.#join(from.take(MAX_PLAINTEXT)))) this.#handle(event)
    }
  }

  #join(pieces: readonly Uint8Array[]): Uint8Array {
    let length = 0
    for (const piece of pieces) {
      this.#record.set(piece, length)
      length += piece.length
    }
    return this.#record.subarray(0, length)
  }

  #handle(event: YamuxEvent): void {
    if (event.type === 'data') {
      this.received += event.bytes.length
      event.stream.consume(event.bytes.length)
    } else if (event.type === 'end') {
      this.ended++
      event.stream.end()
    }
  }
}

/** Writes `count` pieces of `size` bytes on one stream, then lets them through. */
function writes(size: number, count: number): (ms: number) => number {
  const pair = new Pair()
  const stream = pair.client.open()
  const piece = new Uint8Array(size).fill(0x5a)
  let sent = 0
  const step = () => {
    for (let i = 0; i < count; i++) stream.write(piece)
    pair.exchange()
    sent += count * size
    expectEqual(pair.received, sent)
    return count
  }
  return ms => perSecond(ms, step)
}

/** Opens `count` streams at once, writes a little on each, and ends them from both sides. */
function streams(count: number): (ms: number) => number {
  const pair = new Pair()
  const piece = new Uint8Array(64)
  let opened = 0
  const step = () => {
    for (let i = 0; i < count; i++) {
      const stream = pair.client.open()
      stream.write(piece)
      stream.end()
    }
    pair.exchange()
    opened += count
    // Each side sees the other's end.
    expectEqual(pair.ended, 2 * opened)
    expectEqual(pair.client.streamCount, 0)
    return count
  }
  return ms => perSecond(ms, step)
}

function cases(): Case[] {
  const bulk = writes(64 * 1024, 16)
  const small = writes(64, 1024)
  const opened = streams(100)
  const subject = 'parley'
  return [
    {
      bench: 'yamux bulk on one stream',
      subject,
      round: ms => ({ 'MB/s': (bulk(ms) * 64 * 1024) / 1e6 }),
    },
    { bench: 'yamux 64 B writes on one stream', subject, round: ms => ({ 'writes/s': small(ms) }) },
    { bench: 'yamux streams opened and ended', subject, round: ms => ({ 'streams/s': opened(ms) }) },
  ]
}

await runSuite(cases())
