import { readIdentify } from '../../host/services/identify.ts'
import { ping } from '../../host/services/ping.ts'
import { Connection } from '../../net/connection.ts'
import { monotonicNow, startTimer, unlessAborted, withDeadline } from '../../net/timer.ts'
import type { Socket, Transport } from '../../net/transport.ts'
import { type Upgraded, type UpgradeProgress, upgrade } from '../../net/upgrade.ts'
import { IDENTIFY_PROTOCOL } from '../../protocol/identify.ts'
import { withDefaults } from '../../protocol/limits.ts'
import { createNoiseIdentity, NOISE_PROTOCOL } from '../../protocol/noise/handshake.ts'
import { YAMUX_PROTOCOL } from '../../protocol/yamux/session.ts'
import { EMPTY } from '../../wire/bytes.ts'
import { ParleyError, remoteError } from '../../wire/errors.ts'
import type { PrivateKey } from '../../wire/keys.ts'
import type { Multiaddr } from '../../wire/multiaddr.ts'
import type { PeerId } from '../../wire/peer-id.ts'
import { diagnose } from './diagnosis.ts'
import { manners } from './manners.ts'
import { otherChannel } from './probe.ts'
import type { Finding, Passed, Stage, StageFacts } from './stages.ts'
import { Witness } from './witness.ts'

/** How often is pinged. */
const pings = 3

/** Never read: `diagnose` says what did not happen in time. */
const late = 'There was no answer in time.'

/** What a visit needs. */
export interface VisitOptions {
  transport: Transport
  /** Who we are: a key for this one time. */
  identity: PrivateKey
  /** What the user gave. */
  target: Multiaddr
  /** How long a stage may take, in milliseconds. */
  timeout: number
  tell: (finding: Finding) => void
}

/** One address, tried stage by stage, each of which is told when it is over. */
export class Visit {
  readonly address: Multiaddr
  readonly #options: VisitOptions
  #stage: Stage = 'tcp'
  #begin = 0
  #deadline = new AbortController()
  #cancelTimer = () => {}
  #witness: Witness | undefined
  #failed: Stage | undefined
  /** Who answered, once that is proven. */
  peerId: PeerId | undefined
  /** What the node says of itself. */
  identified: StageFacts['identify'] | undefined

  constructor(address: Multiaddr, options: VisitOptions) {
    this.address = address
    this.#options = options
  }

  /** The first stage that failed. */
  get failed(): Stage | undefined {
    return this.#failed
  }

  /** Goes as far as it can. A node that does not say who it is is pinged all the same. */
  async run(): Promise<void> {
    const { transport } = this.#options
    const socket = await this.#try('tcp', signal => transport.dial(this.address, signal))
    if (!socket) return
    this.#pass('tcp', {})
    const connection = await this.#try('negotiate', signal => this.#connect(socket, signal))
    if (!connection) return
    await this.#try('identify', signal => this.#identify(connection, signal))
    if (connection.status === 'open') await this.#try('ping', signal => this.#ping(connection, signal))
    await connection.close()
  }

  /** Work that begins with a stage, and may go on into others. */
  async #try<T>(stage: Stage, work: (signal: AbortSignal) => Promise<T>): Promise<T | undefined> {
    this.#deadline = new AbortController()
    this.#enter(stage)
    try {
      return await work(this.#deadline.signal)
    } catch (error) {
      if (!(error instanceof ParleyError)) throw error
      await this.#fail(error)
      return undefined
    } finally {
      this.#cancelTimer()
    }
  }

