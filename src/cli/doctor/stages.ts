import type { Muxer } from '../../net/upgrade.ts'
import type { IdentifyMessage } from '../../protocol/identify.ts'
import type { DialStage, ErrorCode, ParleyError } from '../../wire/errors.ts'
import type { KeyType } from '../../wire/keys.ts'
import type { Multiaddr } from '../../wire/multiaddr.ts'
import type { PeerId } from '../../wire/peer-id.ts'

/** A stage of an examination: those of a dial up to the muxer, then two protocols that every node speaks. */
export type Stage = Exclude<DialStage, 'protocol'> | 'identify' | 'ping'

/** The stages in order, and the exit code of an examination that ends there. */
export const exitCodes: Readonly<Record<Stage, number>> = {
  dns: 10,
  tcp: 11,
  negotiate: 12,
  noise: 13,
  identity: 14,
  muxer: 15,
  identify: 16,
  ping: 17,
}

/** What a stage that is passed brings to light. */
export interface StageFacts {
  /** What the name stands for: addresses that can be tried, and others, which need what is not spoken here. */
  dns: { addresses: Multiaddr[]; others: Multiaddr[] }
  tcp: Record<never, never>
  negotiate: { protocol: string }
  noise: { handshake: string }
  identity: { peer: PeerId; key: KeyType }
  muxer: Muxer
  identify: Pick<IdentifyMessage, 'agent' | 'protocolVersion' | 'protocols' | 'observedAddress' | 'addresses'>
  /** Round trips in milliseconds. */
  ping: { rtts: number[] }
}

/** What is the same for every stage that was tried. */
interface Tried {
  /** What was tried: the name while it is looked up, then one of its addresses. */
  address: Multiaddr
  /** How long the stage took, in milliseconds. */
  ms: number
}

/** A stage that was passed. */
export type Passed = { [S in Stage]: Tried & { ok: true; stage: S; facts: StageFacts[S] } }[Stage]

/** A stage that was not: why, in one sentence, and the addresses to try instead. */
export interface Failed extends Tried {
  ok: false
  stage: Stage
  code: ErrorCode
  message: string
  instead: Multiaddr[]
}

/** How a stage went at one address. */
export type Finding = Passed | Failed

/** A word beside the findings, and below it what the user may want to copy. */
export interface Note {
  text: string
  addresses: Multiaddr[]
}

/** How an examination ended. */
export interface Summary {
  /** Whether an address led through all stages. */
  ok: boolean
  /** The stage that failed; where several addresses were tried, of the one that came furthest. */
  stage: Stage | undefined
  /** The exit code: 0, or that of the stage. */
  exit: number
  /** What to dial, with the peer ID; `undefined` when nobody proved one. */
  address: Multiaddr | undefined
  notes: Note[]
}

/** What is known when a stage fails. */
export interface Clues {
  stage: Stage
  error: ParleyError
  /** What the user gave. */
  target: Multiaddr
  address: Multiaddr
  /** How long a stage may take, in milliseconds. */
  timeout: number
  /** Why look-ups failed, as codes of the system. */
  lookups: readonly string[]
  /** The first bytes that came. */
  head: Uint8Array
  /** Who answered, and proved it. */
  peerId: PeerId | undefined
  /** The secure channel that is spoken there in place of Noise. */
  channel: string | undefined
}
