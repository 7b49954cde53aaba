import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import test from 'node:test'
import { VERSION } from '#src/host/host'

const root = new URL('../../', import.meta.url)

function read(file: string): string {
  return readFileSync(new URL(file, root), 'utf8')
}

interface Locked {
  readonly optionalDependencies?: Record<string, string>
}

const manifest: { version: string } = JSON.parse(read('package.json'))
const lock: { packages: Record<string, Locked> } = JSON.parse(read('package-lock.json'))

test('require and import give the same module', async () => {
  const imported: object = await import('parley')
  const required: object = createRequire(import.meta.url)('parley')
  assert.equal(required, imported)
})

test('the lock file has an entry for every platform', () => {
  for (const { optionalDependencies = {} } of Object.values(lock.packages)) {
    for (const name of Object.keys(optionalDependencies))
      assert.ok(`node_modules/${name}` in lock.packages, name)
  }
})

test('the lock file names no registry', () => {
  assert.doesNotMatch(read('package-lock.json'), /"resolved"|registry/)
})

test('the host and the changelog tell the version of the package', () => {
  assert.equal(VERSION, manifest.version)
  assert.match(read('CHANGELOG.md'), new RegExp(`^## ${manifest.version}\\b`, 'm'))
})
