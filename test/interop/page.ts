import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Matrix, renderMarkdown } from './matrix.ts'

/** The run that README.md shows. */
export const savedMatrix: string = join('docs', 'interop.json')

const page = 'README.md'
const begin = '<!-- interop: written by npm run interop -- --save -->\n'
const end = '\n<!-- /interop -->'

/** The part of README.md that shows a run. Throws when its marks are missing. */
export function readPage(): string {
  const [, shown] = cutPage()
  return shown
}

/** Shows a run in README.md, and keeps it; without parley's own column, which only serves to tell our faults from theirs. */
export function savePage({ results, ...rest }: Matrix): void {
  const matrix = { ...rest, results: results.filter(({ column }) => column !== 'parley') }
  const [head, , tail] = cutPage()
  writeFileSync(savedMatrix, `${JSON.stringify(matrix, undefined, 2)}\n`)
  writeFileSync(page, head + renderMarkdown(matrix) + tail)
}

function cutPage(): [head: string, shown: string, tail: string] {
  const text = readFileSync(page, 'utf8')
  const from = text.indexOf(begin) + begin.length
  const to = text.indexOf(end)
  if (from < begin.length || to < from) throw new Error(`${page} has lost the marks around its table.`)
  return [text.slice(0, from), text.slice(from, to), text.slice(to)]
}
