import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { provider } from '#src/crypto/index'
import { concat, fromHex, hex } from '#src/wire/bytes'
import { converse, type Side, sides, turns } from '../scripts/spec/exchange.ts'
import { bytesOfLines } from '../scripts/spec/fields.ts'
import { blocksByFlight, pageNames, readPage, rewritten } from '../scripts/spec/page.ts'
import { Party, wireOf } from '../scripts/spec/party.ts'
import { nonce } from '../scripts/spec/secrets.ts'
import { errorCodes, filesThatUseNode } from '../scripts/spec/tables.ts'
import { cutAt } from './support/wire.ts'

const page = readPage('SPEC.md')
const flights = blocksByFlight(page).map(blocks =>
  blocks.map(({ kind, lines }) => ({ kind, bytes: bytesOfLines(lines) })),
)

/** What a flight looks like on the wire, by the page. */
const printed = flights.map(blocks =>
  concat(blocks.filter(({ kind }) => kind.startsWith('wire')).map(({ bytes }) => bytes)),
)

/** One fresh side that hears what the page prints of the other; `cut` says in which pieces. */
function replay(side: Side, cut: (bytes: Uint8Array) => Uint8Array[]): { events: string[]; sent: string[] } {
  const party = new Party(sides[side])
  const sent: string[] = []
  for (const [at, { from, act }] of turns.entries()) {
    if (from !== side) {
      for (const piece of cut(printed[at]!)) party.receive(piece)
      continue
    }
    act?.(party)
    sent.push(hex(wireOf(party.take())))
  }
  return { events: party.events, sent }
}

const told: Record<Side, string[]> = {
  dialer: [
    'connected to 12D3KooWPcv49Vv6DvkaUueyFqz2aid1oH77FLj4wXEd4xqUNQvu',
    'stream 2: /ipfs/id/1.0.0',
    'ping 1 answered',
    'stream 1: /ipfs/id/1.0.0',
    'stream 3: /chat/1.0.0',
    'stream 1: parley/0.1.0 at [/ip4/192.0.2.1/tcp/3000], signed, sees us at /ip4/192.0.2.2/tcp/49152',
    'stream 1: ended',
    'stream 2: ended',
    'stream 3: "Grüß dich!"',
    'ping 2 answered',
    'stream 3: ended',
  ],
  listener: [
    'connected to 12D3KooWA4Xop1JaT3MHxwYMkCepYsv4iPVopMXwCz5iHYdBfeSB',
    'stream 1: /ipfs/id/1.0.0',
    'stream 3: /chat/1.0.0',
    'ping 1 answered',
    'stream 2: /ipfs/id/1.0.0',
    'stream 1: ended',
    'stream 2: parley/0.1.0 at [], signed, sees us at /ip4/192.0.2.1/tcp/3000',
    'stream 2: ended',
    'stream 3: "Hello!"',
    'stream 3: ended',
    'goodbye 0',
  ],
}

for (const name of pageNames) {
  test(`${name} is what the sources give; \`npm run spec\` makes it so`, () => {
    assert.equal(readPage(name), rewritten(name))
  })
}

test('the exchange leads both sides where the page says', () => {
  assert.deepEqual(converse().events, told)
})

for (const side of ['dialer', 'listener'] as const) {
  test(`a fresh ${side} that hears the printed bytes sends its own as they are printed`, () => {
    const { events, sent } = replay(side, bytes => [bytes])
    assert.deepEqual(events, told[side])
    assert.deepEqual(sent, printed.filter((_, at) => turns[at]!.from === side).map(hex))
  })

  test(`a fresh ${side} hears the same from the printed bytes however they are cut`, () => {
    const single = replay(side, bytes => Array.from(bytes, byte => Uint8Array.of(byte)))
    assert.deepEqual(single.events, told[side])
    const places = fc.array(fc.nat(), { maxLength: 8 })
    fc.assert(
      fc.property(places, cuts => {
        assert.deepEqual(replay(side, bytes => cutAt(bytes, cuts)).events, told[side])
      }),
      { numRuns: 20 },
    )
  })

  test(`the printed records of the ${side} open with the printed key to the printed frames`, () => {
    const digits = page.match(new RegExp(`^key of the ${side}'s records +\\| (\\w+)$`, 'm'))?.[1] ?? ''
    const records = flights.flat().flatMap(({ kind, bytes }, at, all) => {
      const next = all[at + 1]
      return kind === `wire ${side}` && next?.kind === 'plaintext' ? [{ wire: bytes, plain: next.bytes }] : []
    })
    assert.ok(records.length > 5)
    for (const [count, { wire, plain }] of records.entries()) {
      assert.equal(wire[0]! * 256 + wire[1]!, wire.length - 2)
      const [ciphertext, tag] = [wire.subarray(2, -16), wire.subarray(-16)]
      const opened = provider.open(fromHex(digits), nonce(count), new Uint8Array(0), [ciphertext], tag)
      assert.equal(hex(concat(opened ?? [])), hex(plain))
    }
  })
}

test('the table of errors names every code, in the order of the source', () => {
  assert.deepEqual(
    Array.from(page.matchAll(/^\| `(ERR_\w+)` \|/gm), ([, code]) => code),
    errorCodes(),
  )
})

test('the page names every file that uses node', () => {
  const sentence = page.match(/`node:` modules are imported in these files alone: (.*?\.)\s/s)?.[1] ?? ''
  const named = Array.from(sentence.matchAll(/`([\w/-]+)`/g), ([, name = '']) => name)
  const isNamed = (file: string) =>
    named.some(name => (name.endsWith('/') ? file.startsWith(name) : file === `${name}.ts`))
  const used = filesThatUseNode()
  assert.ok(used.includes('net/duplex.ts'))
  assert.deepEqual(
    used.filter(file => !isNamed(file)),
    [],
  )
})

test('links within the page lead to its headings', () => {
  const anchor = (heading: string) =>
    heading
      .toLowerCase()
      .replace(/[^\w -]/g, '')
      .replaceAll(' ', '-')
  const text = page.replace(/^```.*?^```$/gms, '')
  const anchors = new Set(Array.from(text.matchAll(/^#+ (.+)$/gm), ([, heading = '']) => anchor(heading)))
  const links = Array.from(text.matchAll(/\]\(#([^)]+)\)/g), ([, link = '']) => link)
  assert.ok(links.length > 30)
  assert.deepEqual(
    links.filter(link => !anchors.has(link)),
    [],
  )
})
