import type { Connection } from '../../net/connection.ts'
import type { Stream } from '../../net/stream.ts'
import { Deadlines, monotonicNow } from '../../net/timer.ts'
import {
  encodeIdentifyParts,
  IDENTIFY_PROTOCOL,
  IDENTIFY_PUSH_PROTOCOL,
  type IdentifyMessage,
  IdentifyReader,
} from '../../protocol/identify.ts'
import type { Limits } from '../../protocol/limits.ts'
import { TokenBucket } from '../../protocol/token-bucket.ts'
import { unlessThrown } from '../../wire/attempt.ts'
import { ParleyError, remoteError } from '../../wire/errors.ts'
import type { PrivateKey } from '../../wire/keys.ts'
import type { Multiaddr } from '../../wire/multiaddr.ts'
import { openPeerRecord, sealPeerRecord } from '../../wire/peer-record.ts'
import type { PeerInfo, Peers } from '../peers.ts'
import { isWorthDialling } from '../reach.ts'
import { type Receiver, readByDeadline } from './idle.ts'

/** rust-libp2p reads one message and no more than this; go and js read several. */
const maxMessage = 4096

/** Addresses that we name of ourselves; more would not fit beside the protocols. */
const maxAddresses = 16

/** Addresses that are kept of a signed record. */
const maxSigned = 32

const protocolVersion = 'ipfs/0.1.0'

/** What identify needs of its host. */
export interface IdentifyOptions {
  identity: PrivateKey
  agent: string
  peers: Peers
  limits: Pick<Limits, 'serviceTimeout' | 'pushBurst' | 'pushRate'>
  addresses(): Multiaddr[]
  protocols(): string[]
  /** A peer has said who it is. */
  identified(connection: Connection, info: PeerInfo): void
}

/** identify and identify push: tells others about this host, and asks them about themselves. */
export class Identify {
  readonly #options: IdentifyOptions
  /** What was asked on each connection, and whether the answer has come. */
  readonly #asked = new WeakMap<Connection, Promise<void>>()
  /** By when each stream must have ended. */
  readonly #deadlines: Deadlines<Stream>
  readonly #pushes = new WeakMap<Connection, TokenBucket>()
  #seq = 0n
  /** The record made last, and the addresses that it names. */
  #sealed: { text: string; record: Uint8Array } | undefined

  constructor(options: IdentifyOptions) {
    this.#options = options
    this.#deadlines = deadlines(options.limits.serviceTimeout)
  }

  /**
   * Answers an identify stream: what there is to say, then the end, since go and js read on until then. The other side's end
   * carries nothing, but without it the stream would stay half open for ever.
   */
  async answer(stream: Stream): Promise<void> {
    for (const part of this.#message(stream.connection)) stream.write(part)
    const ending = stream.end()
    await untilEnd(stream, this.#deadlines, () => {})
    await ending
  }

  /** Takes in what a peer pushes, unless it does so again and again. */
  async receivePush(stream: Stream): Promise<void> {
    if (!this.#mayPush(stream.connection)) throw tooOften()
    await this.#read(stream)
    await stream.end()
  }

  /** Asks the peer at the other end who it is. */
  ask(connection: Connection): Promise<void> {
    const asked = this.#ask(connection)
    this.#asked.set(connection, asked)
    return asked
  }

  /** Settles when the peer at the other end has answered; rejects with why it did not. */
  async answered(connection: Connection): Promise<void> {
    await this.#asked.get(connection)
  }

  /** Settles when the peer at the other end has answered, or is not going to; not when it only keeps us waiting. */
  async settled(connection: Connection): Promise<void> {
    try {
      await this.answered(connection)
    } catch (error) {
      if (error instanceof ParleyError && error.code === 'ERR_TIMEOUT') await connection.closed
    }
  }

  /** Keeps no more time; all connections are closed. */
  stop(): void {
    this.#deadlines.clear()
  }

  async #ask(connection: Connection): Promise<void> {
    const stream = await connection.open(IDENTIFY_PROTOCOL)
    await this.#read(stream)
    await stream.end()
  }

  /** Tells the peer at the other end what has changed, if it cares to hear. */
  async push(connection: Connection): Promise<void> {
    // Before its answer has come nobody knows whether it cares.
    await this.answered(connection)
    const info = this.#options.peers.get(connection.peerId)
    if (!info?.protocols.includes(IDENTIFY_PUSH_PROTOCOL)) return
    await this.answer(await connection.open(IDENTIFY_PUSH_PROTOCOL))
  }

  #mayPush(connection: Connection): boolean {
    const { pushBurst: burst, pushRate: rate } = this.#options.limits
    const now = monotonicNow()
    const pushes = this.#pushes.get(connection) ?? new TokenBucket({ burst, rate }, now)
    this.#pushes.set(connection, pushes)
    return pushes.take(now)
  }

  async #read(stream: Stream): Promise<void> {
    this.#learn(stream.connection, await readMessage(stream, this.#deadlines))
  }

