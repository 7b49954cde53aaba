import { Duplex } from 'node:stream'
import type { Stream } from './stream.ts'

/**
 * The stream as one of node:stream, for `pipeline`. Its end is our end; destroying it resets the stream. Backpressure
 * holds both ways.
 */
export function toDuplex(stream: Stream): Duplex {
  const chunks = stream[Symbol.asyncIterator]()
  return new Duplex({
    autoDestroy: true,
    read() {
      chunks.next().then(
        ({ done, value }) => this.push(done ? null : value),
        error => this.destroy(error),
      )
    },
    write(chunk: Uint8Array, _encoding, done) {
      attempt(done, () => (stream.write(copyOf(chunk)) ? undefined : stream.drained()))
    },
    final(done) {
      attempt(done, () => stream.end())
    },
    destroy(error, done) {
      // Of no effect on a stream that has ended both ways.
      stream.reset(error)
      done(error)
    },
  })
}

function attempt(done: (error?: Error | null) => void, work: () => Promise<void> | undefined): void {
  try {
    const waiting = work()
    if (waiting) waiting.then(() => done(), done)
    else done()
  } catch (error) {
    done(error as Error)
  }
}

/** Once `done` was called a writer of node's may use its buffer again, which is before the bytes have left. */
function copyOf(chunk: Uint8Array): Uint8Array {
  return new Uint8Array(chunk)
}
