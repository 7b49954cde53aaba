import type { Connection } from '../../net/connection.ts'
import { giveBack } from '../../net/spent-buffers.ts'
import type { Stream } from '../../net/stream.ts'
import { type Deadlines, monotonicNow, unlessAborted } from '../../net/timer.ts'
import { MAX_PERF_BYTES, PERF_PROTOCOL, PerfRequester, PerfResponder, zeros } from '../../protocol/perf.ts'
import { ParleyError } from '../../wire/errors.ts'
import type { Host } from '../host.ts'
import type { Target } from '../target.ts'
import { idleStreams, readAll } from './idle.ts'

/** Streams that one host serves at once, of all its peers together; further ones are reset. */
const maxStreams = 16

/** An upload of so many bytes is sent before the other side has agreed; well within the window that a stream begins with. */
const earlyUpload = 64 * 1024

/** What a measurement takes; amounts in bytes, from 0 to 2^64 - 1. */
export interface PerfOptions {
  /** How much to send. Default 0. */
  upload?: number | bigint
  /** How much to ask for; it comes when all of the upload has arrived. Default 0. */
  download?: number | bigint
  /** Ends the measurement, and resets its stream, when it fires. */
  signal?: AbortSignal | undefined
  /** Told after every piece, and at the end, how many bytes have been sent and have come. It must be quick: it is measured too. */
  onProgress?: (uploaded: number, downloaded: number) => void
}

/**
 * Lets every peer of a host measure how fast its streams are, with libp2p's perf protocol, from now on. Returns the undo.
 *
 * No host does so unless told to: eight bytes from a peer make it send as much as they say. What one can cost is bounded:
 * 16 streams are served at once, none of which takes more memory than any stream whose reader is slow.
 */
export function servePerf(host: Host): () => void {
  const idle = idleStreams(host.limits)
  let streams = 0
  return host.handle(PERF_PROTOCOL, async stream => {
    if (streams >= maxStreams) throw tooMany()
    streams++
    try {
      await answer(stream, idle)
    } finally {
      streams--
    }
  })
}

async function answer(stream: Stream, idle: Deadlines<Stream>): Promise<void> {
  const responder = new PerfResponder()
  await readAll(stream, idle, chunk => {
    responder.receive(chunk)
    giveBack(chunk)
  })
  await send(stream, responder.finish())
  await stream.end()
}

/**
 * Measures how fast a stream to a target is: sends so many bytes, then receives so many. Gives the milliseconds from the
 * opening of the stream to its end; the connection stands before, and is made if there is none.
 *
 * Throws what `Host.dial` throws, `ERR_PROTOCOL_UNSUPPORTED` when the other side does not serve it, `ERR_STREAM_RESET` when
 * it is busy, `ERR_PROTOCOL` or `ERR_UNEXPECTED_END` when more or less comes than was asked for, `ERR_ABORTED` when the
 * signal fires, and `ERR_USAGE` for what is no amount.
 */
export async function perf(host: Host, target: Target, options: PerfOptions = {}): Promise<number> {
  const { signal, onProgress = () => {} } = options
  const measurement = {
    upload: amountOf(options.upload),
    download: amountOf(options.download),
    signal,
    onProgress,
  }
  const connection = await host.dial(target, { signal })
  const milliseconds =
    (await measureEarly(connection, measurement)) ?? (await measure(connection, measurement))
  onProgress(Number(measurement.upload), Number(measurement.download))
  return milliseconds
}

interface Measurement {
  upload: bigint
  download: bigint
  signal: AbortSignal | undefined
  onProgress: (uploaded: number, downloaded: number) => void
}

/**
 * Saves a round trip: the request, a small upload and the end travel with the proposal. Gives nothing when the other side
 * resets the stream for it: as js-libp2p does, which cannot take an end before it has agreed, and whoever does not know the
 * protocol and stumbles over the request. The plain form then tells the one from the other.
 */
async function measureEarly(connection: Connection, measurement: Measurement): Promise<number | undefined> {
  if (measurement.upload > earlyUpload) return undefined
  let answered = false
  const onProgress = (uploaded: number, downloaded: number) => {
    answered ||= downloaded > 0
    if (answered) measurement.onProgress(uploaded, downloaded)
  }
  try {
    return await measure(connection, { ...measurement, onProgress }, true)
  } catch (error) {
    if (!answered && error instanceof ParleyError && error.code === 'ERR_STREAM_RESET') return undefined
    throw error
  }
}

async function measure(
  connection: Connection,
  measurement: Measurement,
  optimistic = false,
): Promise<number> {
  const { signal } = measurement
  const begin = monotonicNow()
  const stream = await connection.open(PERF_PROTOCOL, { signal, optimistic })
  try {
    const exchanged = exchange(stream, measurement)
    await (signal ? unlessAborted(exchanged, signal) : exchanged)
    return monotonicNow() - begin
  } catch (error) {
    stream.reset(error)
    throw error
  }
}

/** Reads from the beginning: one who sends too early might never take in the upload while nobody takes in that. */
async function exchange(stream: Stream, { upload, download, onProgress }: Measurement): Promise<void> {
  const requester = new PerfRequester(download)
  let uploaded = 0
  const ask = async () => {
    stream.write(requester.request)
    await send(stream, upload, sent => {
      uploaded += sent
      onProgress(uploaded, requester.received)
    })
    await stream.end()
  }
  const receive = async () => {
    for await (const chunk of stream) {
      requester.receive(chunk)
      giveBack(chunk)
      onProgress(uploaded, requester.received)
    }
    requester.finish()
  }
  await Promise.all([ask(), receive()])
}

/** Sends so many bytes, as fast as they are taken in; tells of each block. */
async function send(
  stream: Stream,
  amount: bigint,
  onSent: (bytes: number) => void = () => {},
): Promise<void> {
  for (const block of zeros(amount)) {
    if (!stream.write(block)) await stream.drained()
    onSent(block.length)
  }
}

function amountOf(amount: number | bigint = 0n): bigint {
  const whole = typeof amount === 'bigint' || Number.isSafeInteger(amount)
  if (whole && amount >= 0 && amount <= MAX_PERF_BYTES) return BigInt(amount)
  const message = `${amount} is no amount of bytes; give a whole number from 0 to 2^64 - 1, beyond 2^53 as a bigint.`
  throw new ParleyError('ERR_USAGE', message, { scope: 'host' })
}

function tooMany(): ParleyError {
  return new ParleyError('ERR_STREAM_LIMIT', 'As many measurements are under way as there may be.', {
    scope: 'stream',
  })
}