  #message(connection: Connection): Uint8Array[] {
    const addresses = this.#options.addresses().slice(0, maxAddresses)
    const message: IdentifyMessage = {
      publicKey: this.#options.identity.publicKey.bytes,
      addresses,
      protocols: this.#options.protocols(),
      observedAddress: connection.remoteAddress,
      protocolVersion,
      agent: this.#options.agent,
      signedPeerRecord: this.#record(addresses),
    }
    return encodeIdentifyParts(message, maxMessage)
  }

  /** Our signed record: made anew when the addresses have changed. */
  #record(addresses: Multiaddr[]): Uint8Array {
    const text = addresses.join(' ')
    if (this.#sealed?.text === text) return this.#sealed.record
    const record = sealPeerRecord(this.#options.identity, { seq: this.#nextSeq(), addresses })
    this.#sealed = { text, record }
    return record
  }

  /** Milliseconds since 1970, but always more than the last. */
  #nextSeq(): bigint {
    const now = BigInt(Date.now())
    this.#seq = now > this.#seq ? now : this.#seq + 1n
    return this.#seq
  }

  #learn(connection: Connection, message: IdentifyMessage): void {
    const { peers } = this.#options
    const { peerId } = connection
    const addresses =
      this.#signedAddresses(connection, message) ??
      (message.addresses && this.#worthKeeping(message.addresses, connection))
    const { protocols, agent, protocolVersion, observedAddress } = message
    peers.update(peerId, { protocols, agent, protocolVersion, observedAddress })
    if (addresses) peers.add(peerId, addresses)
    const info = peers.get(peerId)
    if (info) this.#options.identified(connection, info)
  }

  /** Without those that nobody should dial, and our own, which would make us dial ourselves. */
  #worthKeeping(addresses: Multiaddr[], { remoteAddress }: Connection): Multiaddr[] {
    const own = this.#options.addresses()
    return addresses.filter(address => {
      const bare = address.withoutPeerId()
      return isWorthDialling(bare, remoteAddress) && !own.some(one => one.equals(bare))
    })
  }

  /** The addresses of a signed record, if there is a sound one about this very peer and no older than the last. */
  #signedAddresses(connection: Connection, { signedPeerRecord }: IdentifyMessage): Multiaddr[] | undefined {
    if (!signedPeerRecord) return undefined
    // A record that we cannot read is as good as none.
    const record = unlessThrown(() => openPeerRecord(signedPeerRecord, connection.publicKey))
    const { peers } = this.#options
    if (!record?.peerId.equals(connection.peerId) || record.seq < peers.seq(connection.peerId))
      return undefined
    const signedAddresses = this.#worthKeeping(record.addresses, connection).slice(0, maxSigned)
    peers.update(connection.peerId, { seq: record.seq, signedAddresses })
    return signedAddresses
  }
}

/**
 * Reads what a peer says of itself on an identify stream, up to its end. Throws `ERR_TIMEOUT` after `timeout` milliseconds,
 * and what `IdentifyReader` throws; then the stream is reset.
 */
export async function readIdentify(
  stream: Stream,
  { timeout }: { timeout: number },
): Promise<IdentifyMessage> {
  const own = deadlines(timeout)
  return readMessage(stream, own).finally(() => own.clear())
}

async function readMessage(stream: Stream, due: Deadlines<Stream>): Promise<IdentifyMessage> {
  const reader = new IdentifyReader()
  await untilEnd(stream, due, chunk => reader.receive(chunk))
  return reader.finish()
}

function deadlines(timeout: number): Deadlines<Stream> {
  return new Deadlines(timeout, stream => stream.fail(tooSlow()))
}

function untilEnd(stream: Stream, due: Deadlines<Stream>, receive: Receiver): Promise<void> {
  return readByDeadline(stream, due, receive).catch(error => {
    stream.reset(error)
    throw error
  })
}

function tooSlow(): ParleyError {
  return remoteError('ERR_TIMEOUT', 'The other side did not say in time who it is.', { scope: 'stream' })
}

function tooOften(): ParleyError {
  return remoteError('ERR_PROTOCOL', 'The other side tells too often what has changed of it.', {
    scope: 'stream',
  })
}
