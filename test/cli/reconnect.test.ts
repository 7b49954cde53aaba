import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import { until } from '../support/net.ts'
import { dial, freePort, type Listening, listen, type Program } from '../support/program.ts'

const options = { skip: process.platform === 'win32' && 'this system has no signals' }

/** Someone who listens on a port of his own, so that he is the same when he is started again. */
class Hub {
  readonly port: string
  readonly #t: TestContext
  #now: Listening | undefined

  constructor(t: TestContext, port: number) {
    this.#t = t
    this.port = String(port)
  }

  get program(): Program {
    return this.#now!.program
  }

  get address(): string {
    return this.#now!.address
  }

  async start(...args: string[]): Promise<void> {
    this.#now = await listen(this.#t, '--port', this.port, ...args)
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    this.program.signal(signal)
    await this.program.ended
  }
}

async function hubOf(t: TestContext): Promise<Hub> {
  const hub = new Hub(t, await freePort())
  await hub.start()
  return hub
}

/**
 * Says a line and waits until it is known to have arrived: by the first answer the question has left whether it has, by the third
 * that has been answered too.
 */
async function converse(bob: Program, hub: Hub, text: string): Promise<void> {
  bob.say(text)
  assert.deepEqual(await hub.program.texts(1), [text])
  for (const answer of ['I see', 'well', 'go on']) {
    hub.program.say(answer)
    assert.deepEqual(await bob.texts(1), [answer])
  }
}

/** Waits as long as was waited for the hub: then the next wait is a short one. */
async function standAWhile(bob: Program): Promise<void> {
  const last = bob.events.findLast(({ event }) => event === 'reconnecting')
  await new Promise(resolve => setTimeout(resolve, Number(last?.delay ?? 0)))
}

for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
  test(
    `a hub that ends by ${signal} and is started again hears once and in order what was said meanwhile`,
    options,
    async t => {
      const hub = await hubOf(t)
      const bob = await dial(t, hub.address)
      await converse(bob, hub, 'before')
      await hub.end(signal)
      const { peer } = await bob.next('disconnected')
      const { delay, ...rest } = await bob.next('reconnecting')
      assert.deepEqual(rest, { event: 'reconnecting', peer })
      assert.ok(Number(delay) >= 250 && Number(delay) <= 500)
      bob.say('one', 'two', 'three')
      await hub.start()
      assert.equal((await bob.next('connected')).peer, peer)
      bob.say('after')
      assert.deepEqual(await hub.program.texts(4), ['one', 'two', 'three', 'after'])
      bob.stdin.end()
      const { code, stdout } = await bob.ended
      assert.equal(code, 0)
      assert.ok(!stdout.includes('"error"'), stdout)
      await hub.program.next('disconnected')
      assert.equal(hub.program.events.filter(({ event }) => event === 'message').length, 4)
    },
  )
}

test(
  'however often a hub is killed, no line arrives twice, and none that is said while it is away is lost',
  options,
  async t => {
    const hub = await hubOf(t)
    const bob = await dial(t, hub.address)
    const heard: unknown[] = []
    const sureOf: string[] = []
    const listen = ({ program }: Hub) =>
      heard.push(...program.events.filter(({ event }) => event === 'message').map(({ text }) => text))
    for (let cycle = 0; cycle < 10; cycle++) {
      await converse(bob, hub, `${cycle}: here`)
      await standAWhile(bob)
      bob.say(`${cycle}: in the moment of the break`)
      await hub.end('SIGKILL')
      listen(hub)
      await bob.next('disconnected')
      const away = [`${cycle}: away`, `${cycle}: still away`]
      bob.say(...away)
      await hub.start()
      await bob.next('connected')
      assert.deepEqual(await hub.program.texts(2), away)
      sureOf.push(`${cycle}: here`, ...away)
    }
    bob.stdin.end()
    await hub.program.next('disconnected')
    listen(hub)
    const said = Array.from({ length: 10 }, (_, cycle) =>
      ['here', 'in the moment of the break', 'away', 'still away'].map(text => `${cycle}: ${text}`),
    ).flat()
    assert.deepEqual(
      heard,
      said.filter(line => heard.includes(line)),
    )
    assert.deepEqual(
      sureOf.filter(line => !heard.includes(line)),
      [],
    )
    t.diagnostic(`${heard.length} of ${said.length} arrived`)
  },
)

test('what is in the pipe when its end comes is sent when the hub is back', options, async t => {
  const hub = await hubOf(t)
  const bob = await dial(t, hub.address)
  await converse(bob, hub, 'before')
  await hub.end('SIGKILL')
  await bob.next('reconnecting')
  bob.say('one', 'two')
  bob.stdin.end()
  await hub.start()
  assert.deepEqual(await hub.program.texts(2), ['one', 'two'])
  assert.equal((await bob.ended).code, 0)
})

