import type { Direction } from './matrix.ts'

/** A cell that fails by the other side's fault, and why. It must go on failing just so: a pass is reported as well. */
export interface KnownFailure {
  column: string
  cell: string
  /** Both, unless given. */
  direction?: Direction
  /** What the failure looks like. */
  error: RegExp
  /** The fault, with the version and the place in its source. */
  why: string
}

/** Every explained failure. */
export const knownFailures: readonly KnownFailure[] = []
