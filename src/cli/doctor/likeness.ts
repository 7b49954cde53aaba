import { encodeMessage, MULTISTREAM_PROTOCOL } from '../../protocol/negotiate.ts'
import { equals, hex, latin1Text } from '../../wire/bytes.ts'
import { quoted } from '../../wire/text.ts'

/** How many of the first bytes tell what somebody is. */
export const HEAD_LENGTH = 64

/** How many bytes are shown of what is no text. */
const shownBytes = 12

/** What programs that are no libp2p node on TCP say first, or in answer to its greeting; and what that may mean. */
const likenesses: readonly [pattern: RegExp, what: string, advice: string][] = [
  [
    /^HTTP\/\d|^<(!doctype|html)/i,
    'A web server',
    'check the port; if the node is meant, this is its WebSocket, which is not spoken here',
  ],
  [
    // biome-ignore lint/suspicious/noControlCharactersInRegex: a record begins with its type and version.
    /^[\x15\x16]\x03[\0-\x04]/,
    'A TLS server',
    'check the port; TLS without multistream-select is not libp2p on TCP',
  ],
  [/^SSH-/, 'An SSH server', 'check the port'],
  [/^220[ -]/, 'A mail or FTP server', 'check the port'],
  [/^(\* OK|\+OK)/, 'A mailbox server', 'check the port'],
  [/^-(ERR|DENIED|NOAUTH)/, 'A Redis server', 'check the port'],
  [/^RFB \d/, 'A VNC server', 'check the port'],
]

const greeting = encodeMessage(MULTISTREAM_PROTOCOL)

/** Whether what has come so far is no beginning of a greeting. */
export function isForeign(head: Uint8Array): boolean {
  const length = Math.min(head.length, greeting.length)
  return !equals(head.subarray(0, length), greeting.subarray(0, length))
}

/** What somebody is who does not begin as a libp2p node does, in one sentence. */
export function likenessOf(head: Uint8Array): string {
  const text = latin1Text(head)
  const [, what, advice] = likenesses.find(([pattern]) => pattern.test(text)) ?? stranger
  return `${what} answers there, with ${shown(text, head)}: ${advice}.`
}

const stranger = [
  undefined,
  'Something that is not a public libp2p node',
  'check the port; nodes of a private network, which share a key of their own, look like this too',
] as const

/** The first line where it is text, else the first bytes. */
function shown(text: string, head: Uint8Array): string {
  const [line = ''] = text.split(/\r?\n/)
  return /^[\x20-\x7e]+$/.test(line) ? quoted(line) : `the bytes ${hex(head.subarray(0, shownBytes))}`
}
