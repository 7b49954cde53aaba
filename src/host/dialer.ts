import type { SpareKey } from '../net/spare-key.ts'
import {
  aborted,
  deferred,
  monotonicNow,
  onAbort,
  startTimer,
  throwIfAborted,
  unlessAborted,
  withDeadline,
} from '../net/timer.ts'
import type { Socket, Transport } from '../net/transport.ts'
import { type Upgraded, upgrade } from '../net/upgrade.ts'
import type { Limits } from '../protocol/limits.ts'
import type { NoiseIdentity } from '../protocol/noise/handshake.ts'
import { dialStages, ParleyError } from '../wire/errors.ts'
import type { Multiaddr } from '../wire/multiaddr.ts'
import type { PeerId } from '../wire/peer-id.ts'
import { hasName, type Resolver, resolveAddress } from './resolver.ts'

/** A dial that succeeded: the socket, and whom it leads to. */
export interface Dialled {
  socket: Socket
  upgraded: Upgraded
}

/** Whom to dial, and where. */
export interface DialTarget {
  /** Enforced in the handshake, whatever the kind of key. */
  peerId: PeerId | undefined
  addresses: readonly Multiaddr[]
}

/** What a dialer needs of its host. */
export interface DialerOptions {
  transports: readonly Transport[]
  identity: NoiseIdentity
  spareKey: SpareKey
  resolver: Resolver
  limits: Pick<Limits, 'dialTimeout' | 'dialStagger' | 'parallelDials'>
}

/** Connects to peers: names to addresses, addresses in a staggered race, the winner upgraded. */
export class Dialer {
  readonly #options: DialerOptions

  constructor(options: DialerOptions) {
    this.#options = options
  }

  /**
   * Dials every address that a transport knows, each a little after the one before; the first that proves to be the
   * peer wins. Throws the error of the only address, or the one that came furthest; its `stage` says how far.
   */
  async dial(target: DialTarget, signal: AbortSignal): Promise<Dialled> {
    const { dialTimeout, dialStagger, parallelDials } = this.#options.limits
    const named = target.addresses.some(hasName)
    const addresses = named ? await unlessAborted(this.#resolve(target), signal, 'dns') : target.addresses
    const attempts = this.#dialable(addresses).map(
      address => (attempt: AbortSignal) => this.#attempt(address, target, attempt),
    )
    if (attempts.length === 1) return attempts[0]!(signal)
    const discard = ({ socket }: Dialled) => socket.destroy()
    const patience = dialTimeout / patienceShare
    return race(attempts, { stagger: dialStagger, parallel: parallelDials, patience, discard }, signal)
  }

  async #resolve({ addresses }: DialTarget): Promise<Multiaddr[]> {
    const lists = await Promise.allSettled(
      addresses.map(address => resolveAddress(address, this.#options.resolver)),
    )
    const found = lists.flatMap(list => (list.status === 'fulfilled' ? list.value : []))
    const failed = lists.find(list => list.status === 'rejected')
    if (found.length === 0 && failed) throw failed.reason
    return found
  }

  /** Those that a transport knows, each once. Throws `ERR_NO_TRANSPORT` when there are none. */
  #dialable(addresses: readonly Multiaddr[]): Multiaddr[] {
    const unique = [...new Map(addresses.map(address => [address.toString(), address])).values()]
    const dialable = unique.filter(address => this.#transportFor(address))
    if (dialable.length > 0) return dialable
    throw new ParleyError('ERR_NO_TRANSPORT', `No transport here can dial ${addresses.join(', ')}.`, {
      scope: 'host',
    })
  }

  #transportFor(address: Multiaddr): Transport | undefined {
    return this.#options.transports.find(transport => transport.supports(address))
  }

  async #attempt(address: Multiaddr, target: DialTarget, signal: AbortSignal): Promise<Dialled> {
    const expected = address.peerId ?? target.peerId
    try {
      return await this.#connect(address, expected, true, signal)
    } catch (error) {
      if (!chokedOnOptimism(error) || signal.aborted) throw error
      return this.#connect(address, expected, false, signal)
    }
  }

  async #connect(
    address: Multiaddr,
    expected: PeerId | undefined,
    optimistic: boolean,
    signal: AbortSignal,
  ): Promise<Dialled> {
    const socket = await this.#transportFor(address)!.dial(address, signal)
    const { identity, spareKey } = this.#options
    const options = { direction: 'outbound', identity, spareKey, expected, optimistic } as const
    const upgraded = await upgrade(socket, options, signal)
    return { socket, upgraded }
  }
}

/** A listener that does not speak Noise, or reads it only when it has agreed to, may stumble over message 1. */
function chokedOnOptimism(error: unknown): boolean {
  if (!(error instanceof ParleyError) || error.stage !== 'negotiate') return false
  return error.code === 'ERR_CONNECTION_CLOSED' || error.code === 'ERR_NEGOTIATE'
}

/** An address that swallows what it is sent may keep others waiting for this part of the time for a dial. */
const patienceShare = 6

/** Why what is over already is aborted. Without a reason `abort` makes an error, which takes as long as a hash. */
const tooLate = 'too late'

type Attempt<T> = (signal: AbortSignal) => Promise<T>

