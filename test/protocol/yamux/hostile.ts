import { encodeHeader, FrameType } from '#src/protocol/yamux/header'
import { INITIAL_WINDOW } from '#src/protocol/yamux/window'
import { concat, utf8 } from '#src/wire/bytes'
import { bytesOf, pattern } from '../../support/wire.ts'
import { ACK, data, FIN, goAway, ping, RST, SYN, update } from './frames.ts'

/** A way to break the rules that ends the session. */
export interface Breach {
  /** Its number in the list of bad inputs. */
  readonly id: string
  readonly what: string
  /** What a client says before it, which a server must bear. */
  readonly before: readonly Uint8Array[]
  /** The last header of these bytes is the breach; that none of its body is there shows that none is waited for. */
  readonly bytes: Uint8Array
}

const hi = utf8('hi')
const open1 = update(1, 0, SYN)
const ended1 = update(1, 0, SYN | FIN)
const full1 = data(1, pattern(INITIAL_WINDOW))
const longest = 0xffff_ffff

/** The header of a data frame whose body does not follow. */
const announced = (id: number, length: number, flags = 0) => encodeHeader(FrameType.data, flags, id, length)

/** What a server must end the session over. */
export const breaches: readonly Breach[] = [
  breach('B61', 'another version', [], bytesOf('01 01 0001 00000001 00000000')),
  breach('B61', 'the highest version', [open1], bytesOf('ff 00 0000 00000001 00000000')),
  breach('B61', 'an unknown type', [], bytesOf('00 04 0000 00000000 00000000')),
  breach('B61', 'the highest unknown type', [open1], bytesOf('00 ff 0000 00000001 00000000')),
  breach('B61', 'data without a stream', [], bytesOf('00 00 0001 00000000 00000000')),
  breach('B61', 'an update without a stream', [], update(0, 5)),
  breach('B61', 'a reset without a stream', [], update(0, 0, RST)),
  breach('B67', 'a ping on a stream', [open1], ping(5, SYN, 1)),
  breach('B67', 'a pong on a stream', [open1], ping(5, ACK, 1)),
  breach('B72', 'a SYN of the wrong parity', [], bytesOf('00 01 0001 00000002 00000000')),
  breach('B72', 'a second SYN for a stream that lives', [open1], update(1, 0, SYN)),
  breach('B72', 'a second SYN on data', [open1], data(1, hi, SYN)),
  breach('B72', 'a second SYN with RST', [open1], update(1, 0, SYN | RST)),
  breach('B72', 'a SYN for a stream that is half closed', [ended1], update(1, 0, SYN)),
  breach('B62', 'a first frame beyond the window', [], bytesOf('00 00 0001 00000001 00040001')),
  breach('B62', 'a first frame of 1 MiB', [], announced(1, 1024 * 1024, SYN)),
  breach('B62', 'a first frame of 2 GiB', [], announced(1, 0x8000_0000, SYN)),
  breach('B62', 'the longest of all first frames', [], announced(1, longest, SYN | FIN)),
  breach('B64', 'a frame beyond the window', [open1], announced(1, INITIAL_WINDOW + 1)),
  breach('B64', 'one byte beyond the window', [open1, full1], announced(1, 1)),
  breach('B64', 'a frame beyond the rest', [open1, data(1, pattern(200_000))], announced(1, 62_145)),
  breach('B64', 'a frame beyond the window with RST', [open1], announced(1, INITIAL_WINDOW + 1, RST)),
  breach('B63', 'the longest of all frames', [open1], announced(1, longest)),
  breach('B63', 'the longest of all frames for an unknown stream', [], announced(1, longest)),
  breach('B63', 'the longest of all frames for a stream of ours', [], announced(2, longest)),
  breach('B63', 'the longest of all frames for a stream that ended', [ended1], announced(1, longest)),
  breach('B63', 'the longest of all frames with RST', [], announced(5, longest, RST)),
  breach('B63', 'more than the largest window for an unknown stream', [], announced(9, 64 * 1024 * 1024 + 1)),
  breach('B65', 'more credit than there can be with the SYN', [], update(1, longest, SYN)),
  breach(
    'B65',
    'more credit than there can be in sum',
    [open1, update(1, 0x8000_0000)],
    update(1, 0x7ffc_0000),
  ),
  breach('B65', 'more credit than there can be after FIN', [ended1], update(1, longest)),
  breach('B65', 'all credit twice', [open1, update(1, longest - INITIAL_WINDOW)], update(1, longest)),
]

function breach(id: string, what: string, before: readonly Uint8Array[], bytes: Uint8Array): Breach {
  return { id, what, before, bytes }
}

/** A lively session as a client sends it. */
export const recording: Uint8Array = concat([
  open1,
  data(1, pattern(100)),
  ping(7, SYN),
  data(3, hi, SYN),
  data(3, new Uint8Array(0)),
  update(1, 500),
  data(1, pattern(3)),
  data(3, pattern(20), FIN),
  data(99, pattern(50)),
  data(5, pattern(30), SYN | FIN),
  update(7, 0, SYN),
  data(7, pattern(9)),
  update(7, 0x1001, RST),
  data(7, pattern(9)),
  update(1, 0, FIN),
  update(9, 0, SYN | RST),
  goAway(0),
])

/** What the recording says, as `told` puts it. */
export const events: readonly string[] = [
  'open 1',
  'data 1 100 bytes',
  'open 3',
  'data 3 6869',
  'data 1 001f3e',
  'data 3 20 bytes',
  'end 3',
  'open 5',
  'data 5 30 bytes',
  'end 5',
  'open 7',
  'data 7 001f3e5d7c9bbad9f8',
  'reset 7 4097',
  'end 1',
  'goAway 0',
]

/** What a server answers to the recording. */
export const answers: readonly string[] = ['ping ACK 7', 'update 1 ACK 0', 'update 3 ACK 0', 'update 5 ACK 0']
