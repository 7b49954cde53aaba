import { PerfRequester, PerfResponder, zeros } from '#src/protocol/perf'
import { Input } from '../engine/input.ts'
import { must, mustEqual, outcome } from '../engine/promise.ts'
import type { Target } from '../engine/target.ts'

/** The most that a test has made. */
const bound = 1n << 24n

function run(bytes: Uint8Array): void {
  const input = new Input(bytes)
  const how = input.take(1)
  const wanted = input.byte()
  const body = input.rest()
  const chunks = new Input(how).cut(body)
  serve(body, chunks)
  ask(wanted, body, chunks)
}

/** The first eight bytes are the request, and the others are passed over. */
function serve(body: Uint8Array, chunks: readonly Uint8Array[]): void {
  const responder = new PerfResponder()
  for (const chunk of chunks) responder.receive(chunk)
  const { value } = outcome(() => responder.finish(), 'ERR_UNEXPECTED_END')
  must((value !== undefined) === body.length >= 8, 'a request has eight bytes')
  if (value === undefined) return
  mustEqual(new PerfRequester(value).request, body.slice(0, 8), 'a request is written as it is read')
  if (value <= bound) must(sumOf(zeros(value)) === Number(value), 'as much is sent as was asked for')
}

/** As many bytes as were asked for are taken, and no more. */
function ask(wanted: number, body: Uint8Array, chunks: readonly Uint8Array[]): void {
  const requester = new PerfRequester(BigInt(wanted))
  for (const chunk of chunks) {
    const { error } = outcome(() => requester.receive(chunk), 'ERR_PROTOCOL')
    must((error !== undefined) === requester.received > wanted, 'more than was asked for is refused')
    if (error) return
  }
  must(requester.received === body.length, 'all that came is counted')
  const { error } = outcome(() => requester.finish(), 'ERR_UNEXPECTED_END')
  must((error !== undefined) === body.length < wanted, 'less than was asked for is refused')
}

function sumOf(chunks: Iterable<Uint8Array>): number {
  let sum = 0
  for (const { length } of chunks) sum += length
  return sum
}

const target: Target = {
  run,
  maxLength: 300,
  seeds: () => [
    Uint8Array.of(0, 8, 0, 0, 0, 0, 0, 0, 0, 10),
    Uint8Array.of(1, 10, 0, 0, 0, 0, 0, 1, 0, 1, 7, 7),
    Uint8Array.of(4, 0, 255, 255, 255, 255, 255, 255, 255, 255),
    Uint8Array.of(0, 3, 1, 2, 3),
  ],
}

export default target
