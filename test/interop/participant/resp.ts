/** An error that Redis answered with: a code in capitals, then a sentence. */
export class RedisError extends Error {}

/** What Redis answers. */
export type Reply = Item | Item[]

/** What an array may hold: none of the commands in use is answered with arrays in arrays. */
type Item = string | number | null | RedisError

/** The longest answer that is taken, in bytes. An address needs some hundred. */
const maxReply = 64 * 1024

/** What is not there yet; the bytes are kept until it is. */
const incomplete = Symbol('incomplete')

/** Cuts answers in RESP (version 2) out of a row of bytes. Throws on anything that is not RESP, or too long. */
export class ReplyReader {
  #bytes: Buffer = Buffer.alloc(0)
  #at = 0

  /** Takes in bytes; returns the answers that are whole. */
  push(chunk: Buffer): Reply[] {
    this.#bytes = Buffer.concat([this.#bytes, chunk])
    const whole: Reply[] = []
    for (let reply = this.#next(); reply !== incomplete; reply = this.#next()) whole.push(reply)
    if (this.#bytes.length > maxReply) throw new Error(`Redis sent an answer of more than ${maxReply} bytes.`)
    return whole
  }

  #next(): Reply | typeof incomplete {
    this.#at = 0
    const reply = this.#read()
    if (reply !== incomplete) this.#bytes = this.#bytes.subarray(this.#at)
    return reply
  }

  #read(): Reply | typeof incomplete {
    const line = this.#line()
    if (line === incomplete) return incomplete
    return line[0] === '*' ? this.#array(integer(line.slice(1))) : this.#item(line)
  }

  #item(line: string): Item | typeof incomplete {
    const rest = line.slice(1)
    switch (line[0]) {
      case '+':
        return rest
      case '-':
        return new RedisError(rest)
      case ':':
        return integer(rest)
      case '$':
        return this.#bulk(integer(rest))
      default:
        throw new Error('something answered there that is not RESP: is it Redis?')
    }
  }

  #line(): string | typeof incomplete {
    const end = this.#bytes.indexOf('\r\n', this.#at)
    if (end < 0) return incomplete
    const line = this.#bytes.toString('utf8', this.#at, end)
    this.#at = end + 2
    return line
  }

  #bulk(length: number): string | null | typeof incomplete {
    if (length === -1) return null
    const end = this.#at + bounded(length)
    if (this.#bytes.length < end + 2) return incomplete
    if (this.#bytes.toString('latin1', end, end + 2) !== '\r\n')
      throw new Error('Redis sent a text without its end.')
    const value = this.#bytes.toString('utf8', this.#at, end)
    this.#at = end + 2
    return value
  }

  #array(length: number): Item[] | null | typeof incomplete {
    if (length === -1) return null
    const items: Item[] = []
    for (let left = bounded(length); left > 0; left--) {
      const line = this.#line()
      const item = line === incomplete ? incomplete : this.#item(line)
      if (item === incomplete) return incomplete
      items.push(item)
    }
    return items
  }
}

function integer(digits: string): number {
  if (!/^(0|-?[1-9]\d{0,14})$/.test(digits)) throw new Error('Redis sent a number that is none.')
  return Number(digits)
}

function bounded(length: number): number {
  if (length < 0 || length > maxReply) throw new Error(`Redis announced an answer of ${length} bytes.`)
  return length
}
