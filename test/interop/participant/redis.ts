import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { RedisError, type Reply, ReplyReader } from './resp.ts'

/** Where Redis listens. */
export type RedisAddress = { host: string; port: number } | { path: string }

/** How long to wait before asking again a Redis that is not up yet, in milliseconds. */
const retryDelay = 100

/** How long one BLPOP blocks, in seconds: a value that is set while it blocks is seen afterwards. */
const popTimeout = 1

/** One connection to Redis: one command at a time, each answered before the next. */
export class Redis {
  readonly #socket: Socket
  readonly #replies: AsyncIterator<Reply>

  /** Waits until Redis is up and answers. Throws when the signal fires first. */
  static async connect(address: RedisAddress, signal: AbortSignal): Promise<Redis> {
    let why = 'nothing answered'
    for (;;) {
      const socket = connect(address)
      try {
        await once(socket, 'connect', { signal })
        const redis = new Redis(socket, signal)
        await redis.command('PING')
        return redis
      } catch (error) {
        socket.destroy()
        if (signal.aborted) throw new Error(`Redis cannot be reached: ${why}.`)
        why = error instanceof Error ? error.message : String(error)
        await sleep(retryDelay)
      }
    }
  }

  private constructor(socket: Socket, signal: AbortSignal) {
    this.#socket = socket
    this.#replies = replies(socket)
    const abort = () =>
      socket.destroy(new Error('Redis had no answer in time: see whether the other side has started.'))
    signal.addEventListener('abort', abort, { once: true })
    socket.once('close', () => signal.removeEventListener('abort', abort))
  }

  /** Publishes a value for the one who takes it. What an earlier run may have left under the key goes first. */
  async publish(key: string, value: string): Promise<void> {
    await this.command('DEL', key)
    await this.command('RPUSH', key, value)
  }

  /** Waits for a value: the head of a list, which is how the programs publish, or a plain one, as one guide has it. */
  async take(key: string): Promise<string> {
    for (;;) {
      const value = await this.#pop(key)
      if (value !== undefined) return value
    }
  }

  /** Sends a command and returns its answer. Throws `RedisError` for an error of Redis. */
  async command(...words: string[]): Promise<Reply> {
    this.#socket.write(encodeCommand(words))
    const { value, done } = await this.#replies.next()
    if (done) throw new Error('Redis closed the connection.')
    if (value instanceof RedisError) throw value
    return value
  }

  close(): void {
    this.#socket.destroy()
  }

  async #pop(key: string): Promise<string | undefined> {
    try {
      const reply = await this.command('BLPOP', key, String(popTimeout))
      return reply === null ? undefined : text(Array.isArray(reply) ? reply[1] : reply)
    } catch (error) {
      if (error instanceof RedisError && error.message.startsWith('WRONGTYPE'))
        return text(await this.command('GET', key))
      throw error
    }
  }
}

async function* replies(socket: Socket): AsyncGenerator<Reply, undefined> {
  const reader = new ReplyReader()
  for await (const chunk of socket) yield* reader.push(chunk as Buffer)
  return undefined
}

function encodeCommand(words: readonly string[]): string {
  const parts = words.map(word => `$${Buffer.byteLength(word)}\r\n${word}\r\n`)
  return `*${words.length}\r\n${parts.join('')}`
}

function text(reply: Reply | undefined): string {
  if (typeof reply === 'string') return reply
  throw new Error('Redis answered with something other than a text.')
}
