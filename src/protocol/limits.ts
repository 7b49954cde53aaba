import { ParleyError } from '../wire/errors.ts'

/**
 * Every bound of a host, with its default; times in milliseconds, amounts of memory in bytes. Each can be set in
 * `createHost({ limits })`. What a peer can make a host keep or do is bounded by one of these, or by the specification of
 * a protocol.
 */
export interface Limits {
  /** Connections that may stand at once, and those that we have begun. */
  connections: number
  /** Of those, the ones that others began: three quarters unless given, so that some are always left for our own dials. */
  inbound: number
  /** Connections to one peer; a further one takes the place of the oldest that it began. */
  connectionsPerPeer: number
  /** Streams on all connections together. The last tenth is for connections that have fewer than the average. */
  streams: number
  /**
   * What streams may hold, both what was not read and what was not sent. Above three quarters of it windows stop growing, above nine
   * tenths no stream or long message is taken in, and beyond it the connection that holds most is closed.
   */
  memory: number
  /** What the streams of one connection may hold: half of `memory` unless given. */
  memoryPerConnection: number

  /** Inbound connections that may be in their handshake at once. */
  pendingInbound: number
  /** From so many on, the longest in its handshake is dropped for a newcomer, or at random the newcomer. */
  pendingCalm: number
  /** What a handshake may take before a newcomer may have its place. */
  pendingGrace: number
  /** Inbound connections of one source: an IPv4 address, or an IPv6 /56. Loopback is exempt from all rules about sources. */
  perSource: number
  /** The same for an IPv6 /48. */
  perSite: number
  /** Connections that a source may begin at once. */
  sourceBurst: number
  /** Connections that it may begin per second after that. */
  sourceRate: number
  /** Sources that are remembered. */
  sources: number
  /** Handshakes that a source may fail before it is shut out. */
  failures: number
  /** How long each failed handshake after that shuts it out. */
  failurePenalty: number
  /** How long a connection that broke the rules of a protocol shuts out its source. */
  faultPenalty: number
  /** How long a connection that made senseless work shuts out its source. */
  floodPenalty: number

  /** From a connection's arrival to a peer that is proven and has said who it is; bytes do not prolong it. */
  upgradeTimeout: number
  /** A whole dial: names, addresses, handshake. */
  dialTimeout: number
  /** The head start of each address over the next when a peer has several. */
  dialStagger: number
  /** Addresses of a peer that are tried at once. */
  parallelDials: number
  /** Agreeing on the protocol of a stream. */
  negotiationTimeout: number
  /** Inbound streams of one connection that may be agreeing on their protocol at once. */
  negotiating: number
  /** A whole identify exchange, or one ping. */
  serviceTimeout: number
  /** A ping or perf stream on which nothing comes is reset after this. */
  idleTimeout: number
  /** What a peer may tell of itself anew at once on one connection, by identify push. */
  pushBurst: number
  /** How often it may per second after that; we ourselves do so no more often than once a second. */
  pushRate: number
  /** A connection whose other side takes in no bytes for so long is closed. */
  writeTimeout: number
  /** A stream whose other side takes in no bytes for so long, while there are some for it, is reset. */
  stallTimeout: number
  /** How long one connection may keep all others waiting. */
  turnTime: number
  /** How long `stop()` waits for good order before it cuts. */
  stopTimeout: number
  /** Peers kept in the address book; the ones that were heard of longest ago are forgotten first. */
  peers: number
  /** The bounds of the muxer. */
  yamux: YamuxLimits
}

/** What is given of `Limits`; the rest has its default. */
export type LimitOptions = Partial<Omit<Limits, 'yamux'> & { yamux: Partial<YamuxLimits> }>

/** The bounds of one yamux session. */
export interface YamuxLimits {
  /** Streams that the other side may have open at once; further ones are reset. */
  inboundStreams: number
  /** Streams that we may have open at once. rust-libp2p ends a connection with more than 512, both sides' together. */
  outboundStreams: number
  /** Streams of ours that may wait to be accepted; go and rust count as many. */
  unacknowledged: number
  /** The largest receive window of one stream; never less than the first 256 KiB. */
  maxWindow: number
  /** What all receive windows together may grow by beyond their first 256 KiB. */
  windowGrowth: number
  /** Frames at once that move nothing, such as pings and resets, before the connection is closed as a flood. */
  idleBurst: number
  /** Such frames per second after that. */
  idleRate: number
  /** A ping is sent when nothing came for so long, a tenth more on the side that was dialled. */
  keepAliveInterval: number
  /** The connection is dead when nothing at all arrives for so long after a ping. */
  keepAliveTimeout: number
}

const MiB = 1024 * 1024

/** See `YamuxLimits`. */
export const defaultYamuxLimits: YamuxLimits = {
  inboundStreams: 1_024,
  outboundStreams: 256,
  unacknowledged: 256,
  maxWindow: 64 * MiB,
  windowGrowth: 64 * MiB,
  idleBurst: 20_000,
  idleRate: 1_000,
  keepAliveInterval: 30_000,
  keepAliveTimeout: 10_000,
}

/** See `Limits`. */
export const defaultLimits: Limits = {
  connections: 256,
  inbound: 192,
  connectionsPerPeer: 4,
  streams: 60_000,
  memory: 256 * MiB,
  memoryPerConnection: 128 * MiB,

  pendingInbound: 64,
  pendingCalm: 32,
  pendingGrace: 1_000,
  perSource: 8,
  perSite: 64,
  sourceBurst: 16,
  sourceRate: 1,
  sources: 4_096,
  failures: 4,
  failurePenalty: 1_000,
  faultPenalty: 15_000,
  floodPenalty: 600_000,

  upgradeTimeout: 10_000,
  dialTimeout: 15_000,
  dialStagger: 250,
  parallelDials: 8,
  negotiationTimeout: 10_000,
  negotiating: 256,
  serviceTimeout: 5_000,
  idleTimeout: 60_000,
  pushBurst: 16,
  pushRate: 1,
  writeTimeout: 20_000,
  stallTimeout: 300_000,
  turnTime: 4,
  stopTimeout: 2_000,
  peers: 1_024,
  yamux: defaultYamuxLimits,
}

/** The limits with their defaults. Throws `ERR_USAGE` for one that is no number of zero or more. */
export function withDefaults(limits: LimitOptions = {}): Limits {
  const { connections = defaultLimits.connections, memory = defaultLimits.memory } = limits
  const shares = { inbound: Math.ceil(0.75 * connections), memoryPerConnection: Math.ceil(memory / 2) }
  const muxer = { ...defaultYamuxLimits, ...limits.yamux }
  const all = { ...defaultLimits, ...shares, ...limits, yamux: muxer }
  const { yamux, ...own } = all
  for (const [name, value] of Object.entries({ ...own, ...yamux })) {
    if (value >= 0) continue
    throw new ParleyError('ERR_USAGE', `The limit ${name} must be a number of zero or more.`, {
      scope: 'host',
    })
  }
  return all
}
