import { allocate } from '../crypto/block.ts'
import { ByteQueue, concat, EMPTY } from './bytes.ts'
import { type ErrorCode, type ErrorScope, ParleyError, remoteError } from './errors.ts'
import { INCOMPLETE, MALFORMED, varintEnd, varintLength, varintNumber, writeVarint } from './varint.ts'

const MAX_FRAME16 = 0xffff
const MAX_PREFIX = 9

const nothing = EMPTY.buffer

/** The payload behind its length as an unsigned varint. */
export function encodeFrame(payload: Uint8Array): Uint8Array {
  const prefixLength = payload.length < 0x80 ? 1 : varintLength(payload.length)
  const frame = allocate(prefixLength + payload.length)
  writeVarint(payload.length, frame)
  frame.set(payload, prefixLength)
  return frame
}

/** The payload behind its length as two bytes, big-endian. Throws `ERR_FRAME` above 65,535 bytes. */
export function encodeFrame16(payload: Uint8Array): Uint8Array {
  if (payload.length > MAX_FRAME16) {
    throw new ParleyError('ERR_FRAME', `A frame of ${payload.length} bytes does not fit a 16-bit length.`)
  }
  return concat([Uint8Array.of(payload.length >> 8, payload.length & 0xff), payload])
}

/** What `FrameReader` takes. */
export interface FrameReaderOptions {
  /** The longest payload to accept, in bytes. */
  max: number
  /** How lengths are written: an unsigned varint (the default) or two bytes, big-endian. */
  prefix?: 'varint' | 'u16'
  /** The code of what `next` throws. Default `ERR_FRAME`. */
  error?: ErrorCode
  /** The scope of what `next` throws. Default `connection`. */
  scope?: ErrorScope
}

/**
 * Cuts length-prefixed frames out of chunks as they come: `push` a chunk, then call `next` until it gives
 * `undefined`. A frame that lies in one chunk is a view of it; one that crosses a border is copied once. What
 * is held of a partial frame is what has arrived, never what was announced.
 */
export class FrameReader {
  readonly #max: number
  readonly #prefixIsVarint: boolean
  /** The longest payload whose prefix is one byte; -1 when none is. */
  readonly #longestShort: number
  readonly #longestPrefix: number
  readonly #error: ErrorCode
  readonly #scope: ErrorScope
  /** The beginning of a frame whose end has not come: what precedes the current chunk. Most frames lie in one. */
  #queue: ByteQueue | undefined
  #chunk = EMPTY
  /** What the chunk is a view of, and from where: to make views of that is twice as fast as `subarray`, to ask for it is not. */
  #buffer = nothing
  #base = 0
  #offset = 0
  /** The prefix read last: its own length, and the length it announces. */
  #prefixLength = 0
  #payloadLength = 0

  constructor(options: FrameReaderOptions) {
    this.#max = options.max
    this.#prefixIsVarint = options.prefix !== 'u16'
    this.#longestShort = this.#prefixIsVarint ? Math.min(0x7f, options.max) : -1
    this.#longestPrefix = varintLength(options.max)
    this.#error = options.error ?? 'ERR_FRAME'
    this.#scope = options.scope ?? 'connection'
  }

  /** How many bytes wait that were not returned yet, prefixes included. */
  get buffered(): number {
    return this.#parked + this.#chunk.length - this.#offset
  }

  /** Takes in a chunk, which must not be written to afterwards. */
  push(chunk: Uint8Array): void {
    this.#park()
    this.#chunk = chunk
    this.#buffer = chunk.buffer
    this.#base = chunk.byteOffset
  }

  /**
   * The next frame's payload, or `undefined` when it is not all there. Throws, and goes on throwing, when the
   * announced length exceeds `max` or the prefix is not a strict varint; that shows at the prefix already.
   */
  next(): Uint8Array | undefined {
    const frame = this.#parked > 0 ? this.#nextAcross() : (this.#nextShort() ?? this.#nextInChunk())
    if (frame === undefined) this.#park()
    return frame
  }

