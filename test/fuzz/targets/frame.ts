import { concat } from '#src/wire/bytes'
import type { ErrorCode } from '#src/wire/errors'
import { encodeFrame, encodeFrame16, FrameReader } from '#src/wire/frame'
import { bytesOf, pattern } from '../../support/wire.ts'
import { Input } from '../engine/input.ts'
import { must, mustEqual, outcome, staysBroken } from '../engine/promise.ts'
import type { Target } from '../engine/target.ts'

const bounds = [0, 1, 127, 128, 1024, 16_383, 16_384, 65_535, 4 * 1024 * 1024]
const longestPrefix = 4

/** Frames come out the same however the bytes are cut, and lead back to the bytes. */
function run(bytes: Uint8Array): void {
  const input = new Input(bytes)
  const prefix = input.pick(['varint', 'u16'] as const)
  const max = input.pick(bounds)
  const error = input.pick(['ERR_FRAME', 'ERR_NEGOTIATE'] as const)
  const options = { prefix, max, error }
  const chunks = [input.byte(), ...input.rest()]
  const body = Uint8Array.from(chunks.slice(1))
  const whole = read(options, [body])
  const pieces = read(options, new Input(Uint8Array.of(chunks[0]!)).cut(body))
  must(whole.code === pieces.code, 'any cutting is refused alike')
  mustEqual(concatAll(whole.frames), concatAll(pieces.frames), 'any cutting gives the same frames')
  must(whole.frames.length === pieces.frames.length, 'any cutting gives as many frames')
  must(
    whole.frames.every(({ length }) => length <= max),
    'no frame exceeds the bound',
  )
  if (whole.code) return
  const encode = prefix === 'u16' ? encodeFrame16 : encodeFrame
  mustEqual(concatAll([...whole.frames.map(encode), whole.rest]), body, 'the frames lead back to the bytes')
  mustEqual(whole.rest, pieces.rest, 'any cutting leaves the same rest')
}

interface Reading {
  frames: Uint8Array[]
  rest: Uint8Array
  code: ErrorCode | undefined
}

function read(
  options: { prefix: 'varint' | 'u16'; max: number; error: ErrorCode },
  chunks: readonly Uint8Array[],
): Reading {
  const reader = new FrameReader(options)
  const frames: Uint8Array[] = []
  for (const chunk of chunks) {
    reader.push(chunk)
    const { error } = outcome(() => readAll(reader, frames), options.error)
    if (error) {
      staysBroken(error, () => reader.next())
      return { frames, rest: reader.rest(), code: error.code }
    }
    must(reader.buffered <= options.max + longestPrefix, 'what is kept is bounded')
  }
  const { buffered } = reader
  const rest = reader.rest()
  must(rest.length === buffered && reader.buffered === 0, 'the rest is what was kept')
  return { frames, rest, code: undefined }
}

function readAll(reader: FrameReader, frames: Uint8Array[]): void {
  for (let frame = reader.next(); frame; frame = reader.next()) frames.push(frame.slice())
}

function concatAll(pieces: Uint8Array[]): Uint8Array {
  return concat([new Uint8Array(0), ...pieces])
}

const target: Target = {
  run,
  seeds: () => [
    bytesOf('00 08 00 00', '05', '6869'),
    concat([bytesOf('00 04 00 01'), encodeFrame(pattern(3)), encodeFrame(pattern(200))]),
    concat([bytesOf('01 07 00 07'), encodeFrame16(pattern(3)), encodeFrame16(pattern(300))]),
    concat([bytesOf('00 05 01 09'), encodeFrame(pattern(0)), encodeFrame(pattern(127))]),
    bytesOf('00 08 00 01 8080808008'),
    bytesOf('00 08 00 01 8100'),
    bytesOf('01 00 00 01 ffff'),
  ],
  words: [bytesOf('8001'), bytesOf('ff7f'), bytesOf('808001'), bytesOf('ffffff01'), bytesOf('ffff')],
}

export default target
