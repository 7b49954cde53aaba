/** Counts the timers of a process, those too that would not keep it running; Node tells only of the others. Import it first. */

const live = new Set<NodeJS.Timeout>()
const { setTimeout, clearTimeout } = globalThis

const counted = (callback: () => void, delay?: number): NodeJS.Timeout => {
  const timer: NodeJS.Timeout = setTimeout(() => {
    live.delete(timer)
    callback()
  }, delay)
  live.add(timer)
  return timer
}

globalThis.setTimeout = counted as typeof setTimeout
globalThis.clearTimeout = timer => {
  live.delete(timer as NodeJS.Timeout)
  clearTimeout(timer)
}

/** Timers that wait at this moment. */
export function liveTimers(): number {
  return live.size
}
