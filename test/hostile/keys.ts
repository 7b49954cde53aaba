import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type DhKeyPair, provider } from '#src/crypto/index'
import { loadIdentity } from '#src/host/identity'
import { HandshakeState } from '#src/protocol/noise/handshake-state'
import { concat, EMPTY, hex, utf8 } from '#src/wire/bytes'
import type { ErrorCode } from '#src/wire/errors'
import { type KeyType, PrivateKey, PublicKey } from '#src/wire/keys'
import { PeerId } from '#src/wire/peer-id'
import { refusedEd25519, rsaSpki } from '../crypto/hostile.ts'
import { hostilePayloads, payloadOf, pretender, signedBytes, worthless } from '../protocol/noise/hostile.ts'
import { flip } from '../protocol/noise/peers.ts'
import { publishedVectors, replay } from '../protocol/noise/vector.ts'
import { bytesOf, pattern, vectorFile } from '../support/wire.ts'
import { damagedPrivateKeys, keyVectors, rawEd25519, refusedEnvelopes } from '../wire/hostile.ts'
import { failureOf } from './attack.ts'
import { framed, greeting, key, otherKey, refusalOf, shakeAsDialer, shakeAsListener } from './speaker.ts'
import { live, pure, type Row } from './suite.ts'
import type { Trial } from './trial.ts'

const staticKey = provider.x25519()
const payloads = hostilePayloads(key, otherKey, staticKey.publicKey, provider.x25519().publicKey)

/** Handshakes whose payload proves nothing, against a host that listens and against one that dials. */
function provesNothing(id: string, title: string, faults: readonly string[]): Row {
  return live(id, title, async attack => {
    for (const fault of faults) {
      const payload = payloads.find(([name]) => name === fault)![1]
      attack.expect('ERR_IDENTITY', refusalOfThird(payload))
      await attack.expelled(`${fault}, from a dialer`, stranger =>
        shakeAsDialer(stranger, payload, { staticKey }),
      )
      await attack.repels(`${fault}, from a listener`, 'ERR_IDENTITY', stranger =>
        shakeAsListener(stranger, payload, { staticKey }),
      )
    }
  })
}

/** The error with which a listener ends that hears a third message with that payload. */
function refusalOfThird(payload: Uint8Array): unknown {
  return refusalOf('inbound', say => {
    const noise = new HandshakeState({ role: 'initiator', staticKey })
    const answer = say(concat([greeting, framed(noise.write(EMPTY))]))
    noise.read(answer.subarray(greeting.length + 2))
    say(framed(noise.write(payload)))
  })
}

const derLengths = [
  '0284000f424001',
  '0280',
  '028800',
  '3084ffffffff',
  '30800000',
  `30${'ff'.repeat(40)}`,
].map(digits => bytesOf(digits))

function refusesKey(trial: Trial, name: string, type: KeyType, raw: Uint8Array): void {
  trial.refuses('ERR_KEY', name, () => PublicKey.of(type, raw))
}

