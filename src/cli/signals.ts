/**
 * Hears of the wish to leave: the first signal leaves in good order, a second one at once. A reader who has gone is a reason to
 * leave too.
 */
export function onSignals(leave: () => void): void {
  let asked = false
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (asked) process.exit(130)
      asked = true
      leave()
    })
  }
  process.stdout.on('error', leave)
}
