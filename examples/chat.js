/**
 * The chat as a library: a bot that joins a table, answers who greets it, and leaves when told to.
 *
 *     parley --port 3000                                  in one terminal
 *     node examples/chat.js /ip4/127.0.0.1/tcp/3000/p2p/<id>    in another
 */
import { createHost, escapeText, Table } from 'parley'

const address = process.argv[2]
if (!address) throw new Error('Give the address of someone who runs: parley --port 3000')

const host = await createHost({ agent: 'greeter/1.0' })
const table = new Table(host)
const left = new Promise(resolve => table.on('leave', resolve))

table.on('message', ({ from, text }) => {
  console.log(`${from.short}: ${escapeText(text)}`)
  if (/\bhello\b/i.test(text)) void table.say(`Hello, ${from.short}!`)
  if (/\bbye\b/i.test(text)) void table.leave().catch(() => {})
})

await table.join(address)
await table.say('I am a bot. Say hello, or bye.')

await left
await host.stop()
