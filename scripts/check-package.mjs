/**
 * Packs the library as it would be published, installs that in an empty project and uses it there: from an ES module, from
 * CommonJS, from TypeScript of both kinds, and as a program. Needs the registry, for the dependencies and for two checkers.
 */
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

/** parley, its seven dependencies, and base-x, which bs58 needs. */
const mostPackages = 9

// Not among the development dependencies: they and theirs are 60 packages, which everybody would install to try a chat.
const checkers = [
  ['publint@0.3.25', '--strict'],
  ['@arethetypeswrong/cli@0.18.5', '--format', 'ascii'],
]

const program = `
  const listener = await createHost({ listen: ['/ip4/127.0.0.1/tcp/0'] })
  listener.handle('/echo/1.0.0', async stream => {
    for await (const chunk of stream) if (!stream.write(chunk)) await stream.drained()
    await stream.end()
  })
  const dialer = await createHost()
  const stream = await dialer.open(listener.addresses[0]!, '/echo/1.0.0')
  stream.write(new Uint8Array([1, 2, 3]))
  await stream.end()
  let length = 0
  for await (const chunk of stream) length += chunk.length
  await Promise.all([dialer.stop(), listener.stop()])
  if (length !== 3) throw new Error('The echo was ' + length + ' bytes long.')
`
const script = program.replace('[0]!', '[0]')

/** Consumers by file name. The types of what is not wanted must be refused, or `any` would pass for them. */
const consumers = {
  'import.mjs': `import { createHost } from 'parley'\n${script}`,
  'require.cjs': `const { createHost } = require('parley')\nvoid (async () => {${script}})()\n`,
  'import.mts': `import { createHost, type Host } from 'parley'
    async function main(): Promise<void> {${program}}
    export const stop = (host: Host): Promise<void> => main().then(() => host.stop())
    // @ts-expect-error
    export const wrong: string = createHost\n`,
  'require.cts': `import parley = require('parley')
    import { createHost, type Host } from 'parley'
    async function main(): Promise<void> {${program}}
    export const stop = (host: Host): Promise<void> => main().then(() => host.stop())
    // @ts-expect-error
    export const wrong: string = parley.createHost\n`,
}

const folder = mkdtempSync(join(tmpdir(), 'parley-package-'))
const project = join(folder, 'project')
try {
  const tarball = pack()
  install(tarball)
  step('import', process.execPath, 'import.mjs')
  step('require', process.execPath, 'require.cjs')
  step('types', process.execPath, ...compilerArguments(), 'import.mts', 'require.cts')
  step('program', 'npx', '--no-install', 'parley', '--help')
  for (const [name = '', ...flags] of checkers) step(name, 'npx', '--yes', name, tarball, ...flags)
  console.log('The package is sound.')
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
} finally {
  rmSync(folder, { recursive: true, force: true })
}

function pack() {
  mkdirSync(project)
  run('npm', ['pack', '--silent', '--pack-destination', folder], process.cwd())
  const name = readdirSync(folder).find(file => file.endsWith('.tgz')) ?? ''
  const tarball = join(folder, name)
  console.log(`${name} is ${statSync(tarball).size} bytes.`)
  return tarball
}

/** @param {string} tarball */
function install(tarball) {
  for (const [file, text] of Object.entries(consumers)) writeFileSync(join(project, file), text)
  writeFileSync(join(project, 'package.json'), '{ "private": true }')
  step('install', 'npm', 'install', '--omit=dev', tarball)
  const packages = Object.keys(readJson('node_modules/.package-lock.json').packages)
  if (packages.length > mostPackages) {
    throw new Error(
      `An install is ${packages.length} packages, and may be ${mostPackages}: ${packages.join(', ')}`,
    )
  }
}

/** @param {string} file */
function readJson(file) {
  return JSON.parse(readFileSync(join(project, file), 'utf8'))
}

/** The strictest consumer: `skipLibCheck` is off, so our declarations must stand by themselves. */
function compilerArguments() {
  const compiler = resolve('node_modules', 'typescript', 'bin', 'tsc')
  const flags = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2023', '--types', 'node']
  return [compiler, ...flags, '--typeRoots', resolve('node_modules', '@types')]
}

/**
 * @param {string} title
 * @param {string} command
 * @param {...string} args
 */
function step(title, command, ...args) {
  console.log(`--- ${title}`)
  run(command, args, project)
}

/**
 * @param {string} command
 * @param {string[]} args
 * @param {string} cwd
 */
function run(command, args, cwd) {
  const { status } = spawnSync(command, args, { cwd, stdio: 'inherit' })
  if (status !== 0) throw new Error(`Failed: ${command} ${args.join(' ')}`)
}
