/** What the host under test answers to. */
import { type Host, ParleyError, type Stream } from '#src/index'
import { expectBytes, payload, readAll, readRequest, send } from './payload.ts'

/** The names of what it speaks. */
export const protocols = {
  echo: '/soak/echo/1.0.0',
  /** Reads a request to its end, and sends what it asks for only then. */
  source: '/soak/source/1.0.0',
  /** Resets the stream at the first bytes. */
  reset: '/soak/reset/1.0.0',
  /** Its handler throws. */
  fail: '/soak/fail/1.0.0',
  /** Reads an address, dials it, has an echo there and hangs up. */
  visit: '/soak/visit/1.0.0',
  /** Lets another protocol come or go, of which all peers are told. */
  change: '/soak/change/1.0.0',
}

const sometimes = '/soak/sometimes/1.0.0'

/** Answers to all of them. */
export function serve(host: Host): void {
  host.handle(protocols.echo, echo)
  host.handle(protocols.source, source)
  host.handle(protocols.reset, reset)
  host.handle(protocols.fail, fail)
  host.handle(protocols.visit, stream => visit(host, stream))
  host.handle(protocols.change, changer(host))
}

/** Gives back what comes. */
export async function echo(stream: Stream): Promise<void> {
  for await (const chunk of stream) if (!stream.write(chunk)) await stream.drained()
  await stream.end()
}

async function source(stream: Stream): Promise<void> {
  await send(stream, await readRequest(stream))
  await stream.end()
}

async function reset(stream: Stream): Promise<void> {
  for await (const _ of stream) return stream.reset()
}

async function fail(): Promise<void> {
  throw new Error('This handler always throws.')
}

async function visit(host: Host, stream: Stream): Promise<void> {
  const address = (await readAll(stream)).toString()
  stream.write(Buffer.from(await call(host, address)))
  await stream.end()
}

/** Returns `echoed`, or the code of why not. */
async function call(host: Host, address: string): Promise<string> {
  try {
    const connection = await host.dial(address)
    const there = await connection.open(protocols.echo)
    const bytes = payload(1_000, Math.random)
    there.write(bytes)
    await Promise.all([there.end(), expectBytes(there, bytes)])
    await connection.close()
    return 'echoed'
  } catch (error) {
    if (error instanceof ParleyError) return error.code
    throw error
  }
}

function changer(host: Host): (stream: Stream) => Promise<void> {
  let undo: (() => void) | undefined
  return async stream => {
    if (undo) undo()
    const spoken = undo === undefined
    undo = spoken ? host.handle(sometimes, echo) : undefined
    await echo(stream)
  }
}
