/** Frames behind varint lengths, without a network: parley's against it-length-prefixed, which js-libp2p uses. */

const contenders = { parley: 'parley', 'it-length-pref.': 'js-libp2p' }

const sizes = { '64 B': 64, '64 KiB': 64 * 1024 }

/** A frame is made as one piece of bytes, or as the pieces that are sent one behind the other. */
const tasks = {
  encode: { task: 'encode' },
  'encode in pieces': { task: 'encode', inPieces: true },
  decode: { task: 'decode' },
}

export const cases = ({ pairs }) =>
  Object.entries(tasks).flatMap(([name, { task, ...more }]) =>
    Object.entries(sizes).flatMap(([sizeName, size]) =>
      Object.entries(contenders).map(([subject, contender]) => ({
        bench: `framing ${name} ${sizeName}`,
        subject,
        round: async ms => ({
          'frames/s': await (await pairs.of(contender)).do(task, { ms, size, ...more }),
        }),
      })),
    ),
  )
