/** What is done on a stream. Each act throws unless it ends exactly as it should. */
import { setTimeout } from 'node:timers/promises'
import { type ErrorCode, type Host, ParleyError, type Stream } from '#src/index'
import { encodeRequest, expectBytes, payload, payloadAt, send } from './payload.ts'
import { protocols } from './services.ts'

/** Where an act takes place, and what chance decides by. */
export interface Stage {
  host: Host
  /** The host under test. */
  target: string
  random: () => number
}

/** Something to do, and how often among the others. */
export interface Act {
  name: string
  weight: number
  play(stage: Stage): Promise<void>
}

/** A whole number from 0 up to one less than the bound. */
export function below(bound: number, random: () => number): number {
  return Math.floor(random() * bound)
}

/** One of the acts, by their weights. */
export function choose<T extends { weight: number }>(acts: readonly T[], random: () => number): T {
  let left = random() * acts.reduce((sum, { weight }) => sum + weight, 0)
  for (const act of acts) {
    left -= act.weight
    if (left < 0) return act
  }
  return acts[0]!
}

/** What is done on streams to the host under test. */
export const streamActs: readonly Act[] = [
  { name: 'echo', weight: 400, play: stage => echo(stage, 1 + below(2_000, stage.random)) },
  { name: 'echo before it is agreed', weight: 150, play: stage => echo(stage, 500, { optimistic: true }) },
  { name: 'messages', weight: 60, play: messages },
  { name: 'half-close', weight: 120, play: stage => source(stage, 1 + below(32_768, stage.random)) },
  { name: 'reset by us', weight: 80, play: resetByUs },
  { name: 'reset by it', weight: 80, play: stage => resetByIt(stage, protocols.reset) },
  { name: 'handler throws', weight: 30, play: stage => resetByIt(stage, protocols.fail) },
  { name: 'unknown protocol', weight: 60, play: unknown },
  { name: 'unknown protocol, used early', weight: 30, play: unknownEarly },
  { name: 'given up', weight: 40, play: givenUp },
  // Those of a connection go one after another: more of them would wait too long.
  { name: 'ping', weight: 5, play: ({ host, target }) => host.ping(target).then(() => {}) },
  { name: 'bulk', weight: 2, play: stage => echo(stage, 500_000 + below(1_500_000, stage.random)) },
  { name: 'slow reader', weight: 5, play: slowReader },
  { name: 'slow reader who leaves', weight: 5, play: leaver },
  { name: 'idle', weight: 10, play: idle },
  { name: 'change of protocols', weight: 1, play: change },
]

async function echo({ host, target, random }: Stage, length: number, options = {}): Promise<void> {
  const stream = await host.open(target, protocols.echo, options)
  const bytes = payload(length, random)
  const sent = send(stream, bytes).then(() => stream.end())
  await Promise.all([sent, expectBytes(stream, bytes)])
  await stream.closed
}

/** Several, each after the answer to the one before. */
async function messages({ host, target, random }: Stage): Promise<void> {
  const stream = await host.open(target, protocols.echo)
  const reader = stream[Symbol.asyncIterator]()
  for (let left = 1 + below(10, random); left > 0; left--) {
    const bytes = payload(1 + below(200, random), random)
    stream.write(bytes)
    await expectNext(reader, bytes)
  }
  await stream.end()
  if (!(await reader.next()).done) throw new Error('More came back than was sent.')
}

async function expectNext(reader: AsyncIterator<Uint8Array>, expected: Uint8Array): Promise<void> {
  for (let at = 0; at < expected.length; ) {
    const { value, done } = await reader.next()
    const wanted = expected.subarray(at, at + (value?.length ?? 0))
    if (done || Buffer.compare(value, wanted) !== 0)
      throw new Error('Another message came back than was sent.')
    at += value.length
  }
}

/** We end first; the answer comes after that. */
async function source(stage: Stage, length: number, pause = () => undefined as Promise<void> | undefined) {
  const { stream, bytes } = await request(stage, length)
  await expectBytes(stream, bytes, pause)
  await stream.closed
}

