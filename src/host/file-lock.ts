import { chmodSync, renameSync, unlinkSync } from 'node:fs'
import { mkdtemp, readdir, realpath, rm, symlink, unlink } from 'node:fs/promises'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { provider } from '../crypto/index.ts'
import { deferred, monotonicNow } from '../net/timer.ts'
import { hex, utf8 } from '../wire/bytes.ts'
import { codeOf, FileFault } from './private-file.ts'

// Node cannot ask the system to lock a file. A file that names its maker's process ID outlives a crash, and then nobody can
// tell for sure: IDs are used again, and mean nothing to a container beside us that shares the folder. Two who find such a file
// stale at once may also both win, for it cannot be looked at and removed in one step. A listening socket ends with its
// process, however that ends, and whoever can reach its file can ask it. A socket in Linux's abstract namespace would need no
// file, but another container does not see it, and any user may take its name.
//
// So each who wants the lock makes a socket of a name of its own beside the file, and then looks at those of the others. Names
// are not used twice: a socket that refuses is dead for good, and may be removed at any time. Of two, the one who came
// later sees the other. If that holds the lock, it has won; if it is undecided like us, the lower name wins, so the higher
// one gives up at once, and the lower one waits until the higher one, who may have looked before we came, has decided.

/** How long an undecided rival is waited for, in milliseconds, before it counts as the holder: it may be suspended. */
const patience = 3_000

/** How long to wait before a rival that hung up is asked again, in milliseconds. */
const pause = 20

/** How long the lock is waited for by those who need it for a moment each, in milliseconds. */
const turnTimeout = 5_000

/** A socket's path may have 103 bytes, on macOS; this leaves room for a name behind the folder. */
const maxFolder = 80

/** Gives a lock back. */
export type Release = () => void

/**
 * Locks a file against every other caller, in this process and in others on this machine, until it is released or the process
 * ends. Gives nothing when it is locked already. The file itself need not exist and is not touched, but its folder is written
 * to: throws what the system throws when that fails.
 */
export async function lockFile(file: string): Promise<Release | undefined> {
  const path = await realpath(file).catch(async () => join(await realpath(dirname(file)), basename(file)))
  return process.platform === 'win32' ? lockPipe(path) : lockSocket(path)
}

/** Does something under the lock of a file, which it waits for. Throws `FileFault` when others do not let go of it. */
export async function underLock<T>(file: string, work: () => Promise<T>): Promise<T> {
  const release = await awaitLock(file)
  try {
    return await work()
  } finally {
    release()
  }
}

async function awaitLock(file: string): Promise<Release> {
  const end = monotonicNow() + turnTimeout
  for (;;) {
    const release = await lockFile(file).catch(cause => {
      throw new FileFault('system', `cannot be locked (${codeOf(cause)})`, cause)
    })
    if (release) return release
    if (monotonicNow() > end) throw new FileFault('system', 'is locked by another process')
    await sleep(pause * (0.5 + Math.random()))
  }
}

/** On Windows a pipe ends with its process, and none can be made of a name that another has. */
async function lockPipe(path: string): Promise<Release | undefined> {
  const server = createServer(socket => socket.destroy())
  try {
    await listen(server, `\\\\.\\pipe\\parley-${hex(provider.sha256(utf8(path.toLowerCase())))}`)
    return () => server.close()
  } catch (cause) {
    if (codeOf(cause) === 'EADDRINUSE') return undefined
    throw cause
  }
}

async function lockSocket(path: string): Promise<Release | undefined> {
  const claim = new Claim(path)
  await claim.make()
  try {
    if (await claim.wins()) {
      claim.hold()
      return () => claim.end()
    }
  } catch (cause) {
    claim.end()
    throw cause
  }
  claim.end()
  return undefined
}

/** A claim to a lock: a socket that whoever wants the lock too can ask. */
class Claim {
  readonly #prefix: string
  readonly #path: string
  readonly #server: Server
  /** Those who wait to hear whether the lock is ours. */
  readonly #asking = new Set<Socket>()
  #held = false

  constructor(file: string) {
    this.#prefix = `${file}.lock-`
    this.#path = this.#prefix + hex(provider.randomBytes(6))
    this.#server = createServer(socket => this.#hear(socket))
  }

