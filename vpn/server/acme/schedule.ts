/** When to look again whether a certificate is to be renewed. */

/** Twice a day, and not all hosts in the same minute. */
const LOOK_MS = 12 * 3600_000
const LOOK_JITTER = 0.1
/** Authorities count failures, and an hour has few (five, of a name, with the best known one). */
const RETRY_FIRST_MS = 15 * 60_000

/** @param random 0 … 1 */
export function nextLookMs(random: number): number {
  return LOOK_MS * (1 - LOOK_JITTER + 2 * LOOK_JITTER * random)
}

/**
 * @param failures in a row so far, from 1
 * @param retryAfterMs what the authority asked for
 */
export function retryMs(failures: number, random: number, retryAfterMs: number | null): number {
  const most = Math.min(LOOK_MS, RETRY_FIRST_MS * 2 ** Math.min(failures - 1, 30))
  return Math.max(retryAfterMs ?? 0, most * (1 + LOOK_JITTER * random))
}
