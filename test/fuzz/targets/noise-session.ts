import { CipherState } from '#src/protocol/noise/cipher-state'
import { NoiseSession } from '#src/protocol/noise/session'
import { concat, EMPTY, equals } from '#src/wire/bytes'
import type { ParleyError } from '#src/wire/errors'
import { pattern } from '../../support/wire.ts'
import { Input } from '../engine/input.ts'
import { must, mustEqual, outcome, staysBroken } from '../engine/promise.ts'
import type { Target } from '../engine/target.ts'

const keyOf = (byte: number) => new Uint8Array(32).fill(byte)
const long = pattern(65_519)
const sizes = [0, 1, 16, 300, 511, 512, 8_176, 8_177, 65_519]

/** Records made with the right keys, changed on the way, or not: what comes out is a prefix of what went in, and no more. */
function run(bytes: Uint8Array): void {
  const input = new Input(bytes)
  const sender = new NoiseSession(new CipherState(keyOf(1)), new CipherState(keyOf(2)))
  const sent: Uint8Array[] = []
  const wire: Uint8Array[] = [EMPTY]
  for (let count = 1 + (input.byte() % 5); count > 0; count--) {
    const pieces = piecesOf(input)
    sent.push(...pieces)
    const record = concat(sender.seal(pieces))
    for (let copies = copiesOf(input); copies > 0; copies--) wire.push(input.tamper(record))
  }
  const how = input.take(1)
  wire.push(input.flag() ? input.rest() : EMPTY)
  const whole = receive([concat(wire)])
  const cut = receive(new Input(how).cut(concat(wire)))
  const expected = concat([EMPTY, ...sent])
  must(whole.error?.code === cut.error?.code, 'any cutting is refused alike')
  for (const { plaintext } of [whole, cut]) {
    mustEqual(plaintext, expected.subarray(0, plaintext.length), 'what comes out is what went in')
  }
  must(whole.error !== undefined || equals(whole.plaintext, cut.plaintext), 'any cutting gives the same')
}

/** Most records go once; some twice, some never. */
function copiesOf(input: Input): number {
  const choice = input.byte()
  if (choice < 200) return 1
  return choice < 228 ? 2 : 0
}

function piecesOf(input: Input): Uint8Array[] {
  const choice = input.byte()
  if (choice < 128) return [input.take(choice)]
  if (choice < 192) return [input.take(choice - 128), input.take(3), EMPTY]
  return [long.subarray(0, input.pick(sizes))]
}

function receive(chunks: readonly Uint8Array[]): { plaintext: Uint8Array; error: ParleyError | undefined } {
  const receiver = new NoiseSession(new CipherState(keyOf(2)), new CipherState(keyOf(1)))
  const plaintext: Uint8Array[] = [EMPTY]
  for (const chunk of chunks) {
    const shared = chunk.slice()
    const { value, error } = outcome(() => receiver.receive(shared), 'ERR_NOISE')
    if (error) {
      staysBroken(error, () => receiver.receive(EMPTY))
      return { plaintext: concat(plaintext), error }
    }
    plaintext.push(...value!)
    // The chunk is the socket's, which uses it again.
    shared.fill(0xee)
  }
  return { plaintext: concat(plaintext), error: undefined }
}

const target: Target = {
  run,
  maxLength: 400,
  seeds: () => [
    Uint8Array.of(0, 3, 1, 2, 3),
    Uint8Array.of(2, 4, 1, 2, 3, 4, 0, 0, 150, 1, 2, 3, 0, 0, 200, 6, 0, 0, 7),
    Uint8Array.of(1, 2, 1, 2, 210, 0, 0, 1, 9, 0, 0, 1),
    Uint8Array.of(1, 2, 1, 2, 240, 1, 9, 0, 0, 1),
    Uint8Array.of(0, 200, 8, 0, 0, 5),
    Uint8Array.of(0, 200, 5, 0, 150, 0, 0, 0, 40, 1, 3),
    Uint8Array.of(0, 5, 1, 2, 3, 4, 5, 0, 0, 1, 1, 0, 3, 1, 2, 3),
  ],
}

export default target
