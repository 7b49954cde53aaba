import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import type { DhKeyPair, KeyType } from '#src/crypto/provider'
import { empty, hex, native, portable, providers, utf8 } from './providers.ts'

const range = (first: number, last: number) =>
  Uint8Array.from({ length: last - first + 1 }, (_, at) => first + at)
const fill = (byte: number, length: number) => new Uint8Array(length).fill(byte)

const sha256 = [
  ['', 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'],
  ['abc', 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'],
  [
    'abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq',
    '248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1',
  ],
] as const

const hmac: [key: Uint8Array, message: Uint8Array, code: string][] = [
  [fill(0x0b, 20), utf8('Hi There'), 'b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7'],
  [
    utf8('Jefe'),
    utf8('what do ya want for nothing?'),
    '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
  ],
  [fill(0xaa, 20), fill(0xdd, 50), '773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe'],
  [range(1, 25), fill(0xcd, 50), '82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b'],
  [fill(0x0c, 20), utf8('Test With Truncation'), 'a3b6167473100ee06e0c796c2955552b'],
  [
    fill(0xaa, 131),
    utf8('Test Using Larger Than Block-Size Key - Hash Key First'),
    '60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54',
  ],
  [
    fill(0xaa, 131),
    utf8(
      'This is a test using a larger than block-size key and a larger than block-size data. ' +
        'The key needs to be hashed before being used by the HMAC algorithm.',
    ),
    '9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2',
  ],
]

/** RFC 5869's extract step is an HMAC; only its third case has the empty info that `hkdf` speaks of. */
const hkdfExtract: [salt: Uint8Array, ikm: Uint8Array, prk: string][] = [
  [range(0, 12), fill(0x0b, 22), '077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5'],
  [range(0x60, 0xaf), range(0x00, 0x4f), '06a6b88c5853361a06104c9ceb35b45cef760014904671014a193f40c15fc244'],
  [empty, fill(0x0b, 22), '19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04'],
]

const sunscreen = utf8(
  "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.",
)
const draft = utf8(
  'Internet-Drafts are draft documents valid for a maximum of six months and may be updated, replaced, or ' +
    'obsoleted by other documents at any time. It is inappropriate to use Internet-Drafts as reference ' +
    'material or to cite them other than as /“work in progress./”',
)

const aead = [
  {
    section: '2.8.2',
    key: range(0x80, 0x9f),
    nonce: hex('070000004041424344454647'),
    ad: hex('50515253c0c1c2c3c4c5c6c7'),
    plaintext: sunscreen,
    ciphertext: hex(
      'd31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d63dbea45e8ca9671282fafb69da92728b' +
        '1a71de0a9e060b2905d6a5b67ecd3b3692ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc' +
        '3ff4def08e4b7a9de576d26586cec64b6116',
    ),
    tag: hex('1ae10b594f09e26a7e902ecbd0600691'),
  },
  {
    section: 'A.5',
    key: hex('1c9240a5eb55d38af333888604f6b5f0473917c1402b80099dca5cbc207075c0'),
    nonce: hex('000000000102030405060708'),
    ad: hex('f33388860000000000004e91'),
    plaintext: draft,
    ciphertext: hex(
      '64a0861575861af460f062c79be643bd5e805cfd345cf389f108670ac76c8cb24c6cfc18755d43eea09ee94e382d26b0' +
        'bdb7b73c321b0100d4f03b7f355894cf332f830e710b97ce98c8a84abd0b948114ad176e008d33bd60f982b1ff37c855' +
        '9797a06ef4f0ef61c186324e2b3506383606907b6a7c02b0f9f6157b53c867e4b9166c767b804d46a59b5216cde7a4e9' +
        '9040c5a40433225ee282a1b0a06c523eaf4534d7f83fa1155b0047718cbc546a0d072b04b3564eea1b422273f548271a' +
        '0bb2316053fa76991955ebd63159434ecebb4e466dae5a1073a6727627097a1049e617d91d361094fa68f0ff77987130' +
        '305beaba2eda04df997b714d6c6f2c29a6ad5cb4022b02709b',
    ),
    tag: hex('eead9d67890cbb22392336fea1851f38'),
  },
]

const x25519 = [
  [
    'a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4',
    'e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c',
    'c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552',
  ],
  [
    '4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d',
    'e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493',
    '95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957',
  ],
] as const

const iterated: Record<number, string> = {
  1: '422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079',
  1000: '684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51',
}

const diffieHellman = {
  secrets: [
    '77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a',
    '5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb',
  ],
  publicKeys: [
    '8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a',
    'de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f',
  ],
  shared: '4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742',
}

const ed25519 = [
  [
    '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60',
    'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
    '',
    'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b' +
      'd25bf5f0595bbe24655141438e7a100b',
  ],
  [
    '4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb',
    '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
    '72',
    '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c' +
      '387b2eaeb4302aeeb00d291612bb0c00',
  ],
  [
    'c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7',
    'fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025',
    'af82',
    '6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc659' +
      '4a7c15e9716ed28dc027beceea1ec40a',
  ],
  [
    '833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42',
    'ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf',
    'ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd' +
      '454d4423643ce80e2a9ac94fa54ca49f',
    'dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e030' +
      '3dca179c138ac17ad9bef1177331a704',
  ],
] as const

/** RFC 6979, A.2.5: P-256 with SHA-256. The first s is high, the second low. */
const p256Point =
  '60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb67903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299'
const p256 = {
  privateKey: hex(
    `30770201010420c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721a00a06082a8648ce3d030107a14403420004${p256Point}`,
  ),
  signatures: {
    sample:
      '3046022100efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716' +
      '022100f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8',
    test:
      '3045022100f1abb023518351cd71d881567b1ea663ed3efcf6c5132b354f28d3b0b7d38367' +
      '0220019f4113742a2b14bd25926b49c649155f267e60d3814b4c0cc84250e46f0083',
  },
}

/** The peer ID specification's keys: the `Data` fields of the private and of the public message. */
const keys: [type: KeyType, privateKey: string, publicKey: string][] = [
  [
    'ed25519',
    '7e0830617c4a7de83925dfb2694556b12936c477a0e1feb2e148ec9da60fee7d' +
      '1ed1e8fae2c4a144b8be8fd4b47bf3d3b34b871c3cacf6010f0e42d474fce27e',
    '1ed1e8fae2c4a144b8be8fd4b47bf3d3b34b871c3cacf6010f0e42d474fce27e',
  ],
  [
    'secp256k1',
    '53dadf1d5a164d6b4acdb15e24aa4c5b1d3461bdbd42abedb0a4404d56ced8fb',
    '037777e994e452c21604f91de093ce415f5432f701dd8cd1a7a6fea0e630bfca99',
  ],
  [
    'ecdsa',
    '307702010104203e5b1fe9712e6c314942a750bd67485de3c1efe85b1bfb520ae8f9ae3dfa4a4ca00a06082a8648ce3d030107' +
      'a14403420004de3d300fa36ae0e8f5d530899d83abab44abf3161f162a4bc901d8e6ecda020e8b6d5f8da30525e71d685151' +
      '0c098e5c47c646a597fb4dcec034e9f77c409e62',
    '3059301306072a8648ce3d020106082a8648ce3d03010703420004de3d300fa36ae0e8f5d530899d83abab44abf3161f162a4bc9' +
      '01d8e6ecda020e8b6d5f8da30525e71d6851510c098e5c47c646a597fb4dcec034e9f77c409e62',
  ],
]

for (const provider of providers) {
  const { name } = provider

  test(`${name}: SHA-256 of FIPS 180-4's messages, whole and in pieces`, () => {
    for (const [message, digest] of sha256) {
      assert.deepEqual(provider.sha256(utf8(message)), hex(digest))
      assert.deepEqual(provider.sha256(...message.split('').map(utf8)), hex(digest))
    }
  })

  test(`${name}: HMAC-SHA256 of RFC 4231`, () => {
    for (const [key, message, code] of hmac) {
      assert.deepEqual(provider.hmac(key, message).subarray(0, code.length / 2), hex(code))
    }
  })

  test(`${name}: HKDF-SHA256 of RFC 5869`, () => {
    for (const [salt, ikm, prk] of hkdfExtract) assert.deepEqual(provider.hmac(salt, ikm), hex(prk))
    assert.deepEqual(
      provider.hkdf(empty, fill(0x0b, 22), 42),
      hex('8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8'),
    )
    assert.equal(provider.hkdf(empty, empty, 8_160).length, 8_160)
    assert.throws(() => provider.hkdf(empty, empty, 8_161))
  })

  test(`${name}: ChaCha20-Poly1305 of RFC 8439`, () => {
    for (const { key, nonce, ad, plaintext, ciphertext, tag } of aead) {
      assert.deepEqual(provider.seal(key, nonce, ad, plaintext), [ciphertext, tag])
      assert.deepEqual(provider.open(key, nonce, ad, [ciphertext], tag), [plaintext])
    }
  })

  test(`${name}: X25519 of RFC 7748, 5.2`, () => {
    for (const [scalar, u, product] of x25519) {
      assert.deepEqual(provider.x25519(hex(scalar)).agree(hex(u)), hex(product))
    }
  })

  test(`${name}: X25519 iterated as in RFC 7748, 5.2`, () => {
    let [k, u] = [hex('09'.padEnd(64, '0')), hex('09'.padEnd(64, '0'))]
    const steps = provider === native ? 1000 : 1
    for (let step = 0; step < steps; step++) [k, u] = [provider.x25519(k).agree(u), k]
    assert.deepEqual(k, hex(iterated[steps]!))
  })

  test(`${name}: Diffie-Hellman of RFC 7748, 6.1`, () => {
    const [alice, bob] = diffieHellman.secrets.map(secret => provider.x25519(hex(secret))) as [
      DhKeyPair,
      DhKeyPair,
    ]
    assert.deepEqual([alice.publicKey, bob.publicKey], diffieHellman.publicKeys.map(hex))
    assert.deepEqual(alice.agree(bob.publicKey), hex(diffieHellman.shared))
    assert.deepEqual(bob.agree(alice.publicKey), hex(diffieHellman.shared))
  })

  test(`${name}: Ed25519 of RFC 8032, 7.1`, () => {
    for (const [seed, publicKey, message, signature] of ed25519) {
      const key = provider.importKey('ed25519', hex(seed + publicKey))
      assert.deepEqual(key.publicKey, hex(publicKey))
      assert.deepEqual(key.sign(hex(message)), hex(signature))
      assert.ok(provider.verify('ed25519', key.publicKey, hex(message), hex(signature)))
    }
  })

  test(`${name}: verifies the P-256 signatures of RFC 6979, A.2.5, with high and with low S`, () => {
    const { publicKey } = provider.importKey('ecdsa', p256.privateKey)
    for (const [message, signature] of Object.entries(p256.signatures)) {
      assert.ok(provider.verify('ecdsa', publicKey, utf8(message), hex(signature)))
    }
  })

  for (const [type, privateKey, publicKey] of keys) {
    test(`${name}: reads, uses and writes the ${type} key of the peer ID specification`, () => {
      const key = provider.importKey(type, hex(privateKey))
      assert.equal(key.type, type)
      assert.deepEqual(key.publicKey, hex(publicKey))
      assert.deepEqual(key.privateKey, hex(privateKey))
      provider.checkPublicKey(type, key.publicKey)
      assert.ok(provider.verify(type, key.publicKey, utf8('words'), key.sign(utf8('words'))))
      assert.ok(!provider.verify(type, key.publicKey, utf8('word'), key.sign(utf8('words'))))
    })
  }
}

test('portable: signs with P-256 as RFC 6979, A.2.5, does', () => {
  const key = portable.importKey('ecdsa', p256.privateKey)
  for (const [message, signature] of Object.entries(p256.signatures)) {
    assert.deepEqual(key.sign(utf8(message)), hex(signature))
  }
})

const vectors = 'test/vectors/keys.json'

test('native: reads, uses and writes the RSA key of the peer ID specification', () => {
  const { rsa } = JSON.parse(readFileSync(vectors, 'utf8')).keys
  // Five bytes of envelope: type 0, field 2, and a length of two bytes.
  const privateKey = hex(rsa.private).subarray(5)
  const key = native.importKey('rsa', privateKey)
  assert.deepEqual(key.publicKey, hex(rsa.public).subarray(5))
  assert.deepEqual(key.privateKey, privateKey)
  native.checkPublicKey('rsa', key.publicKey)
  const signature = key.sign(utf8('words'))
  assert.equal(signature.length, 512)
  assert.ok(native.verify('rsa', key.publicKey, utf8('words'), signature))
  assert.ok(!native.verify('rsa', key.publicKey, utf8('word'), signature))
})

test('every key vector of the specification stands in this file', () => {
  const published = JSON.parse(readFileSync(vectors, 'utf8')).keys
  for (const [type, privateKey, publicKey] of keys) {
    assert.ok(published[type].private.endsWith(privateKey) && published[type].public.endsWith(publicKey))
  }
})
