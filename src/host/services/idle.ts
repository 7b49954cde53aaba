import type { Stream } from '../../net/stream.ts'
import { Deadlines } from '../../net/timer.ts'
import type { Limits } from '../../protocol/limits.ts'
import { remoteError } from '../../wire/errors.ts'

/** Deadlines for streams on which something must come now and then; one that passes resets its stream. */
export function idleStreams({ idleTimeout }: Pick<Limits, 'idleTimeout'>): Deadlines<Stream> {
  return new Deadlines(idleTimeout, stream => stream.reset(silent()))
}

/** Reads a stream to its end; its deadline begins anew with each chunk. */
export async function readAll(
  stream: Stream,
  idle: Deadlines<Stream>,
  receive: (chunk: Uint8Array) => void | Promise<void>,
): Promise<void> {
  idle.add(stream)
  try {
    for await (const chunk of stream) {
      idle.renew(stream)
      await receive(chunk)
    }
  } finally {
    idle.delete(stream)
  }
}

function silent(): Error {
  return remoteError('ERR_TIMEOUT', 'Nothing has come on the stream for too long.', { scope: 'stream' })
}
