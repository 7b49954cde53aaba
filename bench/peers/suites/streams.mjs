/** Streams opened, agreed on and answered: in turn, and with many in flight. */

const contenders = ['parley', 'js-libp2p']
const many = 64

export const cases = ({ pairs }) =>
  [1, many].flatMap(atOnce =>
    contenders.map(subject => ({
      bench: atOnce === 1 ? 'streams in turn' : `streams, ${many} in flight`,
      subject,
      round: async ms => {
        const rate = await (await pairs.of(subject)).perSecond('streams', { ms, atOnce })
        return { 'streams/s': rate, 'us each': 1e6 / rate }
      },
    })),
  )
