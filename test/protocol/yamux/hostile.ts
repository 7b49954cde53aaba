import { encodeHeader, FrameType } from '#src/protocol/yamux/header'
import { INITIAL_WINDOW } from '#src/protocol/yamux/window'
import { utf8 } from '#src/wire/bytes'
import { bytesOf, pattern } from '../../support/wire.ts'
import { ACK, data, FIN, ping, RST, SYN, update } from './frames.ts'

const hi = utf8('hi')

/** Opens stream 1. */
export const open1: Uint8Array = update(1, 0, SYN)

/** The header of a data frame whose body does not follow. */
export const announced = (id: number, length: number, flags = 0) =>
  encodeHeader(FrameType.data, flags, id, length)

/**
 * What breaks a session: frames that may come, and bytes that may not come behind them. It breaks at their last header: that none
 * of a body is there shows that none is waited for.
 */
export const breakingFrames: [promise: string, before: Uint8Array[], bytes: Uint8Array][] = [
  ['at another version', [], bytesOf('01 01 0001 00000001 00000000')],
  ['at an unknown type', [], bytesOf('00 04 0000 00000000 00000000')],
  ['at the highest unknown type', [open1], bytesOf('00 ff 0000 00000001 00000000')],
  ['at data without a stream', [], bytesOf('00 00 0001 00000000 00000000')],
  ['at an update without a stream', [], update(0, 5)],
  ['at a ping on a stream', [open1], ping(5, SYN, 1)],
  ['at a pong on a stream', [open1], ping(5, ACK, 1)],
  ['at a SYN of the wrong parity', [], bytesOf('00 01 0001 00000002 00000000')],
  ['at a second SYN for a stream that lives', [open1], update(1, 0, SYN)],
  ['at a second SYN on data', [open1], data(1, hi, SYN)],
  ['at a second SYN with RST', [open1], update(1, 0, SYN | RST)],
  ['at a SYN for a stream that is half closed', [update(1, 0, SYN | FIN)], update(1, 0, SYN)],
  ['at a first frame beyond the window', [], bytesOf('00 00 0001 00000001 00040001')],
  ['at a frame beyond the window', [open1], announced(1, INITIAL_WINDOW + 1)],
  ['at one byte beyond the window', [open1, data(1, pattern(INITIAL_WINDOW))], announced(1, 1)],
  ['at a frame beyond the rest of the window', [open1, data(1, pattern(200_000))], announced(1, 62_145)],
  ['at a frame beyond the window with RST', [open1], announced(1, INITIAL_WINDOW + 1, RST)],
  ['at the longest of all frames', [open1], announced(1, 0xffff_ffff)],
  ['at the longest of all frames for an unknown stream', [], announced(1, 0xffff_ffff)],
  ['at the longest of all frames for a stream of ours', [], announced(2, 0xffff_ffff)],
  ['at the longest of all frames for an ended stream', [update(1, 0, SYN | FIN)], announced(1, 0xffff_ffff)],
  ['at a frame beyond the largest window for an unknown stream', [], announced(9, 64 * 1024 * 1024 + 1)],
  ['at more credit than there can be with the SYN', [], update(1, 0xffff_ffff, SYN)],
  ['at more credit than there can be in sum', [open1, update(1, 0x8000_0000)], update(1, 0x7ffc_0000)],
  ['at more credit than there can be after FIN', [update(1, 0, SYN | FIN)], update(1, 0xffff_ffff)],
]
