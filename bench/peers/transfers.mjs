/** What goes through a pipe in one round. All times are in milliseconds. */
import { expectEqual, perSecondAsync } from '../../build/bench/harness.js'
import { chunk } from './services.mjs'

/** @typedef {import('./contender.mjs').Pipe} Pipe */

export const small = new Uint8Array(64).fill(0x5a)
/** Small writes between two looks at the clock. */
const burst = 128

/** Writes for `ms` milliseconds and waits for the other side's count. Returns how many bytes these were. */
export async function push(pipe, ms) {
  const deadline = performance.now() + ms
  let bytes = 0
  for (; performance.now() < deadline; bytes += chunk.length) if (!pipe.write(chunk)) await pipe.drained()
  return confirmed(pipe, bytes)
}

/** Ends our side, and takes the other side's word for how much has come. */
export async function confirmed(pipe, sent) {
  let text = ''
  const read = pipe.read(piece => {
    text += Buffer.from(piece.subarray()).toString()
  })
  await pipe.end()
  await read
  expectEqual(Number(text), sent)
  return sent
}

/** Has the other side send for `ms` milliseconds. Returns how many bytes came. */
export async function pull(pipe, ms) {
  let bytes = 0
  const read = pipe.read(piece => {
    bytes += piece.byteLength
  })
  pipe.write(Buffer.from(`${ms}\n`))
  await read
  await pipe.end()
  return bytes
}

export async function sendFast(pipe, ms) {
  const messages = pipe.writeMessages()
  const deadline = performance.now() + ms
  let sent = 0
  while (performance.now() < deadline)
    for (let i = 0; i < burst; i++, sent++) if (!messages.write(small)) await messages.drained()
  return sent
}

export async function sendAwaited(pipe, ms) {
  const deadline = performance.now() + ms
  let sent = 0
  const go = () => sent % burst > 0 || performance.now() < deadline
  await pipe.sendMessages(small, () => go() && ++sent > 0)
  return sent
}

/** Sends bulk until told to stop. */
export function load(pipe) {
  let loading = true
  const flood = async () => {
    let bytes = 0
    for (; loading; bytes += chunk.length) if (!pipe.write(chunk)) await pipe.drained()
    await confirmed(pipe, bytes)
  }
  const flooded = flood()
  return () => {
    loading = false
    return flooded
  }
}

export async function roundTrips(pipe, ms) {
  const times = []
  const there = oneByOne(pipe)
  await perSecondAsync(ms, async () => {
    const start = performance.now()
    await there()
    times.push((performance.now() - start) * 1000)
    return 1
  })
  return times
}

/** Sends a small message and settles when all of it is back. */
function oneByOne(pipe) {
  let missing = 0
  let settle = { resolve: () => {}, reject: _error => {} }
  const take = piece => {
    missing -= piece.byteLength
    if (missing === 0) settle.resolve()
  }
  pipe.read(take).catch(error => settle.reject(error))
  return () =>
    new Promise((resolve, reject) => {
      settle = { resolve: () => resolve(undefined), reject }
      missing = small.length
      pipe.write(small)
    })
}

/** One message there and back, then the end of both sides. */
export async function answered(pipe) {
  let missing = small.length
  const read = pipe.read(piece => {
    missing -= piece.byteLength
  })
  pipe.write(small)
  await pipe.end()
  await read
  expectEqual(missing, 0)
}