/** How a race is run. */
export interface RaceOptions<T> {
  /** The head start of each attempt over the next, in milliseconds; a failure starts the next at once. */
  stagger: number
  /** Attempts under way at once. */
  parallel: number
  /** How long an attempt may keep others from being started, in milliseconds. Default: as long as it takes. */
  patience?: number
  /** What to do with the result of an attempt that succeeded too late. */
  discard: (result: T) => void
}

/**
 * Starts the attempts one by one; the first to succeed wins and the others are aborted. When as many are under way as may be, the
 * oldest makes room for the next once its time is over.
 */
export function race<T>(
  attempts: readonly Attempt<T>[],
  { stagger, parallel, patience = Number.POSITIVE_INFINITY, discard }: RaceOptions<T>,
  signal: AbortSignal,
): Promise<T> {
  const { promise, resolve, reject } = deferred<T>()
  const controllers: AbortController[] = []
  const errors: unknown[] = []
  /** When those under way began, the oldest first. */
  const running = new Map<AbortController, number>()
  let started = 0
  let over = false
  let cancelTimer = () => {}
  const finish = (settle: () => void) => {
    over = true
    undo()
    cancelTimer()
    settle()
    for (const controller of controllers) controller.abort(tooLate)
  }
  const won = (result: T) => (over ? discard(result) : finish(() => resolve(result)))
  const failed = (error: unknown) => {
    errors.push(error)
    if (over) return
    if (errors.length === attempts.length) finish(() => reject(furthest(errors)))
    else startNext()
  }
  const startNext = () => {
    cancelTimer()
    const attempt = attempts[started]
    if (!attempt) return
    if (running.size >= parallel) return makeRoom()
    started++
    run(attempt)
    cancelTimer = startTimer(stagger, startNext)
  }
  const run = (attempt: Attempt<T>) => {
    const controller = new AbortController()
    controllers.push(controller)
    running.set(controller, monotonicNow())
    attempt(controller.signal)
      .finally(() => running.delete(controller))
      .then(won, failed)
  }
  const makeRoom = () => {
    const [[oldest, since] = []] = running
    const left = since! + patience - monotonicNow()
    if (left <= 0) oldest!.abort(tooSlow())
    else if (left < Number.POSITIVE_INFINITY) cancelTimer = startTimer(left, startNext)
  }
  const undo = onAbort(signal, () => {
    over = true
    cancelTimer()
    for (const controller of controllers) controller.abort(signal.reason)
    reject(aborted(signal))
  })
  if (!over) startNext()
  return promise
}

function tooSlow(): ParleyError {
  return new ParleyError('ERR_TIMEOUT', 'The address did not answer, and made room for others.')
}

/** Of several failures the one that came furthest tells most. */
function furthest(errors: unknown[]): unknown {
  const order: readonly unknown[] = dialStages
  const rank = (error: unknown) => (error instanceof ParleyError ? order.indexOf(error.stage) : order.length)
  const [best] = errors.toSorted((a, b) => rank(b) - rank(a))
  if (errors.length === 1 || !(best instanceof ParleyError)) return best
  const { code, scope, remote, stage } = best
  const message = `None of the ${errors.length} addresses worked; the nearest miss: ${best.message}`
  return new ParleyError(code, message, {
    scope,
    remote,
    ...(stage && { stage }),
    cause: new AggregateError(errors),
  })
}

interface SharedDial<T> {
  result: Promise<T>
  controller: AbortController
  waiting: number
  /** It has succeeded: there is nothing left to abort, which takes its time. */
  done: boolean
}

/**
 * Lets simultaneous callers for the same target share one dial. When the last of them has given up, or the time for it is over, the
 * dial itself is aborted.
 */
export class SharedDials<T> {
  readonly #timeout: number
  readonly #dials = new Map<string, SharedDial<T>>()

  /** @param timeout milliseconds until a dial is given up */
  constructor(timeout: number) {
    this.#timeout = timeout
  }

  /** Joins the dial under way for this key, or starts one. */
  async join(key: string, signal: AbortSignal | undefined, dial: Attempt<T>): Promise<T> {
    throwIfAborted(signal)
    const shared = this.#dials.get(key) ?? this.#start(key, dial)
    shared.waiting++
    try {
      const result = await (signal ? unlessAborted(shared.result, signal) : shared.result)
      shared.done = true
      return result
    } finally {
      shared.waiting--
      if (shared.waiting === 0) this.#abandon(key, shared, signal)
    }
  }

  /** Aborts every dial under way, each with a reason of its own. */
  abort(reason: () => ParleyError): void {
    for (const { controller } of this.#dials.values()) controller.abort(reason())
  }

  #start(key: string, dial: Attempt<T>): SharedDial<T> {
    const controller = new AbortController()
    const message = 'The other side did not answer in time; check the address and any firewall.'
    const result = withDeadline({ delay: this.#timeout, message, controller }, dial)
    const shared = { result, controller, waiting: 0, done: false }
    this.#dials.set(key, shared)
    return shared
  }

  #abandon(key: string, shared: SharedDial<T>, signal: AbortSignal | undefined): void {
    if (this.#dials.get(key) === shared) this.#dials.delete(key)
    if (!shared.done) shared.controller.abort(signal?.reason ?? tooLate)
  }
}
