/**
 * One to three peers, each authenticated over a connection of its own, who send a host whatever frames the input has them
 * send; and time, that passes between them. In the manner of Bitcoin Core's process_messages: the host goes on serving an
 * honest peer, and in the end nothing is left of the others.
 */
import { createHost, type Host } from '#src/host/host'
import { memory } from '#src/net/memory'
import type { Stream } from '#src/net/stream'
import type { Socket } from '#src/net/transport'
import { type Upgraded, upgrade } from '#src/net/upgrade'
import { DialectReader } from '#src/protocol/dialect'
import { encodeIdentify } from '#src/protocol/identify'
import { encodeLine } from '#src/protocol/lines'
import { encodeMessage, MULTISTREAM_PROTOCOL } from '#src/protocol/negotiate'
import type { NoiseIdentity } from '#src/protocol/noise/handshake'
import { encodeHeader, FrameType } from '#src/protocol/yamux/header'
import { concat, EMPTY, utf8 } from '#src/wire/bytes'
import { ParleyError } from '#src/wire/errors'
import { Multiaddr } from '#src/wire/multiaddr'
import { echo, keyOf, never, noiseOf, withResolvers } from '../../support/net.ts'
import { pattern } from '../../support/wire.ts'
import { Input } from '../engine/input.ts'
import { must, mustEqual, refusal } from '../engine/promise.ts'
import type { Target } from '../engine/target.ts'
import { VirtualTime } from '../engine/virtual-time.ts'

/** All frames of an input. */
const maxFrames = 30

/** Longer than any deadline of a host, its keepalive's included, in milliseconds. */
const pastAllDeadlines = 65_000

/** Low ones, so that an input can reach them. An honest peer reaches none. */
const limits = { memoryPerConnection: 512 * 1024, negotiating: 4 }

const protocols = [
  '/echo',
  '/ipfs/ping/1.0.0',
  '/ipfs/id/1.0.0',
  '/ipfs/id/push/1.0.0',
  '/chat/1.0.0',
  '/unknown',
]
const waits = [0, 1, 100, 1_000, 5_000, 10_000, 30_000, 41_000]
const ids = [1, 1, 3, 3, 5, 7, 2, 4, 0, 9, 0x7fff_ffff, 0xffff_ffff]
const flags = [0, 0, 1, 1, 4, 8, 2, 5, 3, 9, 6, 12, 15, 0xffff]
const lengths = [0, 1, 31, 32, 1024, 64 * 1024, 256 * 1024, 256 * 1024 + 1, 0x7fff_ffff, 0xffff_ffff]
const someBytes = pattern(256 * 1024)

const hostKey = keyOf(1)
const honestKey = keyOf(2)
const identities = [3, 4, 5].map(number => noiseOf(keyOf(number)))
const said = encodeIdentify({
  protocols,
  agent: 'stranger/1.0',
  addresses: [Multiaddr.parse('/ip4/1.2.3.4/tcp/5')],
  observedAddress: Multiaddr.parse('/ip4/9.9.9.9/tcp/9'),
})
const headerMessage = encodeMessage(MULTISTREAM_PROTOCOL)

/** A peer that has shaken hands, and then sends frames that are made by hand. It does not read what it is sent. */
class Stranger {
  readonly #socket: Socket
  readonly #session: Upgraded['session']
  /** The number of the first stream that the host opens. */
  readonly hostsFirst: 1 | 2

  constructor(socket: Socket, { session }: Upgraded, hostsFirst: 1 | 2) {
    this.#socket = socket
    this.hostsFirst = hostsFirst
    this.#session = session
    socket.attach({ data() {}, end() {}, drain() {}, close() {} })
  }

  /** One record, or none where it does not fit one. */
  send(plaintext: Uint8Array): void {
    for (let at = 0; at < plaintext.length; at += 60_000) {
      this.#socket.write(this.#session.seal([plaintext.subarray(at, at + 60_000)]))
    }
  }

  raw(bytes: Uint8Array): void {
    this.#socket.write([bytes])
  }

  /** Takes in nothing more. */
  pause(): void {
    this.#socket.pause()
  }

  end(): void {
    this.#socket.end()
  }

  destroy(): void {
    this.#socket.destroy()
  }
}

/** A host, an honest peer, and the strangers that an input brings. */
class Play {
  readonly #input: Input
  readonly #time: VirtualTime
  readonly #strangers: Stranger[] = []
  /** What handlers and connections have ended with. */
  readonly #errors: unknown[] = []
  /** Whether everyone leaves before any deadline has passed. */
  #hasty = false
  #host!: Host
  #honest!: Host

  constructor(bytes: Uint8Array, time: VirtualTime) {
    this.#input = new Input(bytes)
    this.#time = time
  }

