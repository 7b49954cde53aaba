const ID = 'QmcgpsyWgH8Y8ajJz1Cu72KnS5uo2Aa2LpzU7kinSupNKC'
const HASH = 'uEiAkH5a4DPGKUuOBjYw0CgwjvcJCJMD2K_1aluKR_tpevQ'
const cid = 'bafzaajaiaejcahwr5d5ofrfbis4l5d6uwr57hu5tjodrypfm6yaq6dsc2r2pzyt6'

/** Messages that are none. */
export const malformedMessages: [what: string, digits: string][] = [
  ['field number 0 (B9)', '0001'],
  ['wire type 6 (B9)', '0e'],
  ['wire type 7 (B9)', '0f'],
  ['a group (B14)', '0b0c'],
  ['the end of a group', '0c'],
  ['10,000 nested groups (B14)', '0b'.repeat(10_000)],
  ['a field longer than the rest (B10)', '0aff0100'],
  ['a length of 2^64-1', '0affffffffffffffffff01'],
  ['a field number above 2^29-1', '808080801000'],
  ['a tag of 2^64-8', 'f8ffffffffffffffff0100'],
  ['a varint of 65 bits', '08ffffffffffffffffff02'],
  ['a varint of eleven bytes', '088080808080808080808000'],
  ['a tag cut short', '80'],
  ['a varint cut short', '08ff'],
  ['a length cut short', '0a'],
  ['a fixed64 cut short', '0900000000000000'],
  ['a fixed32 cut short', '0d000000'],
  ['a bad field behind a good one', '080100'],
]

const digest = '11'.repeat(32)

/** Multihashes that no peer ID can be. */
export const refusedMultihashes: [what: string, digits: string][] = [
  ['sha2-256 of 31 bytes (B16)', `121f${'11'.repeat(31)}`],
  ['sha2-256 of 33 bytes (B16)', `1221${'11'.repeat(33)}`],
  ['an identity of 43 bytes (B17)', `002b${'11'.repeat(43)}`],
  ['an empty identity (B17)', '0000'],
  ['keccak-256 (B18)', `1b20${digest}`],
  ['md5 (B18)', `d50110${'11'.repeat(16)}`],
  ['a byte behind the multihash (B19)', `1220${digest}00`],
  ['a byte too few', `1220${digest.slice(2)}`],
  ['a length that is not minimal', `12a000${digest}`],
  ['no bytes', ''],
  ['one byte', '12'],
  ['a megabyte', '00'.repeat(1 << 20)],
]

/** Texts that are no peer ID. */
export const refusedIds: readonly string[] = [
  '',
  ' ',
  '1',
  'Qm',
  'QmVMT29id3TUASyfZZ6k9hmNyc2nYabCo4uMSpDw4zrgD',
  'QmVMT29id3TUASyfZZ6k9hmNyc2nYabCo4uMSpDw4zrgDk1',
  'QmVMT29id3TUASyfZZ6k9hmNyc2nYabCo4uMSpDw4zrg0O',
  'QmVMT29id3TUASyfZZ6k9hmNyc2nYabCo4uMSpDw4zrgIl',
  ' QmVMT29id3TUASyfZZ6k9hmNyc2nYabCo4uMSpDw4zrgDk',
  'QmVMT29id3TUASyfZZ6k9hmNyc2nYabCo4uMSpDw4zrgDk\n',
  'Qm'.repeat(500_000),
  '1'.repeat(1_000_000),
  '?unknownmultibase',
  'toString',
  '__proto__',
  `${cid}=`,
  `${cid}aa`,
  // A hash under dag-pb, one of CID version 2, and a sound one in base36, which is not read.
  'bafybeigvf25ytwc3akrijfecaotc74udrhcxzh2cx3we5qqnw5vgrei4bm',
  'bajzbeiarceirceirceirceirceirceirceirceirceirceirceirceirce',
  'k51qzi5uqu5dhb6l8spkdx7yxafegfkee5by8h7lmjh2ehc2sgg34z7c15vzqs',
  '\u202e12D3KooW',
]

