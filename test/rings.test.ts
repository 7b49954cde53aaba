import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { dirname, join, normalize, sep } from 'node:path'
import test from 'node:test'
import { fileURLToPath } from 'node:url'

/** What may import what: each ring itself and all before it. The index and the program are doors, and come last. */
const rings = ['crypto', 'wire', 'protocol', 'net', 'host', 'chat', 'index', 'cli']

/** All that touches the machine; everything else runs in a browser as it stands. */
const nodeOnly =
  /^(crypto\/native|crypto\/hash|net\/tcp|net\/duplex|host\/resolver|host\/private-file|host\/file-lock|chat\/terminal|cli|cli\/.+)\.ts$/

const aliases: Record<string, string> = { '#crypto': 'crypto/native.ts' }

/** Source files by their path under src/. */
type Tree = Record<string, string>

interface Import {
  readonly from: string
  /** A path under src/, or a package's name. */
  readonly to: string
  /** Whether it's gone once the types are. */
  readonly type: boolean
}

const statements =
  /^(?:import|export)\s(?:(?<type>type\s)?[\w\s{},*]*?\sfrom\s)?\s*['"](?<to>[^'"]+)|(?<typeof>typeof )?\b(?:import|require)\(\s*['"](?<call>[^'"]+)/gm

function importsOf(from: string, text: string): Import[] {
  const code = text.replace(/^\s*(\/\/|\/?\*).*$/gm, '')
  return [...code.matchAll(statements)].map(({ groups = {} }) => {
    const to = groups.to ?? groups.call ?? ''
    return { from, to: resolve(from, to), type: Boolean(groups.type ?? groups.typeof) }
  })
}

function resolve(from: string, to: string): string {
  if (to.startsWith('.')) return normalize(join(dirname(from), to)).replaceAll(sep, '/')
  return aliases[to] ?? to.replace(/^#src\/(.+)$/, '$1.ts')
}

function ringOf(path: string): number {
  return rings.indexOf(path.split(/[/.]/)[0] ?? '')
}

/** The circles that a walk along the imports meets, as the files on them: at least one where there is any. */
function circles(edges: readonly Import[]): string[] {
  const found = new Map<string, string>()
  const done = new Set<string>()
  const walk = (file: string, trail: readonly string[]): void => {
    const start = trail.indexOf(file)
    if (start >= 0) {
      const circle = trail.slice(start)
      found.set([...circle].sort().join(), [...circle, file].join(' -> '))
    }
    if (start >= 0 || done.has(file)) return
    for (const { from, to } of edges) if (from === file) walk(to, [...trail, file])
    done.add(file)
  }
  for (const { from } of edges) walk(from, [])
  return [...found.values()]
}

/** What is wrong with the picture, a line each. */
function faults(tree: Tree): string[] {
  const all = Object.entries(tree).flatMap(([from, text]) => importsOf(from, text))
  const inside = all.filter(({ to }) => to in tree)
  return [
    ...Object.keys(tree).flatMap(path => (ringOf(path) < 0 ? [`${path} is in no ring`] : [])),
    ...all.flatMap(({ from, to }) =>
      isBuiltin(to) && !nodeOnly.test(from) ? [`${from} uses ${to}, and may not`] : [],
    ),
    ...inside.flatMap(({ from, to }) =>
      ringOf(to) > ringOf(from) ? [`${from} -> ${to} points right, and may only point left`] : [],
    ),
    ...circles(inside.filter(({ type }) => !type)).map(circle => `${circle} is a circle`),
  ]
}

function readTree(folder: string): Tree {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(file =>
    file.endsWith('.ts'),
  )
  return Object.fromEntries(
    files.map(file => [file.replaceAll(sep, '/'), readFileSync(join(folder, file), 'utf8')]),
  )
}

const source = fileURLToPath(new URL('../../src', import.meta.url))

test('imports point left only, without circles, and node is used in few places', () => {
  const tree = readTree(source)
  assert.ok(Object.keys(tree).length > 20)
  assert.deepEqual(faults(tree), [])
})

const broken: readonly [name: string, tree: Tree, fault: string][] = [
  [
    'an arrow that points right',
    { 'wire/a.ts': "import { b } from '../net/b.ts'", 'net/b.ts': '' },
    'wire/a.ts -> net/b.ts points right, and may only point left',
  ],
  [
    'a type that comes from the right',
    { 'host/a.ts': "import type {\n  B,\n} from '../chat/b.ts'", 'chat/b.ts': '' },
    'host/a.ts -> chat/b.ts points right, and may only point left',
  ],
  [
    'a type named in place',
    { 'net/a.ts': "let b: typeof import('../index.ts')", 'index.ts': '' },
    'net/a.ts -> index.ts points right, and may only point left',
  ],
  [
    'a dynamic import from the right',
    { 'index.ts': "  await import('./cli.ts')", 'cli.ts': '' },
    'index.ts -> cli.ts points right, and may only point left',
  ],
  [
    'a re-export from the right, by alias',
    { 'crypto/a.ts': "export * from '#src/wire/b'", 'wire/b.ts': '' },
    'crypto/a.ts -> wire/b.ts points right, and may only point left',
  ],
  [
    'a circle inside a ring',
    {
      'net/a.ts': "import './b.ts'",
      'net/b.ts': "export { c } from './c.ts'",
      'net/c.ts': "import { type A } from './a.ts'",
    },
    'net/a.ts -> net/b.ts -> net/c.ts -> net/a.ts is a circle',
  ],
  [
    'node in a pure file',
    { 'wire/a.ts': "import { join } from 'node:path'" },
    'wire/a.ts uses node:path, and may not',
  ],
  ['node by its old name', { 'host/a.ts': "import fs from 'fs'" }, 'host/a.ts uses fs, and may not'],
  ['a file in no ring', { 'utils/a.ts': '' }, 'utils/a.ts is in no ring'],
]

for (const [name, tree, fault] of broken) {
  test(`reports ${name}`, () => assert.deepEqual(faults(tree), [fault]))
}

test('allows what points left, circles of types, and node where it belongs', () => {
  const tree = {
    'crypto/index.ts': "export { provider } from '#crypto'",
    'crypto/native.ts': "import * as node from 'node:crypto'",
    'net/a.ts':
      "import type { B } from './b.ts'\n// import '../chat/c.ts'\n/**\n * import '../chat/c.ts'\n */",
    'net/b.ts': "import { a } from './a.ts'\nimport bs58 from 'bs58'\nexport const from = 'node:fs'",
    'chat/c.ts': "import { b } from '../net/b.ts'",
  }
  assert.deepEqual(faults(tree), [])
})
