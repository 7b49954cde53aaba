/**
 * Frames behind varint lengths: made one by one, and read back from one piece or from chunks as a socket cuts them.
 * Frames that lie in one piece come out as views, so that their MB/s say how fast borders are found: no byte is moved.
 */
import { encodeFrame, FrameReader } from '#src/wire/frame'
import { type Case, expectEqual, type Figures, perSecond, runSuite } from './harness.ts'

const chunkSize = 64 * 1024
/** What one step works through, in bytes of payload: enough to outweigh looking at the clock, and cached by every machine. */
const stepSize = 1024 * 1024

const sizes = [
  { name: '64 B', size: 64 },
  { name: '1,200 B', size: 1_200 },
  { name: '64 KiB', size: 64 * 1024 },
]

function casesOf({ name, size }: (typeof sizes)[number]): Case[] {
  const payload = new Uint8Array(size).fill(0x5a)
  const count = Math.ceil(stepSize / size)
  const frames = Buffer.concat(Array.from({ length: count }, () => encodeFrame(payload)))
  // Plain bytes, as the transports hand them over.
  const whole = new Uint8Array(frames)
  const chunks = cut(whole)
  const rates = (step: () => number) => (ms: number) => figures(size, perSecond(ms, step))
  const encoding = (encode: (payload: Uint8Array) => Uint8Array) =>
    rates(() => {
      let bytes = 0
      for (let i = 0; i < count; i++) bytes += encode(payload).length
      expectEqual(bytes, whole.length)
      return count
    })
  const decoding = (decode: () => number) =>
    rates(() => {
      expectEqual(decode(), count * size)
      return count
    })
  return [
    { bench: `framing encode ${name}`, subject: 'parley', round: encoding(encodeFrame) },
    { bench: `framing encode ${name}`, subject: 'bare loop', round: encoding(bareEncode) },
    {
      bench: `framing decode ${name} contiguous`,
      subject: 'parley',
      round: decoding(() => decode([whole], size)),
    },
    {
      bench: `framing decode ${name} contiguous`,
      subject: 'bare loop',
      round: decoding(() => bareDecode(whole)),
    },
    {
      bench: `framing decode ${name} in chunks`,
      subject: 'parley',
      round: decoding(() => decode(chunks, size)),
    },
  ]
}

function figures(size: number, framesPerSecond: number): Figures {
  return { 'frames/s': framesPerSecond, 'MB/s': (framesPerSecond * size) / 1e6 }
}

function cut(bytes: Uint8Array): Uint8Array[] {
  const count = Math.ceil(bytes.length / chunkSize)
  return Array.from({ length: count }, (_, i) => bytes.subarray(i * chunkSize, (i + 1) * chunkSize))
}

/** Reads all frames and returns how many bytes they carried. */
function decode(chunks: readonly Uint8Array[], max: number): number {
  const reader = new FrameReader({ max })
  let bytes = 0
  for (const chunk of chunks) {
    reader.push(chunk)
    for (let frame = reader.next(); frame; frame = reader.next()) bytes += frame.length
  }
  return bytes
}

/** The least that encoding can do: room for both, the length, the payload. No checks. */
function bareEncode(payload: Uint8Array): Uint8Array {
  const { length } = payload
  const prefix = length < 0x80 ? 1 : length < 0x4000 ? 2 : 3
  const frame = new Uint8Array(prefix + length)
  let at = 0
  let rest = length
  for (; rest > 0x7f; rest >>>= 7) frame[at++] = rest | 0x80
  frame[at] = rest
  frame.set(payload, prefix)
  return frame
}

/** The least that decoding can do: one pass over bytes that are all there, a view for each frame. No checks. */
function bareDecode(bytes: Uint8Array): number {
  let sum = 0
  let at = 0
  while (at < bytes.length) {
    let length = 0
    let shift = 0
    let byte = bytes[at++]!
    for (; byte > 0x7f; byte = bytes[at++]!) {
      length |= (byte & 0x7f) << shift
      shift += 7
    }
    length |= byte << shift
    sum += bytes.subarray(at, at + length).length
    at += length
  }
  return sum
}

await runSuite(sizes.flatMap(casesOf))
