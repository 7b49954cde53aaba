import { ipOf, reachOf } from '../../host/reach.ts'
import type { ErrorCode } from '../../wire/errors.ts'
import type { Multiaddr } from '../../wire/multiaddr.ts'
import type { PeerId } from '../../wire/peer-id.ts'
import { isForeign, likenessOf } from './likeness.ts'
import { nameIn } from './lookup.ts'
import type { Clues, Failed, Stage } from './stages.ts'

type Sentence = string | ((clues: Clues) => string)

/** What is to be said when a stage fails with an error of that code; where nothing is, the error's own sentence. */
const sentences: Record<Stage, Partial<Record<ErrorCode, Sentence>>> = {
  dns: {
    ERR_RESOLVE: unresolved,
    ERR_TIMEOUT: clues =>
      `No DNS server answered ${within(clues)}; check your network, or give an IP address.`,
    ERR_NO_TRANSPORT: ({ error }) =>
      `The name leads to no address on TCP, which is all that is spoken here: ${error.message}`,
  },
  tcp: {
    ERR_CONNECTION_REFUSED: refused,
    ERR_UNREACHABLE: unreachable,
    ERR_TIMEOUT: clues =>
      `No answer from ${endpoint(clues)} ${within(clues)}: the address is wrong, the machine is off, or a firewall drops what is sent; check that its port is open.`,
  },
  negotiate: {
    ERR_PROTOCOL_UNSUPPORTED: ({ channel }) =>
      channel === undefined
        ? 'The node speaks multistream-select but refuses /noise and every other secure channel; switch Noise on there.'
        : `The node refuses /noise and speaks ${channel} instead, which is not spoken here; switch Noise on there.`,
    ERR_NEGOTIATE: foreign(
      'The node breaks the rules of multistream-select; check the port and its program.',
    ),
    ERR_CONNECTION_CLOSED: foreign(closedAtOnce),
    ERR_TIMEOUT: foreign(tooSlow),
  },
  noise: {
    ERR_CONNECTION_CLOSED:
      'The node agreed on Noise and closed in the middle of the handshake: it may be at its limits, or its Noise is another one; look into its log.',
    ERR_NOISE:
      'The handshake is not genuine: its Noise is not that of libp2p, or somebody in between changes the bytes; try from another network.',
    ERR_TIMEOUT: clues =>
      `The node agreed on Noise, but did not shake hands ${within(clues)}; it may be overloaded, so try again.`,
  },
  identity: {
    ERR_PEER_MISMATCH: ({ peerId }) =>
      `Another node than the expected one answered, ${peerId}; if you mean that one, use the address below.`,
    ERR_IDENTITY:
      'The node could not prove its key; trust nothing that comes from there, and ask its owner for the right address.',
  },
  muxer: {
    ERR_PROTOCOL_UNSUPPORTED:
      'The node refuses /yamux/1.0.0, the one muxer that is spoken here; an old one may speak only /mplex/6.7.0: switch yamux on there.',
    ERR_CONNECTION_CLOSED:
      'The node closed the connection right after the handshake: it may admit only peers that it knows, or be at its limits; look into its log.',
    ERR_TIMEOUT: clues =>
      `The node shook hands, but its muxer did not answer ${within(clues)}; it may be overloaded, so try again.`,
    ERR_YAMUX: ({ error }) => `The node agreed on yamux but breaks its rules: ${error.message}`,
  },
  identify: {
    ERR_PROTOCOL_UNSUPPORTED:
      'The node does not speak /ipfs/id/1.0.0; switch identify on there, since many programs wait for it.',
    ERR_TIMEOUT: clues =>
      `The node did not say who it is ${within(clues)}; it may be overloaded, so try again.`,
    ERR_CONNECTION_CLOSED:
      'The node closed the connection instead of saying who it is: it may admit only peers that it knows, or be at its limits.',
  },
  ping: {
    ERR_PROTOCOL_UNSUPPORTED:
      'The node does not speak /ipfs/ping/1.0.0; all else works, so only programs that ping it will fail.',
    ERR_TIMEOUT: clues =>
      `The node did not answer a ping ${within(clues)}; it may be overloaded, so try again.`,
    ERR_CONNECTION_CLOSED: 'The node closed the connection instead of answering a ping; look into its log.',
  },
}

