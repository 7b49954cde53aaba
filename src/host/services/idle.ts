import type { Stream } from '../../net/stream.ts'
import { Deadlines } from '../../net/timer.ts'
import type { Limits } from '../../protocol/limits.ts'
import { remoteError } from '../../wire/errors.ts'

/** Deadlines for streams on which something must come now and then; one that passes resets its stream. */
export function idleStreams({ idleTimeout }: Pick<Limits, 'idleTimeout'>): Deadlines<Stream> {
  return new Deadlines(idleTimeout, stream => stream.reset(silent()))
}

/** What is done with a chunk that was read. */
export type Receiver = (chunk: Uint8Array) => void | Promise<void>

/** Reads a stream to its end; its deadline begins anew with each chunk. */
export function readAll(stream: Stream, idle: Deadlines<Stream>, receive: Receiver): Promise<void> {
  return readByDeadline(stream, idle, chunk => {
    idle.renew(stream)
    return receive(chunk)
  })
}

/** Reads a stream to its end, which must come before its deadline. */
export async function readByDeadline(
  stream: Stream,
  deadlines: Deadlines<Stream>,
  receive: Receiver,
): Promise<void> {
  deadlines.add(stream)
  try {
    for await (const chunk of stream) await receive(chunk)
  } finally {
    deadlines.delete(stream)
  }
}

function silent(): Error {
  return remoteError('ERR_TIMEOUT', 'Nothing has come on the stream for too long.', { scope: 'stream' })
}
