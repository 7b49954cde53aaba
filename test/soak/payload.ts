/** The bytes that go to and fro: both sides can make any piece of them, and so check what comes. */

import type { Stream } from '#src/index'
import { randomNumbers } from '../support/feed.ts'

const largest = 4 * 1024 * 1024
const piece = 64 * 1024

const all = makeAll()

function makeAll(): Buffer {
  const random = randomNumbers(0x5eed)
  const bytes = Buffer.alloc(largest)
  for (let at = 0; at < largest; at += 4) bytes.writeUInt32LE(Math.floor(random() * 2 ** 32), at)
  return bytes
}

/** So many bytes, from a random place of those that both sides know. */
export function payload(length: number, random: () => number): Uint8Array {
  return payloadAt(Math.floor(random() * (largest - length)), length)
}

/** The same from a given place. */
export function payloadAt(offset: number, length: number): Uint8Array {
  return all.subarray(offset, offset + length)
}

/** Sends bytes as fast as they are taken. */
export async function send(stream: Stream, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length; at += piece) {
    if (!stream.write(bytes.subarray(at, at + piece))) await stream.drained()
  }
}

/** Reads a stream to its end. Throws when it does not carry exactly these bytes. */
export async function expectBytes(
  stream: Stream,
  expected: Uint8Array,
  pause: () => Promise<void> | undefined = () => undefined,
): Promise<void> {
  let at = 0
  for await (const chunk of stream) {
    if (Buffer.compare(chunk, expected.subarray(at, at + chunk.length)) !== 0) throw mismatch(stream, at)
    at += chunk.length
    await pause()
  }
  if (at !== expected.length) throw mismatch(stream, at)
}

function mismatch({ protocol }: Stream, at: number): Error {
  return new Error(`The bytes that came on ${protocol} are not those that were sent, from about ${at} on.`)
}

/** A request for a piece of the bytes. */
export function encodeRequest(offset: number, length: number): Uint8Array {
  const bytes = Buffer.alloc(8)
  bytes.writeUInt32BE(offset, 0)
  bytes.writeUInt32BE(length, 4)
  return bytes
}

/** Reads a request up to the end of the stream, and returns what it asks for. */
export async function readRequest(stream: Stream): Promise<Uint8Array> {
  const request = await readAll(stream)
  return payloadAt(request.readUInt32BE(0), request.readUInt32BE(4))
}

/** All that comes on a stream. */
export async function readAll(stream: Stream): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of stream) chunks.push(chunk)
  return Buffer.concat(chunks)
}
