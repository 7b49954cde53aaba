import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import type { Host } from '#src/host/host'
import { lengthPrefixed } from '#src/net/length-prefixed'
import type { Stream } from '#src/net/stream'
import type { Dialect } from '#src/protocol/dialect'
import { IDENTIFY_PROTOCOL } from '#src/protocol/identify'
import { CHAT_PROTOCOL } from '#src/protocol/lines'
import { utf8, utf8Text } from '#src/wire/bytes'
import { type Guest, guest, guests, host, numbered, settled } from '../support/guests.ts'
import { errorOf, keyOf, turns, until, withResolvers } from '../support/net.ts'

test('two talk both ways', async t => {
  const [ann, bob] = (await guests(t, 2)) as [Guest, Guest]
  const joins: unknown[] = []
  const messages: unknown[] = []
  bob.table.on('join', join => joins.push(join))
  bob.table.on('message', message => messages.push(message))
  const peer = await ann.table.join(bob.address)
  assert.ok(peer.equals(bob.host.peerId))
  assert.equal(await ann.table.say('Grüße, 你好 👋'), 1)
  await until(() => bob.heard.length === 1)
  await bob.table.say('hello')
  await until(() => ann.heard.length === 1)
  assert.deepEqual(bob.heard, [`${ann.name}: Grüße, 你好 👋`])
  assert.deepEqual(ann.heard, [`${bob.name}: hello`])
  assert.deepEqual(messages, [{ from: ann.host.peerId, text: 'Grüße, 你好 👋', protocol: CHAT_PROTOCOL }])
  const [{ remoteAddress }] = bob.host.connections as [Host['connections'][number]]
  const address = String(remoteAddress.withPeerId(ann.host.peerId))
  assert.deepEqual(joins, [{ peer: ann.host.peerId, address, agent: 'parley/0.1.0', direction: 'inbound' }])
  assert.deepEqual(ann.joined, [`${bob.name} outbound`])
})

test('what is said alone is said to nobody', async t => {
  const ann = await guest(t)
  assert.equal(await ann.table.say('hello'), 0)
})

test('a line with breaks in it arrives as one, and empty ones say nothing', async t => {
  const [ann, bob] = (await guests(t, 2)) as [Guest, Guest]
  const stream = await ann.host.open(bob.address, CHAT_PROTOCOL)
  stream.write(utf8('\n\nhello\n\r\n\nwor'))
  stream.write(utf8('ld\r\n\n'))
  await until(() => bob.heard.length === 2)
  await ann.join(bob)
  await ann.table.say('one\ntwo\r\nthree')
  await until(() => bob.heard.length === 3)
  assert.deepEqual(
    bob.heard,
    ['hello', 'world', 'one two three'].map(text => `${ann.name}: ${text}`),
  )
})

test('a line without an end is heard when the stream ends', async t => {
  const [ann, bob] = (await guests(t, 2)) as [Guest, Guest]
  const stream = await ann.host.open(bob.address, CHAT_PROTOCOL)
  stream.write(utf8('hello'))
  await stream.end()
  await until(() => bob.left.length === 1)
  assert.deepEqual(bob.heard, [`${ann.name}: hello`])
  assert.deepEqual(bob.left, [[ann.name, undefined]])
})

test('the beginning of a line that a reset cuts off is not taken for what was said', async t => {
  const ann = await guest(t)
  for (const [dialect, beginning] of [
    ['lines', 'pay him\nnot a p'],
    ['frames', '\x08pay him\n\x0bnot a p'],
  ] as const) {
    const eve = new Stranger(await host(t), dialect)
    const stream = await eve.host.open(ann.address, CHAT_PROTOCOL)
    stream.write(utf8(beginning))
    await until(() => ann.heard.includes(`${eve.name}: pay him`))
    stream.reset()
    await until(() => !ann.table.peers.some(peer => peer.equals(eve.host.peerId)))
    assert.deepEqual(
      ann.heard.filter(text => text.startsWith(eve.name)),
      [`${eve.name}: pay him`],
    )
  }
})

