import assert from 'node:assert/strict'
import { test } from 'node:test'
import { provider, shortCipherLoaded } from '#src/crypto/native'
import { SHORT } from '#src/crypto/short'

const key = new Uint8Array(32).fill(7)
const nonce = new Uint8Array(12).fill(9)
const ad = new Uint8Array(33).fill(5)

test('what is sealed before the cipher for short messages is loaded is the same as after, and opens', async () => {
  const seal = (length: number, data: number) =>
    provider.seal(key, nonce, ad.subarray(0, data), new Uint8Array(length).fill(length))
  const cases: [length: number, data: number][] = []
  for (let length = 0; length <= SHORT + 2; length++) cases.push([length, length % 34])
  const before = cases.map(([length, data]) => seal(length, data))
  await shortCipherLoaded()
  for (const [at, [length, data]] of cases.entries()) {
    const [ciphertext, tag] = before[at]!
    assert.deepEqual(seal(length, data), [ciphertext, tag])
    const opened = provider.open(key, nonce, ad.subarray(0, data), [ciphertext], tag)!
    assert.deepEqual(Buffer.concat(opened), Buffer.alloc(length, length))
    assert.equal(provider.open(key, nonce, ad.subarray(0, data), [ciphertext], tag.toReversed()), undefined)
  }
})
