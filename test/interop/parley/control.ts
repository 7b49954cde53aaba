import { createInterface } from 'node:readline'
import { ParleyError } from 'parley'
import { messageOf } from '../async.ts'

/** A command's parameters, as they stand in its line. Each command has some of them. */
export interface Parameters {
  address: string
  peer: string
  protocol: string | undefined
  protocols: string[]
  count: number
  bytes: number
  atOnce: boolean
  text: string
  upload: number
  download: number
}

/** What the program can do, by name. */
export type Commands = Record<string, (parameters: Parameters) => unknown>

/** Prints one line for the runner. */
export function emit(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`)
}

/** Says what the library does not have, and leaves. */
export function refuse(sentence: string): never {
  console.error(sentence)
  process.exit(3)
}

/** Carries out commands from standard input, side by side, until it ends. */
export function obey(commands: Commands): void {
  const lines = createInterface({ input: process.stdin })
  lines.on('line', line => void answer(commands, JSON.parse(line) as Command))
  lines.on('close', () => process.exit(0))
}

type Command = Parameters & { id: number; do: string }

async function answer(commands: Commands, { id, do: name, ...parameters }: Command): Promise<void> {
  try {
    const command = commands[name]
    if (!command) throw new Error(`there is no command "${name}"`)
    emit({ id, ok: (await command(parameters)) ?? {} })
  } catch (error) {
    const code = error instanceof ParleyError ? `${error.code}: ` : ''
    emit({ id, error: code + messageOf(error) })
  }
  if (name === 'stop') process.exit(0)
}
