import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import type { TableEvents } from '#src/chat/table'
import type { Stream } from '#src/net/stream'
import { IDENTIFY_PROTOCOL } from '#src/protocol/identify'
import { CHAT_PROTOCOL } from '#src/protocol/lines'
import { utf8Text } from '#src/wire/bytes'
import { randomNumbers } from '../support/feed.ts'
import { type Guest, guest, guests, host, numbered, settled } from '../support/guests.ts'
import { keyOf, turns, until } from '../support/net.ts'

/** What a table says of each who leaves. */
function leavesOf({ table }: Guest): TableEvents['leave'][] {
  const leaves: TableEvents['leave'][] = []
  table.on('leave', event => leaves.push(event))
  return leaves
}

/** Breaks every connection of a guest, as a cut cable does for both sides. */
function cut({ host }: Guest): void {
  for (const connection of host.connections) connection.abort()
}

/** Ann, who has gone to bob and lost him, and expects him back. */
async function separated(t: TestContext): Promise<{ ann: Guest; bob: Guest }> {
  const [ann, bob] = (await guests(t, 2)) as [Guest, Guest]
  ann.table.on('leave', ({ peer, unsent }) => ann.table.absent.expect(peer, unsent))
  await ann.join(bob)
  cut(ann)
  await until(() => ann.left.length === 1 && bob.left.length === 1)
  return { ann, bob }
}

test('what is said to one who is expected is sent when he is back, before anything else', async t => {
  const { ann, bob } = await separated(t)
  const told: unknown[] = []
  ann.table.on('join', () => told.push('here'))
  ann.table.on('caughtUp', event => told.push(event))
  assert.equal(await ann.table.say('one'), 0)
  await ann.table.say('two')
  const joining = ann.table.join(bob.address)
  await until(() => ann.sees(bob))
  await ann.table.say('three')
  await joining
  await ann.table.say('four')
  await until(() => bob.heard.length === 4)
  assert.deepEqual(
    bob.heard,
    ['one', 'two', 'three', 'four'].map(text => `${ann.name}: ${text}`),
  )
  assert.deepEqual(told, ['here', { peer: bob.host.peerId, count: 2 }])
  assert.ok(ann.table.absent.isEmpty)
})

test('it does not matter who comes back to whom', async t => {
  const { ann, bob } = await separated(t)
  await ann.table.say('one')
  await bob.join(ann)
  await until(() => bob.heard.length === 1)
  assert.deepEqual(bob.heard, [`${ann.name}: one`])
})

test('the others hear at once what is kept for one, who hears it once', async t => {
  const { ann, bob } = await separated(t)
  const eve = await guest(t)
  await ann.join(eve)
  assert.equal(await ann.table.say('hello'), 1)
  await until(() => eve.heard.length === 1)
  await ann.join(bob)
  await until(() => bob.heard.length === 1)
  await settled(ann, bob, eve)
  assert.deepEqual([eve.heard.length, bob.heard.length], [1, 1])
})

test('for whom there is no room any more is told', async t => {
  const { ann, bob } = await separated(t)
  const told: unknown[] = []
  ann.table.on('notKept', event => told.push(event))
  await ann.sayAll(numbered(1_002))
  assert.deepEqual(told, Array(2).fill({ peer: bob.host.peerId }))
  await ann.join(bob)
  await until(() => bob.heard.length === 1_000)
})

test('what has arrived is known to have, whether the peer leaves or is lost', async t => {
  for (const lose of [cut, ({ table }: Guest) => void table.leave()]) {
    const [ann, bob] = (await guests(t, 2)) as [Guest, Guest]
    const leaves = leavesOf(ann)
    await ann.join(bob)
    await ann.sayAll(['one', 'two'])
    await until(() => bob.heard.length === 2)
    await settled(ann, bob)
    lose(bob)
    await until(() => leaves.length === 1)
    assert.deepEqual(leaves[0]?.unsure, { count: 0, lines: [] })
    assert.deepEqual(leaves[0]?.unsent, [])
  }
})

test('what has left in the moment of the break may have arrived', async t => {
  const [ann, bob] = (await guests(t, 2)) as [Guest, Guest]
  const leaves = leavesOf(ann)
  await ann.join(bob)
  await ann.table.say('one')
  // The line leaves at the end of this turn, and nothing can come back by then.
  await turns(1)
  cut(ann)
  await until(() => leaves.length === 1)
  assert.deepEqual(leaves[0]?.unsure, { count: 1, lines: ['one'] })
})

