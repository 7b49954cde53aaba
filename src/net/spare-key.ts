import { type DhKeyPair, provider } from '../crypto/index.ts'
import { startTimer } from './timer.ts'

/** How long a key waits for the next handshake, in milliseconds: whoever copies this memory reads no session that begins later. */
const lifetime = 1_000

/**
 * An ephemeral key made while the other side is at work on its part of a handshake, for the next one: where one connection follows
 * another, nobody waits for it. Each is given out once, and one that is not needed soon is forgotten.
 */
export class SpareKey {
  #key: DhKeyPair | undefined
  #cancelTimer = () => {}

  /** The key, which is the caller's alone from now on. */
  take(): DhKeyPair | undefined {
    const key = this.#key
    this.clear()
    return key
  }

  /** Makes a key unless there is one. */
  prepare(): void {
    if (this.#key) return
    this.#key = provider.x25519()
    this.#cancelTimer = startTimer(lifetime, () => this.clear())
  }

  /** Forgets the key. */
  clear(): void {
    this.#key = undefined
    this.#cancelTimer()
  }
}
