import { createHash } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const folder = join('test', 'fuzz')

/** Where the inputs of a target are kept that reach something of their own. */
export function corpusFolder(name: string): string {
  return join(folder, 'corpus', name)
}

/** Where the inputs are kept that have broken a promise of a target. */
export function crashFolder(name: string): string {
  return join(folder, 'crashes', name)
}

/** Writes an input under the beginning of its hash; returns the file's path. */
export function keepInput(directory: string, input: Uint8Array): string {
  mkdirSync(directory, { recursive: true })
  const file = join(directory, createHash('sha256').update(input).digest('hex').slice(0, 16))
  writeFileSync(file, input)
  return file
}

/** The sentence that tells of a crash. */
export function crashReport(name: string, what: string, file: string): string {
  return `CRASH in ${name}: ${what}\nReplay it with: npm run fuzz -- ${name} --replay ${file}`
}
