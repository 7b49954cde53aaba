import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { test } from 'node:test'
import { Redis } from './redis.ts'
import { type Reply, ReplyReader } from './resp.ts'

const replies = '+PONG\r\n:2\r\n$-1\r\n$5\r\na\r\nbc\r\n*2\r\n$1\r\nk\r\n$0\r\n\r\n*-1\r\n*0\r\n'
const values = ['PONG', 2, null, 'a\r\nbc', ['k', ''], null, []]

/** A server that answers each command with the next of these. */
async function serve(answers: string[], port = 0): Promise<Server> {
  const left = [...answers]
  const server = createServer((socket: Socket) => {
    socket.on('error', () => {})
    socket.on('data', () => socket.write(left.shift() ?? '-ERR no more\r\n'))
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  return server
}

function connect(server: Server, delay = 5_000): Promise<Redis> {
  const { port } = server.address() as AddressInfo
  return Redis.connect({ host: '127.0.0.1', port }, AbortSignal.timeout(delay))
}

test('replies are read whatever the pieces are that they come in', () => {
  for (const size of [1, 2, 3, 7, replies.length]) {
    const reader = new ReplyReader()
    const read: Reply[] = []
    for (let at = 0; at < replies.length; at += size)
      read.push(...reader.push(Buffer.from(replies.slice(at, at + size))))
    assert.deepEqual(read, values, `in pieces of ${size}`)
  }
})

test('what is not RESP, or more than an answer can be, is refused', () => {
  const wrong = [
    'HTTP/1.1 200 OK\r\n',
    '\r\n',
    ':1.5\r\n',
    ':01\r\n',
    '$-2\r\n',
    '$65537\r\n',
    '*65537\r\n',
    '$1\r\nabc',
    '*1\r\n*0\r\n',
    `+${'x'.repeat(70_000)}`,
  ]
  for (const text of wrong) assert.throws(() => new ReplyReader().push(Buffer.from(text)), text.slice(0, 20))
})

test('a Redis that comes late, or is still loading, is waited for', async () => {
  const early = await serve([])
  const { port } = early.address() as AddressInfo
  early.close()
  await once(early, 'close')
  const connecting = Redis.connect({ host: '127.0.0.1', port }, AbortSignal.timeout(5_000))
  const late = await serve(['-LOADING later\r\n', '+PONG\r\n', ':1\r\n', ':1\r\n'], port)
  const redis = await connecting
  await redis.publish('key', 'value')
  redis.close()
  late.close()
})

test('a Redis that never comes ends the wait, with the reason', async () => {
  const server = await serve(Array(10).fill('HTTP/1.1 400 Bad Request\r\n'))
  await assert.rejects(connect(server, 350), /Redis cannot be reached: .*not RESP/)
  server.close()
})

test('an address is taken from a list, and from a plain value', async () => {
  const wrongType = '-WRONGTYPE Operation against a key holding the wrong kind of value\r\n'
  const server = await serve([
    '+PONG\r\n',
    '*-1\r\n',
    '*2\r\n$1\r\nk\r\n$1\r\na\r\n',
    wrongType,
    '$1\r\nb\r\n',
  ])
  const redis = await connect(server)
  assert.equal(await redis.take('k'), 'a')
  assert.equal(await redis.take('k'), 'b')
  await assert.rejects(redis.take('k'), /ERR no more/)
  redis.close()
  server.close()
})
