/**
 * Noise without a network: records sealed and opened, and whole handshakes, both sides of them. The runner starts this
 * suite once with each crypto provider, by import condition.
 */
import { provider } from '#src/crypto/index'
import { CipherState } from '#src/protocol/noise/cipher-state'
import { createNoiseIdentity, NoiseHandshake, type Secured } from '#src/protocol/noise/handshake'
import { MAX_PLAINTEXT, NoiseSession } from '#src/protocol/noise/session'
import { concat } from '#src/wire/bytes'
import { generateKey, type KeyType, type PrivateKey } from '#src/wire/keys'
import { PeerId } from '#src/wire/peer-id'
import { type Case, expectEqual, type Figures, perSecond, runSuite } from './harness.ts'

const subject = `parley ${provider.name}`
const chunkSize = 64 * 1024
const rsaBits = 2048
const key = provider.randomBytes(32)

const sizes = [
  { name: '64 B', size: 64, count: 1024 },
  { name: '1,200 B', size: 1_200, count: 512 },
  { name: '16 KiB', size: 16 * 1024, count: 64 },
  { name: '65,519 B', size: MAX_PLAINTEXT, count: 32 },
]

/** A session that hears itself: what it seals, another made alike can open. */
function freshSession(): NoiseSession {
  return new NoiseSession(new CipherState(key), new CipherState(key))
}

function recordCases({ name, size, count }: (typeof sizes)[number]): Case[] {
  const plaintext = new Uint8Array(size).fill(0x5a)
  const sealer = freshSession()
  const records = concat(Array.from({ length: count }, () => sealer.seal([plaintext])).flat())
  const chunks: Uint8Array[] = []
  // As the socket cuts them: records cross the borders of chunks.
  for (let at = 0; at < records.length; at += chunkSize) chunks.push(records.subarray(at, at + chunkSize))
  const rates = (step: () => number) => (ms: number) => figures(size, perSecond(ms, step))
  return [
    { bench: `noise seal ${name}`, subject, round: rates(() => sealAll(plaintext, count, records.length)) },
    { bench: `noise open ${name}`, subject, round: rates(() => openAll(chunks, count, count * size)) },
  ]
}

function figures(size: number, recordsPerSecond: number): Figures {
  return { 'records/s': recordsPerSecond, 'MB/s': (recordsPerSecond * size) / 1e6 }
}

function sealAll(plaintext: Uint8Array, count: number, expected: number): number {
  const session = freshSession()
  const pieces = [plaintext]
  let bytes = 0
  for (let i = 0; i < count; i++) for (const piece of session.seal(pieces)) bytes += piece.length
  expectEqual(bytes, expected)
  return count
}

function openAll(chunks: readonly Uint8Array[], count: number, expected: number): number {
  const session = freshSession()
  let bytes = 0
  for (const chunk of chunks) for (const piece of session.receive(chunk)) bytes += piece.length
  expectEqual(bytes, expected)
  return count
}

/** The host's own key is signed beforehand, as hosts do it once; all else is done for every handshake. */
function handshakeCase(type: KeyType, initiator: PrivateKey, responder: PrivateKey): Case {
  const identities = [createNoiseIdentity(initiator, []), createNoiseIdentity(responder, [])] as const
  const expected = PeerId.fromPublicKey(responder.publicKey)
  const step = () => {
    const dialer = new NoiseHandshake({ role: 'initiator', identity: identities[0], expected })
    const listener = new NoiseHandshake({ role: 'responder', identity: identities[1] })
    listener.receive(dialer.take())
    const dialed = demand(dialer.receive(listener.take()))
    const accepted = demand(listener.receive(dialer.take()))
    expectEqual(Number(dialed.peerId.equals(expected)), 1)
    expectEqual(accepted.rest.length, 0)
    return 1
  }
  return {
    bench: `noise handshake ${type === 'rsa' ? `rsa ${rsaBits}` : type}`,
    subject,
    round: ms => ({ 'handshakes/s': perSecond(ms, step) }),
  }
}

function demand(secured: Secured | undefined): Secured {
  if (!secured) throw new Error('The handshake did not come to its end.')
  return secured
}

/** The portable provider knows no RSA. */
function keyTypes(): KeyType[] {
  const common: KeyType[] = ['ed25519', 'secp256k1', 'ecdsa']
  return provider.name === 'native' ? [...common, 'rsa'] : common
}

async function handshakeCases(): Promise<Case[]> {
  const cases = keyTypes().map(async type => {
    const bits = type === 'rsa' ? { bits: rsaBits } : {}
    return handshakeCase(type, await generateKey(type, bits), await generateKey(type, bits))
  })
  return Promise.all(cases)
}

await runSuite([...sizes.flatMap(recordCases), ...(await handshakeCases())])
