import assert from 'node:assert/strict'
import { setTimeout as wait } from 'node:timers/promises'
import { encodeIdentify, IDENTIFY_PROTOCOL, IdentifyReader } from '#src/protocol/identify'
import { concat, hex } from '#src/wire/bytes'
import type { ErrorCode } from '#src/wire/errors'
import { encodeFrame, FrameReader } from '#src/wire/frame'
import { decodeVarint, decodeVarint64 } from '#src/wire/varint'
import { until } from '../support/net.ts'
import { bytesOf, cuttings, pattern } from '../support/wire.ts'
import { type Attack, failureOf, soon } from './attack.ts'
import { honest, refusalOf } from './speaker.ts'
import { live, pure, type Row } from './suite.ts'
import type { Trial } from './trial.ts'

/** Tries a varint that no reader of lengths may take. */
function refusesVarint(trial: Trial, digits: string): void {
  const bytes = bytesOf(digits)
  trial.refuses('ERR_VARINT', digits, () => decodeVarint(bytes))
  trial.refuses('ERR_VARINT', digits, () => decodeVarint64(bytes))
  const reader = new FrameReader({ max: 4_096 })
  reader.push(bytes)
  trial.refuses('ERR_FRAME', `${digits} as a length`, () => reader.next())
}

/** Tries bytes as the answer to the host's question who a peer is; only that stream may suffer. */
export async function asIdentify(
  attack: Attack,
  name: string,
  codes: ErrorCode | readonly ErrorCode[],
  ...pieces: Uint8Array[]
): Promise<void> {
  await attack.attempt(name, async () => {
    const { here } = await attack.guest({
      [IDENTIFY_PROTOCOL]: async stream => {
        for (const piece of pieces) stream.write(piece)
        await stream.end()
      },
    })
    attack.expect(codes, await soon(failureOf(attack.host.identified(here)), 1_000))
    assert.equal(here.status, 'open', 'R3: the connection goes on')
  })
}

const longFrame = encodeIdentify({ agent: 'a'.repeat(100), protocols: ['/one', '/two'] })

/** Lengths, and messages behind them. */
export const framing: readonly Row[] = [
  pure('B1', 'a varint that is not minimal', trial => {
    for (const digits of ['8100', '8000', '808000', 'ffff00', '8080808000']) refusesVarint(trial, digits)
  }),
  pure('B2', 'a varint of more than nine bytes', trial => {
    for (const digits of [
      'ffffffffffffffff80',
      '80808080808080808001',
      'ffffffffffffffffff01',
      'ff'.repeat(64),
    ]) {
      refusesVarint(trial, digits)
    }
  }),
  pure('B3', 'varints up to 2^63 - 1, which no length may reach', trial => {
    for (let bits = 54n; bits <= 63n; bits++) {
      const value = 2n ** bits - 1n
      const bytes = leb128(value)
      trial.try(`2^${bits} - 1 as a bigint`, () => assert.equal(decodeVarint64(bytes).value, value))
      trial.refuses('ERR_VARINT', `2^${bits} - 1 as a number`, () => decodeVarint(bytes))
    }
    trial.try('2^53 - 1 as a number', () =>
      assert.equal(decodeVarint(leb128(2n ** 53n - 1n)).value, Number.MAX_SAFE_INTEGER),
    )
  }),
  live('B4', 'a length of 2^31, then nothing', async attack => {
    const length = bytesOf('8080808008')
    attack.expect(
      'ERR_NEGOTIATE',
      refusalOf('inbound', say => say(length)),
    )
    await attack.expelled('as a server', stranger => stranger.send(length))
    await attack.repels('as a client', 'ERR_NEGOTIATE', stranger => stranger.send(length))
    await asIdentify(attack, 'in an answer', 'ERR_FRAME', length)
  }),
  live('B5', 'identify messages of more than 8,192 bytes, refused before the body', async attack => {
    for (const digits of ['8140', 'ff7f', '808001', 'ffffffff0f']) {
      await asIdentify(attack, digits, 'ERR_FRAME', bytesOf(digits))
    }
  }),
  live('B6', 'a varint cut short, then FIN', async attack => {
    await attack.expelled('as a server', stranger => {
      stranger.send(bytesOf('80'))
      stranger.end()
    })
    await attack.repels('as a client', 'ERR_CONNECTION_CLOSED', stranger => {
      stranger.send(bytesOf('80'))
      stranger.end()
    })
    await asIdentify(attack, 'in an answer', 'ERR_UNEXPECTED_END', bytesOf('80'))
    await asIdentify(attack, 'in a body', 'ERR_UNEXPECTED_END', longFrame.subarray(0, -1))
  }),
  live('B7', 'an honest session byte by byte', async attack => {
    // The list has 10 ms between bytes. A handshake has 290 of them: at 3 ms they come as singly, and sooner.
    await attack.attempt('a handshake', async () => {
      const stranger = await attack.connect()
      const upgrade = honest('outbound')
      const before = attack.host.connections.length
      let heard = 0
      for (let stands = false; !stands && !stranger.isOver; await wait(1)) {
        await stranger.drip(bytesEach(upgrade.take()), 3)
        const { received } = stranger
        const upgraded = received.length > heard ? upgrade.receive(received.slice(heard)) : undefined
        heard = received.length
        stands = upgraded !== undefined
        await stranger.drip(bytesEach(upgrade.take()), 3)
      }
      await until(() => attack.host.connections.length === before + 1, 'the connection stands')
    })
    await asIdentifyInBytes(attack)
  }),
  pure('B7', 'a message cut at every offset, and byte by byte', trial => {
    for (const [i, chunks] of cuttings(longFrame).entries()) {
      trial.try(`cutting ${i}`, () => {
        const reader = new IdentifyReader()
        for (const chunk of chunks) reader.receive(chunk)
        assert.deepEqual(reader.finish().protocols, ['/one', '/two'])
      })
    }
  }),
  pure('B8', 'two messages and a half in one chunk', trial => {
    const bodies = [pattern(3), pattern(200)]
    const half = encodeFrame(pattern(300))
    for (let length = 0; length < half.length; length++) {
      trial.try(`${length} bytes of the third`, () => {
        const reader = new FrameReader({ max: 300 })
        reader.push(concat([...bodies.map(encodeFrame), half.subarray(0, length)]))
        assert.deepEqual(
          [reader.next(), reader.next(), reader.next()].map(shown),
          [...bodies, undefined].map(shown),
        )
        assert.equal(reader.buffered, length)
        reader.push(half.subarray(length))
        assert.deepEqual(shown(reader.next()), shown(pattern(300)))
      })
    }
  }),
]

const shown = (bytes: Uint8Array | undefined) => bytes && hex(bytes)

const bytesEach = (bytes: Uint8Array) => Array.from(bytes, byte => Uint8Array.of(byte))

function leb128(value: bigint): Uint8Array {
  const bytes: number[] = []
  for (let rest = value; rest > 0n; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | (rest > 0x7fn ? 0x80 : 0))
  return Uint8Array.from(bytes)
}

async function asIdentifyInBytes(attack: Attack): Promise<void> {
  await attack.attempt('an answer', async () => {
    const { here } = await attack.guest({
      [IDENTIFY_PROTOCOL]: async stream => {
        for (const byte of bytesEach(longFrame)) {
          stream.write(byte)
          await wait(3)
        }
        await stream.end()
      },
    })
    assert.deepEqual((await attack.host.identified(here))?.protocols, ['/one', '/two'])
  })
}
