import assert from 'node:assert/strict'
import { decodeVarint, decodeVarint64 } from '#src/wire/varint'
import { bytesOf } from '../support/wire.ts'
import { live, pure, type Row } from './suite.ts'

/** Lengths, and messages behind them. */
export const framing: readonly Row[] = [
  pure('B1', 'a varint that is not minimal', trial => {
    for (const digits of ['81 00', '80 00', '80 80 00', 'ff ff 00']) {
      trial.refuses('ERR_VARINT', digits, () => decodeVarint(bytesOf(digits)))
      trial.refuses('ERR_VARINT', digits, () => decodeVarint64(bytesOf(digits)))
    }
  }),
  pure('B2', 'a varint of more than nine bytes', trial => {
    for (const digits of ['ffffffffffffffff80', '80808080808080808001', 'ffffffffffffffffff01']) {
      trial.refuses('ERR_VARINT', digits, () => decodeVarint(bytesOf(digits)))
      trial.refuses('ERR_VARINT', digits, () => decodeVarint64(bytesOf(digits)))
    }
  }),
  pure('B3', 'the largest varint, 2^63 - 1', trial => {
    const bytes = bytesOf('ffffffffffffffff7f')
    trial.try('as a bigint', () => assert.equal(decodeVarint64(bytes).value, 2n ** 63n - 1n))
    trial.refuses('ERR_VARINT', 'as a length', () => decodeVarint(bytes))
  }),
  live('B4', 'a length of 2^31, then nothing', async attack => {
    await attack.expelled('as a server', stranger => stranger.send(bytesOf('8080808008')))
    await attack.repels('as a client', 'ERR_NEGOTIATE', stranger => stranger.send(bytesOf('8080808008')))
  }),
]