test('the hub passes lines on among those who came to it, under their names', async t => {
  const [hub, ann, bob, eve] = (await guests(t, 4)) as [Guest, Guest, Guest, Guest]
  for (const one of [ann, bob, eve]) await one.join(hub)
  await ann.table.say('hello')
  await until(() => bob.heard.length + eve.heard.length === 2)
  await hub.table.say('welcome')
  await until(() => ann.heard.length + bob.heard.length + eve.heard.length === 5)
  await settled(hub, ann, bob, eve)
  assert.deepEqual(hub.heard, [`${ann.name}: hello`])
  assert.deepEqual(ann.heard, [`${hub.name}: welcome`])
  for (const { heard } of [bob, eve])
    assert.deepEqual(heard, [`${hub.name}: [${ann.name}] hello`, `${hub.name}: welcome`])
})

test('the hub passes nothing on to or from those it went to itself', async t => {
  const [hub, ann, bob, host] = (await guests(t, 4)) as [Guest, Guest, Guest, Guest]
  for (const one of [ann, bob]) await one.join(hub)
  await hub.join(host)
  await ann.table.say('from within')
  await host.table.say('from without')
  await until(() => hub.heard.length === 2)
  await settled(hub, ann, bob, host)
  assert.deepEqual(host.heard, [])
  assert.deepEqual(ann.heard, [])
  assert.deepEqual(bob.heard, [`${hub.name}: [${ann.name}] from within`])
})

test('without relay the hub keeps lines to itself', async t => {
  const [ann, bob] = (await guests(t, 2)) as [Guest, Guest]
  const hub = await guest(t, { relay: false })
  for (const one of [ann, bob]) await one.join(hub)
  await ann.table.say('hello')
  await until(() => hub.heard.length === 1)
  await settled(hub, ann, bob)
  assert.deepEqual(bob.heard, [])
})

test('a circle of hubs does not echo', async t => {
  const circle = (await guests(t, 4)) as [Guest, Guest, Guest, Guest]
  for (const [i, one] of circle.entries()) await one.join(circle[(i + 1) % circle.length]!)
  for (const one of circle) await one.table.say('hello')
  await until(() => circle.every(({ heard }) => heard.length >= 2))
  await settled(...circle)
  for (const [i, { heard }] of circle.entries()) {
    const neighbours = [circle.at(i - 1)!, circle[(i + 1) % circle.length]!]
    assert.deepEqual([...heard].sort(), neighbours.map(({ name }) => `${name}: hello`).sort())
  }
})

/** Addresses to listen on, and how far apart two set out to meet each other, in turns. */
const encounters = ['/memory/0', '/ip4/127.0.0.1/tcp/0'].flatMap(listen =>
  [0, 1, 2, 3, 5, 8, 13, 21, 34, 55].map(apart => ({ listen, apart })),
)

test('two who go to each other at once sit down once, and lose and double nothing', async t => {
  for (const { listen, apart } of encounters) {
    const [ann, bob] = (await guests(t, 2, { listen })) as [Guest, Guest]
    const [toBob, toAnn] = [numbered(50, 'a'), numbered(50, 'b')]
    const bobGoes = turns(apart).then(() => bob.table.join(ann.address))
    await Promise.all([
      ann.table.join(bob.address).then(() => ann.sayAll(toBob)),
      bobGoes.then(() => bob.sayAll(toAnn)),
    ])
    await until(() => ann.heard.length >= 50 && bob.heard.length >= 50, 'all lines arrive')
    await settled(ann, bob)
    assert.deepEqual([...ann.heard].sort(), toAnn.map(text => `${bob.name}: ${text}`).sort())
    assert.deepEqual([...bob.heard].sort(), toBob.map(text => `${ann.name}: ${text}`).sort())
    for (const one of [ann, bob]) {
      assert.equal(one.joined.length, 1)
      assert.equal(one.table.peers.length, 1)
      assert.deepEqual(one.left, [])
    }
    await Promise.all([ann.host.stop(), bob.host.stop()])
  }
})

