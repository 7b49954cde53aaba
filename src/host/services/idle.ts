import type { Stream } from '../../net/stream.ts'
import { Deadlines } from '../../net/timer.ts'
import type { Limits } from '../../protocol/limits.ts'
import { remoteError } from '../../wire/errors.ts'

/** Deadlines for streams on which something must come now and then; one that passes resets its stream. */
export function idleStreams({ idleTimeout }: Pick<Limits, 'idleTimeout'>): Deadlines<Stream> {
  return new Deadlines(idleTimeout, stream => stream.reset(silent()))
}

function silent(): Error {
  return remoteError('ERR_TIMEOUT', 'Nothing has come on the stream for too long.', { scope: 'stream' })
}
