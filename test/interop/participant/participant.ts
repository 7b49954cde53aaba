/**
 * parley as one side of a test of libp2p/test-plans or libp2p/unified-testing.
 *
 * The listener publishes its address in Redis and stays until it is stopped. The dialer takes the address, dials, pings once
 * and prints what that took. stdout carries the result alone.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { createHost, escapeText, type Host } from 'parley'
import { Refused, readEnvironment, type Settings } from './environment.ts'
import { Redis } from './redis.ts'
import { formatTimings } from './report.ts'

const exitCodes = { failed: 1, refused: 2, SIGINT: 130, SIGTERM: 143 }

// As the first process of a container it would not end by these without saying so.
for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => process.exit(exitCodes[name]))

try {
  await run(readEnvironment(process.env))
} catch (error) {
  log(messageOf(error))
  process.exit(error instanceof Refused ? exitCodes.refused : exitCodes.failed)
}

async function run(settings: Settings): Promise<void> {
  const { role, dialect, timeout } = settings
  const signal = AbortSignal.timeout(timeout)
  log(`${role} for ${dialect}`)
  try {
    await (role === 'listener' ? listen(settings, signal) : dial(settings, signal))
  } catch (error) {
    if (!signal.aborted) throw error
    throw new Error(`Not done within ${timeout / 1_000} s: ${messageOf(error)}`)
  }
}

/** Never comes back: whoever started it stops it, and if nobody does it has failed. */
async function listen(
  { ip, key, redis: where, timeout, debug }: Settings,
  signal: AbortSignal,
): Promise<never> {
  const redis = await Redis.connect(where, signal)
  const host = await startHost(debug, [`/ip4/${ip}/tcp/0`])
  const address = publicAddress(host)
  await redis.publish(key, address)
  redis.close()
  log(`published ${address}`)
  await sleep(timeout)
  throw new Error('Nobody stopped the listener: see why the dialer has not ended.')
}

async function dial({ key, redis: where, dialect, debug }: Settings, signal: AbortSignal): Promise<void> {
  const redis = await Redis.connect(where, signal)
  const host = await startHost(debug)
  const address = await redis.take(key)
  redis.close()
  log(`dials ${escapeText(address)}`)
  const begin = performance.now()
  const { peerId } = await host.dial(address, { signal })
  const ping = await host.ping(peerId, { signal })
  const handshakePlusOneRtt = performance.now() - begin
  process.stdout.write(formatTimings(dialect, { handshakePlusOneRtt, ping }))
  await host.stop()
}

async function startHost(debug: boolean, listen: string[] = []): Promise<Host> {
  const host = await createHost({ listen })
  log(`peer ID ${host.peerId.toString()}`)
  if (debug) logEvents(host)
  return host
}

/** The first address at which another machine reaches this one. */
function publicAddress(host: Host): string {
  const address = host.addresses.find(each => !each.value('ip4')?.startsWith('127.'))
  if (!address) throw new Error('This machine has no address but loopback: give it a network.')
  return address.toString()
}

function logEvents(host: Host): void {
  host.on('connect', ({ direction, remoteAddress }) =>
    log(`${direction} connection with ${remoteAddress.toString()}`),
  )
  host.on('disconnect', ({ error }) => log(`connection closed${error ? `: ${error.message}` : ''}`))
  host.on('identify', ({ info }) => log(`the other side is ${escapeText(info.agent ?? 'nameless')}`))
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** stdout is for the result. */
function log(text: string): void {
  process.stderr.write(`${text}\n`)
}
