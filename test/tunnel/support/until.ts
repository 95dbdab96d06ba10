/** Waiting for conditions; a time is only the point at which waiting becomes a failure. */
import { setTimeout as sleep } from 'node:timers/promises'

const EVERY_MS = 20
/** Far more than a busy machine needs for anything that these tests wait for. */
const DEADLINE_MS = 15_000

/**
 * Asks again and again, and gives the first answer that is neither null, undefined nor false.
 *
 * @param what for the error: `no … within 15 s`
 * @param explain more for the error, such as what a program has said
 */
export async function until<T>(
  what: string,
  ask: () => T | Promise<T>,
  { deadlineMs = DEADLINE_MS, explain = () => '' }: { deadlineMs?: number; explain?: () => string } = {},
): Promise<NonNullable<Exclude<T, false>>> {
  const end = performance.now() + deadlineMs
  for (;;) {
    const answer = await ask()
    if (answer !== null && answer !== undefined && answer !== false) return answer as NonNullable<Exclude<T, false>>
    if (performance.now() >= end) throw new Error(`no ${what} within ${deadlineMs / 1000} s\n${explain()}`)
    await sleep(EVERY_MS)
  }
}

/** Resolves when a value has stayed the same for so long. */
export async function untilQuiet(value: () => Promise<number>, quietMs: number): Promise<void> {
  let last = await value()
  let since = performance.now()
  await until(`standstill of ${quietMs} ms`, async () => {
    const now = await value()
    if (now !== last) since = performance.now()
    last = now
    return performance.now() - since >= quietMs
  })
}
