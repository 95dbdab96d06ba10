/** Notices that another try may go better than the last one: the network is another one, or the machine has slept. */
import { networkInterfaces } from 'node:os'

const EVERY_MS = 500
/** A timer that is so late was not late: the machine slept. */
const SLEPT_MS = 5_000

export interface Surroundings {
  /** What interfaces and addresses there are, as one text. */
  look: () => string
  /** Milliseconds, of the wall clock. */
  clock: () => number
}

const real: Surroundings = {
  look: () => JSON.stringify(networkInterfaces()),
  clock: () => Date.now(),
}

/** Resolves after `ms`, when the signal aborts, or with the first change. */
export function sleepUntilChange(ms: number, signal: AbortSignal, { look, clock }: Surroundings = real): Promise<void> {
  return new Promise((resolve) => {
    const before = look()
    let last = clock()
    const done = (): void => {
      clearTimeout(timer)
      clearInterval(watch)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    const watch = setInterval(() => {
      const now = clock()
      const slept = now - last > EVERY_MS + SLEPT_MS
      last = now
      if (slept || look() !== before) done()
    }, EVERY_MS)
    if (signal.aborted) done()
    else signal.addEventListener('abort', done)
  })
}
