import type { AddressInfo } from 'node:net'
import { connect, createServer, type Socket } from 'node:net'

/** How a proxy passes bytes on: one by one, or gathered into large pieces. */
export type Cutting = 'bytes' | 'blocks'

/** A proxy in front of one TCP port of 127.0.0.1. */
export interface Proxy {
  port: number
  close(): void
}

const blockLength = 65_536

/** Bytes that come within this time leave as one block, if they do not fill one before. */
const gatherTime = 5

/** Starts a proxy to a port. */
export async function startProxy(target: number, cutting: Cutting): Promise<Proxy> {
  const sockets = new Set<Socket>()
  const server = createServer({ noDelay: true, allowHalfOpen: true }, near => {
    const far = connect({ port: target, host: '127.0.0.1', noDelay: true, allowHalfOpen: true })
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from)
      from.on('error', () => to.destroy())
      from.on('close', () => sockets.delete(from))
      const passing = cutting === 'bytes' ? passBytes(from, to) : passBlocks(from, to)
      passing.then(
        () => to.end(),
        () => to.destroy(),
      )
    }
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    close: () => {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}

/** One byte a segment: each waits until the one before has been handed to the network, and a turn longer. */
async function passBytes(from: Socket, to: Socket): Promise<void> {
  for await (const chunk of from as AsyncIterable<Buffer>) {
    for (let i = 0; i < chunk.length; i++) {
      await written(to, chunk.subarray(i, i + 1))
      await new Promise<void>(resolve => setImmediate(resolve))
    }
  }
}

async function passBlocks(from: Socket, to: Socket): Promise<void> {
  let waiting: Buffer[] = []
  let length = 0
  let timer: NodeJS.Timeout | undefined
  const flush = async () => {
    clearTimeout(timer)
    timer = undefined
    const block = Buffer.concat(waiting)
    waiting = []
    length = 0
    if (block.length > 0) await written(to, block)
  }
  for await (const chunk of from as AsyncIterable<Buffer>) {
    waiting.push(chunk)
    length += chunk.length
    timer ??= setTimeout(() => void flush().catch(() => {}), gatherTime)
    if (length >= blockLength) await flush()
  }
  await flush()
}

function written(socket: Socket, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.write(bytes, error => (error ? reject(error) : resolve()))
  })
}
