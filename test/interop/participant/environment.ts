import { isIPv4 } from 'node:net'

/** The two suites, libp2p/test-plans and its successor libp2p/unified-testing, each of which has its own variables. */
export const dialects = ['test-plans', 'unified-testing'] as const

/** Which of the two started us. */
export type Dialect = (typeof dialects)[number]

/** Which of the two sides to be. */
export type Role = 'dialer' | 'listener'

/** What the environment asks for. */
export interface Settings {
  dialect: Dialect
  role: Role
  /** The address to listen on. */
  ip: string
  redis: { host: string; port: number }
  /** The Redis key under which the listener's address is published. */
  key: string
  /** How long all of it may take, in milliseconds. */
  timeout: number
  debug: boolean
}

/** The environment asks for nothing, or for what parley does not speak. The message is one sentence. */
export class Refused extends Error {}

type Environment = Readonly<Record<string, string | undefined>>

/** What each suite calls its variables. */
const names = {
  'test-plans': {
    role: 'is_dialer',
    transport: 'transport',
    security: 'security',
    muxer: 'muxer',
    ip: 'ip',
    redis: 'redis_addr',
    timeout: 'test_timeout_seconds',
  },
  'unified-testing': {
    role: 'IS_DIALER',
    transport: 'TRANSPORT',
    security: 'SECURE_CHANNEL',
    muxer: 'MUXER',
    ip: 'LISTENER_IP',
    redis: 'REDIS_ADDR',
    timeout: 'TEST_TIMEOUT_SECS',
  },
} as const

const spoken = { transport: 'tcp', security: 'noise', muxer: 'yamux' } as const

/** Reads the environment of either suite; the upper-case one counts where both are there. Throws `Refused`. */
export function readEnvironment(env: Environment): Settings {
  const dialect = dialectOf(env)
  const name = names[dialect]
  for (const layer of ['transport', 'security', 'muxer'] as const) {
    if (env[name[layer]] !== spoken[layer]) throw notSpoken(name[layer], env[name[layer]], spoken[layer])
  }
  return {
    dialect,
    role: readRole(name.role, env[name.role]),
    ip: readIp(name.ip, env[name.ip] || '0.0.0.0'),
    redis: readAddress(name.redis, env[name.redis] || 'redis:6379'),
    key: dialect === 'test-plans' ? 'listenerAddr' : `${readTestKey(env.TEST_KEY)}_listener_multiaddr`,
    timeout: readSeconds(name.timeout, env[name.timeout] || '180') * 1_000,
    debug: env.DEBUG === 'true',
  }
}

function dialectOf(env: Environment): Dialect {
  if (env.IS_DIALER !== undefined) return 'unified-testing'
  if (env.is_dialer !== undefined) return 'test-plans'
  throw new Refused('Set is_dialer (test-plans) or IS_DIALER (unified-testing) to true or false.')
}

function notSpoken(name: string, value: string | undefined, speaks: string): Refused {
  return new Refused(
    `parley speaks ${name}=${speaks}, not ${value || 'nothing'}: leave this combination out.`,
  )
}

function readRole(name: string, value: string | undefined): Role {
  if (value === 'true') return 'dialer'
  if (value === 'false') return 'listener'
  throw new Refused(`Set ${name} to true or false, not ${value}.`)
}

function readIp(name: string, value: string): string {
  if (isIPv4(value)) return value
  throw new Refused(`Set ${name} to an IPv4 address to listen on, not ${value}.`)
}

function readAddress(name: string, value: string): Settings['redis'] {
  const [, host, port] = /^([^\s:]+):([1-9]\d{0,4})$/.exec(value) ?? []
  if (host === undefined || Number(port) > 65_535) {
    throw new Refused(`Set ${name} to the host:port of Redis, not ${value}.`)
  }
  return { host, port: Number(port) }
}

function readTestKey(value: string | undefined): string {
  if (value) return value
  throw new Refused('Set TEST_KEY: without it the listener and the dialer cannot find each other in Redis.')
}

function readSeconds(name: string, value: string): number {
  if (/^[1-9]\d{0,5}$/.test(value)) return Number(value)
  throw new Refused(`Set ${name} to a whole number of seconds, not ${value}.`)
}