// B23, with what each protocol refuses.
const plainlyWrong = `
  / // /// //tcp/80 ip4/1.2.3.4 /ip4/1.2.3.4//tcp/80 /ip4/1.2.3.4/tcp/80// /ip5/1 /IP4/1.2.3.4 /toString /__proto__/1
  /ip4 /ip4/ /ip4/::1 /ip4/01.2.3.4 /ip4/1.2.3 /ip4/1.2.3.4.5 /ip4/256.2.3.4 /ip4/1.2.3.-4 /ip4/0x1.2.3.4 /ip4/1.2.3.
  /ip4/1..3.4 /ip4/16909060 /ip4/１.2.3.4 /ip4/1.2.3.4/tcp/80/99
  /ip6 /ip6/ /ip6/1.2.3.4 /ip6/: /ip6/::: /ip6/1::2::3 /ip6/1:2:3:4:5:6:7 /ip6/1:2:3:4:5:6:7:8:9 /ip6/1:2:3:4:5:6:7:8::
  /ip6/::1:2:3:4:5:6:7:8 /ip6/12345:: /ip6/g:: /ip6/fe80::1%eth0 /ip6/:1 /ip6/1: /ip6/::1.2.3 /ip6/::1.2.3.256
  /ip6/::1.2.3.4:5 /ip6/1.2.3.4:: /ip6/[::1] /ip6/::1/64 /ip6zone /ip6zone//ip6/fe80::1
  /tcp /tcp/ /tcp/65536 /tcp/-1 /tcp/0x50 /tcp/080 /tcp/1e3 /tcp/8.0 /tcp/+1 /udp/65536 /udp/1234/udp
  /ws/80 /tls/example.com /quic-v1/65536 /p2p-circuit/1 /dns /dns4/ /memory/
  /p2p /p2p/ /p2p/tcp /ipfs/tcp /p2p/Qm /p2p/${ID}x /p2p/?unknownmultibase
  /p2p/QmxoHT6iViN5xAjoz1VZ553cL31U9F94ht3QvWR1FrEbZY
  /certhash /certhash/u /certhash/${HASH}A /certhash/${HASH.slice(0, -2)} /certhash/${HASH}= /certhash/x${HASH}
  /certhash/b2uaraocy6yrdblb4sfptaddgimjmmp /certhash/uEgA
  /unix /unix/ /unix/% /unix/%2 /unix/%zz /unix/%00 /unix/%ff /http-path/thisIsMissingAfullByte%f
`
/** Texts that are no multiaddr. */
export const refusedAddressTexts: readonly string[] = [
  plainlyWrong.trim().split(/\s+/),
  ['', ' /ip4/1.2.3.4', '/ip4/1.2.3.4 ', '/ip4/1.2.3.4\0', '/tcp\0/80', '/tcp/ 80', '/tcp/80 ', '/tcp/80\n'],
  ['/dns4/a b', '/dns6/a\0', '/dns/a\u001b[2J', '/dns/a\u202eb', '/dns/a\u0085', '/dns/\ud800', '/unix/a b'],
  [
    `/dnsaddr/${'a'.repeat(254)}`,
    `/sni/${'é'.repeat(127)}`,
    `/unix/${'a'.repeat(513)}`,
    `/certhash/z${'2'.repeat(4000)}`,
    '/\u001b]52;c;',
  ],
  ['/'.repeat(1e6), `/ip4/${'1'.repeat(1e6)}`, '/p2p-circuit'.repeat(10_000), '/p2p-circuit'.repeat(17)],
].flat()

/** Bytes that are no multiaddr. */
export const refusedAddressBytes: [what: string, digits: string][] = [
  ['no bytes', ''],
  ['a value cut short (B24)', '047f0000'],
  ['an unknown code (B24)', '7f'],
  ['an unknown code behind a known one', '047f0000017f'],
  ['a name longer than the rest (B24)', '36ff6578'],
  ['a name whose length is missing', '36'],
  ['an empty name', '3600'],
  ['a name with a slash', '3603612f62'],
  ['a name with an escape', '36021b61'],
  ['a name that is not UTF-8', '3602ff61'],
  ['a name with a right-to-left override', '3603e280ae'],
  ['a name of 254 bytes', `36fe01${'61'.repeat(254)}`],
  ['a code that is not minimal', '84007f000001'],
  ['a length that is not minimal', '368100 61'],
  ['a code cut short', '047f00000191'],
  ['a code of nine bytes', 'ffffffffffffffff7f'],
  ['a length of nine bytes', '36ffffffffffffffff7f'],
  ['a broken multihash (B20)', 'a503221221c05877cbae039d70a5e600ea02c6f9f2942439285c9e344e26f8d280c850fad6'],
  ['an identity of 43 bytes', `a5032d002b${'11'.repeat(43)}`],
  ['a certificate hash with a byte too many', 'd2030412020102ff'],
  ['a certificate hash cut short', 'd2030312020 1'],
  ['a certificate hash of no bytes', 'd203021200'],
  ['a certificate hash of 129 bytes', `d203810112 7f${'11'.repeat(127)}`],
  ['a path with NUL', '900302 6100'],
  ['a path that is not UTF-8', '900302 61ff'],
  ['17 components', 'a202'.repeat(17)],
  ['1,026 bytes', `${`36fd01${'61'.repeat(253)}`.repeat(4)}dd03`],
  ['a megabyte', 'a202'.repeat(500_000)],
]

