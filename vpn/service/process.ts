/** Whether a process is there, and still the same: pids come again. */
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

/** When it started, in clock ticks after boot (field 22 of proc(5) stat); null: it is gone, or has only not been buried. */
export function startTimeOf(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The second field is a name in brackets, with anything in it.
    const [state, ...rest] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return state === 'Z' || state === 'X' ? null : (rest[18] ?? null)
  } catch {
    return null
  }
}

export function argumentsOf(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\u0000')
  } catch {
    return []
  }
}

const LOOK_EVERY_MS = 50

/** Whether it has ended within that time. */
export async function isGone(pid: number, startTime: string | null, limitMs: number): Promise<boolean> {
  const until = performance.now() + limitMs
  while (startTime !== null && startTimeOf(pid) === startTime) {
    if (performance.now() >= until) return false
    await sleep(LOOK_EVERY_MS)
  }
  return true
}
