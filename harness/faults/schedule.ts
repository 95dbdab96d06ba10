/**
 * Carries out a fault schedule against a clock. The clock and the action are given, so that a test needs neither time
 * nor a lab.
 */
import type { FaultAction, TimedFault } from '../scenario/types.js'

export interface Clock {
  /** Milliseconds, monotonic. */
  now(): number
  /** Resolves after that many milliseconds; at once when aborted. */
  sleep(ms: number, signal: AbortSignal): Promise<void>
}

export interface AppliedFault {
  /** When it began to be applied, ms after the schedule's zero. */
  atMs: number
  action: FaultAction
}

/**
 * Applies each fault when its time comes, in order. A fault that takes longer than the time to the next one delays that
 * one; the true times are returned.
 *
 * @param zeroMs the schedule's zero on `clock`
 * @throws what `apply` throws; the rest is then not applied
 */
export async function runSchedule(
  faults: readonly TimedFault[],
  zeroMs: number,
  apply: (action: FaultAction) => Promise<void>,
  signal: AbortSignal,
  clock: Clock = systemClock,
): Promise<AppliedFault[]> {
  const applied: AppliedFault[] = []
  const ordered = faults.toSorted((a, b) => a.atMs - b.atMs)
  for (const { atMs, action } of ordered) {
    await clock.sleep(zeroMs + atMs - clock.now(), signal)
    if (signal.aborted) break
    applied.push({ atMs: clock.now() - zeroMs, action })
    await apply(action)
  }
  return applied
}

/** CLOCK_MONOTONIC in ms: the clock of the probe's records and of the link's counters. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6
}

export const systemClock: Clock = {
  now: monotonicMs,
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      if (ms <= 0 || signal.aborted) {
        resolve()
        return
      }
      const done = (): void => {
        clearTimeout(timer)
        signal.removeEventListener('abort', done)
        resolve()
      }
      const timer = setTimeout(done, ms)
      signal.addEventListener('abort', done)
    }),
}
