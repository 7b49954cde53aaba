/** Bulk in pieces of 64 KiB, up and down, on one stream and on ten at once; and the processor time that both ends take. */

const everyone = ['parley', 'parley portable', 'js-libp2p', 'node:tls', 'node:net']
const withStreams = ['parley', 'js-libp2p']
const many = 10

export const cases = ({ pairs }) => [
  ...directions(pairs, everyone, 1, ''),
  ...directions(pairs, withStreams, many, `, ${many} streams`),
]

const directions = (pairs, contenders, streams, suffix) =>
  Object.entries({ up: 'upload', down: 'download' }).flatMap(([direction, task]) =>
    contenders.map(subject => ({
      bench: `bulk ${direction}${suffix}`,
      subject,
      round: async ms => bulk(await pairs.of(subject), task, { ms, streams }),
    })),
  )

async function bulk(pair, task, parameters) {
  const before = await pair.cpu()
  const { done, seconds } = await pair.do(task, parameters)
  const cpu = (await pair.cpu()) - before
  return { 'MB/s': done / seconds / 1e6, 'CPU s/GB': (cpu * 1e9) / done }
}