test('a pipe that says more than is kept waits, and loses nothing', options, async t => {
  const hub = await hubOf(t)
  const bob = await dial(t, hub.address)
  await converse(bob, hub, 'before')
  await hub.end('SIGKILL')
  await bob.next('reconnecting')
  const lines = Array.from({ length: 20_000 }, (_, i) => `${i} ${'x'.repeat(i % 100)}`)
  bob.say(...lines)
  bob.stdin.end()
  await hub.start()
  assert.equal((await bob.ended).code, 0)
  await hub.program.next('disconnected')
  const texts = hub.program.events.filter(({ event }) => event === 'message').map(({ text }) => text)
  assert.deepEqual(texts, lines)
})

test(
  'when another peer answers at that address, the lines that were kept are told of and the pipe fails',
  options,
  async t => {
    const hub = await hubOf(t)
    const bob = await dial(t, hub.address)
    await converse(bob, hub, 'before')
    await hub.end('SIGKILL')
    await bob.next('reconnecting')
    bob.say('one', 'two')
    await hub.start('--ephemeral')
    const mismatch = await bob.next('error')
    assert.equal(mismatch.code, 'ERR_PEER_MISMATCH')
    assert.match(String(mismatch.message), /^\w{8} is not tried any more: The peer at this address is .*\.$/)
    assert.match(String((await bob.next('error')).message), /^2 lines for \w{8} were not sent\.$/)
    assert.equal((await bob.ended).code, 1)
    assert.ok(hub.program.events.every(({ event }) => event !== 'message'))
  },
)

test('SIGINT during a redial leaves, and a pipe of which a line was kept has failed', options, async t => {
  const hub = await hubOf(t)
  const bob = await dial(t, hub.address)
  await hub.end('SIGKILL')
  await bob.next('reconnecting')
  bob.say('one')
  // A program that reads its input has taken the line in before it hears of the second retry.
  await bob.next('reconnecting')
  const began = performance.now()
  bob.signal('SIGINT')
  const { code } = await bob.ended
  assert.equal(code, 1)
  // The rule is 2 seconds; a machine that is busy may take longer to end a process.
  assert.ok(performance.now() - began < 10_000)
  const { message } = await bob.next('error')
  assert.match(String(message), /^1 line for \w{8} was not sent\.$/)
})

test('one who is here hears at once what is kept for another who is away', options, async t => {
  const [hub, other] = [await hubOf(t), await hubOf(t)]
  const bob = await dial(t, hub.address, '--dial', other.address)
  await bob.next('connected')
  await hub.end('SIGKILL')
  await bob.next('reconnecting')
  bob.say('one', 'two')
  assert.deepEqual(await other.program.texts(2), ['one', 'two'])
  await hub.start()
  assert.deepEqual(await hub.program.texts(2), ['one', 'two'])
})

test('who was dialled does not dial back, and knows who comes again', options, async t => {
  const hub = await hubOf(t)
  const port = String(await freePort())
  const bob = await listen(t, '--port', port, '--dial', hub.address)
  const { peer } = await hub.program.next('connected')
  bob.program.signal('SIGKILL')
  await hub.program.next('disconnected')
  await listen(t, '--port', port, '--dial', hub.address)
  assert.equal((await hub.program.next('connected')).peer, peer)
  assert.ok(hub.program.events.every(({ event }) => event !== 'reconnecting'))
})

test('one who comes back by himself is not dialled any more', options, async t => {
  const hub = await hubOf(t)
  const ann = await listen(t, '--dial', hub.address)
  await ann.program.next('connected')
  await hub.end('SIGKILL')
  await ann.program.next('reconnecting')
  ann.program.say('one')
  await hub.start('--dial', ann.address)
  assert.deepEqual(await hub.program.texts(1), ['one'])
  await until(() => ann.program.events.some(({ event }) => event === 'connected'))
})

const slow = process.env.PARLEY_SLOW ? options.skip : 'this takes a minute; set PARLEY_SLOW=1 to run it'

test('after a minute a pipe gives up', { skip: slow }, async t => {
  const hub = await hubOf(t)
  const bob = await dial(t, hub.address)
  await hub.end('SIGKILL')
  await bob.next('reconnecting')
  bob.say('one', 'two', 'three')
  const began = performance.now()
  const { code } = await bob.ended
  const seconds = (performance.now() - began) / 1000
  t.diagnostic(`gave up after ${seconds.toFixed(1)} s`)
  assert.equal(code, 1)
  assert.ok(seconds > 55 && seconds < 90)
  assert.match(String((await bob.next('error')).message), /^\w{8} is not tried any more: Could not connect/)
  assert.match(String((await bob.next('error')).message), /^3 lines for \w{8} were not sent\.$/)
})