  /** All that was not returned yet, for whoever reads on without frames. The reader is empty afterwards. */
  rest(): Uint8Array {
    if (this.#parked === 0) this.#queue = undefined
    else this.#park()
    const rest = this.#queue?.clear() ?? this.#chunk.subarray(this.#offset)
    this.#letGo()
    return rest
  }

  get #parked(): number {
    return this.#queue ? this.#queue.length : 0
  }

  /** What most frames are: within the chunk, below 128 bytes and allowed. Anything else is left to the other ways. */
  #nextShort(): Uint8Array | undefined {
    const start = this.#offset + 1
    const length = this.#chunk[this.#offset]!
    if (!(length <= this.#longestShort && start + length <= this.#chunk.length)) return undefined
    this.#offset = start + length
    return new Uint8Array(this.#buffer, this.#base + start, length)
  }

  #nextInChunk(): Uint8Array | undefined {
    if (!this.#readPrefix(this.#chunk, this.#offset, this.#chunk.length)) return undefined
    const start = this.#offset + this.#prefixLength
    const end = start + this.#payloadLength
    if (end > this.#chunk.length) return undefined
    this.#offset = end
    return this.#chunk.subarray(start, end)
  }

  #nextAcross(): Uint8Array | undefined {
    const head = this.#firstBytes()
    if (!this.#readPrefix(head, 0, head.length)) return undefined
    const length = this.#prefixLength + this.#payloadLength
    if (length > this.buffered) return undefined
    const queue = this.#moveToQueue(length - this.#parked)
    return queue.read(length).subarray(this.#prefixLength)
  }

  /** The bytes that a prefix may take, from both sides of the border. */
  #firstBytes(): Uint8Array {
    const waiting = this.#parked
    const head = new Uint8Array(Math.min(MAX_PREFIX, this.buffered))
    for (let i = 0; i < head.length; i++) {
      head[i] = i < waiting ? this.#queue!.peek(i) : this.#chunk[this.#offset + i - waiting]!
    }
    return head
  }

  /** Reads the prefix at `offset`; false when it is not all there. */
  #readPrefix(bytes: Uint8Array, offset: number, limit: number): boolean {
    if (!this.#prefixIsVarint) {
      if (limit - offset < 2) return false
      return this.#accept(2, bytes[offset]! * 256 + bytes[offset + 1]!)
    }
    const end = varintEnd(bytes, offset, limit)
    // A prefix that is longer than that of `max` announces more than `max`, whatever its last byte will be.
    if (end === MALFORMED || (end === INCOMPLETE && limit - offset >= this.#longestPrefix))
      throw this.#malformed()
    if (end === INCOMPLETE) return false
    if (end - offset > this.#longestPrefix) throw this.#malformed()
    return this.#accept(end - offset, varintNumber(bytes, offset, end))
  }

  #accept(prefixLength: number, payloadLength: number): true {
    if (payloadLength > this.#max) {
      throw remoteError(
        this.#error,
        `A frame of ${payloadLength} bytes was announced where ${this.#max} are allowed.`,
        { scope: this.#scope },
      )
    }
    this.#prefixLength = prefixLength
    this.#payloadLength = payloadLength
    return true
  }

  #malformed(): ParleyError {
    return remoteError(
      this.#error,
      `A frame's length is not a minimal varint or exceeds the ${this.#max} bytes allowed.`,
      { scope: this.#scope },
    )
  }

  /** Puts what is left of the chunk behind the queue, so that the chunk itself can go. */
  #park(): void {
    if (this.#offset < this.#chunk.length) this.#moveToQueue(this.#chunk.length - this.#offset)
    this.#letGo()
  }

  #letGo(): void {
    this.#chunk = EMPTY
    this.#buffer = nothing
    this.#offset = 0
  }

  #moveToQueue(length: number): ByteQueue {
    this.#queue ??= new ByteQueue()
    if (length <= 0) return this.#queue
    this.#queue.push(this.#chunk.subarray(this.#offset, this.#offset + length))
    this.#offset += length
    return this.#queue
  }
}
