/**
 * Draws the picture of the README, docs/chat.svg, from a real session: three programs in three terminals, of which the
 * first is the hub. Needs `script` of util-linux for the terminals.
 *
 *     npm run picture -- [port]
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { type Cell, Screen } from '../test/support/screen.ts'

const columns = 118
const port = process.argv[2] ?? '3000'

/** A program in a terminal of its own, and what its user sees. */
class Session {
  readonly title: string
  readonly screen = new Screen(columns)
  readonly #process: ChildProcess
  #seen = ''

  constructor(title: string, args: string, env: NodeJS.ProcessEnv) {
    this.title = title
    const command = `stty cols ${columns} rows 40; exec node dist/cli.js ${args}`
    this.#process = spawn('script', ['-qfec', command, '/dev/null'], {
      env: { ...process.env, ...env, TERM: 'xterm' },
    })
    this.#process.stdout?.setEncoding('utf8').on('data', (output: string) => {
      this.#seen += output
      this.screen.write(output)
    })
  }

  /** Waits until the program has written this. */
  async sees(pattern: RegExp): Promise<string> {
    for (let tries = 0; tries < 200; tries++) {
      const found = this.#seen.match(pattern)
      if (found) return found[1] ?? found[0]
      await delay(50)
    }
    throw new Error(`${this.title} never saw ${pattern}; it saw:\n${this.#seen}`)
  }

  /** Types a line as a person would. */
  async types(line: string): Promise<void> {
    for (const key of line) {
      this.#process.stdin?.write(key)
      await delay(15)
    }
    this.#process.stdin?.write('\r')
    await delay(400)
  }

  /** Types without pressing Enter. */
  async begins(text: string): Promise<void> {
    this.#process.stdin?.write(text)
    await delay(400)
  }

  leave(): void {
    this.#process.kill()
  }
}

async function chat(): Promise<Session[]> {
  const env = { XDG_DATA_HOME: mkdtempSync(join(tmpdir(), 'parley-picture-')) }
  const anna = new Session('Anna', `--port ${port}`, env)
  const address = await anna.sees(/--dial (\/ip4\/127\.0\.0\.1\/tcp\/\d+\/p2p\/\w+)/)
  const ben = new Session('Ben', `--dial ${address}`, env)
  await ben.sees(/Ctrl-C leaves/)
  await ben.types('Good evening! No server in between?')
  await anna.types('None. Just you and me, encrypted.')
  const chen = new Session('Chen', `--dial ${address}`, env)
  await chen.sees(/Ctrl-C leaves/)
  await chen.types('你好! I can see you both. 👋')
  await ben.types('Welcome, Chen!')
  await anna.begins('And nobody breaks the line that I am ty')
  return [anna, ben, chen]
}

const palette: Record<number, string> = {
  2: '#8b949e',
  31: '#ff7b72',
  32: '#7ee787',
  33: '#e3b341',
  34: '#79c0ff',
  35: '#d2a8ff',
  36: '#76e3ea',
  92: '#56d364',
  93: '#f2cc60',
  94: '#a5d6ff',
  95: '#e2c5ff',
  96: '#b3f0ff',
}
const cell = { width: 8.1, height: 19 }
const margin = 18

function draw(sessions: Session[]): string {
  let top = 0
  const windows = sessions.map(session => {
    const drawn = drawWindow(session, top)
    top += drawn.height + 14
    return drawn.svg
  })
  const width = columns * cell.width + 2 * margin
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${top}" font-family="ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace" font-size="13.5">
<title>Three people in three terminals chat through parley</title>
${windows.join('\n')}
</svg>
`
}

function drawWindow({ title, screen }: Session, top: number): { svg: string; height: number } {
  const rows = screen.colouredRows
  const width = columns * cell.width + 2 * margin
  const height = rows.length * cell.height + 50
  const text = rows.map((row, index) => drawRow(row, top + 52 + index * cell.height)).join('\n')
  const svg = `<rect y="${top}" width="${width}" height="${height}" rx="9" fill="#0d1117"/>
<text x="${width / 2}" y="${top + 22}" fill="#8b949e" text-anchor="middle">${title}</text>
<g fill="#ff5f57"><circle cx="22" cy="${top + 18}" r="6"/></g><g fill="#febc2e"><circle cx="42" cy="${top + 18}" r="6"/></g><g fill="#28c840"><circle cx="62" cy="${top + 18}" r="6"/></g>
${text}`
  return { svg, height }
}

/** Runs of one colour become one span. */
function drawRow(row: Cell[], y: number): string {
  const spans: { colour: number; text: string }[] = []
  for (const { colour, text } of row) {
    const last = spans.at(-1)
    if (last?.colour === colour) last.text += text
    else spans.push({ colour, text })
  }
  const drawn = spans.map(({ colour, text }) => {
    const fill = palette[colour]
    return `<tspan${fill ? ` fill="${fill}"` : ''}>${escapeXml(text)}</tspan>`
  })
  return `<text x="${margin}" y="${y}" fill="#e6edf3" xml:space="preserve">${drawn.join('')}</text>`
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

const sessions = await chat()
writeFileSync('docs/chat.svg', draw(sessions))
for (const session of sessions) session.leave()
