/** How figures are shown. */
import { cpus } from 'node:os'
import type { Result } from './harness.ts'

const widths = { bench: 38, subject: 16, number: 12 }

/** What is being done, where a person looks on; an empty text takes it away. */
export function showProgress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[2K${text}`)
}

/** For programs. */
export function printJson(result: Result): void {
  console.log(JSON.stringify(result))
}

/** The machine, and the names of the columns. */
export function printHeading(): void {
  console.log(`${machine()}\n`)
  printCells('bench', 'subject', ['median', 'min', 'max'], '')
}

/** For people. */
export function printRow({ bench, subject, metric, ...values }: Result): void {
  printCells(bench, subject, [values.median, values.min, values.max].map(readable), metric)
}

function printCells(bench: string, subject: string, numbers: readonly string[], unit: string): void {
  const cells = numbers.map(number => number.padStart(widths.number)).join('')
  console.log(`${bench.padEnd(widths.bench)}${subject.padEnd(widths.subject)}${cells}  ${unit}`.trimEnd())
}

/** The number with as many digits as mean something. */
export function readable(value: number): string {
  return value.toLocaleString('en-US', { maximumFractionDigits: value < 100 ? 1 : 0 })
}

/** What the figures were measured on. */
export function machine(): string {
  const processors = cpus()
  const system = `node ${process.version}, ${process.platform} ${process.arch}`
  return `${system}, ${processors.length} x ${processors[0]?.model ?? 'unknown processor'}`
}