/** Why a stage failed and what to try, in one sentence, and the addresses to try. */
export function diagnose(clues: Clues): Pick<Failed, 'message' | 'instead'> {
  const { stage, error, peerId } = clues
  const sentence = sentences[stage][error.code] ?? error.message
  const message = typeof sentence === 'string' ? sentence : sentence(clues)
  const mismatch = error.code === 'ERR_PEER_MISMATCH' && peerId !== undefined
  return { message, instead: mismatch ? [provenAddress(clues, peerId)] : [] }
}

/** The address to give to others: what the user gave, but what a dnsaddr led to, since that may stand for many peers. */
export function provenAddress(
  { target, address }: { target: Multiaddr; address: Multiaddr },
  peerId: PeerId,
): Multiaddr {
  return (target.has('dnsaddr') ? address : target).withPeerId(peerId)
}

function unresolved({ target, lookups }: Clues): string {
  const [kind, name] = nameIn(target)
  if (lookups.some(code => ['EAI_AGAIN', 'ECONNREFUSED', 'ETIMEOUT'].includes(code)))
    return `No DNS server answered for ${name}; check your network, or give an IP address.`
  if (kind === 'dnsaddr') {
    const peer = target.peerId ? ' with this peer in it' : ''
    return `_dnsaddr.${name} has no TXT record "dnsaddr=..."${peer}; check the name, or give an address with /dns or /ip4.`
  }
  const missing = { dns4: ' to an IPv4 address', dns6: ' to an IPv6 address' }[kind] ?? ''
  return `The name ${name} does not resolve${missing}; check its spelling.`
}

function refused(clues: Clues): string {
  if (systemCode(clues) === 'ECONNRESET') return closedAtOnce(clues)
  const where = `Nothing listens at ${endpoint(clues)}; check the port, and that the node runs`
  if (reachOf(clues.address) !== 'loopback') return `${where} and listens on that interface.`
  return `${where}; that address is this very machine, so for a node elsewhere use one of its network.`
}

function unreachable(clues: Clues): string {
  const ip = ipOf(clues.address)
  if (systemCode(clues) === 'EINVAL' && ip?.startsWith('fe80:'))
    return `${ip} means something only with an interface of this machine; write /ip6zone/<interface>/ip6/${ip}, such as /ip6zone/eth0/ip6/${ip}.`
  if (clues.address.has('ip6') && systemCode(clues) === 'ENETUNREACH')
    return 'This machine has no IPv6 network; use an address of the node with /ip4.'
  if (reachOf(clues.address) === 'private')
    return `No way leads to ${endpoint(clues)}: that is an address of a private network, and this machine is not in it.`
  return `No way leads to ${endpoint(clues)}; check the address and your network.`
}

/** What the system calls the failure. */
function systemCode({ error }: Clues): string | undefined {
  return (error.cause as NodeJS.ErrnoException | undefined)?.code
}

function closedAtOnce({ head }: Clues): string {
  return head.length > 0
    ? 'The node greeted and closed before it agreed on Noise: it may be at its limits, or admit only peers that it knows.'
    : 'Something accepts connections and closes them without a word: a node at its limits, one of a private network, a proxy without its node, or another program; check the port, and look into its log.'
}

function tooSlow(clues: Clues): string {
  return clues.head.length > 0
    ? `The node began to greet, but did not agree on Noise ${within(clues)}; it may be overloaded, so try again, or with a longer --timeout.`
    : `Something accepts connections and then says nothing ${within(clues)}: a proxy without its node, an overloaded node, or another program; check the port.`
}

/** Bytes that no libp2p node begins with say more than how the connection ended. */
function foreign(sentence: Sentence): Sentence {
  return clues => {
    if (isForeign(clues.head)) return likenessOf(clues.head)
    return typeof sentence === 'string' ? sentence : sentence(clues)
  }
}

/** As one writes it outside multiaddrs. */
export function endpoint({ address }: { address: Multiaddr }): string {
  const ip = ipOf(address) ?? ''
  const zone = address.value('ip6zone')
  const host = address.has('ip6') ? `[${ip}${zone === undefined ? '' : `%${zone}`}]` : ip
  return `${host}:${address.value('tcp')}`
}

function within({ timeout }: Clues): string {
  return `within ${timeout / 1_000} s`
}
