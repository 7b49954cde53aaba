import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { hex } from '#src/wire/bytes'
import { heapNow } from '../support/heap.ts'
import { turns } from '../support/net.ts'

/**
 * What must hold whatever comes in.
 *
 * - R1: nothing is thrown or rejected that nobody catches, and the process gives no warning.
 * - R2: the fault is told as a `ParleyError` with its code.
 * - R3: the bad connection, or where the row says so its stream, is closed within a second or at its deadline.
 * - R4: no more than 2 MiB are held meanwhile, 16 MiB in a flood, and no more than 1 MiB afterwards.
 * - R5: an honest neighbour loses nothing and waits no longer than 100 ms, 250 ms in a flood, in 99 of 100 cases.
 * - R6: afterwards every counter of the host stands where it stood.
 * - R7: what is said about it is printable ASCII and gives no key away.
 */
export type Rule = 'R1' | 'R2' | 'R3' | 'R4' | 'R5' | 'R6' | 'R7'

/** A rule that a row broke. */
export interface Fault {
  readonly rule: Rule
  readonly what: string
}

/** The rules for a reader of bytes that has neither a connection nor anything to hold. */
export const pureRules: readonly Rule[] = ['R1', 'R2', 'R7']

/** The rules for what comes over a connection: all of them. */
export const liveRules: readonly Rule[] = ['R1', 'R2', 'R3', 'R4', 'R5', 'R6', 'R7']

/** Rules about time, which a busy machine can break too: a row that breaks no others is measured once more, and says so. */
export const timedRules: readonly Rule[] = ['R3', 'R5']

const MiB = 1024 * 1024

/** The bounds of rules 4 and 5. */
export const bounds = {
  usual: { held: 2 * MiB, left: MiB, wait: 100 },
  flood: { held: 16 * MiB, left: MiB, wait: 250 },
}

let collect: (() => void) | undefined

/** The bytes that are in use once what is garbage has gone: what buffers took only the next collection gives back. */
export function bytesInUse(): number {
  collect ??= collector()
  collect()
  collect()
  return heapNow().held
}

/** As `bytesInUse`, when whatever was due has happened too. */
export async function bytesAtRest(): Promise<number> {
  bytesInUse()
  await turns(3)
  return bytesInUse()
}

function collector(): () => void {
  setFlagsFromString('--expose-gc')
  return runInNewContext('gc') as () => void
}

/** Takes down what nobody caught in the whole process. */
export class Uncaught {
  readonly #faults: Fault[] = []

  constructor() {
    process.on('uncaughtException', error => this.#add('was thrown', error))
    process.on('unhandledRejection', error => this.#add('was rejected', error))
    process.on('warning', warning => this.#add('was warned of', warning))
  }

  /** What there was since the last call. */
  take(): Fault[] {
    return this.#faults.splice(0)
  }

  #add(how: string, error: unknown): void {
    this.#faults.push({ rule: 'R1', what: `${String(error)} ${how}` })
  }
}

/** What is wrong with sentences that were said about a bad input, if anything. */
export function faultsOfTexts(texts: readonly string[], secrets: readonly Uint8Array[]): Fault[] {
  const forbidden = secrets.flatMap(formsOf)
  return texts.flatMap((text): Fault[] => {
    if (!/^[\x20-\x7e]*$/.test(text)) return [{ rule: 'R7', what: `not printable: ${JSON.stringify(text)}` }]
    return forbidden.some(form => text.includes(form)) ? [{ rule: 'R7', what: 'a key was given away' }] : []
  })
}

/** The middle of a secret as it would be printed; the ends depend on what stands beside it. */
function formsOf(secret: Uint8Array): string[] {
  const base64 = [0, 1, 2].map(skip => Buffer.from(secret.subarray(skip)).toString('base64').slice(4, 16))
  return [hex(secret.subarray(4, 12)), secret.subarray(4, 9).join(','), ...base64]
}
