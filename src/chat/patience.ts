import { monotonicNow } from '../net/timer.ts'
import { TokenBucket } from '../protocol/token-bucket.ts'
import type { PeerId } from '../wire/peer-id.ts'
import type { Report } from './report.ts'

/** The longest message that a person is shown whole, in characters. */
const longest = 4096

/** Lines that one peer may say at once, and how many a minute after that. */
const lines = 200

const minute = 60_000

interface Talker {
  readonly patience: TokenBucket
  /** When it last said something: a minute later nothing is held against it. */
  heard: number
  /** Lines that were not shown since the last that was. */
  unshown: number
}

/**
 * Tells a person what happens without letting one peer fill the screen: long messages are cut, and of those who talk without
 * end some lines are left out. Both are said. A program that reads gets everything, as fast as it takes it.
 *
 * @param now milliseconds on a clock that never goes back; only tests pass another
 */
export function withPatience(report: Report, now: () => number = monotonicNow): Report {
  const talkers = new Map<string, Talker>()
  const talker = (peer: PeerId) => {
    const key = peer.toString()
    const known = talkers.get(key) ?? {
      patience: new TokenBucket({ burst: lines, rate: lines / 60 }, now()),
      heard: 0,
      unshown: 0,
    }
    talkers.set(key, known)
    return known
  }
  return {
    ...report,
    message({ from, text, protocol }) {
      const { short } = from
      const known = talker(from)
      known.heard = now()
      if (!known.patience.take(now())) {
        if (known.unshown++ === 0) report.notice(`${short} says too much; some lines are not shown.`)
        return
      }
      if (known.unshown > 0) report.notice(`${known.unshown} lines of ${short} were not shown.`)
      known.unshown = 0
      report.message({ from, text: cut(text), protocol })
    },
    disconnected(event) {
      // Whoever leaves and comes again is not heard the sooner.
      for (const [key, { heard }] of talkers) if (now() - heard >= minute) talkers.delete(key)
      report.disconnected(event)
    },
  }
}

function cut(text: string): string {
  if (text.length <= longest) return text
  // Not between the two halves of a character.
  const end = /[\ud800-\udbff]/.test(text[longest - 1] ?? '') ? longest - 1 : longest
  return `${text.slice(0, end)} ... (${text.length - end} more characters)`
}