  /** Comes to be seen by others, and answers them from then on. */
  async make(): Promise<void> {
    const folder = dirname(this.#path)
    const hidden = `.lock-${hex(provider.randomBytes(6))}`
    await alias(folder, short => listen(this.#server, join(short, hidden)))
    try {
      this.#show(join(folder, hidden))
    } catch (cause) {
      this.end()
      throw cause
    }
  }

  /** A socket refuses before it listens, so it has had another name until now. At once, lest a killed process leave that. */
  #show(hidden: string): void {
    chmodSync(hidden, 0o600)
    renameSync(hidden, this.#path)
    removeAtExit(this.#path)
  }

  /** Whether all the others are gone or give way. */
  async wins(): Promise<boolean> {
    const names = (await readdir(dirname(this.#path))).sort()
    const rivals = names.map(name => join(dirname(this.#path), name)).filter(path => this.#isRival(path))
    for (const rival of rivals) {
      if (await isAlive(rival, { undecided: rival < this.#path })) return false
    }
    return true
  }

  /** Tells everyone, now and later, that the lock is ours. */
  hold(): void {
    this.#held = true
    for (const socket of this.#asking) answer(socket)
  }

  end(): void {
    standing.delete(this.#path)
    removeNow(this.#path)
    this.#server.close()
    for (const socket of this.#asking) socket.destroy()
  }

  #isRival(path: string): boolean {
    return (
      path !== this.#path &&
      path.startsWith(this.#prefix) &&
      /^[\da-f]{12}$/.test(path.slice(this.#prefix.length))
    )
  }

  #hear(socket: Socket): void {
    // Whoever asks may be gone, and is no reason for us to stay.
    socket.on('error', () => {})
    socket.on('close', () => this.#asking.delete(socket))
    socket.unref()
    this.#asking.add(socket)
    if (this.#held) answer(socket)
  }
}

function answer(socket: Socket): void {
  socket.end('held', () => socket.destroy())
}

/** Asks a rival until it is known to have the lock or to be gone; with `undecided` it is enough that it is alive. */
async function isAlive(path: string, { undecided }: { undecided: boolean }): Promise<boolean> {
  const end = monotonicNow() + patience
  for (;;) {
    const answer = await alias(path, short => ask(short, undecided, end - monotonicNow()))
    if (answer === 'alive') return true
    if (answer === 'gone') {
      await unlink(path).catch(() => {})
      return false
    }
    // It has decided against itself and will be gone, or has no descriptor left to hear us.
    if (monotonicNow() > end) return true
    await sleep(pause)
  }
}

type Answer = 'alive' | 'gone' | 'hung up'

function ask(path: string, undecided: boolean, delay: number): Promise<Answer> {
  const { promise, resolve } = deferred<Answer>()
  const socket = connect(path)
  socket.setTimeout(Math.max(1, delay), () => resolve('alive'))
  socket.on('connect', () => undecided && resolve('alive'))
  socket.on('data', () => resolve('alive'))
  socket.on('error', error => resolve(meaningOf(error)))
  socket.on('close', () => resolve('hung up'))
  return promise.finally(() => socket.destroy())
}

/** In doubt it is alive: two holders are worse than none. */
function meaningOf(error: Error): Answer {
  const code = codeOf(error)
  if (code === 'ECONNREFUSED' || code === 'ENOENT') return 'gone'
  return code === 'ECONNRESET' || code === 'EPIPE' ? 'hung up' : 'alive'
}

async function listen(server: Server, path: string): Promise<void> {
  const { promise, resolve, reject } = deferred()
  server.once('error', reject)
  // A worker of a cluster would otherwise let its parent listen.
  server.listen({ path, exclusive: true }, resolve)
  await promise
  // Out of descriptors: who asked then asks again.
  server.on('error', () => {})
  server.unref()
}

/** Gives a path that is short enough for a socket's: the same, or that of a link to it. */
async function alias<T>(path: string, use: (short: string) => Promise<T>): Promise<T> {
  if (utf8(path).length <= maxFolder) return use(path)
  const folder = await mkdtemp(join(tmpdir(), 'p-'))
  try {
    const short = join(folder, 'l')
    await symlink(path, short)
    return await use(short)
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** The sockets of this process. */
const standing = new Set<string>()
let isWatching = false

function removeAtExit(path: string): void {
  if (!isWatching) process.on('exit', () => standing.forEach(removeNow))
  isWatching = true
  standing.add(path)
}

function removeNow(path: string): void {
  try {
    unlinkSync(path)
  } catch {
    // It was never made, or its folder is gone.
  }
}
