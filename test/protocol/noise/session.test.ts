import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { CipherState } from '#src/protocol/noise/cipher-state'
import { MAX_PLAINTEXT, NoiseSession } from '#src/protocol/noise/session'
import { concat, EMPTY, hex, utf8 } from '#src/wire/bytes'
import { cuttingKinds, feed } from '../../support/feed.ts'
import { anyBytes, cutAt, cuttings, parsed, pattern, refuses } from '../../support/wire.ts'
import { flip } from './peers.ts'

const keys = [pattern(32), pattern(64).subarray(32)] as const

/** The two ends of one connection, from the given records on. */
function ends(counter = 0): [NoiseSession, NoiseSession] {
  const cipher = (key: Uint8Array) => new CipherState(key, counter)
  return [
    new NoiseSession(cipher(keys[0]), cipher(keys[1])),
    new NoiseSession(cipher(keys[1]), cipher(keys[0])),
  ]
}

/** A fresh receiver, and the records of these plaintexts for it. */
function recorded(...plaintexts: Uint8Array[]): { receiver: NoiseSession; records: Uint8Array[] } {
  const [sender, receiver] = ends()
  return { receiver, records: plaintexts.map(plaintext => concat(sender.seal([plaintext]))) }
}

const opened = (receiver: NoiseSession, chunks: readonly Uint8Array[]) =>
  concat(chunks.flatMap(chunk => receiver.receive(chunk)))

/** As `opened`, where all chunks come in one buffer, each written over the one before. */
function openedFromOne(receiver: NoiseSession, chunks: readonly Uint8Array[]): Uint8Array {
  const buffer = new Uint8Array(Math.max(...chunks.map(chunk => chunk.length)))
  const plaintext = chunks.flatMap(chunk => {
    buffer.fill(0xee)
    buffer.set(chunk)
    return receiver.receive(buffer.subarray(0, chunk.length))
  })
  buffer.fill(0xee)
  return concat(plaintext)
}

/** Asserts that the receiver refuses the bytes, and from then on genuine ones too. */
function breaks(receiver: NoiseSession, bytes: Uint8Array, genuine: Uint8Array, message?: string): void {
  refuses('ERR_NOISE', () => receiver.receive(bytes), message)
  refuses('ERR_NOISE', () => receiver.receive(genuine), message)
  refuses('ERR_NOISE', () => receiver.receive(EMPTY), message)
}

