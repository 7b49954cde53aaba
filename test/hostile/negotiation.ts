import assert from 'node:assert/strict'
import { setTimeout as wait } from 'node:timers/promises'
import type { Connection } from '#src/net/connection'
import { IDENTIFY_PROTOCOL } from '#src/protocol/identify'
import { encodeMessage } from '#src/protocol/negotiate'
import { concat, hex, utf8, utf8Text } from '#src/wire/bytes'
import type { ErrorCode } from '#src/wire/errors'
import { encodeFrame } from '#src/wire/frame'
import { data } from '../protocol/yamux/frames.ts'
import { type RawPeer, until } from '../support/net.ts'
import { bytesOf, cuttings, pattern } from '../support/wire.ts'
import { type Attack, failureOf, soon } from './attack.ts'
import { greeting, header, honest, refusalOf } from './speaker.ts'
import { live, pure, type Row } from './suite.ts'

/** How long a host lets itself be kept waiting in these rows. */
const patience = 200
const impatient = { limits: { upgradeTimeout: patience, dialTimeout: patience } }

const na = encodeMessage('na')

/** Bytes that a host must not hear out: refused where a connection begins, as a server and as a client, and on a stream. */
async function refusesNegotiation(attack: Attack, name: string, bytes: Uint8Array): Promise<void> {
  attack.expect(
    'ERR_NEGOTIATE',
    refusalOf('inbound', say => say(bytes)),
  )
  await attack.expelled(`${name}, to a server`, stranger => stranger.send(bytes))
  await attack.repels(`${name}, to a client`, 'ERR_NEGOTIATE', stranger => stranger.send(bytes))
  await attack.attempt(`${name}, on a stream`, async () => {
    const { peer, connection } = await attack.intrude()
    await saysOnStream(peer, bytes)
    assert.equal(connection.status, 'open')
    peer.destroy()
  })
}

/** Opens a stream, says bytes on it, and waits for the host to end it. */
async function saysOnStream(peer: RawPeer, bytes: Uint8Array): Promise<void> {
  peer.yamux.open().write(bytes)
  peer.flush()
  await soon(
    until(() => peer.count('end') + peer.count('reset') > 0, 'the stream ends'),
    1_000,
  )
}

/** What the host proposes on a stream of its own is answered with these bytes; gives what came of it. */
async function answeredWith(
  attack: Attack,
  codes: readonly ErrorCode[],
  name: string,
  bytes: Uint8Array,
): Promise<void> {
  await attack.attempt(name, async () => {
    const { peer, connection } = await attack.intrude()
    await until(() => peer.textOf(2).includes(IDENTIFY_PROTOCOL), 'the host asks')
    peer.send(data(2, bytes))
    attack.expect(codes, await soon(failureOf(identified(attack, connection)), 1_000))
    peer.destroy()
  })
}

const identified = (attack: Attack, connection: Connection) => attack.host.identified(connection)

/** Texts that look like `/noise` and are not. */
const lookalikes: [name: string, message: Uint8Array][] = [
  ['a blank behind it', encodeMessage('/noise ')],
  ['capitals', encodeMessage('/NOISE')],
  ['a NUL behind it', encodeMessage('/noise\0')],
  ['a carriage return', encodeMessage('/noise\r')],
  ['a slash behind it', encodeMessage('/noise/')],
  ['a version', encodeMessage('/noise/1.0.0')],
  ['another script', encodeMessage('/nоise')],
  ['no slash', encodeMessage('noise')],
]

/** Messages that are no line of text. */
const malformed: [name: string, message: Uint8Array][] = [
  ['no newline', encodeFrame(utf8('naa'))],
  ['a newline alone', encodeFrame(utf8('\n'))],
  ['two lines', encodeFrame(utf8('/noise\n/noise\n'))],
  ['a newline first', encodeFrame(utf8('\n/noise'))],
  ['no UTF-8', encodeFrame(Uint8Array.of(0x2f, 0xff, 0xfe, 0x0a))],
  ['UTF-8 cut short', encodeFrame(Uint8Array.of(0x2f, 0xc3, 0x0a))],
  ['a message of no bytes', Uint8Array.of(0)],
]

