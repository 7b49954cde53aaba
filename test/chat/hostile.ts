import type { Report } from '#src/chat/report'
import { utf8Text } from '#src/wire/bytes'
import { ParleyError } from '#src/wire/errors'
import type { PeerId } from '#src/wire/peer-id'
import { keyOf, peerIdOf } from '../support/net.ts'
import { bytesOf } from '../support/wire.ts'

/** Whatever a terminal obeys, and whatever turns, hides or splits the text that it stands in. */
export const dangerous: RegExp =
  /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Bidi_Control}\u200b\u2060-\u206f\ufeff\u{e0000}-\u{e007f}]/u

/** Texts from strangers, and how they are shown. */
export const strangeTexts: readonly [name: string, text: string, shown: string][] = [
  ['writing the clipboard', '\x1b]52;c;aGk=\x07', '\\x1b]52;c;aGk=\\x07'],
  ['setting the title', '\x1b]0;x\x07', '\\x1b]0;x\\x07'],
  ['a link', '\x1b]8;;http://x\x1b\\y', '\\x1b]8;;http://x\\x1b\\y'],
  ['wiping the screen', '\x1b[2J', '\\x1b[2J'],
  ['moving the cursor', '\x1b[10A', '\\x1b[10A'],
  ['a report into the input', '\x1b[6n', '\\x1b[6n'],
  ['the mouse', '\x1b[?1000h', '\\x1b[?1000h'],
  ['a reset', '\x1bc', '\\x1bc'],
  ['device control', '\x1bPq\x1b\\', '\\x1bPq\\x1b\\'],
  ['an application command', '\x1b_x\x9c', '\\x1b_x\\x9c'],
  ['a command that never ends', '\x1b]', '\\x1b]'],
  ['8-bit controls', '\x9b2J\x9d0;x\x9c\x85', '\\x9b2J\\x9d0;x\\x9c\\x85'],
  ['DEL and NUL', 'a\x7fb\0c', 'a\\x7fb\\x00c'],
  ['going back over the name', 'me\rhim: hi\b\b', 'me\\x0dhim: hi\\x08\\x08'],
  ['lines within a line', 'a\nb\u2028c\u2029d\ve\ff', 'a\\x0ab\\u{2028}c\\u{2029}d\\x0be\\x0cf'],
  ['turned text', '\u202egnp.\u202c\u2066x\u2069', '\\u{202e}gnp.\\u{202c}\\u{2066}x\\u{2069}'],
  ['marks of direction', '\u061ca\u200eb\u200f', '\\u{61c}a\\u{200e}b\\u{200f}'],
  ['what is not seen', 'a\u200bb\u00adc\u2060d\u3164e', 'a\\u{200b}b\\xadc\\u{2060}d\\u{3164}e'],
  ['tags', 'a\u{e0041}\u{e007f}', 'a\\u{e0041}\\u{e007f}'],
  ['lone surrogates', 'a\ud800b\udc00', 'a\\u{d800}b\\u{dc00}'],
  ['a byte order mark', utf8Text(bytesOf('efbbbf 61')), '\\u{feff}a'],
  ['what is not UTF-8', utf8Text(bytesOf('61 c0af ff eda080')), `a${'\ufffd'.repeat(6)}`],
  ['a tower of marks', `a${'\u0301'.repeat(10)}`, `a${'\u0301'.repeat(8)}\\u{301}\\u{301}`],
  ['a tab', 'a\tb', 'a    b'],
]

/** Who says it all. */
export const ann: PeerId = peerIdOf(keyOf(1))
/** Where she is. */
export const address: string = `/ip4/127.0.0.1/tcp/3000/p2p/${String(ann)}`
/** Her coming, as a report is told of it. */
export const joined = { peer: ann, address, agent: 'parley/1', direction: 'inbound' as const }

/** Every way into a report for text from a stranger. */
export const doors: readonly [name: string, tell: (report: Report, text: string) => void][] = [
  ['a message', (report, text) => report.message({ from: ann, text, protocol: text })],
  ["a program's name", (report, text) => report.connected({ ...joined, agent: text })],
  ['an address', (report, text) => report.connected({ ...joined, address: text })],
  [
    'the reason of leaving',
    (report, text) => report.disconnected({ peer: ann, error: new ParleyError('ERR_NOISE', text) }),
  ],
  ['an error', (report, text) => report.error(new ParleyError('ERR_NOISE', text))],
  ['a line below an error', (report, text) => report.error(new ParleyError('ERR_NOISE', 'No.'), [text])],
  [
    'the reason why a try failed',
    (report, text) =>
      report.reconnecting({ peer: ann, attempt: 4, delay: 1, error: new ParleyError('ERR_NOISE', text) }),
  ],
  ['an address of ours', (report, text) => report.listening(ann, [text])],
]
