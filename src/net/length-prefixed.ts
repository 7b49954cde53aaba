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
}

/**
 * Turns a stream of bytes into messages, both ways. A message of more than `max` bytes, 4 MiB unless given, throws
 * `ERR_FRAME`; one that comes in also resets the stream. A stream that ends inside a message throws `ERR_UNEXPECTED_END`.
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
      stream.write(encodeVarint(message.length))
      return stream.write(message)
    },
    drained: () => stream.drained(),
    end: () => stream.end(),
    [Symbol.asyncIterator]: () => ({
      next: () => nextMessage(stream, chunks, reader),
      return: async () => ({ done: true, value: undefined }),
    }),
  }
}

/** A loop, for a message may come in as many pieces as it has bytes. */
async function nextMessage(
  stream: Stream,
  chunks: AsyncIterator<Uint8Array>,
  reader: FrameReader,
): Promise<IteratorResult<Uint8Array>> {
  for (;;) {
    const message = cut(stream, reader)
    if (message) return { done: false, value: message }
    const { done, value } = await chunks.next()
    if (!done) reader.push(value)
    else if (reader.buffered > 0) throw brokenOff()
    else return { done, value: undefined }
  }
}

function cut(stream: Stream, reader: FrameReader): Uint8Array | undefined {
  try {
    return reader.next()
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