async function request({ host, target, random }: Stage, length: number) {
  const stream = await host.open(target, protocols.source)
  const offset = below(1_000_000, random)
  stream.write(encodeRequest(offset, length))
  await stream.end()
  return { stream, bytes: payloadAt(offset, length) }
}

async function slowReader(stage: Stage): Promise<void> {
  let pauses = 20
  await source(stage, 300_000 + below(700_000, stage.random), () =>
    pauses-- > 0 ? setTimeout(1 + below(20, stage.random)) : undefined,
  )
}

/** Reads a little of much, and resets the rest. */
async function leaver(stage: Stage): Promise<void> {
  const { stream } = await request(stage, 1_000_000)
  for await (const _ of stream) break
  await setTimeout(below(50, stage.random))
  stream.reset()
}

async function resetByUs({ host, target, random }: Stage): Promise<void> {
  const stream = await host.open(target, protocols.echo)
  stream.write(payload(1 + below(5_000, random), random))
  if (random() < 0.5) await setTimeout(below(5, random))
  // What is closed in good order ends its streams, and this one may be over already.
  const isOver = stream.connection.status !== 'open'
  stream.reset()
  if (isOver) await stream.closed.catch(() => {})
  else await expectError(stream.closed, 'ERR_STREAM_RESET')
}

async function resetByIt({ host, target, random }: Stage, protocol: string): Promise<void> {
  const stream = await host.open(target, protocol)
  stream.write(payload(1 + below(5_000, random), random))
  await expectError(drain(stream), 'ERR_STREAM_RESET')
}

async function drain(stream: Stream): Promise<void> {
  for await (const _ of stream);
}

async function unknown({ host, target, random }: Stage): Promise<void> {
  await expectError(host.open(target, `/soak/unknown/${below(1e9, random)}`), 'ERR_PROTOCOL_UNSUPPORTED')
}

async function unknownEarly({ host, target, random }: Stage): Promise<void> {
  const stream = await host.open(target, `/soak/unknown/${below(1e9, random)}`, { optimistic: true })
  stream.write(payload(1 + below(500, random), random))
  await expectError(drain(stream), 'ERR_PROTOCOL_UNSUPPORTED')
}

/** The caller's signal fires sooner or later than the stream is open. */
async function givenUp({ host, target, random }: Stage): Promise<void> {
  const controller = new AbortController()
  const opening = host.open(target, protocols.echo, { signal: controller.signal })
  const fired = setTimeout(below(4, random)).then(() => controller.abort())
  await opening.then(stream => stream.reset(), expected('ERR_ABORTED'))
  await fired
}

async function idle({ host, target, random }: Stage): Promise<void> {
  const stream = await host.open(target, protocols.echo)
  const bytes = payload(100, random)
  stream.write(bytes.subarray(0, 50))
  await setTimeout(100 + below(900, random))
  stream.write(bytes.subarray(50))
  await Promise.all([stream.end(), expectBytes(stream, bytes)])
}

/** What either side speaks changes, and each tells the other by identify push. */
async function change(stage: Stage): Promise<void> {
  const { host, target, random } = stage
  const undo = host.handle('/soak/ours/1.0.0', () => {})
  const stream = await host.open(target, protocols.change)
  const bytes = payload(10, random)
  stream.write(bytes)
  await Promise.all([stream.end(), expectBytes(stream, bytes)])
  undo()
}

/** Settles when the promise rejects with this code; rejects when it does anything else. */
export async function expectError(promise: Promise<unknown>, code: ErrorCode): Promise<void> {
  await promise.then(() => {
    throw new Error(`This should have ended in ${code}.`)
  }, expected(code))
}

function expected(code: ErrorCode): (error: unknown) => void {
  return error => {
    if (!(error instanceof ParleyError) || error.code !== code) throw error
  }
}