test('one who gives up his stream for the one that is on its way to him has not left', async t => {
  const [bare, bob] = [await host(t), await guest(t)]
  const stream = await bare.open(bob.address, CHAT_PROTOCOL)
  await until(() => bob.joined.length === 1)
  // Not spoken before, so that bob waits to hear that it is.
  bare.handle(CHAT_PROTOCOL, () => void stream.end())
  await bob.table.join(bare.peerId)
  await until(() => bob.host.connections.every(({ streams }) => streams.length === 1))
  assert.deepEqual(bob.left, [])
  assert.equal(await bob.table.say('hello'), 1)
})

test('one who comes twice has one seat, and is heard at both', async t => {
  const [ann, bob] = (await guests(t, 2)) as [Guest, Guest]
  await ann.join(bob)
  await ann.table.say('once')
  await ann.join(bob)
  await ann.table.say('twice')
  await until(() => bob.heard.length === 2)
  await bob.table.say('hello')
  await until(() => ann.heard.length === 1)
  await settled(ann, bob)
  assert.deepEqual(bob.heard, [`${ann.name}: once`, `${ann.name}: twice`])
  assert.deepEqual([ann.heard.length, ann.joined.length, bob.joined.length], [1, 1, 1])
  assert.deepEqual([ann.left, bob.left], [[], []])
})

test('one who leaves in good order has left without an error, and may come back', async t => {
  const identity = keyOf(1_000)
  const [ann, bob] = [await guest(t, { identity }), await guest(t)]
  await ann.join(bob)
  await ann.table.say('bye')
  await ann.host.stop()
  await until(() => bob.left.length === 1)
  assert.deepEqual(bob.left, [[ann.name, undefined]])
  assert.deepEqual(bob.heard, [`${ann.name}: bye`])
  assert.deepEqual(bob.table.peers, [])
  const again = await guest(t, { identity })
  await again.join(bob)
  await again.table.say('here again')
  await until(() => bob.heard.length === 2)
  assert.deepEqual(bob.joined, [`${ann.name} inbound`, `${ann.name} inbound`])
})

test('one whose connection breaks has left with an error, and the others go on', async t => {
  const [hub, ann, bob] = (await guests(t, 3)) as [Guest, Guest, Guest]
  for (const one of [ann, bob]) await one.join(hub)
  for (const connection of ann.host.connections) connection.abort()
  await until(() => hub.left.length === 1)
  assert.deepEqual(hub.left, [[ann.name, 'ERR_CONNECTION_CLOSED']])
  assert.equal(await hub.table.say('still here'), 1)
  await until(() => bob.heard.length === 1)
  assert.deepEqual(bob.left, [])
})

test('what is no chat harms nobody', async t => {
  const [ann, bob] = (await guests(t, 2)) as [Guest, Guest]
  const stream = await ann.host.open(bob.address, CHAT_PROTOCOL)
  await until(() => bob.joined.length === 1)
  stream.reset()
  await until(() => bob.left.length === 1)
  assert.deepEqual(bob.left, [[ann.name, 'ERR_STREAM_RESET']])
  await ann.join(bob)
})

/** A host that takes chat streams and never reads them. */
async function sleeper(t: TestContext): Promise<{ host: Host; streams: Stream[] }> {
  const sleeping = await host(t)
  const streams: Stream[] = []
  sleeping.handle(CHAT_PROTOCOL, stream => {
    streams.push(stream)
  })
  return { host: sleeping, streams }
}

