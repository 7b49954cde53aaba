/**
 * Hooks for Node's loader that make parley's modules count where they pass: at the beginning of each function, of each arm of
 * a branch and of each turn of a loop. For what is loaded behind `register`.
 */
import type { LoadHook, LoadHookContext } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

/** A node of the syntax tree, as ESTree has it. */
interface Node {
  readonly type: string
  readonly start: number
  readonly end: number
  readonly [key: string]: unknown
}

interface Parser {
  parse(source: string, options: object): Node
}

/** A text to put in, and where. */
type Insertion = readonly [at: number, text: string]

const parserUrl = pathToFileURL(join('test', 'fuzz', 'parser', 'node_modules', 'acorn', 'dist', 'acorn.mjs'))
const { parse } = (await import(parserUrl.href)) as Parser
const sources = pathToFileURL(join('dist', '/')).href

let places = 0

/** Node's hook: the source of a module. */
export const load: LoadHook = async (url, context: LoadHookContext, next) => {
  const loaded = await next(url, context)
  if (loaded.format !== 'module' || !url.startsWith(sources) || !loaded.source) return loaded
  return { ...loaded, source: instrumented(Buffer.from(loaded.source as Uint8Array).toString()) }
}

function instrumented(source: string): string {
  const insertions: Insertion[] = []
  walk(parse(source, { ecmaVersion: 'latest', sourceType: 'module' }), insertions)
  let text = ''
  let from = 0
  // The sort is stable: what stands at one place keeps the order of the walk.
  for (const [at, insertion] of insertions.toSorted(([a], [b]) => a - b)) {
    text += source.slice(from, at) + insertion
    from = at
  }
  return `${prologue()}${text}${source.slice(from)}`
}

/** On the first line, so that the numbers of lines stay as they are. */
function prologue(): string {
  return `const $c=globalThis.$counters;globalThis.$places=Math.max(globalThis.$places,${places});`
}

function walk(node: Node, insertions: Insertion[]): void {
  const { opening = [], closing = [] } = around(node)
  insertions.push(...opening)
  for (const child of childrenOf(node)) walk(child, insertions)
  insertions.push(...closing)
}

function childrenOf(node: Node): Node[] {
  return Object.values(node).flat().filter(isNode)
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'type' in value && 'start' in value
}

/** What to put in before a node's children are visited, and what afterwards. Each kind of parent marks its arms itself. */
function around(node: Node): { opening?: Insertion[]; closing?: Insertion[] } {
  const arms = armsOf(node)
  const opening = arms.flatMap(openingOf)
  const closing = arms.flatMap(closingOf)
  if (node.type === 'IfStatement' && !node.alternate) closing.push([node.end, ` else{${count()}}`])
  return { opening, closing }
}

/** The parts of a node that may be passed or not. */
function armsOf(node: Node): Node[] {
  const part = (name: string) => (isNode(node[name]) ? [node[name]] : [])
  switch (node.type) {
    case 'FunctionDeclaration':
    case 'FunctionExpression':
    case 'ArrowFunctionExpression':
    case 'CatchClause':
    case 'ForStatement':
    case 'ForOfStatement':
    case 'ForInStatement':
    case 'WhileStatement':
    case 'DoWhileStatement':
      return part('body')
    case 'IfStatement':
    case 'ConditionalExpression':
      return [...part('consequent'), ...part('alternate')]
    case 'LogicalExpression':
    case 'AssignmentPattern':
      return part('right')
    case 'AssignmentExpression':
      return /^(\?\?|\|\||&&)=$/.test(node.operator as string) ? part('right') : []
    case 'SwitchCase':
      return (node.consequent as Node[]).slice(0, 1)
    default:
      return []
  }
}

function openingOf(arm: Node): Insertion[] {
  if (arm.type === 'BlockStatement') return [[arm.start + 1, `${count()};`]]
  return [[arm.start, isStatement(arm) ? `{${count()};` : `(${count()},`]]
}

function closingOf(arm: Node): Insertion[] {
  if (arm.type === 'BlockStatement') return []
  return [[arm.end, isStatement(arm) ? '}' : ')']]
}

function isStatement({ type }: Node): boolean {
  return type.endsWith('Statement') || type.endsWith('Declaration')
}

function count(): string {
  return `$c[${places++}]++`
}
