import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { memory } from '#src/net/memory'
import { SocketWrapper } from '#src/net/socket-wrapper'
import { tcp } from '#src/net/tcp'
import type { Listener, Socket, SocketHandler, Transport } from '#src/net/transport'
import { concat, utf8 } from '#src/wire/bytes'
import { ParleyError } from '#src/wire/errors'
import { feed, randomNumbers } from '../support/feed.ts'
import { journal, serveEcho, withHosts } from '../support/hosts.ts'
import { collect, Ear, errorOf, never, turns, until } from '../support/net.ts'
import { pattern } from '../support/wire.ts'

/** What is done to a dialled connection on its way. */
interface Fault {
  /** Bytes that pass in that direction before the line is cut. */
  sent?: number
  received?: number
  /** Delivers what comes byte by byte. */
  trickles?: boolean
  cut?: 'destroy' | 'end'
}

/** A socket whose line is bad. */
class BadSocket extends SocketWrapper {
  readonly #fault: Fault
  #sent = 0
  #received = 0

  constructor(socket: Socket, fault: Fault) {
    super(socket)
    this.#fault = fault
  }

  override attach(handler: SocketHandler): void {
    super.attach({
      data: chunk => this.#deliver(chunk, handler),
      end: () => handler.end(),
      drain: () => handler.drain(),
      close: error => handler.close(error),
    })
  }

