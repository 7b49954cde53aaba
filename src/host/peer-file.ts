/** The address book as a file: see "Files" in SPEC.md. */
import { provider } from '../crypto/index.ts'
import { attempt } from '../wire/attempt.ts'
import { concat, hex, utf8, utf8Strict } from '../wire/bytes.ts'
import { Multiaddr } from '../wire/multiaddr.ts'
import { PeerId } from '../wire/peer-id.ts'
import { FileFault } from './private-file.ts'

/** Bytes of the file. */
export const MAX_PEER_FILE: number = 1024 * 1024

/** Peers that are kept; the one that would be forgotten first goes first. */
export const maxKeptPeers = 1_024

/** Addresses that are kept of one peer; the one that would be forgotten first goes first. */
export const maxKeptAddresses = 16

/** Where a peer can be dialled, without /p2p, and when to forget that, in milliseconds since 1970. */
export interface KeptAddress {
  readonly address: Multiaddr
  readonly expires: number
}

/** A peer and its addresses, the one that is kept longest first. */
export interface KeptPeer {
  readonly peerId: PeerId
  readonly addresses: readonly KeptAddress[]
}

const version = 1
const newline = 0x0a

/** The file that holds these peers, or as many of the first as there is room for. */
export function encodePeers(peers: Iterable<KeptPeer>): Uint8Array {
  const lines: Uint8Array[] = []
  let room = MAX_PEER_FILE - headOf(utf8('')).length
  for (const peer of peers) {
    const line = utf8(`${lineOf(peer)}\n`)
    room -= line.length
    if (room < 0 || lines.length === maxKeptPeers) break
    lines.push(line)
  }
  const body = concat(lines)
  return concat([headOf(body), body])
}

/** The peers in a file, in their order. Throws a `FileFault` for every file that `encodePeers` cannot have made. */
export function decodePeers(bytes: Uint8Array): KeptPeer[] {
  const end = bytes.indexOf(newline) + 1
  const [head, body] = [bytes.subarray(0, end), bytes.subarray(end)]
  if (hex(head) !== hex(headOf(body))) throw damaged()
  const lines = utf8Strict(body)?.split('\n') ?? []
  if (lines.pop() !== '' || lines.length > maxKeptPeers) throw damaged()
  return lines.map(line => attempt(() => readLine(line), damaged))
}

/** The first line; its sum tells when anything else has changed. */
function headOf(body: Uint8Array): Uint8Array {
  return utf8(`${JSON.stringify({ parley: 'peers', version, sha256: hex(provider.sha256(body)) })}\n`)
}

function lineOf({ peerId, addresses }: KeptPeer): string {
  const pairs = addresses.slice(0, maxKeptAddresses).map(({ address, expires }) => [String(address), expires])
  return JSON.stringify({ peer: String(peerId), addresses: pairs })
}

function readLine(line: string): KeptPeer {
  const { peer, addresses } = JSON.parse(line)
  const found = { peerId: PeerId.parse(peer), addresses: addresses.map(readPair) }
  // Whatever else it says, or says otherwise, was not written here.
  if (lineOf(found) !== line) throw damaged()
  return found
}

function readPair([text, expires]: [string, number]): KeptAddress {
  if (!Number.isSafeInteger(expires)) throw damaged()
  return { address: Multiaddr.parse(text), expires }
}

function damaged(cause?: unknown): FileFault {
  return new FileFault('damaged', 'is damaged, or of another version', cause)
}
