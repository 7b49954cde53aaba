/**
 * What is asked of each contender: a module of its own in contenders/, used in the same way at both ends.
 *
 * @typedef {object} Contender
 * @property {(services: Services, options: Options) => Promise<Addresses>} listen serves all services
 * @property {(options: Options) => Promise<Client>} createClient someone who dials, with a key of its own
 * @property {Framing} [framing] frames behind varint lengths, without a network
 *
 * @typedef {{ keepAlive?: number }} Options milliseconds between signs of life; the contender's own choice unless given
 *
 * @typedef {Record<string, (pipe: Pipe) => Promise<void>>} Services by name; see services.mjs
 * @typedef {Record<string, string>} Addresses the multiaddr of each service
 *
 * @typedef {object} Client
 * @property {(address: string) => Promise<{ close(): Promise<unknown> }>} dial up to a connection that can be used
 * @property {(address: string, service: string) => Promise<Pipe>} open on the connection that stands, where there are streams
 * @property {(address: string, service: string) => Promise<Pipe>} [openEarly] the same without waiting for agreement
 * @property {() => Promise<unknown>} stop
 *
 * @typedef {{ byteLength: number, subarray(): Uint8Array }} Piece a Uint8Array, or a list of them
 *
 * @typedef {object} Writer
 * @property {(bytes: Uint8Array) => boolean} write false: wait until it has drained
 * @property {() => Promise<unknown>} drained
 *
 * @typedef {object} PipeOnly
 * @property {() => unknown} end ends our direction
 * @property {(listener: (piece: Piece) => void) => Promise<unknown>} read settles at the end
 * @property {() => Writer} [writeMessages] the fastest way to send messages behind their lengths
 * @property {(message: Uint8Array, go: () => boolean) => Promise<void>} [sendMessages] waits for each
 * @property {(listener: (message: Piece) => void) => Promise<void>} [readMessages]
 *
 * @typedef {Writer & PipeOnly} Pipe
 *
 * @typedef {object} Framing
 * @property {(payload: Uint8Array) => Uint8Array} encode
 * @property {(payload: Uint8Array) => { length: number }} encodeInPieces what is sent where pieces need not be joined
 * @property {(chunk: Uint8Array, listener: (frame: Piece) => void) => void} decode
 */

const modules = {
  parley: 'parley',
  'parley portable': 'parley',
  'js-libp2p': 'js-libp2p',
  'node:tls': 'tls',
  'node:net': 'tcp',
  'secret-stream': 'secret-stream',
}

/** @param {string} name @returns {Promise<Contender>} */
export const loadContender = name => import(`./contenders/${modules[name]}.mjs`)
