/**
 * perf: how fast a stream is. The opener says how many bytes it wants back, sends as many as it likes and ends; only then
 * the acceptor sends what was asked for, and ends too. What the bytes are does not matter.
 *
 * Specification: https://github.com/libp2p/specs/blob/master/perf/perf.md
 */
import { remoteError } from '../wire/errors.ts'

/** The name of the protocol. */
export const PERF_PROTOCOL = '/perf/1.0.0'

/** The most that can be asked for. */
export const MAX_PERF_BYTES: bigint = 2n ** 64n - 1n

/** Bytes of a request: how much to send back, as one big-endian number. */
const requestLength = 8

/** What is written at once, in bytes; go and js use as much. */
const BLOCK_LENGTH = 64 * 1024

/** Sent again and again; nobody ever writes to it. */
const block = new Uint8Array(BLOCK_LENGTH)

/** So many zeros, block by block. */
export function* zeros(amount: bigint): Generator<Uint8Array, void> {
  const size = BigInt(BLOCK_LENGTH)
  for (let blocks = amount / size; blocks > 0n; blocks--) yield block
  const rest = Number(amount % size)
  if (rest > 0) yield block.subarray(0, rest)
}

/** The side that serves: reads the request, passes over what is uploaded, and knows at the end how much to send. */
export class PerfResponder {
  #request = 0n
  #missing = requestLength

  /** Takes in bytes. */
  receive(chunk: Uint8Array): void {
    if (this.#missing === 0) return
    const digits = chunk.subarray(0, this.#missing)
    for (const digit of digits) this.#request = (this.#request << 8n) | BigInt(digit)
    this.#missing -= digits.length
  }

  /** The other side has ended: how many bytes it wants. Throws `ERR_UNEXPECTED_END` when it has not said. */
  finish(): bigint {
    if (this.#missing === 0) return this.#request
    throw remoteError(
      'ERR_UNEXPECTED_END',
      'The other side ended the stream before it had said what it wants.',
      { scope: 'stream' },
    )
  }
}

/** The side that asks, and counts what comes. */
export class PerfRequester {
  /** What to send first, before the upload. */
  readonly request: Uint8Array
  readonly #wanted: bigint
  #received = 0

  /** @param download how many bytes to ask for, at most `MAX_PERF_BYTES` */
  constructor(download: bigint) {
    this.#wanted = download
    this.request = new Uint8Array(requestLength)
    new DataView(this.request.buffer).setBigUint64(0, download)
  }

  /** How many bytes have come. */
  get received(): number {
    return this.#received
  }

  /** Takes in bytes. Throws `ERR_PROTOCOL` when they are more than was asked for. */
  receive(chunk: Uint8Array): void {
    this.#received += chunk.length
    if (this.#received <= this.#wanted) return
    throw remoteError('ERR_PROTOCOL', 'The other side sent more than it was asked for.', { scope: 'stream' })
  }

  /** The other side has ended. Throws `ERR_UNEXPECTED_END` when it has sent less than was asked for. */
  finish(): void {
    if (this.#received >= this.#wanted) return
    throw remoteError('ERR_UNEXPECTED_END', 'The other side sent less than it was asked for.', {
      scope: 'stream',
    })
  }
}
