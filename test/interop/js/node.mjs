import { generateKeyPair } from '@libp2p/crypto/keys'
import { identify, identifyPush } from '@libp2p/identify'
import { noise } from '@libp2p/noise'
import { ping } from '@libp2p/ping'
import { tcp } from '@libp2p/tcp'
import { tls } from '@libp2p/tls'
import { yamux } from '@libp2p/yamux'
import { createLibp2p } from 'libp2p'

/**
 * More than any test asks for. The library's own limits are 1 to 64 for a protocol, and 10 for the streams that come
 * while an inbound connection is made ready: with the next, all of them are reset and the connection is closed.
 */
const manyStreams = 4_096

/** For every protocol that is served or opened. */
export const streamLimits = { maxInboundStreams: manyStreams, maxOutboundStreams: manyStreams }

/**
 * The kinds of keys that a node can have, by our names. ECDSA is not among them: @libp2p/peer-id 6.0.15 makes no peer ID
 * of such a key, and @libp2p/crypto 5.1.23 does not read its public form.
 *
 * @type {Record<string, () => Promise<import('@libp2p/interface').PrivateKey>>}
 */
export const keys = {
  ed25519: () => generateKeyPair('Ed25519'),
  secp256k1: () => generateKeyPair('secp256k1'),
  rsa: () => generateKeyPair('RSA'),
}

/** What may be asked for with `--security`, in the order of preference. */
export const securities = { default: [tls(), noise()], noise: [noise()] }

/** What may be asked for with `--muxer`: how an encrypter is made. */
export const muxers = {
  early: create => create,
  plain: create => components => withoutEarlyMuxer(create(components)),
}

/**
 * @param {{ listen: string, key: string, muxer: string, security: string }} options
 */
export async function createNode({ listen, key, muxer, security }) {
  return createLibp2p({
    privateKey: await keys[key](),
    addresses: { listen: [listen] },
    transports: [tcp()],
    connectionEncrypters: securities[security].map(muxers[muxer]),
    streamMuxers: [
      yamux({ ...streamLimits, maxEarlyStreams: manyStreams, streamOptions: { maxReadBufferLength } }),
    ],
    services: {
      identify: identify(streamLimits),
      identifyPush: identifyPush(streamLimits),
      ping: ping(streamLimits),
    },
    connectionManager: { inboundConnectionThreshold: 1_000, maxIncomingPendingConnections: 1_000 },
  })
}

/**
 * A stream that holds its sender back still takes what it has given credit for, which may be a whole window of 16 MiB;
 * the library's limit of 4 MiB would reset it.
 */
const maxReadBufferLength = 32 * 1024 * 1024

const withoutEarlyMuxer = encrypter => {
  const secure = name => ({
    value: (connection, options) =>
      encrypter[name](connection, { ...options, skipStreamMuxerNegotiation: true }),
  })
  return Object.create(encrypter, {
    secureInbound: secure('secureInbound'),
    secureOutbound: secure('secureOutbound'),
  })
}