describe('NoiseSession', () => {
  test('writes a record as its length in two bytes, the ciphertext and the tag', () => {
    const [sender] = ends()
    const record = concat(sender.seal([utf8('hello')]))
    const sealed = concat(new CipherState(keys[0]).encrypt(utf8('hello')))
    assert.equal(hex(record), `0015${hex(sealed)}`)
    assert.equal(hex(concat(sender.seal([])).subarray(0, 2)), '0010')
    const longest = concat(sender.seal([pattern(MAX_PLAINTEXT)]))
    assert.equal(hex(longest.subarray(0, 2)), 'ffff')
    assert.equal(longest.length, 2 + 65_535)
  })

  test('opens records for every cutting', () => {
    const plaintexts = [utf8('one'), EMPTY, pattern(40), utf8('four')]
    const { records } = recorded(...plaintexts)
    for (const chunks of cuttings(concat(records))) {
      assert.deepEqual(opened(ends()[1], chunks), concat(plaintexts))
    }
  })

  test('lets a chunk be written to once it was received, for every cutting', () => {
    const plaintexts = [utf8('one'), EMPTY, pattern(40), utf8('four')]
    const { records } = recorded(...plaintexts)
    for (const chunks of cuttings(concat(records))) {
      assert.deepEqual(openedFromOne(ends()[1], chunks), concat(plaintexts))
    }
  })

  test('lets the chunks of long records be written to, for any cuts', () => {
    const plaintexts = [700, 20_000, 383, 1, MAX_PLAINTEXT, 512].map(pattern)
    const bytes = concat(recorded(...plaintexts).records)
    fc.assert(
      fc.property(fc.array(fc.nat(), { maxLength: 30 }), places => {
        assert.deepEqual(openedFromOne(ends()[1], cutAt(bytes, places)), concat(plaintexts))
      }),
      { numRuns: 60 },
    )
    for (const cutting of cuttingKinds) {
      assert.deepEqual(openedFromOne(ends()[1], feed(bytes, cutting)), concat(plaintexts))
    }
  })

  test('opens a record as soon as it is whole, and not before', () => {
    const { receiver, records } = recorded(utf8('one'), utf8('two'))
    assert.deepEqual(receiver.receive(records[0]!.subarray(0, -1)), [])
    assert.deepEqual(receiver.receive(concat([records[0]!.subarray(-1), records[1]!.subarray(0, -1)])), [
      utf8('one'),
    ])
    assert.deepEqual(receiver.receive(records[1]!.subarray(-1)), [utf8('two')])
  })

  test('gives back any pieces of any size, joined, for any cuts', () => {
    const piece = fc.oneof(anyBytes(30), fc.constantFrom(0, 511, 8176, 8177, MAX_PLAINTEXT).map(pattern))
    const record = fc.array(piece, { maxLength: 4 }).map(pieces => {
      while (concat(pieces).length > MAX_PLAINTEXT) pieces.pop()
      return pieces
    })
    fc.assert(
      fc.property(
        fc.array(record, { maxLength: 5 }),
        fc.array(fc.nat(), { maxLength: 12 }),
        (all, places) => {
          const [sender, receiver] = ends()
          const bytes = concat(all.flatMap(pieces => sender.seal(pieces)))
          assert.deepEqual(opened(receiver, cutAt(bytes, places)), concat(all.flat()))
        },
      ),
      { numRuns: 60 },
    )
  })

  test('goes through long records byte by byte', () => {
    const plaintexts = [pattern(MAX_PLAINTEXT), pattern(20_000)]
    const { receiver, records } = recorded(...plaintexts)
    assert.deepEqual(opened(receiver, feed(concat(records), 'bytes')), concat(plaintexts))
  })

  test('takes a record without plaintext for nothing, as it may come', () => {
    const { receiver, records } = recorded(EMPTY, EMPTY, utf8('x'))
    assert.deepEqual(receiver.receive(records[0]!), [])
    assert.deepEqual(opened(receiver, records.slice(1)), utf8('x'))
  })

  test('keeps its records apart from those of other sessions', () => {
    const [first] = ends()
    const [second] = ends(7)
    const pieces = [pattern(20_000), utf8('first')]
    const record = first.seal(pieces)
    second.seal([new Uint8Array(30_000), utf8('second')])
    assert.deepEqual(opened(ends()[1], record), concat(pieces))
  })

  test('refuses to seal more than a record holds, and uses no nonce for it', () => {
    const [sender, receiver] = ends()
    refuses('ERR_USAGE', () => sender.seal([pattern(MAX_PLAINTEXT + 1)]))
    refuses('ERR_USAGE', () => sender.seal([pattern(MAX_PLAINTEXT), pattern(1)]))
    assert.deepEqual(opened(receiver, sender.seal([utf8('x')])), utf8('x'))
  })

  test('breaks at a record with any bit turned over', () => {
    const { records } = recorded(utf8('genuine'), utf8('next'))
    const [record, next] = records as [Uint8Array, Uint8Array]
    for (let bit = 0; bit < 8 * record.length; bit++) {
      const receiver = ends()[1]
      const bad = flip(record, bit)
      const grown = bad[0]! * 256 + bad[1]! > record.length - 2
      if (grown) assert.deepEqual(receiver.receive(bad), [], `bit ${bit}`)
      else breaks(receiver, bad, next, `bit ${bit}`)
    }
  })

  test('breaks at a record that is replayed, swapped, left out, echoed or of another connection', () => {
    const { records } = recorded(utf8('0'), utf8('1'), utf8('2'))
    const [zero, one, two] = records as [Uint8Array, Uint8Array, Uint8Array]
    const sequences = { replayed: [zero, zero], swapped: [one, zero], dropped: [zero, two] }
    for (const [fault, sequence] of Object.entries(sequences)) {
      for (const cutting of cuttingKinds) {
        const receiver = ends()[1]
        refuses('ERR_NOISE', () => opened(receiver, feed(concat(sequence), cutting)), fault)
        breaks(receiver, EMPTY, one, fault)
      }
    }
    breaks(ends()[0], zero, one)
  })

  test('breaks at a length below that of a tag, before anything else comes', () => {
    for (let length = 0; length < 16; length++) {
      for (const rest of [EMPTY, pattern(length), pattern(100)]) {
        breaks(ends()[1], concat([Uint8Array.of(0, length), rest]), pattern(20))
      }
    }
  })

  test('gives nothing of a chunk that holds a bad record', () => {
    const { receiver, records } = recorded(utf8('good'), utf8('bad'), utf8('good'))
    breaks(receiver, concat([records[0]!, flip(records[1]!, 40), records[2]!]), records[1]!)
  })

  test('ends before a nonce is used twice, in both directions', () => {
    const [sender, receiver] = ends(Number.MAX_SAFE_INTEGER - 1)
    const record = concat(sender.seal([utf8('last')]))
    assert.deepEqual(opened(receiver, [record]), utf8('last'))
    for (let i = 0; i < 2; i++) {
      refuses('ERR_NONCE_EXHAUSTED', () => sender.seal([utf8('more')]))
      refuses('ERR_NONCE_EXHAUSTED', () => receiver.receive(record))
    }
  })

  test('gives nothing but ERR_NOISE for any bytes', () => {
    fc.assert(
      fc.property(anyBytes(100), fc.constantFrom(...cuttingKinds), (bytes, cutting) => {
        const plaintext = parsed('ERR_NOISE', () => opened(ends()[1], feed(bytes, cutting)))
        assert.equal(plaintext?.length ?? 0, 0)
      }),
    )
  })
})
