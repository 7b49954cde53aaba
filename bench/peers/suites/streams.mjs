/** Streams opened, agreed on and answered: in turn, and with many in flight. */

const contenders = ['parley', 'js-libp2p']
const many = 64

/** What a stream in turn cannot be below: the same answer on a stream that stands. It takes its rounds beside theirs. */
const echo = 'parley, echo'

export const cases = ({ pairs }) => {
  const rivals = (bench, atOnce) =>
    contenders.map(subject => ({
      bench,
      subject,
      round: async ms => figures(await (await pairs.of(subject)).perSecond('streams', { ms, atOnce })),
    }))
  return [
    ...rivals('streams in turn', 1),
    {
      bench: 'streams in turn',
      subject: echo,
      round: async ms => figures(await (await pairs.of('parley')).perSecond('echoes', { ms })),
    },
    ...rivals(`streams, ${many} in flight`, many),
  ]
}

const figures = rate => ({ 'streams/s': rate, 'us each': 1e6 / rate })
