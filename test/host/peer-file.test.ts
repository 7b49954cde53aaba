import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, test } from 'node:test'
import { decodePeers, encodePeers, type KeptPeer, MAX_PEER_FILE } from '#src/host/peer-file'
import { Multiaddr } from '#src/wire/multiaddr'
import { hashedPeer, keyOf, peerIdOf } from '../support/net.ts'

const time = 1_790_000_000_000

function peer(number: number, ...ports: number[]): KeptPeer {
  const addresses = ports.map(port => ({
    address: Multiaddr.parse(`/ip4/192.0.2.1/tcp/${port}`),
    expires: time + port,
  }))
  return { peerId: peerIdOf(keyOf(number)), addresses }
}

/** A file with this body and the sum that belongs to it. */
function sealed(body: string | Uint8Array, version = 1): Uint8Array {
  const sha256 = createHash('sha256').update(body).digest('hex')
  const head = `${JSON.stringify({ parley: 'peers', version, sha256 })}\n`
  return new Uint8Array(Buffer.concat([Buffer.from(head), Buffer.from(body)]))
}

const two = [peer(1, 4001, 4002), peer(2, 4003)]
const file = encodePeers(two)

function refuses(bytes: Uint8Array): void {
  assert.throws(() => decodePeers(bytes), { name: 'Error', kind: 'damaged' })
}

describe('the file of the address book', () => {
  test('gives back what was put in it, in the same order', () => {
    assert.deepEqual(decodePeers(file), two)
    assert.deepEqual(decodePeers(encodePeers([])), [])
  })

  test('is lines of JSON behind one with their sum', () => {
    const [, first = '', second = ''] = new TextDecoder().decode(file).split('\n')
    assert.deepEqual(JSON.parse(first), {
      peer: String(two[0]!.peerId),
      addresses: [
        ['/ip4/192.0.2.1/tcp/4001', time + 4001],
        ['/ip4/192.0.2.1/tcp/4002', time + 4002],
      ],
    })
    assert.deepEqual(file, sealed(`${first}\n${second}\n`))
  })

  test('is refused when it is cut at any byte (B130)', () => {
    for (let length = 0; length < file.length; length++) refuses(file.subarray(0, length))
  })

  test('is refused when any bit of it is flipped (B130)', () => {
    for (let bit = 0; bit < file.length * 8; bit++) {
      refuses(file.map((byte, i) => (i === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte)))
    }
  })

  const line = new TextDecoder().decode(file).split('\n')[1]!
  const { peer: id } = JSON.parse(line)
  const port = '"/ip4/192.0.2.1/tcp/1"'
  const bodies: Record<string, string | Uint8Array> = {
    'lacks its last newline': line,
    'has an empty line': `${line}\n\n`,
    'has something else in a line': `${line} \n`,
    'is no JSON': 'hello\n',
    'holds other JSON': 'null\n',
    'holds a peer without addresses': `{"peer":"${id}"}\n`,
    'holds more of a peer than is kept': `{"peer":"${id}","addresses":[],"agent":"x"}\n`,
    'holds no peer ID': `{"peer":"x","addresses":[]}\n`,
    'holds no multiaddr': `{"peer":"${id}","addresses":[["x",1]]}\n`,
    'holds a time that is none': `{"peer":"${id}","addresses":[[${port},1.5]]}\n`,
    'holds a time that is text': `{"peer":"${id}","addresses":[[${port},"1"]]}\n`,
    'holds a time beyond all': `{"peer":"${id}","addresses":[[${port},1e308]]}\n`,
    'holds a peer with 17 addresses': `${JSON.stringify({
      peer: id,
      addresses: Array.from({ length: 17 }, (_, i) => [`/ip4/192.0.2.1/tcp/${i + 1}`, 1]),
    })}\n`,
    'holds 1,025 peers': `{"peer":"${id}","addresses":[]}\n`.repeat(1_025),
    'is not UTF-8': Uint8Array.of(0xff, 0x0a),
  }
  for (const [name, body] of Object.entries(bodies)) {
    test(`is refused, though its sum is right, when it ${name} (B130)`, () => refuses(sealed(body)))
  }

  test('is refused when it is of another version (B130)', () => {
    assert.deepEqual(decodePeers(sealed(`${line}\n`)).length, 1)
    refuses(sealed(`${line}\n`, 99))
  })

  test('has room for 1,024 peers and a mebibyte, and drops the last', () => {
    const { addresses } = peer(1, 4001)
    const many = Array.from({ length: 2_000 }, (_, i) => ({ addresses, peerId: hashedPeer(i) }))
    const ids = (peers: KeptPeer[]) => peers.map(({ peerId }) => String(peerId))
    assert.deepEqual(ids(decodePeers(encodePeers(many))), ids(many.slice(0, 1_024)))
    const name = 'long'.repeat(20)
    const crowd = Array.from({ length: 40 }, (_, i) => Multiaddr.parse(`/dns/${name}/tcp/${i + 1}`))
    const places = crowd.map(address => ({ address, expires: time }))
    const large = many.map(({ peerId }) => ({ peerId, addresses: places }))
    const bytes = encodePeers(large)
    assert.ok(bytes.length <= MAX_PEER_FILE && bytes.length > MAX_PEER_FILE - 2_000, String(bytes.length))
    const kept = decodePeers(bytes)
    assert.deepEqual(ids(kept), ids(large.slice(0, kept.length)))
    assert.ok(kept.every(({ addresses }) => addresses.length === 16))
  })
})
