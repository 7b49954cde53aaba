/**
 * Bulk by libp2p's perf protocol between parley and its elder siblings, and of each with its own kind, by the peer programs
 * of test/interop. Those that are not built there are not measured.
 */
import { existsSync } from 'node:fs'
import { columns } from '../../../build/test/interop/columns.js'
import { Peer } from '../../../build/test/interop/peer.js'

const siblings = ['go', 'rust']

export const cases = ({ options }) => {
  const present = siblings.filter(isBuilt)
  const amount = (options.quick ? 32 : 256) * 1024 * 1024
  const meetings = [
    ['parley', 'parley'],
    ...present.flatMap(sibling => [
      [sibling, sibling],
      ['parley', sibling],
      [sibling, 'parley'],
    ]),
  ]
  return ['upload', 'download'].flatMap(task =>
    meetings.map(([dialer, listener]) => ({
      bench: `perf ${task}`,
      subject: `${dialer} to ${listener}`,
      round: async () => ({ 'MB/s': await meet(dialer, listener, { [task]: amount }) }),
    })),
  )
}

/** Which of the siblings this machine has no program of, and why. */
export const missing = () =>
  siblings
    .filter(name => !isBuilt(name))
    .map(name => `perf with ${name} was not run: build its program with \`npm run interop -- ${name}\`.`)

const programOf = name => columns.find(column => column.name === name).peer

const isBuilt = name => existsSync(programOf(name).command)

async function meet(dialer, listener, amounts) {
  const ends = []
  try {
    for (const name of [listener, dialer]) ends.push(await Peer.start(name, programOf(name), []))
    const { peer } = await ends[1].do('dial', { address: ends[0].address })
    const { seconds } = await ends[1].do('perf', { peer, upload: 0, download: 0, ...amounts })
    return Object.values(amounts)[0] / seconds / 1e6
  } finally {
    await Promise.all(ends.map(end => end.kill()))
  }
}
