import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createHost } from '#src/host/host'
import type { ParleyError } from '#src/wire/errors'
import { withHosts } from '../support/hosts.ts'
import { errorOf, until } from '../support/net.ts'
import { Child } from './child.ts'
import { codeOf, type Fault, NotHere } from './fault.ts'

/** What a system call failed with, as the error of ours names it. */
function systemCode(error: ParleyError): string {
  return String((error.cause as NodeJS.ErrnoException | undefined)?.code)
}

async function refusedAndInUse(): Promise<string> {
  const seen: string[] = []
  await withHosts(1, {}, async host => {
    const taken = host.addresses[0]!.withoutPeerId()
    const again = await errorOf(createHost({ listen: [taken] }))
    const passing = await createHost({ listen: ['/ip4/127.0.0.1/tcp/0'] })
    const free = passing.addresses[0]!.withoutPeerId()
    await passing.stop()
    const refused = await errorOf(host.dial(free))
    const nowhere = await errorOf(createHost({ listen: ['/ip4/192.0.2.1/tcp/0'] }))
    for (const error of [again, refused, nowhere]) seen.push(`${systemCode(error)}: ${error.code}`)
  })
  assert.deepEqual(seen, [
    'EADDRINUSE: ERR_ADDRESS_IN_USE',
    'ECONNREFUSED: ERR_CONNECTION_REFUSED',
    'EADDRNOTAVAIL: ERR_LISTEN',
  ])
  return seen.join(', ')
}

/** A write to a socket that the other side has reset. */
async function brokenPipe(): Promise<string> {
  const codes: string[] = []
  await withHosts(2, {}, async (dialer, listener) => {
    listener.handle('/cut', stream => stream.connection.abort())
    const stream = await dialer.open(listener.addresses[0]!, '/cut', { optimistic: true })
    const write = async () => {
      for (;;) {
        stream.write(new Uint8Array(1_000))
        await new Promise(resolve => setImmediate(resolve))
      }
    }
    codes.push(await codeOf(write()), await codeOf(stream.closed))
    await until(() => dialer.connections.length === 0)
  })
  assert.deepEqual(new Set(codes), new Set(['ERR_CONNECTION_CLOSED']))
  return `write and stream end in ${codes[0]}`
}

/** A machine with one cable whose other end takes everything in and never answers, and some routes that lead nowhere. */
const island = `
  ip link add near type veth peer name far
  ip addr add 10.98.0.1/24 dev near
  ip link set near arp off up
  ip link set far arp off up
  ip route add unreachable 10.97.0.0/24
  ip route add prohibit 10.96.0.0/24
  ip route add blackhole 10.95.0.0/24
  echo 1 > /proc/sys/net/ipv4/tcp_syn_retries
  exec "$@"
`

const dials: readonly [host: string, system: string][] = [
  ['10.97.0.1', 'EHOSTUNREACH'],
  ['10.96.0.1', 'EACCES'],
  ['10.95.0.1', 'EINVAL'],
  ['192.0.2.1', 'ENETUNREACH'],
  ['10.98.0.2', 'ETIMEDOUT'],
]

async function unreachable(): Promise<string> {
  const own = process.getuid?.() === 0 ? [] : ['--user', '--map-root-user']
  const before = ['unshare', '--net', ...own, 'sh', '-ec', island, 'sh']
  const { status, stderr } = spawnSync(before[0]!, [...before.slice(1), 'true'], { encoding: 'utf8' })
  if (status !== 0)
    throw new NotHere(`no network can be made here: ${stderr?.trim() || 'there is no unshare'}`)
  const child = new Child(
    `
      import { createHost } from '#src/index'
      const host = await createHost()
      for (const [address] of ${JSON.stringify(dials)}) {
        const error = await host.dial('/ip4/' + address + '/tcp/4001').catch(error => error)
        console.log(JSON.stringify({ dial: [error.cause?.code, error.code, error.name, error.message] }))
      }
      await host.stop()
    `,
    { before },
  )
  const seen: string[] = []
  for (const [, system] of dials) {
    const [cause, code, name] = (await child.next('dial')).dial as string[]
    assert.deepEqual([cause, code, name], [system, 'ERR_UNREACHABLE', 'ParleyError'])
    seen.push(`${cause}: ${code}`)
  }
  assert.equal(await child.end(), 0, child.stderr)
  return seen.join(', ')
}

/** What the system says. */
export const errors: readonly Fault[] = [
  {
    name: 'an address in use, a refused dial and an address of another machine are told by code',
    run: refusedAndInUse,
  },
  { name: 'a write to a peer that has reset the connection ends in an error of ours', run: brokenPipe },
  {
    name: 'hosts and networks that cannot be reached, and time that runs out, are told by code',
    long: true,
    run: unreachable,
  },
]
