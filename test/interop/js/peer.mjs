import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import { Chats } from './chats.mjs'
import { Commands } from './commands.mjs'
import { Identified } from './identified.mjs'
import { createNode, keys, muxers, securities } from './node.mjs'
import { Acceptors } from './protocols.mjs'

const refused = 3

/** @param {object} object @param {() => void} [then] */
const print = (object, then) => process.stdout.write(`${JSON.stringify(object)}\n`, then)

const options = readOptions()
const node = await createNode(options)
const chats = new Chats(print)
const acceptors = new Acceptors(print, chats)
const commands = new Commands(node, acceptors, chats, new Identified(node))

node.addEventListener('peer:connect', ({ detail }) => print({ event: 'connected', peer: detail.toString() }))
node.addEventListener('peer:disconnect', ({ detail }) =>
  print({ event: 'disconnected', peer: detail.toString() }),
)
await acceptors.serve(node)
print({
  event: 'ready',
  implementation: 'js-libp2p',
  version: versionOf(node.services.identify.host.agentVersion),
  peer: node.peerId.toString(),
  addresses: node.getMultiaddrs().map(String),
  keys: Object.keys(keys),
})

createInterface({ input: process.stdin })
  .on('line', line => obey(JSON.parse(line)))
  .on('close', () => process.exit(0))

async function obey(command) {
  const answer = await carryOut(command)
  print({ id: command.id, ...answer }, () => {
    if (command.do === 'stop') process.exit(0)
  })
}

async function carryOut(command) {
  try {
    if (typeof commands[command.do] !== 'function') throw new Error(`there is no command ${command.do}`)
    return { ok: await commands[command.do](command) }
  } catch (error) {
    return { error: describe(error) }
  }
}

/** An error as one line; the library sometimes rejects with an event, or with several errors at once. */
function describe(error) {
  if (error instanceof AggregateError) return error.errors.map(describe).join('; ')
  return `${error.name ?? 'Error'}: ${error.message ?? error.type}`.replaceAll(/\s+/g, ' ')
}

/** @param {string} agent such as `js-libp2p/3.3.11 node/20.20.2` */
function versionOf(agent) {
  return agent.split(' ')[0].split('/')[1]
}

function readOptions() {
  try {
    const { values } = parseArgs({
      options: {
        listen: { type: 'string', default: '/ip4/127.0.0.1/tcp/0' },
        key: { type: 'string', default: 'ed25519' },
        muxer: { type: 'string', default: 'early' },
        security: { type: 'string', default: 'noise' },
      },
    })
    requireOne('key', values.key, keys)
    requireOne('muxer', values.muxer, muxers)
    requireOne('security', values.security, securities)
    return values
  } catch (error) {
    console.error(error instanceof Error ? error.message : error)
    process.exit(refused)
  }
}

function requireOne(flag, value, known) {
  if (!Object.hasOwn(known, value)) throw new Error(`--${flag} ${value} is not to be had from js-libp2p.`)
}
