/** What both ends of the loopback suite know. */

/** What the other end answers to. */
export const protocols = {
  /** Reads to the end, then tells the number of bytes. */
  sink: '/bench/sink/1.0.0',
  /** The same with the number of length-prefixed messages. */
  messages: '/bench/messages/1.0.0',
  /** Reads for how many milliseconds to send, then sends. */
  source: '/bench/source/1.0.0',
  echo: '/bench/echo/1.0.0',
}

/** Where the other end listens: its multiaddr, and the ports of its bare sockets. */
export interface Peer {
  address: string
  bareSink: number
  bareEcho: number
}

/** What bulk is made of. */
export const chunk = new Uint8Array(64 * 1024).fill(0x5a)
