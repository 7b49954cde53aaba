import { utf8, utf8Text } from '#src/wire/bytes'
import { PeerId } from '#src/wire/peer-id'
import { keyOf, peerIdOf } from '../../support/net.ts'
import { bytesOf } from '../../support/wire.ts'
import { isPlain, must, mustEqual, outcome } from '../engine/promise.ts'
import type { Target } from '../engine/target.ts'

/** The input is taken for the bytes of a peer ID, and for its text. */
function run(input: Uint8Array): void {
  const { value: fromBytes } = outcome(() => PeerId.fromBytes(input), 'ERR_PEER_ID')
  if (fromBytes) mustEqual(fromBytes.bytes, input, 'the bytes are kept')
  if (fromBytes) check(fromBytes)
  const { value: fromText } = outcome(() => PeerId.parse(utf8Text(input)), 'ERR_PEER_ID')
  if (fromText) check(fromText)
}

function check(id: PeerId): void {
  const text = id.toString()
  must(isPlain(text) && text.length <= 128, 'the text is short and plain')
  mustEqual(PeerId.parse(text).bytes, id.bytes, 'the text leads back')
  mustEqual(PeerId.parse(id.toCid()).bytes, id.bytes, 'the CID leads back')
  mustEqual(PeerId.fromBytes(id.bytes).bytes, id.bytes, 'the bytes lead back')
  must(text.endsWith(id.short), 'the short form is the end of the long one')
  const key = id.publicKey
  if (key) must(id.matches(key), 'the key in an ID has that ID')
}

const ids = [1, 2].map(number => peerIdOf(keyOf(number)))

const target: Target = {
  run,
  maxLength: 160,
  seeds: () => [
    ...ids.flatMap(id => [id.bytes, utf8(id.toString()), utf8(id.toCid())]),
    utf8('QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N'),
    utf8('16Uiu2HAm9xqKmbLwkgTwhtFTuhaYVpwsDpPzCmKZwfJQpbDuw2Rk'),
    bytesOf('1220').length === 2
      ? new Uint8Array([0x12, 0x20, ...new Uint8Array(32).fill(7)])
      : ids[0]!.bytes,
    bytesOf('0000'),
  ],
  words: ['Qm', '12D3KooW', 'bafz', 'z', 'u', 'b', 'B', '1', '='].map(utf8),
}

export default target
