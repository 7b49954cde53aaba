import { randomBytes } from 'node:crypto'
import { performance } from 'node:perf_hooks'
import { publicKeyToProtobuf } from '@libp2p/crypto/keys'
import { peerIdFromString } from '@libp2p/peer-id'
import { CODE_P2P, multiaddr } from '@multiformats/multiaddr'
import { digest, digestMessageSize, pattern, readDigestMessage, resetLimit, u64 } from './bytes.mjs'
import { streamLimits } from './node.mjs'
import { echo, protocols, readBeforeReset } from './protocols.mjs'
import { end, Reader, write, writeAll } from './streams.mjs'

/** What may be asked of a peer: the methods are the commands, by their names. */
export class Commands {
  #node
  #acceptors
  #chats
  #identified

  /**
   * @param {import('libp2p').Libp2p} node
   * @param {import('./protocols.mjs').Acceptors} acceptors
   * @param {import('./chats.mjs').Chats} chats
   * @param {import('./identified.mjs').Identified} identified
   */
  constructor(node, acceptors, chats, identified) {
    this.#node = node
    this.#acceptors = acceptors
    this.#chats = chats
    this.#identified = identified
  }

  self() {
    const { agentVersion, protocolVersion } = this.#node.services.identify.host
    return {
      agentVersion,
      protocolVersion,
      protocols: this.#node.getProtocols(),
      listenAddrs: this.#node.getMultiaddrs().map(address => address.decapsulateCode(CODE_P2P).toString()),
      publicKey: Buffer.from(publicKeyToProtobuf(this.#node.peerId.publicKey)).toString('hex'),
    }
  }

  async dial({ address }) {
    const target = multiaddr(address)
    const connection = await this.#node.dial(target)
    const peer = connection.remotePeer.toString()
    const wanted = target.getComponents().findLast(({ code }) => code === CODE_P2P)?.value
    // The library itself does not compare peer IDs that are hashes of RSA keys.
    if (wanted !== undefined && !peerIdFromString(wanted).equals(connection.remotePeer)) {
      connection.abort(new Error('another peer has answered'))
      throw new Error(`${peer} has answered instead of ${wanted}`)
    }
    return { peer }
  }

  connections({ peer }) {
    return { count: this.#open(peer).length }
  }

  async ping({ peer, count }) {
    const stream = await this.#stream(peer, protocols.ping)
    const reader = new Reader(stream)
    const rtts = []
    for (let sent = 0; sent < count; sent++) {
      const bytes = randomBytes(32)
      const start = performance.now()
      await write(stream, bytes)
      same(await reader.take(32), bytes)
      rtts.push(performance.now() - start)
    }
    await end(stream)
    return { rtts }
  }

  async 'own-ping'({ peer }) {
    return { rtt: await this.#node.services.ping.ping(peerIdFromString(peer)) }
  }

  identify({ peer }) {
    return this.#identified.of(peer)
  }

  async handle({ protocol }) {
    await this.#node.handle(protocol, echo, streamLimits)
    return {}
  }

  async select({ peer, protocols: proposals }) {
    const stream = await this.#stream(peer, proposals)
    await exchange(stream, Buffer.from('hello'))
    return { protocol: stream.protocol }
  }

  async echo({ peer, bytes }) {
    const stream = await this.#stream(peer, protocols.echo)
    const received = digestMeanwhile(stream)
    const [back] = await Promise.all([received, writeAll(stream, pattern(bytes)).then(() => end(stream))])
    return back
  }

  async upload({ peer, bytes, protocol = protocols.sink }) {
    const stream = await this.#stream(peer, protocol)
    const reader = new Reader(stream)
    await writeAll(stream, pattern(bytes))
    await end(stream)
    const message = await reader.take(digestMessageSize)
    await ended(reader)
    return readDigestMessage(message)
  }

  async download({ peer, bytes }) {
    const stream = await this.#stream(peer, protocols.source)
    const received = digestMeanwhile(stream)
    const [back] = await Promise.all([received, write(stream, u64(bytes)).then(() => end(stream))])
    return back
  }

  async mute({ peer, bytes }) {
    const stream = await this.#stream(peer, protocols.mute)
    await ended(new Reader(stream))
    await writeAll(stream, pattern(bytes))
    await end(stream)
    return {}
  }

  async 'be-reset'({ peer }) {
    const stream = await this.#stream(peer, protocols.reset)
    let written = 0
    try {
      for (const block of pattern(resetLimit)) {
        await write(stream, block)
        written += block.length
      }
    } catch (error) {
      if (stream.status !== 'reset') throw error
      return { written }
    }
    throw new Error(`${resetLimit} bytes have passed without a reset`)
  }

  async reset({ peer }) {
    const stream = await this.#stream(peer, protocols.source)
    const reader = new Reader(stream)
    await write(stream, u64(64 * 1024 * 1024))
    await reader.take(readBeforeReset)
    stream.abort(new Error('reset, as was asked for'))
    return {}
  }

  release() {
    this.#acceptors.release()
    return {}
  }

  async streams({ peer, count, atOnce }) {
    const all = Array.from({ length: count })
    const open = () => this.#stream(peer, protocols.echo)
    if (atOnce) {
      const streams = await Promise.all(all.map(open))
      await Promise.all(streams.map(stream => exchange(stream, randomBytes(100))))
    } else {
      for (const _ of all) await exchange(await open(), randomBytes(100))
    }
    return { count }
  }

  async chat({ peer }) {
    const stream = await this.#stream(peer, protocols.chat)
    this.#chats.add(peer, stream).catch(error => console.error(`chat with ${peer}: ${error.message}`))
    return {}
  }

  async say({ peer, text }) {
    await this.#chats.say(peer, text)
    return {}
  }

  async perf({ peer, upload, download }) {
    const start = performance.now()
    const stream = await this.#stream(peer, protocols.perf)
    const received = digestMeanwhile(stream)
    await write(stream, u64(download))
    await writeAll(stream, pattern(upload))
    await end(stream)
    const { bytes } = await received
    return { seconds: (performance.now() - start) / 1000, bytes }
  }

  async close({ peer }) {
    await this.#node.hangUp(peerIdFromString(peer))
    return {}
  }

  async stop() {
    await this.#node.stop()
    return {}
  }

  /** @param {string} peer */
  #open(peer) {
    return this.#node.getConnections(peerIdFromString(peer)).filter(({ status }) => status === 'open')
  }

  /** @param {string} peer @param {string | string[]} proposals */
  async #stream(peer, proposals) {
    const [connection] = this.#open(peer)
    if (!connection) throw new Error(`there is no connection with ${peer}`)
    return connection.newStream(proposals, streamLimits)
  }
}

/** Says something to an echo, ends, and reads the answer to its end. */
async function exchange(stream, bytes) {
  const reader = new Reader(stream)
  await write(stream, bytes)
  await end(stream)
  same(await reader.take(bytes.length), bytes)
  await ended(reader)
}

async function ended(reader) {
  if (await reader.next()) throw new Error('the other side has sent more than it should')
}

function same(received, sent) {
  if (!sent.equals(received)) throw new Error('what came back differs from what was sent')
}

/**
 * Reads a stream to its end while it is written to. When the writing fails nobody asks for the digest any more.
 *
 * @param {import('@libp2p/interface').Stream} stream
 */
function digestMeanwhile(stream) {
  const received = digest(new Reader(stream))
  received.catch(() => {})
  return received
}
