/** What the listening end does, the same for every contender. */

/** What bulk is made of. */
export const chunk = new Uint8Array(64 * 1024).fill(0x5a)

/** @type {import('./contender.mjs').Services} */
export const services = {
  /** Reads to the end, then tells the number of bytes. */
  async sink(pipe) {
    let bytes = 0
    await pipe.read(piece => {
      bytes += piece.byteLength
    })
    await say(pipe, bytes)
  },
  /** The same with the number of messages. */
  async messages(pipe) {
    let count = 0
    await pipe.readMessages(() => {
      count++
    })
    await say(pipe, count)
  },
  /** Reads a line, for how many milliseconds to send; then sends, and ends. */
  async source(pipe) {
    const deadline = performance.now() + Number(await readLine(pipe))
    while (performance.now() < deadline) if (!pipe.write(chunk)) await pipe.drained()
    await pipe.end()
  },
  /** Gives back what comes. */
  async echo(pipe) {
    await pipe.read(piece => pipe.write(/** @type {Uint8Array} */ (piece)))
    await pipe.end()
  },
}

async function say(pipe, count) {
  pipe.write(Buffer.from(String(count)))
  await pipe.end()
}

const readLine = pipe =>
  new Promise((resolve, reject) => {
    let line = ''
    const take = piece => {
      line += Buffer.from(piece.subarray()).toString()
      if (line.endsWith('\n')) resolve(line)
    }
    pipe.read(take).catch(reject)
  })
