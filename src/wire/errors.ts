/** What an error takes down with it: the smallest thing that is no longer consistent. */
export type ErrorScope = 'stream' | 'connection' | 'host'

/** The stages of a dial, in order. */
export const dialStages = ['dns', 'tcp', 'negotiate', 'noise', 'identity', 'muxer', 'protocol'] as const

/** How far a dial had come when it failed. */
export type DialStage = (typeof dialStages)[number]

/**
 * Every code that an error of parley's can carry. Codes are stable: programs may switch on them.
 *
 * - `ERR_VARINT`, `ERR_FRAME`, `ERR_PROTOBUF`, `ERR_KEY`, `ERR_PEER_ID`, `ERR_MULTIADDR`, `ERR_ENVELOPE`:
 *   bytes or text that do not parse.
 * - `ERR_KEY_UNSUPPORTED`: a sound key of a type that this crypto provider cannot handle.
 * - `ERR_NEGOTIATE`: multistream-select was spoken wrongly. `ERR_PROTOCOL_UNSUPPORTED`: it was spoken rightly,
 *   and the other side knows none of the protocols asked for.
 * - `ERR_NOISE`: the handshake or a record is not genuine. `ERR_IDENTITY`: the other side did not prove its key.
 *   `ERR_PEER_MISMATCH`: it proved another key than the one expected. `ERR_NONCE_EXHAUSTED`: a key was used up.
 * - `ERR_YAMUX`: the other side broke the muxer's rules. `ERR_STREAM_LIMIT`: too many streams, or no IDs left.
 * - `ERR_FLOOD`: the other side made senseless work. `ERR_MEMORY_LIMIT`: streams hold as many bytes as they may.
 * - `ERR_STREAM_RESET`, `ERR_STREAM_ENDED`: the stream was reset; or written to after its end.
 * - `ERR_PROTOCOL`: an application protocol was spoken wrongly. `ERR_UNEXPECTED_END`: it ended in mid-message.
 * - `ERR_CONNECTION_CLOSED`, `ERR_CONNECTION_REFUSED`, `ERR_UNREACHABLE`, `ERR_CONNECTION_LIMIT`: of connections.
 * - `ERR_ADDRESS_IN_USE`, `ERR_LISTEN`: an address could not be listened on.
 * - `ERR_NO_TRANSPORT`, `ERR_NO_ADDRESS`, `ERR_RESOLVE`, `ERR_DIAL_SELF`: a target could not be dialled.
 * - `ERR_TIMEOUT`, `ERR_ABORTED`: a deadline passed; the caller's signal fired.
 * - `ERR_IDENTITY_FILE`: a key file is damaged, unreadable, open to others, or cannot be made.
 *   `ERR_IDENTITY_IN_USE`: another process has locked it.
 * - `ERR_HOST_STOPPED`, `ERR_USAGE`: the host is stopped; an argument makes no sense.
 */
export type ErrorCode =
  | 'ERR_VARINT'
  | 'ERR_FRAME'
  | 'ERR_PROTOBUF'
  | 'ERR_KEY'
  | 'ERR_KEY_UNSUPPORTED'
  | 'ERR_PEER_ID'
  | 'ERR_MULTIADDR'
  | 'ERR_ENVELOPE'
  | 'ERR_NEGOTIATE'
  | 'ERR_PROTOCOL_UNSUPPORTED'
  | 'ERR_NOISE'
  | 'ERR_IDENTITY'
  | 'ERR_PEER_MISMATCH'
  | 'ERR_NONCE_EXHAUSTED'
  | 'ERR_YAMUX'
  | 'ERR_STREAM_LIMIT'
  | 'ERR_FLOOD'
  | 'ERR_MEMORY_LIMIT'
  | 'ERR_STREAM_RESET'
  | 'ERR_STREAM_ENDED'
  | 'ERR_PROTOCOL'
  | 'ERR_UNEXPECTED_END'
  | 'ERR_CONNECTION_CLOSED'
  | 'ERR_CONNECTION_REFUSED'
  | 'ERR_UNREACHABLE'
  | 'ERR_CONNECTION_LIMIT'
  | 'ERR_ADDRESS_IN_USE'
  | 'ERR_LISTEN'
  | 'ERR_NO_TRANSPORT'
  | 'ERR_NO_ADDRESS'
  | 'ERR_RESOLVE'
  | 'ERR_DIAL_SELF'
  | 'ERR_TIMEOUT'
  | 'ERR_ABORTED'
  | 'ERR_IDENTITY_FILE'
  | 'ERR_IDENTITY_IN_USE'
  | 'ERR_HOST_STOPPED'
  | 'ERR_USAGE'

/** What `ParleyError` takes beside its code and message. */
export interface ErrorDetails {
  /** Default `connection`. */
  scope?: ErrorScope
  /** Whether the other side is at fault. Default `false`. */
  remote?: boolean
  stage?: DialStage
  cause?: unknown
}

/** The one error class of parley. The message is a sentence for a person; the code is for programs. */
export class ParleyError extends Error {
  override readonly name = 'ParleyError'
  readonly code: ErrorCode
  readonly scope: ErrorScope
  readonly remote: boolean
  /** For a dial: how far it came. */
  stage: DialStage | undefined

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.code = code
    this.scope = details.scope ?? 'connection'
    this.remote = details.remote ?? false
    this.stage = details.stage
  }
}

/** V8's alone; how many calls an error's stack names. */
const tracing = Error as { stackTraceLimit?: number }

/**
 * An error whose fault lies with the other side, as every parser of remote bytes throws it. Its stack is empty: it would show how a
 * socket is read, and takes 20 us that the other side could have us spend as often as it likes.
 */
export function remoteError(code: ErrorCode, message: string, details: ErrorDetails = {}): ParleyError {
  const { stackTraceLimit = 10 } = tracing
  tracing.stackTraceLimit = 0
  try {
    return new ParleyError(code, message, { ...details, remote: true })
  } finally {
    tracing.stackTraceLimit = stackTraceLimit
  }
}
