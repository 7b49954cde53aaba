import { Multiaddr } from '../wire/multiaddr.ts'
import { PeerId } from '../wire/peer-id.ts'
import { Recent } from '../wire/recent.ts'

/** Whom to reach: a multiaddr, as text or value, or a peer ID, as text or value, whose addresses are known. */
export type Target = string | Multiaddr | PeerId

/** What a target says: at least one of the two. */
export interface Destination {
  readonly peerId: PeerId | undefined
  readonly address: Multiaddr | undefined
}

/** Texts that are remembered; programs name the same few peers again and again. */
const remembered = 128

/** Reads targets. Base58 takes as long as a stream takes to open, so what a text said is remembered. */
export class Targets {
  readonly #recent = new Recent<Destination>(remembered)

  /** Throws `ERR_MULTIADDR` or `ERR_PEER_ID`. */
  read(target: Target): Destination {
    if (typeof target !== 'string') return read(target)
    const known = this.#recent.get(target)
    if (known) return known
    const destination = read(target)
    this.#recent.set(target, destination)
    return destination
  }
}

function read(target: Target): Destination {
  if (target instanceof PeerId) return { peerId: target, address: undefined }
  if (typeof target === 'string' && !target.startsWith('/')) {
    return { peerId: PeerId.parse(target), address: undefined }
  }
  const address = Multiaddr.from(target)
  const { peerId } = address
  const bare = address.withoutPeerId().components.length === 0
  return { peerId, address: bare ? undefined : address }
}
