/** Something that is fuzzed: a decoder, a state machine or a whole host, and what it promises for any input. */
export interface Target {
  /** Runs one input. Throws when a promise is broken; a typed refusal of the input is no such thing. */
  run(input: Uint8Array): void | Promise<void>
  /** Inputs to begin with, such as a person would think of. */
  seeds(): Uint8Array[]
  /** Byte strings that mean something to the target; the mutator strews them in. */
  words?: readonly Uint8Array[]
  /** The longest input worth trying, in bytes. Default 1,024. */
  maxLength?: number
  /** How long an input may take, in milliseconds. Default 100. */
  slowInput?: number
}

/** The names of all targets: each is a module in targets/ whose default export is a `Target`. */
export const targetNames = [
  'varint',
  'frame',
  'protobuf',
  'peer-id',
  'multiaddr-bytes',
  'multiaddr-text',
  'keys',
  'envelope',
  'identify',
  'negotiate-dialer',
  'negotiate-listener',
  'noise-initiator',
  'noise-responder',
  'noise-session',
  'upgrade',
  'yamux',
  'ping',
  'perf',
  'chat',
  'escape',
  'length-prefixed',
  'host',
] as const

/** The name of a target. */
export type TargetName = (typeof targetNames)[number]

/** Loads a target, and with it what it needs of parley and no more. */
export async function loadTarget(name: TargetName): Promise<Target> {
  const { default: target } = (await import(`../targets/${name}.js`)) as { default: Target }
  return target
}
