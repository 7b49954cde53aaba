import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { anyBytes } from '../support/wire.ts'
import { readInputs } from './engine/corpus.ts'
import { corpusFolder, crashFolder } from './engine/crashes.ts'
import { loadTarget, type TargetName, targetNames } from './engine/target.ts'

/** Targets whose promises no other test tries with any bytes. */
const untried: readonly TargetName[] = [
  'noise-initiator',
  'noise-responder',
  'upgrade',
  'ping',
  'length-prefixed',
]

for (const name of targetNames) {
  describe(`the fuzz target ${name}`, () => {
    test('keeps its promises for what it begins with', async () => {
      const target = await loadTarget(name)
      const seeds = target.seeds()
      assert.ok(seeds.length > 0)
      for (const seed of seeds) await target.run(seed)
    })

    test('keeps its promises for every input of the corpus', async () => {
      const target = await loadTarget(name)
      const inputs = readInputs(corpusFolder(name))
      assert.ok(inputs.length > 0, 'there is a corpus: npm run fuzz -- --keep')
      for (const { file, input } of inputs) await keepsPromises(() => target.run(input), file)
    })

    test('keeps its promises for every input that once broke one', async () => {
      const target = await loadTarget(name)
      for (const { file, input } of readInputs(crashFolder(name))) {
        await keepsPromises(() => target.run(input), file)
      }
    })
  })
}

async function keepsPromises(run: () => void | Promise<void>, file: string): Promise<void> {
  await assert.doesNotReject(async () => run(), file)
}

for (const name of untried) {
  test(`the fuzz target ${name} keeps its promises for any bytes`, async () => {
    const target = await loadTarget(name)
    await fc.assert(
      fc.asyncProperty(anyBytes(200), async bytes => {
        await target.run(bytes)
      }),
      { numRuns: 60 },
    )
  })
}

test('every corpus is that of a target', () => {
  const folders = readdirSync(join('test', 'fuzz', 'corpus'))
  assert.deepEqual(
    folders.filter(folder => !(targetNames as readonly string[]).includes(folder)),
    [],
  )
})