test('what has not even left has not arrived, and is said again when he is back', async t => {
  const ann = await guest(t)
  const sleeping = await host(t)
  const streams: Stream[] = []
  sleeping.handle(CHAT_PROTOCOL, stream => void streams.push(stream))
  const leaves = leavesOf(ann)
  await ann.table.join(sleeping.addresses[0]!)
  // More than a peer takes in that does not read.
  const lines = numbered(20, 'x'.repeat(50_000))
  for (const line of lines) void ann.table.say(line)
  await turns(50)
  for (const connection of ann.host.connections) connection.abort()
  await until(() => leaves.length === 1)
  const { peer, unsure, unsent } = leaves[0]!
  assert.ok(unsent.length > 10, `${unsent.length} lines have not left`)
  const arrived = await textOf(streams[0]!)
  assert.deepEqual(unsent, lines.slice(-unsent.length))
  for (const line of unsent) assert.ok(!arrived.includes(line))
  for (const line of lines) assert.ok([...unsure.lines, ...unsent].includes(line) || arrived.includes(line))
  ann.table.absent.expect(peer, unsent)
  await ann.table.join(sleeping.addresses[0]!)
  await until(() => streams.length === 2)
  assert.deepEqual(await readLines(streams[1]!, unsent.length), unsent)
})

async function textOf(stream: Stream): Promise<string> {
  let text = ''
  try {
    for await (const chunk of stream) text += utf8Text(chunk)
  } catch {
    // The connection has broken.
  }
  return text
}

async function readLines(stream: Stream, count: number): Promise<string[]> {
  let text = ''
  for await (const chunk of stream) {
    text += utf8Text(chunk)
    if (text.split('\n').length > count) break
  }
  return text.split('\n').slice(0, count)
}

test('what was said before the program was known has not left', async t => {
  const ann = await guest(t)
  const bob = await host(t)
  const leaves = leavesOf(ann)
  bob.handle(CHAT_PROTOCOL, () => {})
  bob.handle(IDENTIFY_PROTOCOL, () => {})
  const joining = ann.table.join(bob.addresses[0]!)
  await until(() => ann.table.peers.length === 1)
  await ann.sayAll(['one', 'two'])
  cut(ann)
  await joining
  await until(() => leaves.length === 1)
  assert.deepEqual(leaves[0]?.unsent, ['one', 'two'])
  assert.equal(leaves[0]?.unsure.count, 0)
})

/** Goes to a peer, though the connection may break on the way. */
async function meet(guest: Guest, other: Guest): Promise<void> {
  for (let met = false; !met; await turns())
    met = await guest.table.join(other.address).then(
      () => true,
      () => false,
    )
}

test('however often it breaks, nothing arrives twice or out of turn, and nothing is lost in silence', async t => {
  const seen = { breaks: 0, unsure: 0, unsent: 0 }
  for (let seed = 1; seed <= 20; seed++) {
    const random = randomNumbers(seed)
    const identity = keyOf(2_000 + seed)
    const [ann, bob] = [await guest(t), await guest(t, { identity })]
    const unsure: string[] = []
    ann.table.on('leave', event => {
      unsure.push(...event.unsure.lines)
      seen.breaks++
      seen.unsure += event.unsure.count
      seen.unsent += event.unsent.length
      ann.table.absent.expect(event.peer, event.unsent)
    })
    const lines = numbered(200, 'x'.repeat(random() < 0.5 ? 1 : 20_000))
    await ann.join(bob)
    for (const line of lines) {
      void ann.table.say(line)
      if (random() < 0.3) await turns(Math.floor(random() * 8))
      if (random() < 0.05) cut(random() < 0.5 ? ann : bob)
      if (!ann.sees(bob) && random() < 0.2) await meet(ann, bob)
    }
    // A break that has not been noticed yet is by the time that a ping fails.
    for (const connection of ann.host.connections) await connection.ping().catch(() => {})
    await meet(ann, bob)
    await ann.table.leave()
    await ann.host.stop()
    await until(() => bob.table.peers.length === 0)
    const heard = bob.heard.map(text => text.split(': ')[1]!)
    assert.deepEqual(
      heard,
      lines.filter(line => heard.includes(line)),
      `seed ${seed}`,
    )
    const missing = lines.filter(line => !heard.includes(line))
    assert.deepEqual(
      missing.filter(line => !unsure.includes(line)),
      [],
      `seed ${seed}`,
    )
  }
  for (const [what, count] of Object.entries(seen)) assert.ok(count > 20, `${what}: ${count}`)
})
