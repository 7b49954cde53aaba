import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import {
  encodeMessage,
  MULTISTREAM_PROTOCOL,
  type Negotiated,
  NegotiationDialer,
  NegotiationListener,
} from '#src/protocol/negotiate'
import { concat, EMPTY, hex, utf8, utf8Text } from '#src/wire/bytes'
import type { ErrorCode } from '#src/wire/errors'
import { cuttingKinds, feed } from '../support/feed.ts'
import { exchange } from '../support/pair.ts'
import { anyBytes, bytesOf, cuttings, parsed, pattern, refuses } from '../support/wire.ts'

const header = encodeMessage(MULTISTREAM_PROTOCOL)
const tail = pattern(70)

const messages = (...texts: string[]): Uint8Array => concat(texts.map(encodeMessage))
const speaks = (...protocols: string[]) => new NegotiationListener(text => protocols.includes(text))

/** Feeds the chunks until there is an agreement; what was not fed by then is of the rest too. */
function agreement(
  machine: NegotiationDialer | NegotiationListener,
  chunks: readonly Uint8Array[],
): Negotiated | undefined {
  for (const [i, chunk] of chunks.entries()) {
    const agreed = machine.receive(chunk)
    if (agreed) return { ...agreed, rest: concat([agreed.rest, ...chunks.slice(i + 1)]) }
  }
  return undefined
}

describe('multistream-select', () => {
  test('writes a message as its length, its text and a newline that counts', () => {
    const cases = [
      ['/multistream/1.0.0', '13 2f6d756c746973747265616d2f312e302e30 0a'],
      ['/noise', '07 2f6e6f697365 0a'],
      ['/tls/1.0.0', '0b 2f746c732f312e302e30 0a'],
      ['/yamux/1.0.0', '0d 2f79616d75782f312e302e30 0a'],
      ['na', '03 6e61 0a'],
      ['/chat/1.0.0', '0c 2f636861742f312e302e30 0a'],
    ] as const
    for (const [text, digits] of cases) assert.equal(hex(encodeMessage(text)), digits.replaceAll(' ', ''))
    assert.equal(encodeMessage('/ipfs/id/1.0.0')[0], 0x0f)
    assert.equal(encodeMessage('/ipfs/ping/1.0.0')[0], 0x11)
  })

  test('agrees on the first proposal that the listener speaks, however the bytes are cut', () => {
    const names = fc.uniqueArray(fc.constantFrom('/a', '/b/1.0.0', '/c', '/noise', '/yamux/1.0.0'), {
      minLength: 1,
    })
    fc.assert(
      fc.property(names, names, fc.constantFrom(...cuttingKinds), (proposals, spoken, cutting) => {
        const dialer = new NegotiationDialer(proposals)
        const common = proposals.find(name => spoken.includes(name))
        const run = () => exchange(dialer, speaks(...spoken), cutting)
        if (common === undefined) return refuses('ERR_PROTOCOL_UNSUPPORTED', run)
        const { a, b } = run()
        for (const side of [a, b]) assert.deepEqual(side.at(-1), { protocol: common, rest: EMPTY })
      }),
    )
  })

  test('gives two dialers of the same protocol the same outcome', () => {
    const { a, b } = exchange(new NegotiationDialer(['/noise']), new NegotiationDialer(['/noise']), 'bytes')
    assert.deepEqual(a.at(-1), b.at(-1))
  })
})

describe('NegotiationDialer', () => {
  test('sends the header and its first proposal together, and waits for nobody', () => {
    const dialer = new NegotiationDialer(['/noise', '/tls/1.0.0'])
    assert.deepEqual(dialer.take(), messages(MULTISTREAM_PROTOCOL, '/noise'))
    assert.deepEqual(dialer.take(), EMPTY)
  })

  test('proposes the next protocol after na, without the header', () => {
    const dialer = new NegotiationDialer(['/a', '/b', '/c'])
    dialer.take()
    assert.equal(dialer.receive(header), undefined)
    assert.deepEqual(dialer.take(), EMPTY)
    assert.equal(dialer.receive(messages('na')), undefined)
    assert.deepEqual(dialer.take(), messages('/b'))
    assert.equal(dialer.receive(messages('na')), undefined)
    assert.deepEqual(dialer.take(), messages('/c'))
    assert.deepEqual(dialer.receive(messages('/c')), { protocol: '/c', rest: EMPTY })
  })

  test('hands over every byte behind the agreement, for every cutting', () => {
    for (const chunks of cuttings(concat([messages(MULTISTREAM_PROTOCOL, 'na', '/b'), tail]))) {
      assert.deepEqual(agreement(new NegotiationDialer(['/a', '/b']), chunks), { protocol: '/b', rest: tail })
    }
  })

  const refused: [promise: string, code: ErrorCode, answer: Uint8Array][] = [
    ['na to every proposal', 'ERR_PROTOCOL_UNSUPPORTED', messages(MULTISTREAM_PROTOCOL, 'na', 'na')],
    ['a protocol not proposed', 'ERR_NEGOTIATE', messages(MULTISTREAM_PROTOCOL, '/c')],
    ['a protocol not proposed yet', 'ERR_NEGOTIATE', messages(MULTISTREAM_PROTOCOL, '/b')],
    ['a protocol refused already', 'ERR_NEGOTIATE', messages(MULTISTREAM_PROTOCOL, 'na', '/a')],
    ['the header twice', 'ERR_NEGOTIATE', messages(MULTISTREAM_PROTOCOL, MULTISTREAM_PROTOCOL)],
    ['no header', 'ERR_NEGOTIATE', messages('/a')],
    ['na with a blank', 'ERR_NEGOTIATE', messages(MULTISTREAM_PROTOCOL, 'na ')],
  ]
  for (const [promise, code, answer] of refused) {
    test(`refuses ${promise}`, () => {
      for (const chunks of cuttings(answer)) {
        refuses(code, () => agreement(new NegotiationDialer(['/a', '/b']), chunks))
      }
    })
  }
})

