import assert from 'node:assert/strict'
import test from 'node:test'
import { hasPlace, parseAddress, parsePeer } from '#src/cli/address'
import { keyOf, peerIdOf } from '../support/net.ts'

const id = String(peerIdOf(keyOf(1)))

test('an address may have blanks around it, and a slash at its end', () =>
  assert.equal(String(parseAddress(' /ip4/192.0.2.1/tcp/4001/ \n')), '/ip4/192.0.2.1/tcp/4001'))

/** What is typed, and how it is written. */
const elsewhere: Record<string, string> = {
  'node.example:4001': '/dns/node.example/tcp/4001',
  'http://node.example:4001/path?query': '/dns/node.example/tcp/4001',
  'https://node.example/': '/dns/node.example/tcp/<port>',
  localhost: '/dns/localhost/tcp/<port>',
  '192.0.2.1': '/ip4/192.0.2.1/tcp/<port>',
  '192.0.2.1:4001': '/ip4/192.0.2.1/tcp/4001',
  '2001:db8::1': '/ip6/2001:db8::1/tcp/<port>',
  '[2001:db8::1]:4001': '/ip6/2001:db8::1/tcp/4001',
  'ip4/192.0.2.1/tcp/4001': '/ip4/192.0.2.1/tcp/4001',
  [id]: `/ip4/<host>/tcp/<port>/p2p/${id}`,
}

for (const [text, written] of Object.entries(elsewhere)) {
  test(`${text} is no multiaddr, but ${written} is`, () =>
    assert.throws(() => parseAddress(text), {
      code: 'ERR_MULTIADDR',
      message: `"${text}" is not a multiaddr; write ${written}.`,
    }))
}

for (const text of [
  '',
  '/',
  'a b',
  'ip4/nowhere',
  'a:b:c',
  '/ip4/192.0.2.1:4001',
  '/ip4/192.0.2.1/4001',
  `/p2p/${id}x`,
]) {
  test(`of '${text}' the fault is named, and what it should look like`, () =>
    assert.throws(() => parseAddress(text), {
      code: 'ERR_MULTIADDR',
      message:
        /^".*" is not a multiaddr: .*; it should look like \/ip4\/192\.0\.2\.1\/tcp\/4001\/p2p\/<peer id>\.$/,
    }))
}

test('what is typed cannot command the terminal that shows why it is refused', () =>
  assert.throws(
    () => parseAddress('\x1b[2J:1'),
    error => !String(error).includes('\x1b'),
  ))

test('a peer without a place is told so', () =>
  assert.throws(() => parseAddress(`/p2p/${id}`), { code: 'ERR_USAGE', message: /does not say where/ }))

test('a peer is named by its ID, with /p2p/ before it or /ipfs/ or nothing', () => {
  for (const text of [id, ` ${id}\n`, `/p2p/${id}`, `/ipfs/${id}`]) {
    const address = parsePeer(text)
    assert.equal(String(address), `/p2p/${id}`)
    assert.equal(hasPlace(address!), false)
  }
  for (const text of ['', '/', id.slice(1), `/ip4/192.0.2.1/tcp/4001/p2p/${id}`, `/p2p/${id}/p2p/${id}`])
    assert.equal(parsePeer(text), undefined)
  assert.ok(hasPlace(parseAddress(`/ip4/192.0.2.1/tcp/4001/p2p/${id}`)))
})
