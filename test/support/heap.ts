import { getHeapCodeStatistics } from 'node:v8'

/** What the heap and buffers hold, in bytes; compiled code by itself, which grows and shrinks as the engine likes. */
export interface Heap {
  /** Objects and buffers. */
  readonly held: number
  readonly buffers: number
  readonly code: number
}

/** The heap as it is: to be looked at behind two collections, since what buffers took only the second gives back. */
export function heapNow(): Heap {
  const { heapUsed, external } = process.memoryUsage()
  const { code_and_metadata_size, bytecode_and_metadata_size } = getHeapCodeStatistics()
  const code = code_and_metadata_size + bytecode_and_metadata_size
  return { held: heapUsed + external - code, buffers: external, code }
}