  override write(pieces: readonly Uint8Array[]): boolean {
    const bytes = concat([new Uint8Array(0), ...pieces])
    const left = (this.#fault.sent ?? Number.POSITIVE_INFINITY) - this.#sent
    this.#sent += bytes.length
    const room = super.write([bytes.subarray(0, Math.max(0, left))])
    if (bytes.length >= left) this.#cut()
    return room
  }

  #deliver(chunk: Uint8Array, handler: SocketHandler): void {
    const left = (this.#fault.received ?? Number.POSITIVE_INFINITY) - this.#received
    this.#received += chunk.length
    const passed = chunk.subarray(0, Math.max(0, left))
    if (passed.length > 0)
      for (const piece of feed(passed, this.#fault.trickles ? 'bytes' : 'whole')) handler.data(piece)
    if (chunk.length >= left) this.#cut()
  }

  #cut(): void {
    this[this.#fault.cut ?? 'destroy']()
  }
}

/** A transport whose dialled connections suffer the fault. */
function faulty(transport: Transport, fault: Fault): Transport {
  return {
    name: 'faulty',
    supports: address => transport.supports(address),
    dial: async (address, signal) => new BadSocket(await transport.dial(address, signal), fault),
    listen: (address, accept): Promise<Listener> => transport.listen(address, accept),
  }
}

const lines = {
  memory: [memory(), '/memory/0'],
  tcp: [tcp(), '/ip4/127.0.0.1/tcp/0'],
} as const

/** Dials over a bad line and talks; gives how that went. Whatever happens, nothing may be left of it. */
async function outcomeOf(fault: Fault, line: keyof typeof lines): Promise<string> {
  const [transport, listen] = lines[line]
  let outcome = ''
  const options = (index: number) => ({
    listen: index === 0 ? [] : [listen],
    transports: [index === 0 ? faulty(transport, fault) : transport],
    limits: { dialTimeout: 1_000, upgradeTimeout: 1_000 },
  })
  await withHosts(2, options, async (a, b) => {
    const journals = [journal(a), journal(b)]
    serveEcho(b)
    outcome = await a
      .open(b.addresses[0]!, '/echo')
      .then(
        async stream => {
          stream.write(pattern(300))
          await stream.end()
          assert.deepEqual(await collect(stream), pattern(300))
          return 'done'
        },
        (error: unknown) => (error instanceof ParleyError ? error.code : String(error)),
      )
      .catch((error: unknown) => (error instanceof ParleyError ? error.code : String(error)))
    await Promise.all([a.stop(), b.stop()])
    for (const heard of journals) assert.ok([0, 2].includes(heard.length), heard.join())
  })
  return outcome
}

describe('a line that breaks', () => {
  for (const line of ['memory', 'tcp'] as const) {
    for (const direction of ['sent', 'received'] as const) {
      for (const cut of ['destroy', 'end'] as const) {
        test(`after any number of bytes ${direction} gives an error, by ${cut}, over ${line}`, async () => {
          const outcomes: string[] = []
          const step = line === 'memory' ? 19 : 43
          for (let count = 0; count < 1_400; count += step) {
            outcomes.push(await outcomeOf({ [direction]: count, cut }, line))
          }
          const allowed = [
            'ERR_CONNECTION_CLOSED',
            'ERR_STREAM_RESET',
            'ERR_UNEXPECTED_END',
            'ERR_TIMEOUT',
            'done',
          ]
          for (const outcome of outcomes) assert.ok(allowed.includes(outcome), outcome)
          assert.equal(outcomes[0], 'ERR_CONNECTION_CLOSED')
        })
      }
    }
  }

  test('never makes up or loses a byte in silence: what is read is a beginning, and the whole where it ends well', async () => {
    const random = randomNumbers(7)
    const whole = pattern(400_000)
    let cut = 0
    for (let round = 0; round < 40; round++) {
      const fault: Fault = {
        received: Math.floor(random() * 1_500_000),
        cut: round % 2 === 0 ? 'end' : 'destroy',
      }
      const options = (index: number) => ({
        listen: index === 0 ? [] : ['/memory/0'],
        transports: [index === 0 ? faulty(memory(), fault) : memory()],
      })
      await withHosts(2, options, async (a, b) => {
        const sizes = new Map<number, number>()
        b.handle('/source', async stream => {
          const size = Math.floor(random() * whole.length)
          stream.write(whole.subarray(0, size))
          sizes.set(stream.id, size)
          await stream.end()
        })
        const readings = Array.from({ length: 5 }, async () => {
          const stream = await a.open(b.addresses[0]!, '/source').catch(() => undefined)
          if (!stream) return
          let length = 0
          try {
            for await (const chunk of stream) {
              assert.deepEqual(chunk, whole.subarray(length, length + chunk.length))
              length += chunk.length
            }
            assert.equal(length, sizes.get(stream.id))
          } catch (error) {
            assert.ok(error instanceof ParleyError, String(error))
            assert.equal(error.code, 'ERR_CONNECTION_CLOSED')
            cut++
          }
        })
        await Promise.all(readings)
      })
    }
    assert.ok(cut > 0)
  })

  test('or brings every byte by itself changes nothing', async () => {
    assert.equal(await outcomeOf({ trickles: true }, 'memory'), 'done')
    assert.equal(await outcomeOf({ trickles: true }, 'tcp'), 'done')
  })
})

describe('strangers who', () => {
  const garbage: [string, Uint8Array][] = [
    ['speak HTTP', utf8(`GET / HTTP/1.1\r\nHost: example.com\r\n${'X-Header: 1\r\n'.repeat(10)}\r\n`)],
    ['speak TLS', Uint8Array.of(0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3, ...pattern(600))],
    ['send zeros', new Uint8Array(10_000)],
    ['send noise', pattern(10_000)],
  ]

  for (const [name, bytes] of garbage) {
    test(`${name} are shown the door, and hear nothing`, () =>
      withHosts(2, {}, async (a, b) => {
        const socket = await tcp().dial(a.addresses[0]!, never)
        const ear = new Ear()
        socket.attach(ear)
        socket.write([bytes])
        await until(() => ear.ends + ear.closes.length > 0)
        assert.equal(ear.length, 0)
        assert.deepEqual(a.connections, [])
        await b.dial(a.addresses[0]!)
        socket.destroy()
      }))
  }

  test('come and go at once leave nothing', () =>
    withHosts(2, {}, async (a, b) => {
      const heard = journal(a)
      for (let i = 0; i < 100; i++) {
        const socket = await tcp().dial(a.addresses[0]!, never)
        if (i % 3 > 0) socket.write([utf8('\u0013/multistream/1.0.0\n\u0007/noise\n')])
        if (i % 2 > 0) await turns(1)
        socket.destroy()
      }
      await b.dial(a.addresses[0]!)
      await until(() => heard.length > 0)
      assert.deepEqual(heard, [`connect ${b.peerId.toString()}`])
    }))

  test('connect in full and are gone at once come and go in the books, too', () =>
    withHosts(1, {}, async host => {
      const heard = journal(host)
      for (let i = 0; i < 20; i++) {
        await withHosts(1, { listen: [] }, async peer => {
          const connection = await peer.dial(host.addresses[0]!)
          if (i % 2 > 0) await turns(i)
          connection.abort()
        })
        await until(() => host.connections.length === 0)
      }
      const ins = heard.filter(line => line.startsWith('connect'))
      assert.equal(heard.length, 2 * ins.length)
    }))
})

test('a peer that dies takes only its own streams with it', () =>
  withHosts(3, {}, async (a, b, c) => {
    serveEcho(a)
    const [dying, living] = [await b.open(a.addresses[0]!, '/echo'), await c.open(a.addresses[0]!, '/echo')]
    const reading = errorOf(collect(dying))
    b.connections[0]!.abort()
    assert.equal((await reading).code, 'ERR_CONNECTION_CLOSED')
    living.write(utf8('still here'))
    await living.end()
    assert.deepEqual(await collect(living), utf8('still here'))
    await until(() => a.connections.length === 1)
  }))
