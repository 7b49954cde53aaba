import { clocks } from './clocks.ts'
import { cuts } from './cuts.ts'
import { errors } from './errors.ts'
import type { Fault } from './fault.ts'
import { flow } from './flow.ts'
import { halfOpen } from './half-open.ts'
import { kills } from './kills.ts'
import { partitions } from './partitions.ts'
import { resources } from './resources.ts'
import { slowloris } from './slowloris.ts'
import { stops } from './stops.ts'

/** All that is tried, in the order in which it is told. */
export const faults: readonly Fault[] = [
  ...cuts,
  ...slowloris,
  ...halfOpen,
  ...flow,
  ...stops,
  ...kills,
  ...errors,
  ...resources,
  ...clocks,
  ...partitions,
]
