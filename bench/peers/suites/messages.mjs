/** Small messages behind their lengths, one way: as fast as a library can, and each awaited in a plain loop. */

const contenders = ['parley', 'js-libp2p']

export const cases = ({ pairs }) =>
  [false, true].flatMap(awaited =>
    contenders.map(subject => ({
      bench: `messages of 64 B${awaited ? ', each awaited' : ''}`,
      subject,
      round: async ms => ({
        'messages/s': await (await pairs.of(subject)).perSecond('messages', { ms, awaited }),
      }),
    })),
  )