  /** Each stage has the whole time for itself. */
  #enter(stage: Stage): void {
    this.#stage = stage
    this.#begin = monotonicNow()
    this.#cancelTimer()
    const expire = () => this.#deadline.abort(new ParleyError('ERR_TIMEOUT', late))
    this.#cancelTimer = startTimer(this.#options.timeout, expire, { keepsRunning: true })
  }

  #pass<S extends Stage>(stage: S, facts: StageFacts[S]): void {
    const ms = monotonicNow() - this.#begin
    this.#options.tell({ ok: true, stage, address: this.address, ms, facts } as Passed)
  }

  async #fail(error: ParleyError): Promise<void> {
    const ms = monotonicNow() - this.#begin
    const stage = this.#stage
    const { address, peerId } = this
    const { target, timeout, tell } = this.#options
    const head = this.#witness?.head ?? EMPTY
    const channel = await this.#otherChannel(error)
    const clues = { stage, error, target, address, timeout, lookups: [], head, peerId, channel }
    this.#failed ??= stage
    tell({ ok: false, stage, address, ms, code: error.code, ...diagnose(clues) })
  }

  /** Asked only of a node that has refused Noise. */
  async #otherChannel({ code }: ParleyError): Promise<string | undefined> {
    if (this.#stage !== 'negotiate' || code !== 'ERR_PROTOCOL_UNSUPPORTED') return undefined
    const { transport, timeout } = this.#options
    const ask = (signal: AbortSignal) => otherChannel(transport, this.address, signal)
    return withDeadline({ delay: timeout, message: late }, ask).catch(() => undefined)
  }

  /** From a socket to a muxer that answers, so that what the node thinks of us has come out. */
  async #connect(socket: Socket, signal: AbortSignal): Promise<Connection> {
    const { identity, timeout } = this.#options
    const connection = new Connection({
      socket,
      upgraded: await this.#upgrade(socket, signal),
      direction: 'outbound',
      events: manners(identity, timeout),
      limits: withDefaults({ negotiationTimeout: timeout }),
    })
    try {
      await unlessAborted(connection.ping(), signal)
    } catch (error) {
      connection.abort()
      throw error
    }
    this.#pass('muxer', connection.muxer)
    return connection
  }

  #upgrade(socket: Socket, signal: AbortSignal): Promise<Upgraded> {
    const stranger = new AbortController()
    this.#witness = new Witness(socket, () => stranger.abort(foreign()))
    const identity = createNoiseIdentity(this.#options.identity, [YAMUX_PROTOCOL])
    const passed = (progress: UpgradeProgress) => this.#passed(progress, stranger)
    const options = { direction: 'outbound', identity, optimistic: false, passed } as const
    return upgrade(this.#witness, options, AbortSignal.any([signal, stranger.signal]))
  }

  /** The peer ID is compared here and not in the handshake: there the key of a stranger would not be proven any more. */
  #passed(progress: UpgradeProgress, stranger: AbortController): void {
    switch (progress.stage) {
      case 'negotiate':
        this.#pass('negotiate', { protocol: NOISE_PROTOCOL })
        return this.#enter('noise')
      case 'noise':
        this.#pass('noise', { handshake: 'XX' })
        return this.#enter('identity')
      case 'identity':
        this.peerId = progress.peerId
        if (!this.#isExpected(progress.peerId)) return stranger.abort(mismatch())
        this.#pass('identity', { peer: progress.peerId, key: progress.publicKey.type })
        return this.#enter('muxer')
      case 'muxer':
        return
    }
  }

  #isExpected(peerId: PeerId): boolean {
    const expected = this.address.peerId ?? this.#options.target.peerId
    return expected?.equals(peerId) ?? true
  }

  async #identify(connection: Connection, signal: AbortSignal): Promise<void> {
    const stream = await connection.open(IDENTIFY_PROTOCOL, { signal })
    const message = await readIdentify(stream, this.#options)
    await stream.end()
    const { agent, protocolVersion, protocols, observedAddress, addresses } = message
    this.identified = { agent, protocolVersion, protocols, observedAddress, addresses }
    this.#pass('identify', this.identified)
  }

  async #ping(connection: Connection, signal: AbortSignal): Promise<void> {
    const rtts: number[] = []
    while (rtts.length < pings) rtts.push(await ping(connection, { timeout: this.#options.timeout, signal }))
    this.#pass('ping', { rtts })
  }
}

/** Somebody who waits for more of his own protocol is not waited for. */
function foreign(): ParleyError {
  return remoteError('ERR_NEGOTIATE', 'The other side does not speak multistream-select.')
}

function mismatch(): ParleyError {
  return remoteError('ERR_PEER_MISMATCH', 'Another peer than the expected one answered.', {
    stage: 'identity',
  })
}
