import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Role } from './environment.ts'
import { Redis } from './redis.ts'
import { Running } from './running.ts'
import { searchPath } from './tools.ts'

/** A program, and what comes before everything else on its command line. */
export interface Program {
  command: string
  args: readonly string[]
}

/** The addresses of the two machines. Redis runs on the listener's. */
const addresses: Record<Role, string> = { listener: '10.99.0.1', dialer: '10.99.0.2' }

/** Where the listener is reached. */
export const address: string = addresses.listener

const redisPort = 6379
const startTimeout = 15_000

/**
 * Makes two machines as containers are: each with eth0 and a default route, joined by a cable. They last as long as somebody
 * holds the other end of stdin, so that nothing is left when the one who made them is killed.
 */
const script = `
trap 'set +e; kill $redis $dialer; wait; rm -rf "$folder"' EXIT
configure() {
  address=$1
  shift
  "$@" ip link set lo up
  "$@" ip addr add "$address/24" dev eth0
  "$@" ip link set eth0 up
  "$@" ip route add default dev eth0
}
mkfifo "$folder/ready"
unshare --net sh -c 'echo > "$folder/ready"; exec sleep infinity' &
dialer=$!
read -r _ < "$folder/ready"
ip link add eth0 type veth peer name eth0 netns $dialer
configure ${addresses.listener}
configure ${addresses.dialer} nsenter --target $dialer --net
echo $dialer > "$folder/dialer"
redis-server --bind ${addresses.listener} --port ${redisPort} --unixsocket "$folder/redis.sock" --protected-mode no \
  --save '' --appendonly no --dir "$folder" --loglevel warning >&2 &
redis=$!
cat
`

/** Two machines in network namespaces, and a Redis. Whoever is not root gets a user namespace around them. */
export class Network {
  /** Where Redis listens, as the programs see it. */
  readonly redisAddress: string = `${address}:${redisPort}`
  readonly #folder: string
  readonly #keeper: Running
  /** A process in each. */
  readonly #machines: Record<Role, number>
  readonly #programs = new Set<Running>()

  /** Throws with the reason when it cannot be made here. */
  static async open(): Promise<Network> {
    const folder = await mkdtemp(join(tmpdir(), 'parley-suite-'))
    const keeper = new Running(keep(folder))
    const over = new AbortController()
    const timer = setTimeout(() => over.abort(), startTimeout)
    void keeper.ended.then(() => over.abort())
    try {
      const redis = await Redis.connect(socketIn(folder), over.signal)
      redis.close()
      const dialer = Number(await readFile(join(folder, 'dialer'), 'utf8'))
      return new Network(folder, keeper, { listener: keeper.pid!, dialer })
    } catch {
      keeper.release()
      await keeper.ended
      await rm(folder, { recursive: true, force: true })
      throw new Error(`no network with a Redis can be made here: ${keeper.lastWords}`)
    } finally {
      clearTimeout(timer)
    }
  }

  private constructor(folder: string, keeper: Running, machines: Record<Role, number>) {
    this.#folder = folder
    this.#keeper = keeper
    this.#machines = machines
  }

  /** A connection to Redis for the runner, until the signal fires at the latest. */
  connectRedis(signal: AbortSignal): Promise<Redis> {
    return Redis.connect(socketIn(this.#folder), signal)
  }

  /** Starts a program on one of them, with that environment and nothing else but the search path. */
  start({ command, args }: Program, role: Role, env: Record<string, string>): Running {
    const enter = [
      '--target',
      String(this.#machines[role]),
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
    await Promise.all([...this.#programs].map(program => program.kill()))
    this.#keeper.release()
    await this.#keeper.ended
  }
}

function socketIn(folder: string): { path: string } {
  return { path: join(folder, 'redis.sock') }
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
