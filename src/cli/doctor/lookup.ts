import { type Resolver, resolveAddress } from '../../host/resolver.ts'
import { unlessAborted } from '../../net/timer.ts'
import type { Transport } from '../../net/transport.ts'
import { ParleyError } from '../../wire/errors.ts'
import type { Multiaddr } from '../../wire/multiaddr.ts'
import type { StageFacts } from './stages.ts'

/** The components that hold a name to look up. */
const names = ['dns', 'dns4', 'dns6', 'dnsaddr']

/** Whether an address has a name in it that is to be looked up. */
export function hasName(address: Multiaddr): boolean {
  return names.some(name => address.has(name))
}

/** The kind of name in an address, and the name. */
export function nameIn(address: Multiaddr): [kind: string, name: string] {
  const found = address.components.find(({ name }) => names.includes(name))
  return [found?.name ?? '', found?.value ?? '']
}

/** A resolver that writes down why look-ups failed, which a resolution of an address passes over. */
export function noting(resolver: Resolver, codes: string[]): Resolver {
  const noted = async (work: Promise<string[]>) => {
    try {
      return await work
    } catch (error) {
      codes.push(String((error as NodeJS.ErrnoException).code))
      throw error
    }
  }
  return {
    ip4: name => noted(resolver.ip4(name)),
    ip6: name => noted(resolver.ip6(name)),
    txt: name => noted(resolver.txt(name)),
  }
}

/** What an address stands for. Throws `ERR_RESOLVE`, and `ERR_NO_TRANSPORT` when none of it can be dialled. */
export async function lookUp(
  target: Multiaddr,
  { resolver, transport }: { resolver: Resolver; transport: Transport },
  signal: AbortSignal,
): Promise<StageFacts['dns']> {
  const found = await unlessAborted(resolveAddress(target, resolver), signal)
  const unique = [...new Map(found.map(address => [address.toString(), address])).values()]
  const addresses = unique.filter(address => transport.supports(address))
  const others = unique.filter(address => !transport.supports(address))
  if (addresses.length > 0) return { addresses, others }
  throw new ParleyError('ERR_NO_TRANSPORT', `No transport here can dial ${others.join(', ')}.`)
}
