import type { Stream } from '#src/net/stream'
import { encodeMessage, MULTISTREAM_PROTOCOL } from '#src/protocol/negotiate'
import { concat } from '#src/wire/bytes'
import type { ErrorCode } from '#src/wire/errors'
import { data, SYN } from '../protocol/yamux/frames.ts'
import { withResolvers } from '../support/net.ts'
import type { Attack } from './attack.ts'

/** What is said first on a stream of that protocol. */
export const proposal = (protocol: string): Uint8Array =>
  concat([MULTISTREAM_PROTOCOL, protocol].map(encodeMessage))

/** The frame that opens a stream of that protocol. */
export const opening = (id: number, protocol: string): Uint8Array => data(id, proposal(protocol), SYN)

/** How a witness behaves. */
export interface WitnessOptions {
  /** Default `/hostile/witness`. */
  protocol?: string
  /** Whether it reads nothing before it is told to. */
  deaf?: boolean
  /** What it writes first. */
  answers?: Uint8Array
  /** Whether it waits until that has been taken in. */
  waits?: boolean
}

/** Takes down what comes on the streams that are opened to a host under one name, and how they end. */
export class Witness {
  readonly protocol: string
  /** One for each stream that is over. */
  readonly ends: (ErrorCode | 'end')[] = []
  text = ''
  length = 0
  streams = 0
  readonly #attack: Attack
  readonly #reads: Promise<void>
  /** Lets it read, if it was told to be deaf. */
  readonly listen: () => void

  constructor(attack: Attack, options: WitnessOptions = {}) {
    const { promise, resolve } = withResolvers()
    this.protocol = options.protocol ?? '/hostile/witness'
    this.#attack = attack
    this.#reads = promise
    this.listen = resolve
    if (!options.deaf) resolve()
    attack.host.handle(this.protocol, stream => this.#witness(stream, options))
  }

  async #witness(stream: Stream, { answers, waits }: WitnessOptions): Promise<void> {
    this.streams++
    try {
      if (answers && !stream.write(answers) && waits) await stream.drained()
      await this.#reads
      for await (const chunk of stream) this.#hear(chunk)
      this.ends.push('end')
    } catch (error) {
      this.ends.push(this.#attack.note(error as never).code)
    }
  }

  #hear(chunk: Uint8Array): void {
    this.length += chunk.length
    if (this.length < 10_000) this.text += String.fromCharCode(...chunk)
  }
}