  async run(): Promise<void> {
    await this.#begin()
    for (let frame = 0; frame < maxFrames && !this.#input.isEmpty; frame++) await this.#step()
    await this.#echo()
    if (!this.#hasty) await this.#time.advance(pastAllDeadlines)
    await this.#echo()
    for (const stranger of this.#strangers) stranger.destroy()
    await this.#time.settle(8)
    this.#checkThatTheyAreGone()
    await this.#finish()
  }

  async #begin(): Promise<void> {
    this.#host = await this.#make(hostKey)
    this.#honest = await this.#make(honestKey)
    this.#host.on('disconnect', ({ error }) => {
      if (error) this.#errors.push(error)
    })
    this.#handle('/echo', echo)
    this.#handle('/chat/1.0.0', listen)
    const choice = this.#input.byte()
    this.#hasty = choice % 8 > 3
    for (let count = 1 + (choice % 3); count > 0; count--) await this.#addStranger()
  }

  #make(identity: typeof hostKey): Promise<Host> {
    return createHost({ identity, listen: ['/memory/0'], transports: [memory()], limits })
  }

  #handle(protocol: string, handler: (stream: Stream) => Promise<void>): void {
    this.#host.handle(protocol, async stream => {
      try {
        await handler(stream)
      } catch (error) {
        this.#errors.push(error)
        throw error
      }
    })
  }

  /** One who dials the host, or whom the host dials. */
  async #addStranger(): Promise<void> {
    const identity = identities[this.#strangers.length]!
    if (this.#input.flag()) return this.#dialStranger(identity)
    const socket = await memory().dial(this.#host.addresses[0]!, never)
    const upgraded = await this.#soon(upgrade(socket, { direction: 'outbound', identity }, never))
    this.#strangers.push(new Stranger(socket, upgraded, 2))
    await this.#time.settle(2)
  }

  async #dialStranger(identity: NoiseIdentity): Promise<void> {
    const accepted = withResolvers<Socket>()
    const listener = await memory().listen(Multiaddr.parse('/memory/0'), accepted.resolve)
    const dialling = this.#soon(this.#host.dial(listener.addresses[0]!))
    const socket = await accepted.promise
    const upgraded = await this.#soon(upgrade(socket, { direction: 'inbound', identity }, never))
    this.#strangers.push(new Stranger(socket, upgraded, 1))
    await dialling
    await listener.close()
  }

  /** One stranger sends one frame or a few that belong together, or stops reading, or leaves; or time passes. */
  async #step(): Promise<void> {
    const choice = this.#input.byte()
    const stranger = this.#strangers[choice % this.#strangers.length]!
    if (choice < 3) await this.#echo()
    else if (choice < 16) await this.#time.advance(this.#input.pick(waits))
    else if (choice < 96) stranger.send(this.#frame())
    else if (choice < 176) stranger.send(this.#opening())
    else if (choice < 224) stranger.send(this.#answer(stranger))
    else if (choice < 240) stranger.send(this.#input.take(this.#input.byte()))
    else if (choice < 246) stranger.raw(this.#input.take(this.#input.byte()))
    else if (choice < 249) stranger.pause()
    else if (choice < 252) stranger.end()
    else stranger.destroy()
    if (this.#input.flag()) await this.#time.settle(3)
  }

  /** Any type, any flags, any stream, any length. */
  #frame(): Uint8Array {
    const input = this.#input
    const choice = input.byte()
    const type = choice < 250 ? choice % 4 : choice
    const flag = input.pick(flags)
    const id = input.pick(ids)
    const body = type === FrameType.data ? this.#body() : EMPTY
    const isTrue = type === FrameType.data && input.byte() < 240
    const header = encodeHeader(type, flag & 0xff, id, isTrue ? body.length : this.#length())
    if (flag === 0xffff) header[2] = 0xff
    return concat([header, body])
  }

  /** A stream of a protocol, agreed on as it should be, and what is said on it. */
  #opening(): Uint8Array {
    const id = this.#input.pick(ids)
    const proposal = encodeMessage(this.#input.pick(protocols))
    const end = this.#input.flag() ? encodeHeader(FrameType.windowUpdate, 4, id, 0) : EMPTY
    return concat([dataFrame(1, id, concat([headerMessage, proposal, this.#body()])), end])
  }

  /** What the host has asked for: it opens a stream for identify, and later perhaps one to push. */
  #answer({ hostsFirst }: Stranger): Uint8Array {
    const input = this.#input
    const id = hostsFirst + input.pick([0, 0, 2, 4])
    const agreed = concat([
      headerMessage,
      encodeMessage(input.pick(['/ipfs/id/1.0.0', '/ipfs/id/1.0.0', 'na', '/x'])),
    ])
    const body = input.tamper(input.flag() ? said : concat([said, said]))
    return dataFrame(input.pick([2, 2, 6, 0, 4]), id, concat([agreed, body]))
  }

  #body(): Uint8Array {
    const choice = this.#input.byte()
    if (choice < 200) return this.#input.take(choice % 64)
    if (choice < 248)
      return this.#input.pick([said, encodeLine('hello'), headerMessage, utf8('\x1b]0;x\x07\n')])
    return someBytes.subarray(0, this.#input.pick([1_000, 65_536, 262_144]))
  }

  #length(): number {
    const choice = this.#input.byte()
    return choice < 224 ? lengths[choice % lengths.length]! : this.#input.uint32()
  }

  /** An honest peer is served, whatever the others do. */
  async #echo(): Promise<void> {
    const stream = await this.#soon(this.#honest.open(this.#host.addresses[0]!, '/echo'))
    const text = utf8('are you there?')
    stream.write(text)
    await this.#soon(stream.end())
    const heard: Uint8Array[] = [EMPTY]
    const reading = (async () => {
      for await (const chunk of stream) heard.push(chunk)
    })()
    await this.#soon(reading)
    mustEqual(concat(heard), text, 'an honest peer hears its echo')
  }

  #checkThatTheyAreGone(): void {
    const { connections, inbound, peers, ...rest } = this.#host.usage()
    must(connections === 1 && inbound === 1 && peers === 1, 'the honest peer alone is left')
    mustBeUnused(rest)
    must(this.#host.connections[0]!.streams.length === 0, 'no stream is left')
    for (const error of this.#errors) refusal(error)
  }

  async #finish(): Promise<void> {
    await this.#soon(Promise.all([this.#honest.stop(), this.#host.stop()]))
    await this.#time.settle(4)
    must(this.#host.connections.length === 0, 'a host that is stopped has no connections')
    mustBeUnused(this.#host.usage())
    must(this.#time.waiting === 0, `no timer is left: ${this.#time.waiting}`)
  }

  /** What takes no time is over after some turns; what does may take a second. */
  async #soon<T>(work: Promise<T>): Promise<T> {
    let isOver = false
    const over = () => {
      isOver = true
    }
    work.then(over, over)
    for (let i = 0; !isOver; i++) {
      must(i < 400, 'an honest peer is served in time')
      if (i < 200) await this.#time.settle(1)
      else await this.#time.advance(5)
    }
    return work
  }
}

function mustBeUnused(usage: object): void {
  for (const [name, amount] of Object.entries(usage))
    must(amount === 0, `nothing is in use: ${name} is ${amount}`)
}

function dataFrame(flag: number, id: number, body: Uint8Array): Uint8Array {
  return concat([encodeHeader(FrameType.data, flag, id, body.length), body])
}

/** Reads a chat, and says something itself. */
async function listen(stream: Stream): Promise<void> {
  const reader = new DialectReader('lines')
  stream.write(encodeLine('welcome'))
  for await (const chunk of stream) reader.receive(chunk)
  reader.finish()
  await stream.end()
}

async function run(input: Uint8Array): Promise<void> {
  const time = new VirtualTime()
  time.install()
  try {
    await new Play(input, time).run()
  } catch (error) {
    if (error instanceof ParleyError) throw new Error(`${error.code}: ${error.message}`, { cause: error })
    throw error
  } finally {
    time.uninstall()
  }
}

/** What a stranger says of himself when he is asked. */
const identified = [180, 0, 0, 1, 0, 2, 1]

/** Five bytes to the echo, on the first stream. */
const echoed = [100, 0, 0, 0, 5, 1, 2, 3, 4, 5, 1]

/** A ping and half of another, on the second. */
const pinged = [100, 2, 1, 0, 48, ...pattern(48), 1]

const target: Target = {
  run,
  maxLength: 600,
  slowInput: 1_000,
  seeds: () => [
    Uint8Array.of(0, 0),
    Uint8Array.of(0, 1, ...identified, ...echoed),
    Uint8Array.of(0, 0, ...identified, ...echoed, ...pinged, 4, 7, 1),
    Uint8Array.of(1, 0, 1, ...identified, ...echoed, 101, 2, 4, 1, 203, 1),
    Uint8Array.of(2, 0, 0, 1, 100, 0, 3, 1, 200, 1, 100, 2, 2, 0, 0, 1, 252, 1),
    Uint8Array.of(0, 0, ...echoed, 100, 2, 0, 0, 248, 2, 0, 20, 0, 0, 0, 248, 2, 0, 1),
    Uint8Array.of(0, 0, 20, 1, 2, 0, 5, 1, 20, 2, 2, 0, 5, 1, 20, 3, 0, 0, 0, 1),
    Uint8Array.of(1, 0, 0, 241, 3, 1, 2, 3, 0, 250, 1, 4, 6, 1),
    Uint8Array.of(0, 0, 247, 0, ...echoed, 100, 2, 0, 0, 248, 2, 1, 2, 1, 4, 7, 1),
    Uint8Array.of(0, 0, 180, 0, 2, 0, 0, 0, 1, 180, 0, 0, 0, 210, 0, 0, 0, 30, 0, 1),
  ],
}

export default target
