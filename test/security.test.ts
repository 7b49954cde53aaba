import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { describe, test } from 'node:test'

const page = readFileSync('SECURITY.md', 'utf8')

/** The rows of the table of what went wrong elsewhere: the number, and what keeps it from happening here. */
const rows = [...page.matchAll(/^\| (V\d+b?) \|.*\| ([^|]+) \|$/gm)].map(([, id = '', here = '']) => ({
  id,
  here,
}))

/** What is not there, and so cannot be guarded. */
const absent = /\b(?:is|are) not built\b/

/** The tests that a row names, each with its file: titles in quotes, and rows of the suite of bad inputs. */
function guardsOf(here: string): { file: string; names: string[] }[] {
  const lists = here.matchAll(/((?:(?:“[^”]+”|B\d+b?)(?:, | and )?)+) in (test\/[\w/.-]+\.ts)/g)
  return [...lists].map(([, list = '', file = '']) => ({
    file,
    names: [...list.matchAll(/“([^”]+)”|(B\d+b?)/g)].map(([, title, id]) => title ?? `'${id}'`),
  }))
}

/** What is wrong with a guard. */
function faultsOf({ file, names }: { file: string; names: string[] }): string[] {
  if (!existsSync(file)) return [`${file} does not exist`]
  const source = readFileSync(file, 'utf8')
  return names.filter(name => !source.includes(name)).map(name => `${file} has no ${name}`)
}

describe('SECURITY.md', () => {
  test('has every known weakness once', () => {
    const numbered = Array.from({ length: 40 }, (_, i) => `V${i + 1}`)
    const ids = rows.map(({ id }) => id)
    assert.deepEqual(
      ids.filter(id => !id.endsWith('b')),
      numbered,
    )
    assert.equal(new Set(ids).size, ids.length)
  })

  for (const { id, here } of rows) {
    test(`names tests for ${id} that exist, or says that the part is not built`, () => {
      const guards = guardsOf(here)
      assert.ok(guards.length > 0 || absent.test(here), here)
      assert.deepEqual(guards.flatMap(faultsOf), [])
      // A name in a form that is not understood would not be looked for.
      const named = guards.flatMap(({ names }) => names).length
      assert.equal(named, [...here.matchAll(/“[^”]+”|\bB\d+b?\b/g)].length)
    })
  }

  test('links to what exists', () => {
    const targets = [...page.matchAll(/\]\(([^)#]+)/g)].map(([, target = '']) => target)
    assert.ok(targets.length > 5)
    for (const target of targets) assert.ok(existsSync(target), target)
  })

  test('is linked from the README, and comes with the package', () => {
    assert.match(readFileSync('README.md', 'utf8'), /\]\(SECURITY\.md\)/)
    assert.ok(JSON.parse(readFileSync('package.json', 'utf8')).files.includes('SECURITY.md'))
  })
})
