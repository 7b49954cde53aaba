/** How long identify may take: the library's own limit. */
const patience = 5_000

/** What identify, and the pushes after it, have told of other peers. */
export class Identified {
  /** @type {Map<string, import('@libp2p/interface').IdentifyResult>} */
  #told = new Map()
  /** @type {Set<() => void>} */
  #waiting = new Set()

  /** @param {import('libp2p').Libp2p} node */
  constructor(node) {
    node.addEventListener('peer:identify', ({ detail }) => this.#add(detail))
    node.addEventListener('peer:disconnect', ({ detail }) => this.#told.delete(detail.toString()))
  }

  /** @param {string} peer */
  async of(peer) {
    const deadline = AbortSignal.timeout(patience)
    while (!this.#told.has(peer)) await this.#next(deadline, peer)
    return describe(/** @type {import('@libp2p/interface').IdentifyResult} */ (this.#told.get(peer)))
  }

  /**
   * A push may say less than identify did; what it leaves out stays.
   *
   * @param {import('@libp2p/interface').IdentifyResult} result
   */
  #add(result) {
    const peer = result.peerId.toString()
    this.#told.set(peer, { ...this.#told.get(peer), ...said(result) })
    for (const wake of this.#waiting) wake()
  }

  #next(deadline, peer) {
    return new Promise((resolve, reject) => {
      const settle = () => {
        this.#waiting.delete(settle)
        deadline.removeEventListener('abort', settle)
        if (deadline.aborted) reject(new Error(`identify has told nothing of ${peer} within ${patience} ms`))
        else resolve(undefined)
      }
      this.#waiting.add(settle)
      deadline.addEventListener('abort', settle)
    })
  }
}

/** @param {import('@libp2p/interface').IdentifyResult} told */
const describe = told => ({
  agentVersion: told.agentVersion ?? null,
  protocolVersion: told.protocolVersion ?? null,
  protocols: told.protocols ?? [],
  listenAddrs: (told.listenAddrs ?? []).map(String),
  publicKey: told.publicKey ? Buffer.from(told.publicKey).toString('hex') : null,
  observedAddr: told.observedAddr?.toString() ?? null,
  signedPeerRecord: told.signedPeerRecord !== undefined,
})

/** @returns {any} what is there of a message */
const said = result => {
  const isThere = ([, value]) => (Array.isArray(value) ? value.length > 0 : value !== undefined)
  return Object.fromEntries(Object.entries(result).filter(isThere))
}
