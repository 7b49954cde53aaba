/** Who dials: parley, or the other. */
export type Direction = 'out' | 'in'

/** Both, in the order of the table. */
export const directions: readonly Direction[] = ['out', 'in']

/**
 * How a cell went. `theirs` is an explained failure of the other side; `absent` is what its library does not have;
 * `not run` is what this machine could not do.
 */
export type Status = 'pass' | 'fail' | 'theirs' | 'absent' | 'not run'

/** One cell of the matrix. */
export interface Result {
  column: string
  cell: string
  direction: Direction
  status: Status
  /** What was seen, where there is more to say than that it passed. */
  figure?: string
  /** The reason, unless it passed. */
  why?: string
  seconds: number
}

/** The whole run. */
export interface Matrix {
  date: string
  node: string
  parley: string
  /** The version of each implementation that ran, by column. */
  versions: Record<string, string>
  results: Result[]
}

const signs: Record<Status, string> = { pass: '✓', fail: '✗', theirs: '(✗)', absent: '–', 'not run': '?' }

/** The table, a row for each cell and two columns for each implementation, and below it the reasons. */
export function renderMarkdown({ versions, results }: Matrix): string {
  const columns = [...new Set(results.map(result => result.column))]
  const heads = columns.flatMap(column => {
    const name = versions[column] ?? column
    return [`→ ${name}`, `← ${name}`]
  })
  const rows = [...new Set(results.map(result => result.cell))].map(cell => [
    cell,
    ...columns.flatMap(column => directions.map(direction => signOf(results, column, cell, direction))),
  ])
  const table = [['', ...heads], ['---', ...heads.map(() => ':---:')], ...rows]
  return [...table.map(row => `| ${row.join(' | ')} |`), '', ...reasons(results)].join('\n')
}

function signOf(results: readonly Result[], column: string, cell: string, direction: Direction): string {
  const all = results.filter(each => each.column === column && each.cell === cell)
  const result = all.find(each => each.direction === direction)
  return result ? signs[result.status] : ''
}

/** Each reason once, with the cells that it explains. */
function reasons(results: readonly Result[]): string[] {
  const byReason = new Map<string, Set<string>>()
  for (const { status, column, cell, why } of results) {
    if (status === 'pass') continue
    const reason = `- ${signs[status]} ${column}: ${why ?? 'no reason given'}`
    byReason.set(reason, (byReason.get(reason) ?? new Set()).add(cell))
  }
  return [...byReason].map(([reason, names]) => `${reason} (${[...names].join('; ')})`)
}

/** One line about one cell, for a person who watches. */
export function renderLine({ column, cell, direction, status, figure, why, seconds }: Result): string {
  const arrow = direction === 'out' ? '→' : '←'
  const head = `${signs[status].padEnd(3)} ${arrow} ${column.padEnd(6)} ${cell}`
  const tail = [figure, why].filter(text => text !== undefined).join('; ')
  return `${head.padEnd(64)} ${seconds.toFixed(1).padStart(6)} s  ${tail}`.trimEnd()
}

/** How many cells went how, in one line. */
export function renderSum(results: readonly Result[]): string {
  const count = (status: Status) => results.filter(result => result.status === status).length
  const rest = `${count('theirs')} explained failures of the other side, ${count('absent')} not offered by it`
  return `${count('pass')} passed, ${count('fail')} failed, ${rest}, ${count('not run')} not run`
}
