/**
 * parley: encrypted streams between machines, without a server, on libp2p's wire.
 *
 * Begin with `createHost`. A host has a peer ID, listens and dials, and hands streams to the handlers of their
 * protocols; `host.open(address, protocol)` gives a `Stream` to the handler on another machine.
 *
 * @module
 */
export { escapeText } from './chat/escape.ts'
export { Table, type TableEvents, type TableOptions } from './chat/table.ts'
export type { HandleOptions, StreamHandler } from './host/handlers.ts'
export { createHost, Host, type HostEvents, type HostOptions } from './host/host.ts'
export { loadIdentity, lockIdentity } from './host/identity.ts'
export type { PeerFacts, PeerInfo, Peers } from './host/peers.ts'
export type { Resolver } from './host/resolver.ts'
export type { Usage } from './host/resources.ts'
export { type PerfOptions, perf, servePerf } from './host/services/perf.ts'
export type { Target } from './host/target.ts'
export type { Connection, OpenOptions } from './net/connection.ts'
export { toDuplex } from './net/duplex.ts'
export { lengthPrefixed, type MessageStream } from './net/length-prefixed.ts'
export { memory } from './net/memory.ts'
export { giveBack } from './net/spent-buffers.ts'
export type { Stream } from './net/stream.ts'
export { tcp } from './net/tcp.ts'
export type { Listener, Socket, SocketHandler, Transport, WriteOptions } from './net/transport.ts'
export type { Direction, Muxer } from './net/upgrade.ts'
export type { Dialect } from './protocol/dialect.ts'
export { defaultLimits, type LimitOptions, type Limits, type YamuxLimits } from './protocol/limits.ts'
export { type DialStage, type ErrorCode, type ErrorScope, ParleyError } from './wire/errors.ts'
export { generateKey, type KeyType, PrivateKey, PublicKey } from './wire/keys.ts'
export { type Component, Multiaddr } from './wire/multiaddr.ts'
export { PeerId } from './wire/peer-id.ts'