/** What other programs say first. */
const foreign: [name: string, bytes: Uint8Array][] = [
  ['HTTP', utf8('GET / HTTP/1.1\r\nHost: localhost\r\nUser-Agent: test\r\nAccept: */*\r\n\r\n')],
  ['HTTP/2', utf8('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')],
  ['TLS', bytesOf('16030100c8010000c40303', '11'.repeat(190))],
  ['SSH', utf8('SSH-2.0-OpenSSH_9.6\r\n')],
  ['SMTP', utf8('EHLO localhost\r\n')],
  ['random bytes', pattern(1024)],
]

/** Negotiation of protocols, for a connection and for each stream on it. */
export const negotiation: readonly Row[] = [
  live(
    'B50',
    'zeros without end',
    async attack => {
      const stranger = await attack.expelled('zeros', async stranger => {
        const block = new Uint8Array(16 * 1024)
        await stranger.pour(Array.from({ length: 4_096 }, () => block))
        attack.weigh()
      })
      assert.ok(stranger.received.length <= 64)
      await refusesNegotiation(attack, 'zeros behind the header', concat([header, new Uint8Array(1_000)]))
    },
    { flood: true },
  ),
  live('B51', 'a length of 1,025', async attack => {
    for (const digits of ['8108', '8208', 'ff7f']) await refusesNegotiation(attack, digits, bytesOf(digits))
  }),
  live('B52', 'a length of three bytes, or one that is not minimal', async attack => {
    for (const digits of ['ffff03', '808001', '9300', '8000', 'ffffffffffffffffff'])
      await refusesNegotiation(attack, digits, bytesOf(digits))
  }),
  live('B53', 'unknown proposals without end, whose answers are never read', async attack => {
    const proposals = concat([
      header,
      ...Array.from({ length: 2_000 }, (_, i) => encodeMessage(`/unknown/${i}`)),
    ])
    attack.expect(
      'ERR_NEGOTIATE',
      refusalOf('inbound', say => say(proposals)),
    )
    const stranger = await attack.expelled('to a server', stranger => stranger.send(proposals))
    assert.ok(stranger.received.length <= 1_024)
    await attack.attempt('on a stream', async () => {
      const { peer } = await attack.intrude()
      await saysOnStream(peer, proposals)
      assert.equal(peer.textOf(1).split('na\n').length - 1, 16)
      peer.destroy()
    })
  }),
  live('B54', 'messages that are no line, and names that only look like ours', async attack => {
    for (const [name, message] of malformed) await refusesNegotiation(attack, name, concat([header, message]))
    for (const [name, message] of lookalikes) {
      await attack.attempt(name, async () => {
        const stranger = await attack.connect()
        stranger.send(concat([header, message]))
        await until(() => stranger.received.length >= header.length + na.length, 'an answer comes')
        assert.deepEqual(stranger.received, concat([header, na]))
        stranger.destroy()
      })
    }
  }),
  live(
    'B55',
    'what other programs say first',
    async attack => {
      for (const [name, bytes] of foreign) {
        const stranger = await attack.expelled(`${name} to a server`, stranger => stranger.send(bytes))
        assert.equal(utf8Text(stranger.received), '', `${name} gets no answer`)
        const codes: ErrorCode[] = ['ERR_NEGOTIATE', 'ERR_TIMEOUT']
        await attack.repels(`${name} to a client`, codes, stranger => stranger.send(bytes))
      }
    },
    // What announces more than it sends is waited for until the deadline.
    impatient,
  ),
  live(
    'B56',
    'answers that do not fit what was proposed',
    async attack => {
      const answers: [name: string, codes: ErrorCode[], bytes: Uint8Array][] = [
        ['another protocol', ['ERR_NEGOTIATE'], concat([header, encodeMessage('/tls/1.0.0')])],
        ['na to everything', ['ERR_PROTOCOL_UNSUPPORTED'], concat([header, na, na, na])],
        ['the header twice', ['ERR_NEGOTIATE'], concat([header, header])],
        ['no header', ['ERR_NEGOTIATE'], encodeMessage('/noise')],
      ]
      for (const [name, codes, bytes] of answers) {
        await attack.repels(name, codes, stranger => stranger.send(bytes))
        await answeredWith(attack, codes, `${name}, on a stream`, bytes)
      }
      // The second answer is taken for a Noise message of which too little comes.
      await attack.repels('the answer twice', ['ERR_NOISE', 'ERR_TIMEOUT'], stranger =>
        stranger.send(concat([greeting, encodeMessage('/noise')])),
      )
    },
    impatient,
  ),
  live('B57', 'proposals with commands for a terminal', async attack => {
    for (const text of [
      '\u001b]52;c;aGk=\u0007',
      '\u001b[2J',
      '/\u202eesion',
      '\u009b1m',
      '/a\tb',
      '/\u0000',
    ]) {
      await attack.attempt(JSON.stringify(text), async () => {
        const stranger = await attack.connect()
        stranger.send(concat([header, encodeMessage(text)]))
        await until(() => stranger.received.length >= header.length + na.length, 'an answer comes')
        assert.deepEqual(stranger.received, concat([header, na]), 'it is unknown, and not repeated')
        stranger.destroy()
      })
      const answer = concat([header, encodeMessage(text)])
      await attack.repels(`${JSON.stringify(text)} in an answer`, 'ERR_NEGOTIATE', stranger =>
        stranger.send(answer),
      )
    }
  }),
  pure('B58', 'header, proposal and first message cut at every offset', trial => {
    const dialer = honest('outbound')
    const flight = dialer.take()
    for (const [i, chunks] of cuttings(flight).entries()) {
      trial.try(`cutting ${i}`, () => {
        const listener = honest('inbound')
        const answers = chunks.map(chunk => {
          listener.receive(chunk)
          return listener.take()
        })
        const answer = concat(answers)
        assert.equal(hex(answer.subarray(0, greeting.length)), hex(greeting))
        assert.ok(answer.length > greeting.length + 100, 'message 2 is there')
      })
    }
  }),
  live('B58', 'the same in one segment, and cut somewhere', async attack => {
    for (const at of [0, 1, 19, 20, 21, 27, 28, 29, 30, 61]) {
      await attack.attempt(`cut at ${at}`, async () => {
        const stranger = await attack.connect()
        const flight = honest('outbound').take()
        await stranger.drip([flight.subarray(0, at), flight.subarray(at)], 5)
        await until(() => stranger.received.length > greeting.length + 100, 'message 2 comes')
        stranger.destroy()
      })
    }
  }),
  live(
    'B59',
    'both sides begin',
    async attack => {
      await attack.repels('a listener that proposes too', ['ERR_NOISE', 'ERR_NEGOTIATE'], stranger => {
        stranger.send(honest('outbound').take())
      })
      await attack.attempt('two of ours', async () => {
        const [a, b] = [honest('outbound'), honest('outbound')]
        const [fromA, fromB] = [a.take(), b.take()]
        attack.refuses('ERR_NOISE', 'the one', () => a.receive(fromB))
        attack.refuses('ERR_NOISE', 'the other', () => b.receive(fromA))
      })
    },
    impatient,
  ),
  live('B60', 'ls, which is unknown like any other name', async attack => {
    await attack.attempt('to a server', async () => {
      const stranger = await attack.connect()
      stranger.send(concat([header, encodeMessage('ls')]))
      await wait(50)
      assert.deepEqual(stranger.received, concat([header, na]))
      stranger.destroy()
    })
    const all = concat([header, ...Array.from({ length: 17 }, () => encodeMessage('ls'))])
    await attack.expelled('again and again', stranger => stranger.send(all))
  }),
]
