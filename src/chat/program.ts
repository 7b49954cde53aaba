import type { Host } from '../host/host.ts'
import type { Connection } from '../net/connection.ts'
import { deferred, startTimer } from '../net/timer.ts'
import { DIALECT_WITHOUT_IDENTIFY, type Dialect, dialectOf } from '../protocol/dialect.ts'
import { ParleyError } from '../wire/errors.ts'

/** How long identify is waited for before a newcomer is announced without his program's name, in milliseconds. */
const identifyTimeout = 1_000

/** What is known of a peer's program. */
export interface Program {
  /** How it calls itself. */
  agent?: string | undefined
  /** What it is expected to speak. */
  dialect: Dialect | undefined
}

/** What identify tells of a peer's program, or what was known of it before when that does not come in time. */
export function programOf(host: Host, connection: Connection): Promise<Program> {
  const known = () => program(host.peers.get(connection.peerId)?.agent)
  const told = host
    .identified(connection)
    .then(known, error => (isUnspoken(error) ? { dialect: DIALECT_WITHOUT_IDENTIFY } : known()))
  const late = deferred<Program>()
  const cancelTimer = startTimer(identifyTimeout, () => late.resolve(known()))
  return Promise.race([told, late.promise]).finally(cancelTimer)
}

function program(agent: string | undefined): Program {
  return { agent, dialect: dialectOf(agent) }
}

/** Whether the other side has said that it does not speak what was proposed. */
function isUnspoken(error: unknown): boolean {
  return error instanceof ParleyError && error.code === 'ERR_PROTOCOL_UNSUPPORTED'
}