test('one who takes nothing in is waited for, not buffered for, and dropped in the end', async t => {
  const [ann, bob] = (await guests(t, 2, { stallTimeout: 500 })) as [Guest, Guest]
  await ann.join(bob)
  const sleeping = await sleeper(t)
  await ann.table.join(sleeping.host.addresses[0]!)
  const line = 'x'.repeat(10_000)
  let said = 0
  const over = new AbortController()
  ann.table.on('leave', () => over.abort())
  while (!over.signal.aborted) {
    await ann.table.say(line)
    if (!over.signal.aborted) said += line.length
  }
  assert.ok(said > 256 * 1024, 'the first window is for free')
  assert.ok(said < 2 * 1024 * 1024, `${said} bytes were taken from the writer`)
  assert.deepEqual(ann.left, [[sleeping.host.peerId.short, 'ERR_STREAM_RESET']])
  assert.equal(await ann.table.say('the end'), 1)
  await until(() => bob.heard.at(-1) === `${ann.name}: the end`)
  assert.equal(bob.heard.filter(text => text.length > line.length).length, Math.floor(said / line.length) + 1)
})

test('one who is slow gets everything, and nobody is dropped', async t => {
  const [ann, bob] = (await guests(t, 2)) as [Guest, Guest]
  await ann.join(bob)
  const sleeping = await sleeper(t)
  await ann.table.join(sleeping.host.addresses[0]!)
  await until(() => sleeping.streams.length === 1)
  const lines = numbered(200, 'x'.repeat(10_000))
  const saying = ann.sayAll(lines)
  let read = 0
  const total = lines.reduce((sum, line) => sum + line.length + 1, 0)
  for await (const chunk of sleeping.streams[0]!) {
    read += chunk.length
    await new Promise(resolve => setImmediate(resolve))
    if (read === total) break
  }
  await saying
  await until(() => bob.heard.length === lines.length)
  assert.deepEqual(ann.left, [])
})

test('a hundred thousand lines arrive in order', async t => {
  const [hub, ann, bob] = (await guests(t, 3)) as [Guest, Guest, Guest]
  for (const one of [ann, bob]) await one.join(hub)
  const lines = numbered(100_000)
  await ann.sayAll(lines)
  await ann.table.leave()
  await until(() => bob.heard.length >= lines.length)
  assert.deepEqual(
    hub.heard,
    lines.map(line => `${ann.name}: ${line}`),
  )
  assert.deepEqual(
    bob.heard,
    lines.map(line => `${hub.name}: [${ann.name}] ${line}`),
  )
})

test('to leave is to know that the others have everything', async t => {
  const [ann, bob] = (await guests(t, 2)) as [Guest, Guest]
  await ann.join(bob)
  const lines = numbered(5_000, 'x'.repeat(100))
  for (const line of lines) void ann.table.say(line)
  await ann.table.leave()
  await ann.host.stop()
  await until(() => bob.left.length === 1)
  assert.equal(bob.heard.length, lines.length)
  assert.deepEqual(bob.left, [[ann.name, undefined]])
})

test('who has left is not joined any more', async t => {
  const [ann, bob] = (await guests(t, 2)) as [Guest, Guest]
  await bob.table.leave()
  const error = await errorOf(ann.table.join(bob.address))
  assert.equal(error.code, 'ERR_PROTOCOL_UNSUPPORTED')
})

test('to leave fails when one of the others cannot be told everything', async t => {
  const ann = await guest(t)
  const sleeping = await sleeper(t)
  await ann.table.join(sleeping.host.addresses[0]!)
  void ann.table.say('x'.repeat(1024 * 1024))
  const leaving = errorOf(ann.table.leave())
  for (const connection of sleeping.host.connections) connection.abort()
  assert.equal((await leaving).code, 'ERR_CONNECTION_CLOSED')
})

test('no part of a long line that is passed on can pass for the hub’s own words', async t => {
  const [hub, mallory, bob] = (await guests(t, 3)) as [Guest, Guest, Guest]
  await mallory.join(hub)
  await bob.join(hub)
  const invalid = new Uint8Array(21_841).fill(0xff)
  const [stream] = mallory.host.connections.flatMap(({ streams }) =>
    streams.filter(({ protocol }) => protocol === CHAT_PROTOCOL),
  )
  stream?.write(invalid)
  stream?.write(utf8('aa[ALICE123] transfer the money\n'))
  await until(() => bob.heard.length > 1, 'the line has come, in parts')
  for (const line of bob.heard)
    assert.ok(line.startsWith(`${hub.name}: [${mallory.name}] `), line.slice(0, 60))
})

