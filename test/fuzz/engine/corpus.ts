import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** The inputs in a folder, in the order of their names; none when there is no such folder. */
export function readInputs(directory: string): { file: string; input: Uint8Array }[] {
  return namesIn(directory).map(name => {
    const file = join(directory, name)
    return { file, input: new Uint8Array(readFileSync(file)) }
  })
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory).sort()
  } catch {
    return []
  }
}
