/** The bounds of a session, with their defaults. */
export interface YamuxLimits {
  /** Streams that the other side may have open at once; further ones are reset. Default 1,024. */
  inboundStreams: number
  /** Streams that we may have open at once. Default 256: rust-libp2p ends a connection with more than 512, both sides' together. */
  outboundStreams: number
  /** Streams of ours that may wait to be accepted; go and rust count as many. Default 256. */
  unacknowledged: number
  /** The largest receive window of one stream, in bytes; never less than the first 256 KiB. Default 64 MiB. */
  maxWindow: number
  /** What all receive windows together may grow by beyond their first 256 KiB, in bytes. Default 64 MiB. */
  windowGrowth: number
  /** A ping is sent when nothing came for so many milliseconds, a tenth more on the side that was dialled. Default 30,000. */
  keepAliveInterval: number
  /** The connection is dead when nothing at all arrives for so many milliseconds after a ping. Default 10,000. */
  keepAliveTimeout: number
}

/** See `YamuxLimits`. */
export const defaultYamuxLimits: YamuxLimits = {
  inboundStreams: 1024,
  outboundStreams: 256,
  unacknowledged: 256,
  maxWindow: 64 * 1024 * 1024,
  windowGrowth: 64 * 1024 * 1024,
  keepAliveInterval: 30_000,
  keepAliveTimeout: 10_000,
}
