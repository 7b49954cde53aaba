import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from './redis.ts'
import { Running } from './running.ts'
import { searchPath } from './tools.ts'

/** A program, and what comes before everything else on its command line. */
export interface Program {
  command: string
  args: readonly string[]
}

/** The address of the machine in its own network, which is not a loopback one. */
export const address = '10.99.0.1'

const redisPort = 6379
const startTimeout = 15_000

/**
 * Looks like the inside of a container: eth0, a default route, and Redis. It all lasts as long as somebody holds the other end
 * of stdin, so that nothing is left when the one who made it is killed.
 */
const script = `
trap 'set +e; kill $redis; wait; rm -rf "$folder"' EXIT
ip link set lo up
ip link add eth0 type veth peer name eth1
ip addr add ${address}/24 dev eth0
ip link set eth0 up
ip link set eth1 up
ip route add default dev eth0
redis-server --bind ${address} --port ${redisPort} --unixsocket "$folder/redis.sock" --protected-mode no \\
  --save '' --appendonly no --dir "$folder" --loglevel warning >&2 &
redis=$!
cat
`

/** A network namespace of our own with a Redis in it. Whoever is not root gets a user namespace around it. */
export class Network {
  /** Where Redis listens, as the programs see it. */
  readonly redisAddress = `${address}:${redisPort}`
  readonly redis: Redis
  readonly #keeper: Running
  readonly #programs = new Set<Running>()

  /** Throws with the reason when it cannot be made here. */
  static async open(): Promise<Network> {
    const folder = await mkdtemp(join(tmpdir(), 'parley-suite-'))
    const keeper = new Running(keep(folder))
    const over = new AbortController()
    const timer = setTimeout(() => over.abort(), startTimeout)
    void keeper.ended.then(() => over.abort())
    try {
      return new Network(keeper, await Redis.connect({ path: join(folder, 'redis.sock') }, over.signal))
    } catch {
      keeper.release()
      await keeper.ended
      await rm(folder, { recursive: true, force: true })
      throw new Error(`no network with a Redis can be made here: ${keeper.lastWords}`)
    } finally {
      clearTimeout(timer)
    }
  }

  private constructor(keeper: Running, redis: Redis) {
    this.#keeper = keeper
    this.redis = redis
  }

  /** Starts a program in here, with that environment and nothing else but the search path. */
  start({ command, args }: Program, env: Record<string, string>): Running {
    const enter = [
      '--target',
      String(this.#keeper.pid),
      '--net',
      ...(isRoot ? [] : ['--user', '--preserve-credentials']),
    ]
    const child = spawn('nsenter', [...enter, '--', command, ...args], {
      env: { PATH: searchPath, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    })
    const program = new Running(child)
    this.#programs.add(program)
    void program.ended.then(() => this.#programs.delete(program))
    return program
  }

  /** Ends what still runs in here, and takes everything down. */
  async close(): Promise<void> {
    this.redis.close()
    await Promise.all([...this.#programs].map(program => program.kill()))
    this.#keeper.release()
    await this.#keeper.ended
  }
}

const isRoot = process.getuid?.() === 0

/** Detached, so that Ctrl-C reaches the one who takes it all down in good order, and nobody else. */
function keep(folder: string): ChildProcess {
  const own = ['--net', ...(isRoot ? [] : ['--user', '--map-root-user'])]
  return spawn('unshare', [...own, '--', 'sh', '-ec', script], {
    env: { PATH: searchPath, folder },
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
  })
}
