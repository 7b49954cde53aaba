import { ParleyError, remoteError } from '../wire/errors.ts'
import { FrameReader } from '../wire/frame.ts'
import { encodeVarint } from '../wire/varint.ts'
import { checkBytes, type Stream } from './stream.ts'

/** Messages on a stream, each behind its length as a varint. */
export interface MessageStream extends AsyncIterable<Uint8Array> {
  readonly stream: Stream
  /** Sends one message; see `Stream.write` for what it returns and throws. */
  write(message: Uint8Array): boolean
  /** See `Stream.drained`. */
  drained(): Promise<void>
  /** See `Stream.end`. */
  end(): Promise<void>
  /**
   * Calls `listener` with each message as it comes, and settles when theirs end; throws what the loop would throw, and what the
   * listener does, which keeps the stream. Of many small messages it reads half as many again as the loop, which makes a promise
   * for each. Nobody waits for a listener: where one must be waited for, use the loop.
   */
  forEach(listener: (message: Uint8Array) => void): Promise<void>
}

/**
 * Turns a stream of bytes into messages, both ways. A message of more than `max` bytes, 4 MiB unless given, throws
 * `ERR_FRAME`; one that comes in also resets the stream, and so does one for which there is no memory. A stream that ends
 * inside a message throws `ERR_UNEXPECTED_END`.
 */
export function lengthPrefixed(stream: Stream, options: { max?: number } = {}): MessageStream {
  const { max = 4 * 1024 * 1024 } = options
  const reader = new FrameReader({ max, scope: 'stream' })
  const chunks = stream[Symbol.asyncIterator]()
  return {
    stream,
    write(message) {
      checkBytes(message)
      if (message.length > max) throw tooLong(message.length, max)
      return stream.writeFrame(prefixOf(message.length), message)
    },
    drained: () => stream.drained(),
    end: () => stream.end(),
    forEach: listener => eachMessage(stream, chunks, reader, listener),
    [Symbol.asyncIterator]: () => ({
      next: () => nextMessage(stream, chunks, reader),
      return: async () => ({ done: true, value: undefined }),
    }),
  }
}

/** The prefixes of one byte, made once. */
const shortPrefixes = Array.from({ length: 0x80 }, (_, length) => encodeVarint(length))

function prefixOf(length: number): Uint8Array {
  return shortPrefixes[length] ?? encodeVarint(length)
}

/** Of many messages in one chunk each is there at once, without the turns of an async function. */
function nextMessage(
  stream: Stream,
  chunks: AsyncIterator<Uint8Array>,
  reader: FrameReader,
): Promise<IteratorResult<Uint8Array>> {
  try {
    const message = cut(stream, reader)
    if (message) return Promise.resolve({ done: false, value: message })
  } catch (error) {
    return Promise.reject(error)
  }
  return awaitMessage(stream, chunks, reader)
}

/** A loop, for a message may come in as many pieces as it has bytes. */
async function awaitMessage(
  stream: Stream,
  chunks: AsyncIterator<Uint8Array>,
  reader: FrameReader,
): Promise<IteratorResult<Uint8Array>> {
  for (;;) {
    const { done, value } = await chunks.next()
    if (done && reader.buffered > 0) throw brokenOff()
    if (done) return { done, value: undefined }
    reader.push(value)
    const message = cut(stream, reader)
    if (message) return { done: false, value: message }
  }
}

/** One promise for all that are whole in a chunk. */
async function eachMessage(
  stream: Stream,
  chunks: AsyncIterator<Uint8Array>,
  reader: FrameReader,
  listener: (message: Uint8Array) => void,
): Promise<void> {
  for (;;) {
    const { done, value } = await nextMessage(stream, chunks, reader)
    if (done) return
    for (let message: Uint8Array | undefined = value; message; message = cut(stream, reader))
      listener(message)
  }
}

/** What has come of a message that is not whole counts as the stream's. */
function cut(stream: Stream, reader: FrameReader): Uint8Array | undefined {
  try {
    const message = reader.next()
    stream.keep(message ? 0 : reader.buffered)
    return message
  } catch (error) {
    stream.reset(error)
    throw error
  }
}

function tooLong(length: number, max: number): Error {
  return new ParleyError(
    'ERR_FRAME',
    `A message of ${length} bytes is longer than the ${max} that may be sent.`,
    {
      scope: 'stream',
    },
  )
}

function brokenOff(): Error {
  return remoteError('ERR_UNEXPECTED_END', 'The stream ended in the middle of a message.', {
    scope: 'stream',
  })
}