/** Writes bytes to a key file as it should be, and tries to start with it. */
async function startsWith(bytes: Uint8Array): Promise<unknown> {
  const folder = await mkdtemp(join(tmpdir(), 'parley-hostile-'))
  try {
    const file = join(folder, 'keys', 'identity')
    await mkdir(join(folder, 'keys'), { mode: 0o700 })
    await writeFile(file, bytes, { mode: 0o600 })
    return await failureOf(loadIdentity(file))
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** What Ed25519 files of js-libp2p held once: the seed, and the public half twice. */
function threefold(seed: Uint8Array, first: Uint8Array, second: Uint8Array): Uint8Array {
  return concat([bytesOf('08011260'), seed, first, second])
}

const seed = bytesOf(keyVectors.ed25519.private).subarray(4, 36)
const half = bytesOf(rawEd25519)

/** Every bit of a signature turned over must make it worthless. */
function flipsAll(trial: Trial, type: KeyType, signer: PrivateKey): void {
  const message = utf8('words')
  const signature = signer.sign(message)
  const { publicKey } = signer
  for (let bit = 0; bit < 8 * signature.length; bit++) {
    trial.try(`${type}, bit ${bit}`, () =>
      assert.equal(publicKey.verify(message, flip(signature, bit)), false),
    )
  }
}

const worthlessKeys = worthless.map((point): [string, DhKeyPair] => [hex(point), pretender(point)])

/** Keys and what is proved with them. */
export const keys: readonly Row[] = [
  pure('B26', 'a public key in any encoding but its own', trial => {
    for (const [what, digits] of refusedEnvelopes) {
      trial.refuses('ERR_KEY', what, () => PublicKey.fromBytes(bytesOf(digits)))
    }
    const bytes = bytesOf(keyVectors.ed25519.public)
    const own = PeerId.fromPublicKey(PublicKey.fromBytes(bytes))
    for (let bit = 0; bit < 8 * bytes.length; bit++) {
      trial.try(`bit ${bit}`, () => {
        const changed = keyIn(flip(bytes, bit), trial)
        if (!changed) return
        assert.deepEqual(changed.bytes, flip(bytes, bit))
        assert.ok(!PeerId.fromPublicKey(changed).equals(own))
      })
    }
  }),
  pure('B27', 'a private key file whose halves do not belong together', async trial => {
    const files = [
      ...damagedPrivateKeys.map(digits => bytesOf(digits)),
      threefold(seed, half, flip(half, 0)),
      threefold(seed, flip(half, 255), half),
      concat([bytesOf('08011240'), seed, flip(half, 7)]),
    ]
    for (const [i, bytes] of files.entries()) {
      trial.refuses('ERR_KEY', `key ${i}`, () => PrivateKey.fromBytes(bytes))
      await trial.attempt(`file ${i}`, async () => trial.expect('ERR_IDENTITY_FILE', await startsWith(bytes)))
    }
    await trial.attempt('equal copies are a key', async () =>
      assert.equal(await startsWith(threefold(seed, half, half)), undefined),
    )
  }),
  pure('B28', 'an Ed25519 key that is short, long, off the curve or of small order', trial => {
    for (const raw of refusedEd25519) refusesKey(trial, hex(raw), 'ed25519', raw)
    for (const length of [0, 1, 31, 33, 64]) refusesKey(trial, `${length} bytes`, 'ed25519', pattern(length))
  }),
  live('B28', 'such a key as the identity in a handshake', async attack => {
    for (const raw of [...refusedEd25519, half.subarray(1), concat([half, Uint8Array.of(0)])]) {
      const envelope = concat([Uint8Array.of(8, 1, 0x12, raw.length), raw])
      const payload = payloadOf(envelope, concat([refusedEd25519[3]!, new Uint8Array(32)]))
      await attack.expelled(hex(raw), stranger => shakeAsDialer(stranger, payload))
    }
  }),
  pure('B29', 'DER whose lengths lie', trial => {
    for (const der of derLengths) {
      for (const type of ['rsa', 'ecdsa', 'secp256k1'] as const) {
        trial.within(1, `${type} ${hex(der)}`, () => refusesKey(trial, hex(der), type, der))
      }
      const { publicKey } = PrivateKey.fromBytes(bytesOf(keyVectors.secp256k1.private))
      trial.try(`${hex(der)} as a signature`, () => assert.equal(publicKey.verify(utf8('words'), der), false))
    }
  }),
  pure('B30', 'points that are not on the curve, in other forms, or on other curves', trial => {
    const { publicKey } = PrivateKey.fromBytes(bytesOf(keyVectors.secp256k1.private))
    const uncompressed = concat([Uint8Array.of(4), publicKey.raw.subarray(1), publicKey.raw.subarray(1)])
    const zero = Uint8Array.of(0)
    const offCurve = concat([Uint8Array.of(2), new Uint8Array(31), Uint8Array.of(5)])
    for (const raw of [uncompressed, zero, offCurve, publicKey.raw.with(0, 6), new Uint8Array(33), EMPTY]) {
      refusesKey(trial, `secp256k1 ${hex(raw)}`, 'secp256k1', raw)
    }
    for (const namedCurve of ['P-224', 'P-384', 'P-521', 'secp256k1']) {
      for (const paramEncoding of ['named', 'explicit'] as const)
        refusesKey(trial, `${namedCurve} ${paramEncoding}`, 'ecdsa', spkiOf(namedCurve, paramEncoding))
    }
    refusesKey(trial, 'P-256 with explicit parameters', 'ecdsa', spkiOf('P-256', 'explicit'))
    const p256 = PublicKey.fromBytes(bytesOf(keyVectors.ecdsa.public)).raw
    for (let at = 0; at < p256.length; at++)
      refusesKey(trial, `byte ${at} changed`, 'ecdsa', flip(p256, 8 * at))
  }),
  provesNothing('B31', 'a handshake without an identity key', [
    'nothing at all',
    'no identity key',
    'an empty identity key',
    'an identity key of an unknown type',
    'an identity key in another encoding',
  ]),
  provesNothing('B32', 'a handshake without a signature', ['no signature', 'an empty signature']),
  provesNothing('B33', 'a handshake with a signature of random bytes or zeros', [
    'a random signature',
    'a signature of zeros',
    'a signature cut short',
    'a signature with a byte too many',
  ]),
  provesNothing('B34', 'a handshake with a signature by another key, or over something else', [
    'a signature by another key',
    'a signature over the other static key',
    'a signature without the prefix',
    'a signature over the prefix alone',
  ]),
  provesNothing('B35', 'a handshake whose payload is no message', [
    'no protobuf',
    'zeros',
    'extensions that are no message',
  ]),
  provesNothing('B36', 'an RSA identity that is too small or too large', [
    'an RSA key of 512 bits',
    'an RSA key of 1024 bits',
    'an RSA key of 16,384 bits',
  ]),
  pure('B36', 'RSA keys of any size: none is verified with below 2,048 or above 8,192 bits', trial => {
    for (const bits of [512, 1024, 2047, 8193, 16_384, 65_536])
      refusesKey(trial, `${bits} bits`, 'rsa', rsaSpki(bits))
    for (const bits of [2048, 8192]) {
      trial.try(`${bits} bits`, () =>
        assert.equal(PublicKey.of('rsa', rsaSpki(bits)).verify(EMPTY, new Uint8Array(bits / 8)), false),
      )
    }
  }),
  live('B37', 'a Noise key that gives no secret, as ephemeral and as static key', async attack => {
    const honest = payloadOf(key.publicKey.bytes, key.sign(signedBytes(staticKey.publicKey)))
    for (const [name, worthlessKey] of worthlessKeys) {
      for (const falsehood of [{ ephemeralKey: worthlessKey }, { staticKey: worthlessKey }]) {
        const what = `${Object.keys(falsehood)[0]} ${name}`
        await attack.expelled(`${what}, from a dialer`, stranger =>
          shakeAsDialer(stranger, honest, falsehood),
        )
        await attack.repels(`${what}, from a listener`, 'ERR_NOISE', stranger =>
          shakeAsListener(stranger, honest, falsehood),
        )
      }
    }
  }),
  pure('B38', 'the published vectors, every one of which must come out right', trial => {
    for (const [i, vector] of publishedVectors().entries()) trial.try(`Noise ${i}`, () => replay(vector))
    const { keys: vectors } = JSON.parse(vectorFile('keys.json')) as {
      keys: Record<string, { private: string; public: string; peerIds?: string[] }>
    }
    for (const [type, vector] of Object.entries(vectors)) {
      trial.try(type, () => {
        const { publicKey } = PrivateKey.fromBytes(bytesOf(vector.private))
        assert.equal(hex(publicKey.bytes), vector.public)
        for (const text of vector.peerIds ?? []) assert.ok(PeerId.parse(text).matches(publicKey))
      })
    }
  }),
  pure('B39', 'a signature with any bit turned over', trial => {
    for (const [type, vector] of Object.entries(keyVectors)) {
      flipsAll(trial, type as KeyType, PrivateKey.fromBytes(bytesOf(vector.private)))
    }
  }),
]

function keyIn(bytes: Uint8Array, trial: Trial): PublicKey | undefined {
  try {
    return PublicKey.fromBytes(bytes)
  } catch (error) {
    const codes: ErrorCode[] = ['ERR_KEY', 'ERR_KEY_UNSUPPORTED']
    trial.expect(codes, error)
    return undefined
  }
}

function spkiOf(namedCurve: string, paramEncoding: 'named' | 'explicit'): Uint8Array {
  const { publicKey } = generateKeyPairSync('ec', { namedCurve, paramEncoding })
  return new Uint8Array(publicKey.export({ format: 'der', type: 'spki' }))
}
