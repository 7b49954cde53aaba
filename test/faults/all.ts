import { cuts } from './cuts.ts'
import type { Fault } from './fault.ts'
import { slowloris } from './slowloris.ts'

/** All that is tried, in the order in which it is told. */
export const faults: readonly Fault[] = [...cuts, ...slowloris]
