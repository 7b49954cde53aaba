import { ed25519Private, p256Private, p256Public, secp256k1Private, secp256k1Public } from '#src/crypto/der'
import { concat, equals, hex, utf8 } from '#src/wire/bytes'
import { PrivateKey, PublicKey } from '#src/wire/keys'
import { PeerId } from '#src/wire/peer-id'
import { keyOf } from '../../support/net.ts'
import { bytesOf, vectorFile } from '../../support/wire.ts'
import { Input } from '../engine/input.ts'
import { isPlain, must, mustEqual, outcome } from '../engine/promise.ts'
import type { Target } from '../engine/target.ts'

const types = ['rsa', 'ed25519', 'secp256k1', 'ecdsa'] as const
const forms = [ed25519Private, secp256k1Public, secp256k1Private, p256Public, p256Private]
const message = utf8('message')

/** The first byte says what the others are taken for. */
function run(bytes: Uint8Array): void {
  const input = new Input(bytes)
  switch (input.byte() % 4) {
    case 0:
      return readPublic(input.rest())
    case 1:
      return readRaw(input)
    case 2:
      return readPrivate(input.rest())
    default:
      return readDer(input)
  }
}

function readPublic(bytes: Uint8Array): void {
  const { value: key } = outcome(() => PublicKey.fromBytes(bytes), 'ERR_KEY', 'ERR_KEY_UNSUPPORTED')
  if (!key) return
  mustEqual(key.bytes, bytes, 'a key has one encoding')
  checkPublic(key)
}

function readRaw(input: Input): void {
  const type = input.pick(types)
  const raw = input.rest()
  const { value: key } = outcome(() => PublicKey.of(type, raw), 'ERR_KEY', 'ERR_KEY_UNSUPPORTED')
  if (!key) return
  mustEqual(key.raw, raw, 'a key is what it was made of')
  checkPublic(key)
}

function checkPublic(key: PublicKey): void {
  must(PublicKey.fromBytes(key.bytes).equals(key), 'the encoding leads back')
  must(PeerId.fromPublicKey(key).matches(key), 'the ID is that of the key')
  must(!key.verify(message, key.raw), 'no signature but a good one is good')
  must(isPlain(String(key)), 'the text is plain')
}

function readPrivate(bytes: Uint8Array): void {
  const { value: key } = outcome(() => PrivateKey.fromBytes(bytes), 'ERR_KEY', 'ERR_KEY_UNSUPPORTED')
  if (!key) return
  const again = PrivateKey.fromBytes(key.bytes)
  must(again.publicKey.equals(key.publicKey), 'the encoding leads back to the same key')
  mustEqual(again.bytes, key.bytes, 'a key is written in one encoding')
  must(key.publicKey.verify(message, key.sign(message)), 'what a key signs its public half verifies')
  must(
    !`${String(key)}${JSON.stringify(key)}`.includes(hex(key.bytes.subarray(6, 36))),
    'the secret is not shown',
  )
}

/** Below the typed errors: a form of fixed length is read and written by comparing, and refused by a plain error. */
function readDer(input: Input): void {
  const form = input.pick(forms)
  const der = input.rest()
  let parts: Uint8Array[]
  try {
    parts = form.decode(der)
  } catch (error) {
    must(
      error instanceof Error && /^The bytes are not the DER form of /.test(error.message),
      'a plain refusal',
    )
    return
  }
  must(equals(form.encode(...parts), der), 'a form has one encoding')
}

function vectors(): Uint8Array[] {
  const digits = vectorFile('keys.json').match(/"[0-9a-f]{60,}"/g) ?? []
  return [...new Set(digits)].map(text => bytesOf(text.slice(1, -1)))
}

const behind = (choice: number, bytes: Uint8Array) => concat([Uint8Array.of(choice), bytes])

const target: Target = {
  run,
  maxLength: 2_500,
  seeds: () => [
    behind(0, keyOf(1).publicKey.bytes),
    behind(2, keyOf(1).bytes),
    behind(1, concat([Uint8Array.of(1), keyOf(2).publicKey.raw])),
    behind(3, concat([Uint8Array.of(0), ed25519Private.encode(new Uint8Array(32).fill(3))])),
    behind(3, concat([Uint8Array.of(2), secp256k1Private.encode(new Uint8Array(32).fill(3))])),
    behind(3, concat([Uint8Array.of(4), p256Private.encode(new Uint8Array(32), new Uint8Array(64))])),
    ...vectors().flatMap(bytes => [behind(0, bytes), behind(2, bytes)]),
  ],
  words: [
    bytesOf('08001282'),
    bytesOf('08011220'),
    bytesOf('08021221'),
    bytesOf('0803125b'),
    bytesOf('3082'),
    bytesOf('3084000f4240'),
    bytesOf('0203010001'),
  ],
}

export default target
