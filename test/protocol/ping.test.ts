import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { PING_LENGTH, PING_PROTOCOL, PingRequester, PingResponder } from '#src/protocol/ping'
import { concat } from '#src/wire/bytes'
import { cuttingKinds, feed } from '../support/feed.ts'
import { pattern, refuses } from '../support/wire.ts'

const sent = pattern(PING_LENGTH)

test('ping has the name and the length of the specification', () => {
  assert.deepEqual([PING_PROTOCOL, PING_LENGTH], ['/ipfs/ping/1.0.0', 32])
})

describe('PingResponder', () => {
  test('gives back whole pings as they came, however they are cut, and keeps the tail', () => {
    const pings = pattern(10 * PING_LENGTH)
    for (const cutting of cuttingKinds) {
      const responder = new PingResponder()
      const answers = feed(concat([pings, pattern(31)]), cutting).flatMap(chunk => responder.receive(chunk))
      assert.deepEqual(concat(answers), pings)
      for (const answer of answers) assert.equal(answer.length % PING_LENGTH, 0)
      assert.equal(responder.buffered, 31)
    }
  })

  test('answers with bytes of its own, since those that came may be written to again', () => {
    for (const size of [PING_LENGTH, 100 * PING_LENGTH]) {
      const chunk = pattern(size)
      const [answer] = new PingResponder().receive(chunk)
      chunk.fill(0)
      assert.deepEqual(answer, pattern(size))
    }
  })
})

describe('PingRequester', () => {
  test('is content with the same bytes, however they are cut', () => {
    for (const cutting of cuttingKinds) {
      const requester = new PingRequester(sent)
      const verdicts = feed(sent, cutting).map(chunk => requester.receive(chunk))
      assert.deepEqual(verdicts, [...Array(verdicts.length - 1).fill(false), true])
    }
  })

  test('refuses other bytes, and a byte too many', () => {
    for (let i = 0; i < PING_LENGTH; i++) {
      const answer = sent.slice()
      answer[i]! ^= 1
      refuses('ERR_PROTOCOL', () => new PingRequester(sent).receive(answer))
    }
    refuses('ERR_PROTOCOL', () => new PingRequester(sent).receive(concat([sent, Uint8Array.of(0)])))
  })
})
