import { PING_LENGTH, PingRequester, PingResponder } from '#src/protocol/ping'
import { concat, EMPTY, equals } from '#src/wire/bytes'
import { pattern } from '../../support/wire.ts'
import { Input } from '../engine/input.ts'
import { must, mustEqual, outcome } from '../engine/promise.ts'
import type { Target } from '../engine/target.ts'

const sent = pattern(PING_LENGTH)

function run(bytes: Uint8Array): void {
  const input = new Input(bytes)
  const how = input.take(1)
  const body = input.rest()
  const chunks = new Input(how).cut(body)
  answer(body, chunks)
  ask(body, chunks)
}

/** Every whole ping comes back as it was, and no more is kept than a part of one. */
function answer(body: Uint8Array, chunks: readonly Uint8Array[]): void {
  const responder = new PingResponder()
  const out = [EMPTY]
  for (const chunk of chunks) {
    const shared = chunk.slice()
    out.push(...responder.receive(shared))
    shared.fill(0xee)
    must(responder.buffered < PING_LENGTH, 'a part of one ping is kept')
    if (responder.buffered > 0)
      return mustEqual(concat(out), body.subarray(0, concat(out).length), 'pings come back')
  }
  mustEqual(
    concat(out),
    body.subarray(0, body.length - (body.length % PING_LENGTH)),
    'all whole pings come back',
  )
}

/** Only the very bytes that were sent, and nothing behind them, are an answer. */
function ask(body: Uint8Array, chunks: readonly Uint8Array[]): void {
  const requester = new PingRequester(sent)
  let heard = 0
  for (const chunk of chunks) {
    heard += chunk.length
    const { value, error } = outcome(() => requester.receive(chunk), 'ERR_PROTOCOL')
    const isWhole = heard >= PING_LENGTH
    const isRight = heard === PING_LENGTH && equals(body.subarray(0, heard), sent)
    must((value ?? true) === isWhole, 'an answer is whole when it is')
    must((error !== undefined) === (isWhole && !isRight), 'a wrong answer is refused, and no other')
    if (isWhole) return
  }
}

const target: Target = {
  run,
  maxLength: 200,
  seeds: () => [
    concat([Uint8Array.of(0), sent]),
    concat([Uint8Array.of(1), sent, sent.subarray(0, 5)]),
    concat([Uint8Array.of(9), sent.subarray(1), sent, sent]),
    Uint8Array.of(0),
  ],
  words: [sent],
}

export default target
