import type { Direction } from './matrix.ts'

/** A cell that fails by the other side's fault, and why. It must go on failing just so. */
export interface KnownFailure {
  column: string
  cell: string
  /** Both, unless given. */
  direction?: Direction
  /** A matter of timing: it may pass as well. */
  sometimes?: boolean
  /** What the failure looks like, as far as the fault always looks the same. */
  error: RegExp
  /** The fault, with the version and the place in its source. */
  why: string
}

/** Every explained failure. */
export const knownFailures: readonly KnownFailure[] = [
  {
    column: 'js',
    cell: 'parley with ecdsa keys',
    error: /Cannot read properties of undefined \(reading '1'\)|js does not see the connection/,
    why: '@libp2p/crypto 5.1.23 does not read the ECDSA keys of the specification: pkiMessageToECDSAPublicKey in src/keys/ecdsa/utils.ts takes another form than SubjectPublicKeyInfo',
  },
  {
    column: 'python',
    cell: 'parley with ecdsa keys',
    error: /ERR_CONNECTION_CLOSED|Failed to connect|Failed to deserialize public key/,
    why: 'py-libp2p 0.8.1 has no ECDSA keys: libp2p/crypto/serialization.py knows three kinds of the four',
  },
  {
    column: 'python',
    cell: 'cut into single bytes',
    sometimes: true,
    // Any of its reads may be the one that fails, at any moment, and so either side may be the first to complain of anything.
    error: /./,
    why: 'py-libp2p 0.8.1 gives up a read that has come in more than 100 pieces: read_exactly in libp2p/io/utils.py',
  },
  {
    column: 'rust',
    cell: 'identify, every field',
    error: /^rust got no signed record/,
    why: 'libp2p-identify 0.48.0 of rust-libp2p 0.57.1 reads signed peer records only under the older domain of RFC 0003 (src/protocol.rs), which go, js and py do not write; every other field was compared',
  },
]
