import type { WriteStream } from 'node:tty'

type Output = Pick<WriteStream, 'write' | 'isTTY'>

/** What a meter writes to, and the clock that it reads. */
export interface MeterOptions {
  stdout: Output
  stderr: Output
  env: Record<string, string | undefined>
  /** Milliseconds, from any beginning. */
  now: () => number
}

/** How much has been measured at some time. */
interface Reading {
  time: number
  uploaded: number
  downloaded: number
}

/** Goes back to the beginning of the row and empties the screen from there. */
const wipe = '\r\x1b[J'

/**
 * Tells how far a measurement has come: to a program on stdout, a JSON object a line as libp2p's test plans have it, and to a
 * person at a terminal on stderr. It begins when it is made.
 */
export class Meter {
  readonly #options: MeterOptions
  readonly #begin: Reading
  #last: Reading
  #uploaded = 0
  #downloaded = 0

  constructor(options: MeterOptions) {
    this.#options = options
    this.#begin = this.#read()
    this.#last = this.#begin
  }

  /** So much has been sent and has come by now. */
  count(uploaded: number, downloaded: number): void {
    this.#uploaded = uploaded
    this.#downloaded = downloaded
  }

  /** Tells what has happened since the last time. */
  tick(): void {
    const reading = this.#read()
    this.#print('intermediary', this.#last, reading)
    this.#show(`${amounts(this.#begin, reading)}: ${rate(this.#last, reading)}`)
    this.#last = reading
  }

  /** Tells that all is done. */
  finish(): void {
    const reading = this.#read()
    this.#print('final', this.#begin, reading)
    this.#conclude('', reading)
  }

  /** Tells that it ended early, which is no result for a program. */
  cut(): void {
    this.#conclude('Ended early: ', this.#read())
  }

  /** Takes back what is still on the person's screen. */
  clear(): void {
    if (this.#redraws) this.#options.stderr.write(wipe)
  }

  get #redraws(): boolean {
    return Boolean(this.#options.stderr.isTTY) && this.#options.env.TERM !== 'dumb'
  }

  #read(): Reading {
    return { time: this.#options.now(), uploaded: this.#uploaded, downloaded: this.#downloaded }
  }

  #print(type: 'intermediary' | 'final', from: Reading, to: Reading): void {
    this.clear()
    const result = {
      type,
      timeSeconds: seconds(from, to),
      uploadBytes: to.uploaded - from.uploaded,
      downloadBytes: to.downloaded - from.downloaded,
    }
    this.#options.stdout.write(`${JSON.stringify(result)}\n`)
  }

  /** Shows a line that the next one takes the place of. */
  #show(line: string): void {
    if (this.#redraws) this.#options.stderr.write(`${wipe}* ${line}`)
  }

  #conclude(head: string, reading: Reading): void {
    if (!this.#options.stderr.isTTY) return
    this.clear()
    const time = `${seconds(this.#begin, reading).toFixed(3)} s`
    const { stderr } = this.#options
    stderr.write(`* ${head}${amounts(this.#begin, reading)} in ${time}: ${rate(this.#begin, reading)}.\n`)
  }
}

function seconds(from: Reading, to: Reading): number {
  return (to.time - from.time) / 1000
}

function amounts(from: Reading, to: Reading): string {
  return `${inUnits(to.uploaded - from.uploaded)} up, ${inUnits(to.downloaded - from.downloaded)} down`
}

function rate(from: Reading, to: Reading): string {
  const bytes = to.uploaded + to.downloaded - from.uploaded - from.downloaded
  return `${inUnits(bytes / Math.max(seconds(from, to), Number.EPSILON))}/s`
}

/** Three digits, and a unit of a thousand times the last. */
function inUnits(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB']
  let [value, unit] = [bytes, 0]
  for (; value >= 999.5 && unit < units.length - 1; unit++) value /= 1000
  return `${unit === 0 ? Math.round(value) : value.toPrecision(3)} ${units[unit]}`
}
