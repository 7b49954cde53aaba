import { Handlers } from '../../host/handlers.ts'
import { VERSION } from '../../host/host.ts'
import { Peers } from '../../host/peers.ts'
import { Identify } from '../../host/services/identify.ts'
import { idleStreams } from '../../host/services/idle.ts'
import { answerPings } from '../../host/services/ping.ts'
import type { ConnectionEvents } from '../../net/connection.ts'
import { IDENTIFY_PROTOCOL } from '../../protocol/identify.ts'
import { withDefaults } from '../../protocol/limits.ts'
import { PING_PROTOCOL } from '../../protocol/ping.ts'
import type { PrivateKey } from '../../wire/keys.ts'

/**
 * What a node may ask of us meanwhile: who we are, and pings. Whoever leaves that unanswered is treated as another kind of
 * peer: rust-libp2p 0.57 answers no pings of one that refuses to answer its own.
 */
export function manners(identity: PrivateKey, timeout: number): ConnectionEvents {
  const handlers = new Handlers(() => {})
  const limits = withDefaults({ serviceTimeout: timeout })
  const idle = idleStreams(limits)
  const identify = new Identify({
    identity,
    agent: `parley/${VERSION}`,
    peers: new Peers(1),
    limits,
    addresses: () => [],
    protocols: () => handlers.protocols,
    identified() {},
  })
  handlers.add(IDENTIFY_PROTOCOL, stream => identify.answer(stream), { maxInbound: 2 })
  handlers.add(PING_PROTOCOL, stream => answerPings(stream, idle), { maxInbound: 2 })
  return {
    accepts: protocol => handlers.has(protocol),
    stream: stream => handlers.serve(stream),
    closed() {},
  }
}
