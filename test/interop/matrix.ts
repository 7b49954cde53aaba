/** Who dials: parley (`out`), or the other (`in`). */
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

/** One cell of the public suites, run with their contract. */
export interface SuiteResult {
  name: string
  status: 'pass' | 'fail' | 'not run'
  why?: string
}

/** A whole run. */
export interface Matrix {
  /** The day, as 2026-01-31. */
  date: string
  node: string
  /** Each implementation that ran and its version, by column. */
  versions: Record<string, string>
  results: Result[]
  suites: SuiteResult[]
}

const signs: Record<Status, string> = { pass: '✓', fail: '✗', theirs: '(✗)', absent: '–', 'not run': '?' }

const legend =
  '→ parley dials, ← parley is dialled. ✓ passes, ✗ fails, (✗) fails by a fault of the other side, – the other side does not have it, ? was not run.'

/** The whole run as a page: the table, the reasons for all that did not pass, and the public suites. */
export function renderMarkdown(matrix: Matrix): string {
  const { date, node, versions, results, suites } = matrix
  return [
    `${[`${date}, Node ${node.replace('v', '')}`, ...Object.values(versions)].join(', ')}. ${legend}`,
    renderTable(results),
    renderReasons(results),
    `Cells: ${renderSum(results)}.`,
    ...(suites.length > 0 ? [renderSuites(suites)] : []),
  ].join('\n\n')
}

/** A row for each cell, and two columns for each implementation. */
function renderTable(results: readonly Result[]): string {
  const columns = [...new Set(results.map(({ column }) => column))]
  const heads = columns.flatMap(column => [`${column} →`, `${column} ←`])
  const rows = [...new Set(results.map(({ cell }) => cell))].map(cell => [
    cell,
    ...columns.flatMap(column => directions.map(direction => signOf(results, column, cell, direction))),
  ])
  const table = [['', ...heads], ['---', ...heads.map(() => ':---:')], ...rows]
  return table.map(row => `| ${row.join(' | ')} |`).join('\n')
}

function signOf(results: readonly Result[], column: string, cell: string, direction: Direction): string {
  const all = results.filter(each => each.column === column && each.cell === cell)
  const result = all.find(each => each.direction === direction)
  return result ? signs[result.status] : ''
}

/** Each reason once, with the cells that it explains. */
function renderReasons(results: readonly Result[]): string {
  const byReason = new Map<string, Set<string>>()
  for (const { status, column, cell, why } of results) {
    if (status === 'pass') continue
    const reason = `- ${signs[status]} ${column}: ${why ?? 'no reason was given'}`
    byReason.set(reason, (byReason.get(reason) ?? new Set()).add(cell))
  }
  return [...byReason].map(([reason, names]) => `${reason} (${[...names].join('; ')})`).join('\n')
}

function renderSuites(suites: readonly SuiteResult[]): string {
  const count = (status: SuiteResult['status']) => suites.filter(suite => suite.status === status).length
  const sum = `${count('pass')} passed, ${count('fail')} failed, ${count('not run')} not run`
  return `Public suites, by their own contract (test-plans and unified-testing; tcp, noise, yamux): ${sum}.`
}

/** One line about one cell, for a person who watches. */
export function renderLine({ column, cell, direction, status, figure, why, seconds }: Result): string {
  const arrow = direction === 'out' ? '→' : '←'
  const head = `${signs[status].padEnd(3)} ${arrow} ${column.padEnd(6)} ${cell}`
  const tail = [figure, why].filter(text => text !== undefined).join('; ')
  return `${head.padEnd(72)} ${seconds.toFixed(1).padStart(6)} s  ${tail}`.trimEnd()
}

/** How many cells went how, in one line. */
export function renderSum(results: readonly Result[]): string {
  const count = (status: Status) => results.filter(result => result.status === status).length
  const rest = `${count('theirs')} explained failures of the other side, ${count('absent')} not offered by it`
  return `${count('pass')} passed, ${count('fail')} failed, ${rest}, ${count('not run')} not run`
}
