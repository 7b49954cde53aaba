import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface, type Interface } from 'node:readline'
import { NotHere } from './fault.ts'

/** Where each of the two machines is. */
export const addresses = ['10.94.0.1', '10.94.0.2'] as const

/** 0 or 1: which of the two machines. */
export type Side = 0 | 1

const isRoot = process.getuid?.() === 0

/** Two machines, each on a cable to a switch, which can be told to let nothing through: neither end sees its cable go. */
const script = `
trap 'set +e; kill $first $second 2>/dev/null; wait' EXIT
here=$(readlink /proc/self/ns/net)
machine() {
  unshare --net sleep infinity &
  pid=$!
  until [ "$(readlink /proc/$pid/ns/net)" != "$here" ]; do sleep 0.01; done
}
attach() {
  ip link add "port$1" type veth peer name eth0 netns "$2"
  ip link set "port$1" master switch up
  nsenter --target "$2" --net sh -ec "ip link set lo up; ip addr add $3/24 dev eth0; ip link set eth0 up"
}
ip link add switch type bridge
ip link set switch up
machine; first=$pid
machine; second=$pid
attach 1 $first ${addresses[0]}
attach 2 $second ${addresses[1]}
echo "$first $second"
while read -r command; do
  case $command in
    cut) ip link set port1 nomaster ;;
    join) ip link set port1 master switch ;;
  esac
  echo done
done
`

/** Two machines in network namespaces, as long as they are open. Whoever is not root gets a user namespace around them. */
export class Machines {
  readonly #keeper: ChildProcess
  readonly #lines: AsyncIterator<string>
  readonly #pids: readonly string[]

  /** Throws `NotHere` with the reason when they cannot be made. */
  static async open(): Promise<Machines> {
    const own = ['--net', ...(isRoot ? [] : ['--user', '--map-root-user'])]
    const keeper = spawn('unshare', [...own, '--', 'sh', '-ec', script], { stdio: ['pipe', 'pipe', 'pipe'] })
    let complaint = ''
    keeper.on('error', error => {
      complaint += error.message
    })
    keeper.stderr.on('data', text => {
      complaint += String(text)
    })
    const lines = createInterface(keeper.stdout)[Symbol.asyncIterator]() as ReturnType<
      Interface[typeof Symbol.asyncIterator]
    >
    const { value, done } = await lines.next()
    if (done) throw new NotHere(`no machines can be made here: ${complaint.trim()}`)
    return new Machines(keeper, lines, value.split(' '))
  }

  private constructor(keeper: ChildProcess, lines: AsyncIterator<string>, pids: readonly string[]) {
    this.#keeper = keeper
    this.#lines = lines
    this.#pids = pids
  }

  /** What stands before a command that is to run on that machine. */
  enter(side: Side): string[] {
    const user = isRoot ? [] : ['--user', '--preserve-credentials']
    return ['nsenter', '--target', this.#pids[side]!, '--net', ...user, '--']
  }

  /** From now on nothing passes between them. */
  cut(): Promise<void> {
    return this.#tell('cut')
  }

  /** All passes again. */
  join(): Promise<void> {
    return this.#tell('join')
  }

  async close(): Promise<void> {
    this.#keeper.stdin!.end()
    if (this.#keeper.exitCode === null) await once(this.#keeper, 'close')
  }

  async #tell(command: string): Promise<void> {
    this.#keeper.stdin!.write(`${command}\n`)
    await this.#lines.next()
  }
}
