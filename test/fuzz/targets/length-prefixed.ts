import { lengthPrefixed, type MessageStream } from '#src/net/length-prefixed'
import type { Stream } from '#src/net/stream'
import { concat, EMPTY } from '#src/wire/bytes'
import type { ErrorCode } from '#src/wire/errors'
import { encodeFrame } from '#src/wire/frame'
import { bytesOf, pattern } from '../../support/wire.ts'
import { Input } from '../engine/input.ts'
import { must, mustEqual, refusal } from '../engine/promise.ts'
import type { Target } from '../engine/target.ts'

/** The length of the largest of these takes so many bytes. */
const longestPrefix = 4

const bounds = [0, 1, 127, 128, 300, 4 * 1024 * 1024]

/** As much of a stream as messages are made of. */
class FakeStream {
  readonly written: Uint8Array[] = [EMPTY]
  readonly #chunks: readonly Uint8Array[]
  resets = 0
  /** The most that was ever kept of a message that was not whole. */
  mostKept = 0

  constructor(chunks: readonly Uint8Array[]) {
    this.#chunks = chunks
  }

  writeFrame(prefix: Uint8Array, bytes: Uint8Array): boolean {
    this.written.push(prefix, bytes)
    return true
  }

  reset(): void {
    this.resets++
  }

  keep(count: number): void {
    this.mostKept = Math.max(this.mostKept, count)
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    yield* this.#chunks
  }
}

async function run(bytes: Uint8Array): Promise<void> {
  const input = new Input(bytes)
  const max = input.pick(bounds)
  const how = input.take(1)
  const body = input.rest()
  const whole = await read([body], max, byLoop)
  const chunks = new Input(how).cut(body)
  for (const way of [byLoop, byListener]) {
    const pieces = await read(chunks, max, way)
    must(whole.code === pieces.code && whole.resets === pieces.resets, 'any cutting is refused alike')
    mustEqual(concat(whole.messages), concat(pieces.messages), 'any cutting gives the same messages')
    must(whole.messages.length === pieces.messages.length, 'any cutting gives as many messages')
  }
  must((whole.code === 'ERR_FRAME') === whole.resets > 0, 'what is too long resets the stream')
  if (!whole.code) mustEqual(write(whole.messages.slice(1), max), body, 'what is written again is the same')
}

type Listener = (message: Uint8Array) => void

async function byLoop(messages: MessageStream, listener: Listener): Promise<void> {
  for await (const message of messages) listener(message)
}

const byListener = (messages: MessageStream, listener: Listener) => messages.forEach(listener)

async function read(
  chunks: readonly Uint8Array[],
  max: number,
  way: typeof byLoop,
): Promise<{ messages: Uint8Array[]; code: ErrorCode | undefined; resets: number }> {
  const stream = new FakeStream(chunks)
  const messages: Uint8Array[] = [EMPTY]
  try {
    await way(lengthPrefixed(stream as unknown as Stream, { max }), message => {
      must(message.length <= max, 'no message exceeds the bound')
      messages.push(message)
    })
    return { messages, code: undefined, resets: stream.resets }
  } catch (error) {
    const { code } = refusal(error, ['ERR_FRAME', 'ERR_UNEXPECTED_END'])
    return { messages, code, resets: stream.resets }
  } finally {
    must(stream.mostKept < max + longestPrefix, 'no more is kept than a message and its length take')
  }
}

function write(messages: readonly Uint8Array[], max: number): Uint8Array {
  const stream = new FakeStream([])
  const out = lengthPrefixed(stream as unknown as Stream, { max })
  for (const message of messages) out.write(message)
  return concat(stream.written)
}

const target: Target = {
  run,
  seeds: () => [
    concat([bytesOf('05 00'), encodeFrame(pattern(3)), encodeFrame(pattern(200))]),
    concat([bytesOf('02 01'), encodeFrame(pattern(3)), encodeFrame(EMPTY)]),
    concat([bytesOf('02 07'), encodeFrame(pattern(128))]),
    concat([bytesOf('05 05'), encodeFrame(pattern(20)).subarray(0, 9)]),
    bytesOf('05 00 8100'),
  ],
  words: [bytesOf('8001'), bytesOf('ffffff7f'), bytesOf('ac02')],
}

export default target
