/** @typedef {import('@libp2p/interface').Stream} Stream */

/** How much may wait for a reader before its sender is held back. */
const readAhead = 256 * 1024

/**
 * Reads a stream piece by piece, and holds the sender back while too much waits to be read. To be made as soon as the
 * stream is there. The library's own iterator neither holds the sender back nor gives what waits in a paused stream
 * when the other side has ended.
 */
export class Reader {
  /** @type {Stream} */
  #stream
  /** @type {Uint8Array[]} */
  #pieces = []
  #waiting = 0
  #ended = false
  /** @type {Error | undefined} */
  #error
  #wake = () => {}

  /** @param {Stream} stream */
  constructor(stream) {
    this.#stream = stream
    this.#ended = stream.remoteWriteStatus === 'closed' && stream.status === 'open'
    if (stream.status !== 'open') this.#error = new Error(`the stream is ${stream.status} already`)
    stream.addEventListener('message', ({ data }) => this.#keep(data.subarray()))
    stream.addEventListener('remoteCloseWrite', () => this.#end())
    stream.addEventListener('close', ({ error }) => this.#fail(error))
    this.#resume()
  }

  /** @returns {Promise<Uint8Array | undefined>} the next piece, undefined at the end */
  async next() {
    for (;;) {
      if (this.#pieces.length === 0) this.#resume()
      const piece = this.#pieces.shift()
      if (piece) {
        this.#waiting -= piece.length
        return piece
      }
      if (this.#ended && this.#stream.readBufferLength === 0) return undefined
      if (this.#error) throw this.#error
      await new Promise(resolve => {
        this.#wake = /** @type {() => void} */ (resolve)
      })
    }
  }

  /** @param {number} count @returns {Promise<Uint8Array>} exactly so many bytes */
  async take(count) {
    const taken = []
    let missing = count
    while (missing > 0) {
      const piece = await this.next()
      if (!piece) throw new Error(`the stream ended ${missing} bytes too early`)
      taken.push(piece.subarray(0, missing))
      if (piece.length > missing) this.#putBack(piece.subarray(missing))
      missing -= Math.min(missing, piece.length)
    }
    return Buffer.concat(taken)
  }

  /** Reads what is left and forgets it. */
  async drain() {
    while (await this.next());
  }

  async *[Symbol.asyncIterator]() {
    for (let piece = await this.next(); piece; piece = await this.next()) yield piece
  }

  /** @param {Uint8Array} piece */
  #putBack(piece) {
    this.#pieces.unshift(piece)
    this.#waiting += piece.length
  }

  /** @param {Uint8Array} piece */
  #keep(piece) {
    this.#pieces.push(piece)
    this.#waiting += piece.length
    if (this.#waiting > readAhead && this.#stream.readStatus === 'readable') this.#stream.pause()
    this.#wake()
  }

  #resume() {
    if (this.#stream.readStatus === 'paused') this.#stream.resume()
  }

  #end() {
    this.#ended = true
    this.#wake()
  }

  /** @param {Error | undefined} error */
  #fail(error) {
    this.#error ??= error ?? new Error('the connection was closed before the stream had ended')
    this.#wake()
  }
}

/**
 * Writes one piece, and waits while the stream is full. (`stream.onDrain()` of @libp2p/utils 7.4.1 waits only the first
 * time: its promise is never renewed.)
 *
 * @param {Stream} stream
 * @param {Uint8Array} bytes
 */
export async function write(stream, bytes) {
  if (!stream.send(bytes)) await drained(stream)
}

/**
 * @param {Stream} stream
 * @param {Iterable<Uint8Array>} pieces
 */
export async function writeAll(stream, pieces) {
  for (const piece of pieces) await write(stream, piece)
}

/**
 * Ends our side; what the other side still has to say can be read.
 *
 * @param {Stream} stream
 */
export async function end(stream) {
  try {
    await stream.close()
  } catch (failure) {
    // When the stream is reset meanwhile, the library rejects with the event.
    throw failure instanceof Event ? closing(failure) : failure
  }
}

/** @param {Stream} stream @returns {Promise<void>} */
const drained = stream =>
  new Promise((resolve, reject) => {
    const settle = event => {
      stream.removeEventListener('drain', settle)
      stream.removeEventListener('close', settle)
      if (event.type === 'drain') resolve()
      else reject(closing(event))
    }
    stream.addEventListener('drain', settle)
    stream.addEventListener('close', settle)
  })

const closing = event => event.error ?? new Error('the stream was closed')