/** The vectors of the peer ID specification, without RSA's, which are long. */
export const keyVectors = {
  ed25519: {
    private:
      '080112407e0830617c4a7de83925dfb2694556b12936c477a0e1feb2e148ec9da60fee7d1ed1e8fae2c4a144b8be8fd4b47bf3d3b34b871c3cacf6010f0e42d474fce27e',
    public: '080112201ed1e8fae2c4a144b8be8fd4b47bf3d3b34b871c3cacf6010f0e42d474fce27e',
  },
  secp256k1: {
    private: '0802122053dadf1d5a164d6b4acdb15e24aa4c5b1d3461bdbd42abedb0a4404d56ced8fb',
    public: '08021221037777e994e452c21604f91de093ce415f5432f701dd8cd1a7a6fea0e630bfca99',
  },
  ecdsa: {
    private:
      '08031279307702010104203e5b1fe9712e6c314942a750bd67485de3c1efe85b1bfb520ae8f9ae3dfa4a4ca00a06082a8648ce3d030107a14403420004de3d300fa36ae0e8f5d530899d83abab44abf3161f162a4bc901d8e6ecda020e8b6d5f8da30525e71d6851510c098e5c47c646a597fb4dcec034e9f77c409e62',
    public:
      '0803125b3059301306072a8648ce3d020106082a8648ce3d03010703420004de3d300fa36ae0e8f5d530899d83abab44abf3161f162a4bc901d8e6ecda020e8b6d5f8da30525e71d6851510c098e5c47c646a597fb4dcec034e9f77c409e62',
  },
}

const { ed25519, secp256k1 } = keyVectors
/** The bare Ed25519 key of the vectors. */
export const rawEd25519: string = ed25519.public.slice(8)

/** B26: each would be a second envelope, and so a second peer ID, of the same key, or is none at all. */
export const refusedEnvelopes: [what: string, digits: string][] = [
  ['of the unknown type 4', `08041220${rawEd25519}`],
  ['of type 2^64-1', `08ffffffffffffffffff011220${rawEd25519}`],
  ['without Type', `1220${rawEd25519}`],
  ['without Data', '0801'],
  ['that is empty', ''],
  ['with its fields reversed', `1220${rawEd25519}0801`],
  ['with a surplus field', `${ed25519.public}1800`],
  ['with Type given twice', `0801${ed25519.public}`],
  ['with Data given twice', `${ed25519.public}1220${rawEd25519}`],
  ['with a Type that is not minimal', `0881001220${rawEd25519}`],
  ['with a length that is not minimal', `080112a000${rawEd25519}`],
  ['with a byte behind it', `${ed25519.public}00`],
  ['that is cut short', ed25519.public.slice(0, -2)],
  ['whose Data is too short', `0801121f${rawEd25519.slice(2)}`],
  ['whose Data is too long', `08011221${rawEd25519}00`],
  ['whose point is not canonical', `08011220${'ff'.repeat(31)}7f`],
  ['whose point is the identity', `0801122001${'00'.repeat(31)}`],
  ['of secp256k1 that is not compressed', `0802124104${'11'.repeat(64)}`],
  ['of secp256k1 off the curve', `0802122102${'ff'.repeat(32)}`],
  ['of RSA that is no DER', '08001203020880'],
  ['that is longer than any key', `080012a08d06${'00'.repeat(100_000)}`],
]

const privateData = ed25519.private.slice(8)
const seed = privateData.slice(0, 64)
const otherKey = secp256k1.public.slice(10)
/** Private keys in their envelopes, damaged. */
export const damagedPrivateKeys: readonly string[] = [
  `08011240${seed}${otherKey}`,
  `08011260${privateData}${otherKey}`,
  `0801123f${privateData.slice(2)}`,
  `08011240${privateData}00`,
  `12400801${privateData}`,
  `08021220${'00'.repeat(32)}`,
  `08021220${'ff'.repeat(32)}`,
  `080112a08d06${'00'.repeat(100_000)}`,
]
