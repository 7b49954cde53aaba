import { cells } from './cells.ts'
import { type Direction, directions } from './matrix.ts'
import type { Pair } from './pair.ts'
import { programs } from './programs.ts'

/** A row of the table: two peer programs under the contract, or whole programs. */
export interface Row {
  name: string
  /** It mostly waits, and so runs beside the others. */
  aside?: boolean
  /** Milliseconds until it has failed. */
  timeout?: number
  /** The one direction in which it has a meaning. */
  only?: Direction
  /** Says what was seen, as a figure, or nothing. */
  run(pair: Pair, direction: Direction): Promise<string | undefined>
}

/** All rows, in the order of the table. */
export const rows: readonly Row[] = [
  ...cells.map(cell => ({ ...cell, run: (pair: Pair, direction: Direction) => pair.run(cell, direction) })),
  ...programs.map(program => ({
    ...program,
    run: (pair: Pair, direction: Direction) => program.run(pair.column, direction),
  })),
]

/** The directions in which a row is run. */
export function directionsOf({ only }: Row): readonly Direction[] {
  return only ? [only] : directions
}
