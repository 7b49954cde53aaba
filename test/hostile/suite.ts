import type { TestContext } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import type { Host } from '#src/host/host'
import type { Usage } from '#src/host/resources'
import type { Transport } from '#src/net/transport'
import type { LimitOptions } from '#src/protocol/limits'
import { turns } from '../support/net.ts'
import { Attack, secret } from './attack.ts'
import { areas, ids, idsOf } from './ids.ts'
import { Neighbour } from './neighbour.ts'
import {
  bounds,
  bytesAtRest,
  type Fault,
  faultsOfTexts,
  liveRules,
  pureRules,
  type Rule,
  timedRules,
  type Uncaught,
} from './rules.ts'
import { Trial } from './trial.ts'

/** How long the host may take to let go of what is over, in milliseconds. */
const patience = 3_000

/** One row of the table: a family of bad inputs under one id. Several rows may share an id. */
export interface Row {
  readonly id: string
  readonly title: string
  readonly rules: readonly Rule[]
  /** Runs the row and returns what it found; the trial has counted the inputs. */
  judge(t: TestContext): Promise<Verdict>
}

/** What came of a row. */
export interface Verdict {
  readonly cases: number
  readonly faults: readonly Fault[]
}

/** What a row over a connection may ask for. */
export interface LiveOptions {
  /** Whether it is a flood, for which the bounds are wider. */
  flood?: boolean
  /** Deadlines are made short here, so that nobody has to wait for them. */
  limits?: LimitOptions
  /** How others reach the host. Default: TCP as it is. */
  transport?: Transport
}

/** What a row does that needs no connection; the test is there for programs that it starts. */
export type PureRun = (trial: Trial, t: TestContext) => void | Promise<void>

/** A row about a reader of bytes or text alone. */
export function pure(id: string, title: string, run: PureRun): Row {
  return { id, title, rules: pureRules, judge: t => judgePure(trial => run(trial, t)) }
}

/** A row that attacks a real host over TCP. */
export function live(
  id: string,
  title: string,
  run: (attack: Attack) => Promise<void>,
  options: LiveOptions = {},
): Row {
  return { id, title, rules: liveRules, judge: () => judgeLive(run, options) }
}

async function judgePure(run: (trial: Trial) => void | Promise<void>): Promise<Verdict> {
  const trial = new Trial()
  return { faults: [...(await faultsOf(run, trial)), ...faultsOfTrial(trial)], cases: trial.cases }
}

async function judgeLive(
  run: (attack: Attack) => Promise<void>,
  { flood = false, limits = {}, transport }: LiveOptions,
): Promise<Verdict> {
  const host = await Attack.target(limits, transport)
  const neighbour = await Neighbour.of(host)
  try {
    return await judgeBeside(neighbour, host, run, flood ? bounds.flood : bounds.usual)
  } finally {
    await neighbour.leave()
    await host.stop()
  }
}

async function judgeBeside(
  neighbour: Neighbour,
  host: Host,
  run: (attack: Attack) => Promise<void>,
  { held, left, wait }: (typeof bounds)['usual'],
): Promise<Verdict> {
  const counted = host.usage()
  const before = await bytesAtRest()
  const attack = Attack.on(host, neighbour, before)
  await neighbour.begin()
  const faults = await faultsOf(run, attack)
  faults.push(...(await neighbour.complaints(wait)))
  attack.weigh()
  attack.leave()
  faults.push(...(await faultsOfCounters(host, counted)), ...faultsOfTrial(attack))
  faults.push(...faultsOfBytes('was held', attack.held, held))
  faults.push(...faultsOfBytes('is left', (await bytesAtRest()) - before, left))
  return { faults, cases: attack.cases }
}

async function faultsOf<T extends Trial>(
  run: (trial: T) => void | Promise<void>,
  trial: T,
): Promise<Fault[]> {
  try {
    await run(trial)
    return trial.cases > 0 || trial.skipped ? [] : [{ rule: 'R2', what: 'the row tried nothing' }]
  } catch (error) {
    const what = error instanceof Error ? error.message : String(error)
    return [{ rule: (/R\d/.exec(what)?.[0] as Rule | undefined) ?? 'R2', what }]
  }
}

