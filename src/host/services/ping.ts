import { provider } from '../../crypto/index.ts'
import type { Connection } from '../../net/connection.ts'
import type { Stream } from '../../net/stream.ts'
import { unlessAborted, withDeadline } from '../../net/timer.ts'
import { PING_LENGTH, PING_PROTOCOL, PingRequester, PingResponder } from '../../protocol/ping.ts'
import { remoteError } from '../../wire/errors.ts'

/** Answers pings on one stream until the other side ends it. */
export async function answerPings(stream: Stream): Promise<void> {
  const responder = new PingResponder()
  for await (const chunk of stream) {
    for (const answer of responder.receive(chunk)) if (!stream.write(answer)) await stream.drained()
  }
  await stream.end()
}

/** One ping: the round trip in milliseconds. Throws `ERR_TIMEOUT` after `timeout`, `ERR_PROTOCOL` for a wrong answer. */
export function ping(
  connection: Connection,
  { timeout, signal }: { timeout: number; signal?: AbortSignal | undefined },
): Promise<number> {
  const message = 'The other side did not answer a ping in time.'
  return withDeadline({ delay: timeout, message, signal }, async deadline => {
    const stream = await connection.open(PING_PROTOCOL, { signal: deadline })
    try {
      return await unlessAborted(exchange(stream), deadline)
    } catch (error) {
      stream.reset(error)
      throw error
    }
  })
}

async function exchange(stream: Stream): Promise<number> {
  const bytes = provider.randomBytes(PING_LENGTH)
  const requester = new PingRequester(bytes)
  const begin = performance.now()
  stream.write(bytes)
  for await (const chunk of stream) {
    if (!requester.receive(chunk)) continue
    const elapsed = performance.now() - begin
    await stream.end()
    return elapsed
  }
  throw remoteError('ERR_UNEXPECTED_END', 'The other side ended the stream instead of answering a ping.', {
    scope: 'stream',
  })
}
