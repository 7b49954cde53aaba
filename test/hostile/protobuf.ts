import assert from 'node:assert/strict'
import { IdentifyReader } from '#src/protocol/identify'
import { encodeFrame } from '#src/wire/frame'
import { PublicKey } from '#src/wire/keys'
import { openPeerRecord, sealPeerRecord } from '#src/wire/peer-record'
import { fields, ProtobufWriter } from '#src/wire/protobuf'
import { bytesOf, pattern } from '../support/wire.ts'
import { keyVectors, malformedMessages } from '../wire/hostile.ts'
import { asIdentify } from './framing.ts'
import { key } from './speaker.ts'
import { live, pure, type Row } from './suite.ts'

/** Refused by the reader, and as an answer over a connection. */
function malformed(id: string, title: string, all: readonly string[]): Row[] {
  return [
    pure(id, title, trial => {
      for (const digits of all)
        trial.refuses('ERR_PROTOBUF', digits.slice(0, 40), () => fields(bytesOf(digits)))
    }),
    live(id, `${title}, in an answer`, async attack => {
      for (const digits of all) {
        const frame = encodeFrame(bytesOf(digits))
        const code = frame.length > 8_194 ? 'ERR_FRAME' : 'ERR_PROTOBUF'
        await asIdentify(attack, digits.slice(0, 40), code, frame)
      }
    }),
  ]
}

const listed = (id: string) =>
  malformedMessages.flatMap(([what, digits]) => (what.includes(`(${id})`) ? [digits] : []))

const max64 = 2n ** 64n - 1n

/** Messages in protobuf. */
export const protobuf: readonly Row[] = [
  ...malformed('B9', 'a field of number 0, or of wire type 6 or 7', [
    ...listed('B9'),
    '00',
    '080100',
    '08010e',
  ]),
  ...malformed('B10', 'a field longer than what is left', [
    ...listed('B10'),
    '0aff01',
    '120a00',
    '0affffffffffffffffff01',
  ]),
  pure('B10', 'messages cut short at every byte', trial => {
    const whole = new ProtobufWriter().bytes(1, pattern(100)).uint64(2, max64).finish()
    for (let length = 1; length < whole.length; length++) {
      if (length === 102) continue
      trial.refuses('ERR_PROTOBUF', `${length} bytes`, () => fields(whole.subarray(0, length)))
    }
  }),
  pure('B11', 'the same scalar twice: the last one counts, but for a key, which is refused', trial => {
    trial.try('in a message', () =>
      assert.deepEqual(
        fields(bytesOf('08010802')).map(({ varint }) => varint),
        [1n, 2n],
      ),
    )
    trial.try('in what a peer says of itself', () => {
      const reader = new IdentifyReader()
      reader.receive(encodeFrame(new ProtobufWriter().string(6, 'first').string(6, 'last').finish()))
      assert.equal(reader.finish().agent, 'last')
    })
    for (const { public: digits } of Object.values(keyVectors)) {
      trial.refuses('ERR_KEY', digits, () => PublicKey.fromBytes(bytesOf(digits.slice(0, 4), digits)))
    }
  }),
  pure('B12', 'fields that nobody knows, up to number 2^29 - 1', trial => {
    for (const number of [16, 1_000, 2 ** 20, 2 ** 29 - 1]) {
      trial.try(`number ${number}`, () => {
        const message = new ProtobufWriter().uint64(number, 1).bytes(number, pattern(9)).uint64(1, 5)
        assert.equal(fields(message.finish()).find(field => field.number === 1)?.varint, 5n)
      })
    }
  }),
  ...malformed('B13', '100,000 empty entries, refused before an object is made of any', [
    '0a00'.repeat(100_000),
    '0a00'.repeat(2_049),
    '1a00'.repeat(4_000),
    '10001a00'.repeat(1_500),
  ]),
  pure('B13', 'as many entries as 4 MiB hold, in little time', trial => {
    const bytes = new Uint8Array(4 * 1024 * 1024).map((_, i) => (i % 2 === 0 ? 0x0a : 0))
    trial.within(5, 'to count them', () =>
      trial.refuses('ERR_PROTOBUF', '2,097,152 entries', () => fields(bytes)),
    )
  }),
  ...malformed('B14', 'groups, 10,000 deep', [...listed('B14'), '0b'.repeat(8_000), '0b0b0c0c', '130a0014']),
  pure('B15', 'a sequence number of 2^64 - 1', trial => {
    for (const seq of [0n, 1n, 2n ** 53n, 2n ** 53n + 1n, 2n ** 63n, max64 - 1n, max64]) {
      trial.try(String(seq), () => {
        const record = openPeerRecord(sealPeerRecord(key, { seq, addresses: [] }))
        assert.equal(record.seq, seq)
        assert.ok(record.seq > seq - 1n && record.seq <= max64)
      })
    }
    trial.refuses('ERR_PROTOBUF', '2^64', () => sealPeerRecord(key, { seq: max64 + 1n, addresses: [] }))
  }),
]