function faultsOfTrial(trial: Trial): Fault[] {
  return [
    ...trial.faults.map((what): Fault => ({ rule: 'R4', what })),
    ...faultsOfTexts(trial.texts, [secret]),
  ]
}

function faultsOfBytes(what: string, bytes: number, bound: number): Fault[] {
  if (bytes <= bound) return []
  return [{ rule: 'R4', what: `${(bytes / 1024).toFixed(0)} KiB ${what}, more than ${bound / 1024}` }]
}

async function faultsOfCounters(host: Host, before: Usage): Promise<Fault[]> {
  const deadline = performance.now() + patience
  const same = () => isDeepStrictEqual(host.usage(), before)
  while (!same() && performance.now() < deadline) await turns(2)
  if (same()) return []
  return [{ rule: 'R6', what: `${JSON.stringify(host.usage())}, but before ${JSON.stringify(before)}` }]
}

/** Runs a row; once more, when all that it broke are rules about time. */
export async function judge(row: Row, uncaught: Uncaught, t: TestContext): Promise<Verdict> {
  const first = await judgeOnce(row, uncaught, t)
  const timed = first.faults.every(({ rule }) => timedRules.includes(rule))
  if (first.faults.length === 0 || !timed) return first
  for (const { rule, what } of first.faults) t.diagnostic(`measured once more, since ${rule}: ${what}`)
  return judgeOnce(row, uncaught, t)
}

async function judgeOnce(row: Row, uncaught: Uncaught, t: TestContext): Promise<Verdict> {
  const verdict = await row.judge(t)
  await turns(2)
  return { ...verdict, faults: [...verdict.faults, ...uncaught.take()] }
}

/** What came of all rows, and what of the list is missing among them. */
export class Summary {
  readonly #verdicts = new Map<string, Verdict[]>()
  readonly #reasons = new Map<string, string>()

  /** @param reasons why an id of an area that is there does not apply */
  constructor(reasons: Readonly<Record<string, string>>) {
    for (const area of areas) {
      for (const id of idsOf(area)) if (area.absent) this.#reasons.set(id, area.absent)
    }
    for (const [id, reason] of Object.entries(reasons)) this.#reasons.set(id, reason)
  }

  add({ id }: Row, verdict: Verdict): void {
    this.#verdicts.set(id, [...(this.#verdicts.get(id) ?? []), verdict])
  }

  /** Ids of the list that have neither a row nor a reason, and the ones that have both or are not in the list. */
  get faults(): string[] {
    const missing = ids.filter(id => !this.#verdicts.has(id) && !this.#reasons.has(id))
    const twice = [...this.#verdicts.keys()].filter(id => this.#reasons.has(id) || !ids.includes(id))
    return [...missing.map(id => `${id} has no row`), ...twice.map(id => `${id} should have no row`)]
  }

  /** How many of how many passed, and why the others do not apply. */
  get lines(): string[] {
    const verdicts = [...this.#verdicts.values()]
    const passed = verdicts.filter(rows => rows.every(({ faults }) => faults.length === 0))
    const cases = verdicts.flat().reduce((sum, row) => sum + row.cases, 0)
    return [
      `${passed.length} of ${ids.length - this.#reasons.size} bad inputs passed, in ${cases} cases`,
      ...this.#failures,
      ...[...new Set(this.#reasons.values())].map(
        reason => `not tried, since ${reason}: ${this.#idsFor(reason)}`,
      ),
    ]
  }

  get #failures(): string[] {
    const failed = [...this.#verdicts].filter(([, rows]) => rows.some(({ faults }) => faults.length > 0))
    return failed.length === 0 ? [] : [`failed: ${failed.map(([id]) => id).join(', ')}`]
  }

  #idsFor(reason: string): string {
    return [...this.#reasons].flatMap(([id, why]) => (why === reason ? [id] : [])).join(', ')
  }
}