describe('NegotiationListener', () => {
  test('answers the header alone, and says nothing before it', () => {
    const listener = speaks('/noise')
    assert.deepEqual(listener.take(), EMPTY)
    listener.receive(header.subarray(0, -1))
    assert.deepEqual(listener.take(), EMPTY)
    listener.receive(header.subarray(-1))
    assert.deepEqual(listener.take(), header)
    listener.receive(messages('/tls/1.0.0'))
    assert.deepEqual(listener.take(), messages('na'))
  })

  test('hands over early bytes behind refused proposals, for every cutting', () => {
    const burst = messages(MULTISTREAM_PROTOCOL, '/tls/1.0.0', 'ls', '/noise')
    for (const chunks of cuttings(concat([burst, tail]))) {
      const listener = speaks('/noise')
      assert.deepEqual(agreement(listener, chunks), { protocol: '/noise', rest: tail })
      assert.deepEqual(listener.take(), messages(MULTISTREAM_PROTOCOL, 'na', 'na', '/noise'))
    }
  })

  test('takes nothing but the exact name for a protocol', () => {
    const near = ['/noise ', ' /noise', '/NOISE', '/noise\0', '/noise\r', '/noise/', '/nois', '\x1b[2J', 'ls']
    for (const name of near) {
      const listener = speaks('/noise')
      assert.equal(listener.receive(messages(MULTISTREAM_PROTOCOL, name)), undefined)
      assert.deepEqual(listener.take(), messages(MULTISTREAM_PROTOCOL, 'na'), name)
    }
  })

  test('hears sixteen unknown proposals and no more', () => {
    const listener = speaks('/noise')
    const unknown = messages(...Array.from({ length: 16 }, (_, i) => `/unknown/${i}`))
    assert.equal(listener.receive(concat([header, unknown])), undefined)
    assert.deepEqual(listener.take(), concat([header, messages(...Array(16).fill('na'))]))
    assert.equal(listener.receive(messages('/noise'))?.protocol, '/noise')

    const flooded = speaks('/noise')
    refuses('ERR_NEGOTIATE', () => flooded.receive(concat([header, unknown, unknown, unknown])))
    assert.ok(flooded.take().length <= 1024)
  })

  test('takes a proposal of 1,024 bytes with its newline', () => {
    const listener = speaks('/noise')
    listener.receive(concat([header, messages('x'.repeat(1023))]))
    assert.equal(utf8Text(listener.take()), utf8Text(messages(MULTISTREAM_PROTOCOL, 'na')))
  })

  const line = (digits: string) => concat([header, bytesOf(digits)])
  const hostile: [promise: string, bytes: Uint8Array][] = [
    ['endless zeros', new Uint8Array(64 * 1024)],
    ['endless zeros behind the header', concat([header, new Uint8Array(64 * 1024)])],
    ['a message of 1,025 bytes at its length', line('8108')],
    ['a length of three bytes', line('ffff03')],
    ['a length that is not minimal', line('9300')],
    ['a message without a newline', line('03 6e6161')],
    ['a newline alone', line('01 0a')],
    ['two lines in one message', line('05 610a620a0a')],
    ['text that is not UTF-8', line('03 2fff0a')],
    ['another header', messages('/multistream/2.0.0')],
    ['a proposal without the header', messages('/noise')],
    ['HTTP', utf8(`GET / HTTP/1.1\r\nHost: example.org\r\nUser-Agent: curl/8.0.0\r\nAccept: */*\r\n\r\n`)],
    ['TLS', concat([bytesOf('16 03 01 02 00 01 00 01 fc 03 03'), pattern(64)])],
    ['SSH', utf8(`SSH-2.0-OpenSSH_9.6\r\n${'x'.repeat(128)}`)],
  ]
  for (const [promise, bytes] of hostile) {
    test(`refuses ${promise}, and says little to it`, () => {
      for (const cutting of cuttingKinds) {
        const listener = speaks('/noise')
        refuses('ERR_NEGOTIATE', () => agreement(listener, feed(bytes, cutting)))
        assert.ok(listener.take().length <= header.length)
      }
    })
  }

  test('throws nothing but ERR_NEGOTIATE, whatever comes', () => {
    const before = fc.constantFrom(EMPTY, header, messages(MULTISTREAM_PROTOCOL, '/x'))
    fc.assert(
      fc.property(before, anyBytes(200), fc.constantFrom(...cuttingKinds), (begin, bytes, cutting) => {
        const chunks = feed(concat([begin, bytes]), cutting)
        parsed('ERR_NEGOTIATE', () => agreement(speaks('/noise'), chunks))
        parsed('ERR_NEGOTIATE', () => agreement(new NegotiationDialer(['/noise', '/x']), chunks))
      }),
    )
  })
})
