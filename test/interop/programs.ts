import { equal } from './check.ts'
import { type Chat, type Column, cli } from './columns.ts'
import type { Direction } from './matrix.ts'
import { NotOffered, Peer, type Program } from './peer.ts'
import { Running } from './running.ts'

/** A row of the matrix that runs whole programs, as a person would. */
export interface ProgramCell {
  name: string
  timeout?: number
  /** The one direction in which it has a meaning. */
  only?: Direction
  /** Says what was seen, as a figure, or nothing. `out`: parley's program dials. */
  run(column: Column, direction: Direction): Promise<string | undefined>
}

/** An address as any of them prints it; on a machine with several, that of loopback. */
const printedAddress = /\/ip4\/127\.0\.0\.1\/tcp\/[1-9]\d*\/p2p\/\w+/

/** How parley says that somebody is there. */
const joined = /has joined|is here/

/** Runs the body with a way to start programs, all of which are ended afterwards. */
async function withPrograms(
  body: (start: (program: Program) => Running) => Promise<undefined>,
): Promise<undefined> {
  const running: Running[] = []
  try {
    return await body(program => {
      const one = new Running(program)
      running.push(one)
      return one
    })
  } finally {
    await Promise.all(running.map(one => one.kill()))
  }
}

function parley(...args: string[]): Program {
  return { command: process.execPath, args: [cli, ...args] }
}

type ChatOf = (column: Column) => Chat

function unmodified({ chat }: Column): Chat {
  if (chat instanceof Error) throw chat
  return chat
}

function rebuilt({ name, rebuiltChat }: Column): Chat {
  if (!rebuiltChat) throw new NotOffered(`${name} has no chat example that must be rebuilt to be run`)
  return rebuiltChat
}

/** Each says a line and sees the other's. */
function converse(chatOf: ChatOf, ...flags: readonly string[]): ProgramCell['run'] {
  return (column, direction) =>
    withPrograms(async start => {
      const chat = chatOf(column)
      const listener = start(direction === 'out' ? chat.listen() : parley('--port', '0', ...flags))
      const address = await listener.sees(printedAddress)
      const dialer = start(direction === 'out' ? parley('--dial', address, ...flags) : chat.dial(address))
      const [ours, theirs] = direction === 'out' ? [dialer, listener] : [listener, dialer]
      await ours.sees(joined)
      await tell(theirs, ours, 'Grüße, 你好 👋')
      await tell(ours, theirs, 'and back again')
      await tell(theirs, ours, 'one more')
    })
}

async function tell(speaker: Running, listener: Running, text: string): Promise<void> {
  speaker.type(text)
  await listener.sees(new RegExp(text))
}

/** Two of theirs join one of ours, and see each other's lines. */
function meet(chatOf: ChatOf): ProgramCell['run'] {
  return column =>
    withPrograms(async start => {
      const chat = chatOf(column)
      const hub = start(parley('--port', '0', '--ephemeral'))
      const address = await hub.sees(printedAddress)
      const [one, two] = [start(chat.dial(address)), start(chat.dial(address))]
      await hub.sees(/(has joined[\s\S]*){2}/)
      await tell(one, hub, 'from the first')
      await tell(two, hub, 'from the second')
      await two.sees(/from the first/)
      await one.sees(/from the second/)
      hub.type('to both of you')
      await Promise.all([one, two].map(each => each.sees(/to both of you/)))
    })
}

/** Runs the body with a peer program of the column, which is ended afterwards. */
async function withPeer<T>(column: Column, body: (peer: Peer) => Promise<T>): Promise<T> {
  const peer = await Peer.start(column.name, column.peer, [])
  try {
    return await body(peer)
  } finally {
    await peer.kill()
  }
}

const amount = 16 * 1024 * 1024

/** What goes over the wire as `parley perf` is run with the flags of libp2p's test plans. */
function perf(column: Column, direction: Direction): Promise<undefined> {
  return withPeer(column, peer =>
    withPrograms(start => (direction === 'out' ? perfAsClient(peer, start) : perfAsServer(peer, start))),
  )
}

type Start = (program: Program) => Running

async function perfAsClient(peer: Peer, start: Start): Promise<undefined> {
  const port = /\/tcp\/(\d+)/.exec(peer.address)![1]!
  const bytes = ['--upload-bytes', String(amount), '--download-bytes', String(amount)]
  const client = start(
    parley('perf', '--server-address', `127.0.0.1:${port}`, '--transport', 'tcp', ...bytes),
  )
  const final = JSON.parse(await client.sees(/\{"type":"final".*\}/, 60_000)) as Record<string, unknown>
  equal([final.uploadBytes, final.downloadBytes], [amount, amount], 'the bytes of the final line')
  equal(await client.exit(), 0, 'the exit code')
}

async function perfAsServer(peer: Peer, start: Start): Promise<undefined> {
  const server = start(parley('perf', '--run-server', '--server-address', '127.0.0.1:0'))
  const address = await server.sees(printedAddress)
  const { peer: parleyId } = await peer.do<{ peer: string }>('dial', { address })
  const asked = { peer: parleyId, upload: amount, download: amount }
  const { bytes } = await peer.do<{ bytes: number }>('perf', asked)
  equal(bytes, amount, 'the bytes received')
}

/** Every stage is passed. */
function doctor(column: Column): Promise<undefined> {
  return withPeer(column, peer =>
    withPrograms(async start => {
      const examination = start(parley('doctor', peer.address))
      equal(await examination.exit(), 0, `the exit code behind ${examination.shown}`)
      const stages = ['tcp', 'negotiate', 'noise', 'identity', 'muxer', 'identify', 'ping']
      for (const stage of stages) await examination.sees(new RegExp(`${stage} +✓`))
    }),
  )
}

/** All rows with programs, in the order of the table. */
export const programs: readonly ProgramCell[] = [
  ...chatRows('its chat example', unmodified),
  ...chatRows('its chat, rebuilt on its library', rebuilt),
  { name: 'parley perf, 16 MiB each way', run: perf, timeout: 120_000 },
  { name: 'parley doctor', run: doctor, only: 'out' },
]

function chatRows(name: string, chatOf: ChatOf): ProgramCell[] {
  return [
    { name, run: converse(chatOf, '--ephemeral') },
    { name: `${name}, parley with an RSA key`, run: converse(chatOf, '--ephemeral', '--key-type', 'rsa') },
    { name: `${name}: two of it meet through parley`, run: meet(chatOf), only: 'in' },
  ]
}