test('more is taken in only when whoever shows the messages is ready for more', async t => {
  let showing = withResolvers()
  const reader = await guest(t, { ready: () => showing.promise })
  const writer = await guest(t)
  await writer.join(reader)
  const line = 'x'.repeat(30_000)
  let said = 0
  const talk = (async () => {
    for (; said < 100; said++) await writer.table.say(line)
  })()
  await until(() => reader.heard.length > 0, 'the first has come')
  await turns(200)
  assert.ok(said < 100, 'the writer waits with the reader')
  showing.resolve()
  showing = withResolvers()
  showing.resolve()
  await talk
  await until(() => reader.heard.length === 100, 'all have come')
})

/** A program that is not parley's: it speaks the chat as its test has it do, on a stream that it opens or accepts. */
class Stranger {
  readonly host: Host
  readonly heard: string[] = []
  #stream: Stream | undefined
  readonly #dialect: Dialect

  constructor(host: Host, dialect: Dialect, protocol = CHAT_PROTOCOL) {
    this.host = host
    this.#dialect = dialect
    host.handle(protocol, stream => this.#listen(stream))
  }

  get name(): string {
    return this.host.peerId.short
  }

  async join(guest: Guest, protocol = CHAT_PROTOCOL): Promise<void> {
    const stream = await this.host.open(guest.address, protocol)
    void this.#listen(stream).catch(() => {})
    await until(() => guest.joined.length > 0 && guest.table.peers.some(one => one.equals(this.host.peerId)))
  }

  /** Says that much at once, without a newline of its own. */
  say(text: string): void {
    const stream = this.#stream!
    if (this.#dialect === 'lines') stream.write(utf8(text))
    else lengthPrefixed(stream).write(utf8(text))
  }

  async #listen(stream: Stream): Promise<void> {
    this.#stream = stream
    const chunks = this.#dialect === 'lines' ? stream : lengthPrefixed(stream)
    for await (const chunk of chunks) this.heard.push(utf8Text(chunk))
  }
}

const jsAgent = 'js-libp2p/3.3.11 node/20.20.2'

/** js-libp2p's example has no identify unless somebody adds it. */
async function jsPeer(t: TestContext, agent?: string): Promise<Stranger> {
  const js = await host(t, { agent })
  if (agent === undefined) js.handle(IDENTIFY_PROTOCOL, () => {})()
  return new Stranger(js, 'frames')
}

for (const agent of [undefined, jsAgent]) {
  const which = agent ? 'that says so' : 'without identify'

  test(`a js program ${which} is written to in frames when it is dialled, and read`, async t => {
    const ann = await guest(t)
    const js = await jsPeer(t, agent)
    await ann.table.join(js.host.addresses[0]!)
    await ann.sayAll(['hello', 'x'.repeat(200)])
    await until(() => js.heard.length === 2)
    assert.deepEqual(js.heard, ['hello\n', `${'x'.repeat(200)}\n`])
    js.say('hello\n')
    js.say('without an end')
    js.say('one\ntwo\n')
    await until(() => ann.heard.length === 4)
    assert.deepEqual(
      ann.heard,
      ['hello', 'without an end', 'one', 'two'].map(text => `${js.name}: ${text}`),
    )
  })

  test(`a js program ${which} that dials is heard, and answered in frames even if it has said nothing`, async t => {
    const hub = await guest(t)
    const js = await jsPeer(t, agent)
    await js.join(hub)
    await hub.table.say('welcome')
    await until(() => js.heard.length === 1)
    js.say('a line that is as long as its first byte can be a letter\n')
    await until(() => hub.heard.length === 1)
    assert.deepEqual(js.heard, ['welcome\n'])
    assert.deepEqual(hub.heard, [`${js.name}: a line that is as long as its first byte can be a letter`])
  })
}

/** One whose program is not known before `answer` settles, and not then either. */
async function secretive(t: TestContext, answer: Promise<void>): Promise<Stranger> {
  const stranger = new Stranger(await host(t), 'lines')
  stranger.host.handle(IDENTIFY_PROTOCOL, stream => answer.then(() => stream.reset()))
  return stranger
}

test('what is said before the program is known waits until it is, and few of it before its writer does', async t => {
  const ann = await guest(t)
  const answer = withResolvers()
  const bob = await secretive(t, answer.promise)
  const joining = ann.table.join(bob.host.addresses[0]!)
  await until(() => ann.table.peers.length === 1)
  await ann.sayAll(numbered(15))
  const said = ann.table.say('15')
  const waits = Symbol('it waits')
  assert.equal(await Promise.race([said, turns(50).then(() => waits)]), waits)
  assert.deepEqual([ann.joined, bob.heard], [[], []])
  answer.resolve()
  await joining
  await said
  await until(() => bob.heard.join('') === numbered(16).join('\n').concat('\n'))
})

test('what waits for the program to be known is said before one leaves', async t => {
  const ann = await guest(t)
  const bob = await secretive(t, turns(20))
  void ann.table.join(bob.host.addresses[0]!)
  await until(() => ann.table.peers.length === 1)
  void ann.table.say('early')
  await ann.table.leave()
  assert.equal(bob.heard.join(''), 'early\n')
})

test('who does not say who he is keeps nobody waiting for long', async t => {
  const ann = await guest(t)
  const bob = await secretive(t, new Promise(() => {}))
  await ann.table.join(bob.host.addresses[0]!)
  assert.deepEqual(ann.joined, [`${bob.name} outbound`])
  await ann.table.say('hello')
  await until(() => bob.heard.length === 1)
  assert.deepEqual(bob.heard, ['hello\n'])
})

test('the hub passes lines on between dialects', async t => {
  const hub = await guest(t)
  const go = new Stranger(await host(t, { agent: 'github.com/libp2p/go-libp2p/examples' }), 'lines')
  const js = await jsPeer(t)
  const ann = await guest(t)
  await go.join(hub)
  await js.join(hub)
  await ann.join(hub)
  go.say('hello from go\n\n')
  await until(() => js.heard.length + ann.heard.length === 2)
  js.say('hello from js\n')
  await until(() => go.heard.length === 1 && ann.heard.length === 2)
  await ann.table.say('hello from parley')
  await until(() => go.heard.length === 2 && js.heard.length === 2)
  await hub.table.say('welcome')
  await until(() => go.heard.length === 3 && js.heard.length === 3)
  assert.deepEqual(
    js.heard,
    [`[${go.name}] hello from go`, `[${ann.name}] hello from parley`, 'welcome'].map(text => `${text}\n`),
  )
  assert.deepEqual(
    go.heard,
    [`[${js.name}] hello from js`, `[${ann.name}] hello from parley`, 'welcome'].map(text => `${text}\n`),
  )
})

test('many lines that the hub passes on between dialects, both ways at once, arrive in order', async t => {
  const hub = await guest(t)
  const go = new Stranger(await host(t, { agent: 'github.com/libp2p/go-libp2p/examples' }), 'lines')
  const js = await jsPeer(t)
  await go.join(hub)
  await js.join(hub)
  const texts = Array.from({ length: 5_000 }, (_, i) => `${i} ${'x'.repeat(i % 200)}`)
  for (const text of texts) {
    go.say(`${text}\n\n`)
    js.say(`${text}\n`)
  }
  await until(() => js.heard.length === texts.length)
  await until(() => go.heard.join('').split('\n').length > texts.length)
  assert.deepEqual(
    js.heard,
    texts.map(text => `[${go.name}] ${text}\n`),
  )
  assert.deepEqual(go.heard.join('').split('\n'), texts.map(text => `[${js.name}] ${text}`).concat(''))
})

test('two that go dials hear each other, though nothing says that it is a hub', async t => {
  const hub = await guest(t)
  const [one, two] = [new Stranger(await host(t), 'lines'), new Stranger(await host(t), 'lines')]
  await one.join(hub)
  await two.join(hub)
  one.say('hello\n\n')
  await until(() => two.heard.length === 1)
  two.say('hello yourself\n\n')
  await until(() => one.heard.length === 1)
  assert.deepEqual([...two.heard, ...one.heard], [`[${one.name}] hello\n`, `[${two.name}] hello yourself\n`])
})

test('one who speaks another dialect than his program is answered in that, and the user is told', async t => {
  const told: unknown[] = []
  const ann = await guest(t)
  ann.table.on('misjudged', event => told.push(event))
  const odd = new Stranger(await host(t, { agent: jsAgent }), 'lines')
  const other = new Stranger(await host(t, { agent: 'my-chat/1.0' }), 'frames')
  await ann.table.join(odd.host.addresses[0]!)
  await ann.table.say('hello')
  await until(() => odd.heard.length === 1)
  odd.say('what?\n')
  await until(() => ann.heard.length === 1)
  assert.deepEqual(told, [{ peer: odd.host.peerId, dialect: 'lines' }])
  await other.join(ann)
  other.say('hello\n')
  await until(() => ann.heard.length === 2)
  await ann.table.say('welcome')
  await until(() => odd.heard.length === 2 && other.heard.length === 1)
  assert.deepEqual(odd.heard, ['\x06hello\n', 'welcome\n'])
  assert.deepEqual(other.heard, ['welcome\n'])
  assert.deepEqual(ann.heard, [`${odd.name}: what?`, `${other.name}: hello`])
  assert.equal(told.length, 1, 'nothing was written to the other too early')
})

test('with a framing given, nothing is found out', async t => {
  const ann = await guest(t, { framing: 'frames' })
  const bob = await guest(t, { framing: 'frames' })
  const plain = await guest(t, { framing: 'lines' })
  const js = await jsPeer(t)
  await ann.join(bob)
  await js.join(plain)
  const text = `h${'x'.repeat(103)}`
  await ann.sayAll([text, 'hello'])
  js.say('hello\n')
  await until(() => bob.heard.length === 2 && plain.heard.length === 1)
  assert.deepEqual(bob.heard, [`${ann.name}: ${text}`, `${ann.name}: hello`])
  assert.deepEqual(plain.heard, [`${js.name}: \x06hello`])
})

test('one who sends frames and then something else has left with an error', async t => {
  const ann = await guest(t)
  const stream = await (await jsPeer(t)).host.open(ann.address, CHAT_PROTOCOL)
  stream.write(utf8('\x06hello\näöü, 語言'))
  await until(() => ann.heard.length === 1)
  stream.write(utf8('\n'))
  await until(() => ann.left.length === 1)
  assert.equal(ann.left[0]?.[1], 'ERR_FRAME')
})

test('the protocol has two names, and the first of them is proposed first', async t => {
  const protocols: string[] = []
  const ann = await guest(t)
  ann.table.on('message', ({ protocol }) => protocols.push(protocol))
  const newer = new Stranger(await host(t), 'lines', '/chat/1.1.0')
  await ann.table.join(newer.host.addresses[0]!)
  newer.say('hello\n')
  await until(() => ann.heard.length === 1)
  const both = new Stranger(await host(t), 'lines', '/chat/1.1.0')
  const older: string[] = []
  both.host.handle(CHAT_PROTOCOL, stream => void older.push(stream.protocol))
  await ann.table.join(both.host.addresses[0]!)
  await until(() => older.length === 1)
  await both.join(ann, '/chat/1.1.0')
  both.say('hello\n')
  await until(() => ann.heard.length === 2)
  assert.deepEqual(protocols, ['/chat/1.1.0', '/chat/1.1.0'])
})
