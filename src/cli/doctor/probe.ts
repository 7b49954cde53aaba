import { deferred, onAbort } from '../../net/timer.ts'
import type { Transport } from '../../net/transport.ts'
import { NegotiationDialer } from '../../protocol/negotiate.ts'
import type { Multiaddr } from '../../wire/multiaddr.ts'

/** Secure channels of libp2p that parley does not speak. */
const otherChannels = ['/tls/1.0.0', '/plaintext/2.0.0']

/** Which other secure channel is spoken at an address that refuses Noise, if any. */
export async function otherChannel(
  transport: Transport,
  address: Multiaddr,
  signal: AbortSignal,
): Promise<string | undefined> {
  const socket = await transport.dial(address, signal)
  const negotiation = new NegotiationDialer(otherChannels)
  const { promise, resolve } = deferred<string | undefined>()
  const nothing = () => resolve(undefined)
  const undo = onAbort(signal, nothing)
  socket.attach({
    data(chunk) {
      try {
        const agreed = negotiation.receive(chunk.slice())
        socket.write([negotiation.take()])
        if (agreed) resolve(agreed.protocol)
      } catch {
        nothing()
      }
    },
    end: nothing,
    drain() {},
    close: nothing,
  })
  socket.write([negotiation.take()])
  return promise.finally(() => {
    undo()
    socket.destroy()
  })
}
