import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Conversation } from '#src/protocol/yamux/conversation'

describe('a conversation', () => {
  const heard = (...messages: [id: number, now: number][]) => {
    const conversation = new Conversation()
    for (const [id, now] of messages) conversation.heard(id, now)
    return (now: number) => [1, 3, 5].filter(id => conversation.isAlive(now, id))
  }

  test('is none before the first message', () => {
    assert.deepEqual(heard()(0), [])
  })

  test('is beside all streams but the one that speaks, for 200 ms', () => {
    const besides = heard([1, 1_000], [1, 1_100])
    assert.deepEqual([1_100, 1_299, 1_300].map(besides), [[3, 5], [3, 5], []])
  })

  test('of two is beside both', () => {
    const besides = heard([1, 1_000], [3, 1_100])
    assert.deepEqual([1_100, 1_200, 1_300].map(besides), [[1, 3, 5], [1, 5], []])
  })
})
