import { allocate } from '../../crypto/block.ts'
import { ByteQueue } from '../../wire/bytes.ts'
import { ParleyError, remoteError } from '../../wire/errors.ts'
import { Fuse } from '../fuse.ts'
import { type CipherState, TAG_LENGTH } from './cipher-state.ts'

/** The longest plaintext of one record: what a 16-bit length leaves beside the tag. */
export const MAX_PLAINTEXT = 65_535 - TAG_LENGTH

/** Below this a record is joined into one buffer; above, a copy costs more than two more pieces in the writev. */
const joinBelow = 8 * 1024

/** Where pieces are joined for the cipher, which reads them at once: one for all sessions, lest an idle one keep 64 KiB. */
const scratch = new Uint8Array(MAX_PLAINTEXT)

/**
 * A secured connection, both ways: plaintext in, records out, and back. A record is its length in two bytes,
 * the ciphertext and the tag.
 */
export class NoiseSession {
  readonly #send: CipherState
  readonly #receive: CipherState
  readonly #incoming = new ByteQueue()
  readonly #fuse = new Fuse()
  /** Length of the record that is arriving, or -1 while its length is. */
  #length = -1

  constructor(send: CipherState, receive: CipherState) {
    this.#send = send
    this.#receive = receive
  }

  /**
   * Seals the pieces, joined, as one record of at most `MAX_PLAINTEXT` bytes. Joining comes before the cipher
   * because a call of the cipher costs as much as copying half a megabyte. Throws `ERR_USAGE` for more bytes than
   * that, and `ERR_NONCE_EXHAUSTED`.
   */
  seal(pieces: readonly Uint8Array[]): Uint8Array[] {
    const [ciphertext, tag] = this.#send.encrypt(join(pieces))
    const length = ciphertext.length + TAG_LENGTH
    if (length >= joinBelow) return [Uint8Array.of(length >> 8, length & 0xff), ciphertext, tag]
    const record = allocate(2 + length)
    record[0] = length >> 8
    record[1] = length
    record.set(ciphertext, 2)
    record.set(tag, 2 + ciphertext.length)
    return [record]
  }

  /**
   * Takes in bytes and returns the plaintext of every record that they complete; the chunk may be written to afterwards. Plaintext below
   * 512 bytes may share its buffer with others': it is copied where it is kept. Throws `ERR_NOISE`, and goes on throwing, when a record
   * is not genuine: nothing of that chunk comes out, nor of any later one.
   */
  receive(chunk: Uint8Array): Uint8Array[] {
    return this.#fuse.run(() => this.#openAll(chunk))
  }

  #openAll(chunk: Uint8Array): Uint8Array[] {
    const plaintext: Uint8Array[] = []
    const offset = this.#length < 0 && this.#incoming.length === 0 ? this.#openWhole(chunk, plaintext) : 0
    if (offset === chunk.length) return plaintext
    this.#incoming.push(chunk.subarray(offset))
    while (this.#recordReady()) this.#open(plaintext)
    this.#incoming.detach()
    return plaintext
  }

  /** Opens the records that lie in the chunk from their first byte to their last; returns where those end. */
  #openWhole(chunk: Uint8Array, plaintext: Uint8Array[]): number {
    let offset = 0
    while (chunk.length - offset >= 2) {
      const start = offset + 2
      const end = start + checkedLength(chunk[offset]!, chunk[offset + 1]!)
      if (end > chunk.length) break
      const tagStart = end - TAG_LENGTH
      this.#decrypt([chunk.subarray(start, tagStart)], chunk.subarray(tagStart, end), plaintext)
      offset = end
    }
    return offset
  }

  #recordReady(): boolean {
    if (this.#length < 0) {
      if (this.#incoming.length < 2) return false
      this.#length = checkedLength(this.#incoming.peek(0), this.#incoming.peek(1))
      this.#incoming.take(2)
    }
    return this.#incoming.length >= this.#length
  }

  #open(plaintext: Uint8Array[]): void {
    const pieces = this.#incoming.take(this.#length - TAG_LENGTH)
    const tag = this.#incoming.read(TAG_LENGTH)
    this.#length = -1
    this.#decrypt(pieces, tag, plaintext)
  }

  #decrypt(pieces: readonly Uint8Array[], tag: Uint8Array, plaintext: Uint8Array[]): void {
    const opened = this.#receive.decrypt(pieces, tag)
    if (opened === undefined) {
      throw remoteError('ERR_NOISE', 'The connection was tampered with: a record is not genuine.')
    }
    for (const piece of opened) if (piece.length > 0) plaintext.push(piece)
  }
}

function checkedLength(high: number, low: number): number {
  const length = (high << 8) | low
  if (length >= TAG_LENGTH) return length
  throw remoteError('ERR_NOISE', 'The other side sent a record that is too short to be genuine.')
}

function join(pieces: readonly Uint8Array[]): Uint8Array {
  const length = pieces.reduce((sum, piece) => sum + piece.length, 0)
  if (length > MAX_PLAINTEXT) {
    throw new ParleyError('ERR_USAGE', `A record holds ${MAX_PLAINTEXT} bytes at most, not ${length}.`)
  }
  if (pieces.length === 1) return pieces[0]!
  let offset = 0
  for (const piece of pieces) {
    scratch.set(piece, offset)
    offset += piece.length
  }
  return scratch.subarray(0, length)
}
