import type { YamuxLimits } from '../protocol/yamux/limits.ts'
import { ParleyError } from '../wire/errors.ts'

/** The bounds of a host; times in milliseconds. Every one can be set in `createHost({ limits })`. */
export interface Limits {
  /** Connections that may stand at once; inbound ones beyond are refused. Default 256. */
  connections: number
  /** Inbound connections that may be in their handshake at once. Default 64. */
  pendingInbound: number
  /** From an inbound connection's first byte to a proven peer. Default 10,000. */
  upgradeTimeout: number
  /** A whole dial: names, addresses, handshake. Default 15,000. */
  dialTimeout: number
  /** The head start of each address over the next when a peer has several. Default 250. */
  dialStagger: number
  /** Addresses tried at once. Default 8. */
  parallelDials: number
  /** Agreeing on the protocol of a stream. Default 10,000. */
  negotiationTimeout: number
  /** A whole identify exchange, or one ping. Default 5,000. */
  serviceTimeout: number
  /** How long `stop()` waits for good order before it cuts. Default 2,000. */
  stopTimeout: number
  /** Peers kept in the address book; the ones that were heard of longest ago are forgotten first. Default 1,024. */
  peers: number
  /** See `YamuxLimits`. */
  yamux: Partial<YamuxLimits>
}

/** The limits with their defaults. Throws `ERR_USAGE` for one that is no number of zero or more. */
export function withDefaults(limits: Partial<Limits> = {}): Limits {
  const all = { ...defaultLimits, ...limits }
  const { yamux, ...own } = all
  for (const [name, value] of Object.entries({ ...own, ...yamux })) {
    if (value >= 0) continue
    throw new ParleyError('ERR_USAGE', `The limit ${name} must be a number of zero or more.`, {
      scope: 'host',
    })
  }
  return all
}

/** See `Limits`. */
export const defaultLimits: Limits = {
  connections: 256,
  pendingInbound: 64,
  upgradeTimeout: 10_000,
  dialTimeout: 15_000,
  dialStagger: 250,
  parallelDials: 8,
  negotiationTimeout: 10_000,
  serviceTimeout: 5_000,
  stopTimeout: 2_000,
  peers: 1_024,
  yamux: {},
}
