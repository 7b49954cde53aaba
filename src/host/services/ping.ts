import { provider } from '../../crypto/index.ts'
import type { Connection } from '../../net/connection.ts'
import type { Stream } from '../../net/stream.ts'
import { type Deadlines, deferred, monotonicNow, unlessAborted, withDeadline } from '../../net/timer.ts'
import { PING_LENGTH, PING_PROTOCOL, PingRequester, PingResponder } from '../../protocol/ping.ts'
import { remoteError } from '../../wire/errors.ts'
import { readAll } from './idle.ts'

/**
 * Answers pings on one stream until the other side ends it, and resets it when that ends in the middle of one.
 *
 * @param idle resets the stream when nothing comes for too long
 */
export async function answerPings(stream: Stream, idle: Deadlines<Stream>): Promise<void> {
  const responder = new PingResponder()
  await readAll(stream, idle, async chunk => {
    for (const answer of responder.receive(chunk)) if (!stream.write(answer)) await stream.drained()
  })
  if (responder.buffered > 0) throw brokenOff()
  await stream.end()
}

function brokenOff(): Error {
  return remoteError('ERR_UNEXPECTED_END', 'The stream ended in the middle of a ping.', { scope: 'stream' })
}

/**
 * One ping: the round trip in milliseconds. Throws `ERR_TIMEOUT` after `timeout`, which counts the wait for those before
 * it on this connection, and `ERR_PROTOCOL` for a wrong answer.
 */
export function ping(
  connection: Connection,
  { timeout, signal }: { timeout: number; signal?: AbortSignal | undefined },
): Promise<number> {
  const message = 'The other side did not answer a ping in time.'
  return withDeadline({ delay: timeout, message, signal }, deadline =>
    inTurn(connection, deadline, () => pingOnce(connection, deadline)),
  )
}

/** When the pings asked for so far on a connection are over. */
const lastTurns = new WeakMap<Connection, Promise<void>>()

/** The specification allows one stream at a time; of two, rust-libp2p resets the first. */
async function inTurn<T>(connection: Connection, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  const before = lastTurns.get(connection) ?? Promise.resolve()
  const turn = deferred()
  lastTurns.set(
    connection,
    before.then(() => turn.promise),
  )
  try {
    await unlessAborted(before, signal)
    return await work()
  } finally {
    turn.resolve()
  }
}

async function pingOnce(connection: Connection, signal: AbortSignal): Promise<number> {
  const stream = await connection.open(PING_PROTOCOL, { signal })
  try {
    return await unlessAborted(exchange(stream), signal)
  } catch (error) {
    stream.reset(error)
    throw error
  }
}

async function exchange(stream: Stream): Promise<number> {
  const bytes = provider.randomBytes(PING_LENGTH)
  const requester = new PingRequester(bytes)
  const begin = monotonicNow()
  stream.write(bytes)
  for await (const chunk of stream) {
    if (!requester.receive(chunk)) continue
    const elapsed = monotonicNow() - begin
    await stream.end()
    return elapsed
  }
  throw remoteError('ERR_UNEXPECTED_END', 'The other side ended the stream instead of answering a ping.', {
    scope: 'stream',
  })
}
