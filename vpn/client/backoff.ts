/** How long to wait before the next try. */

const FIRST_MS = 500
/** A server that was away for an hour is found again within this. */
const MOST_MS = 30_000
/** A connection that lived so long was a good one: the next loss begins from the start. */
export const GOOD_AFTER_MS = 10_000

/**
 * Doubles with every failure, and is spread over half of itself, so that the clients of a server that comes back do not
 * all arrive in the same moment.
 *
 * @param failures in a row so far, from 0
 * @param random 0 … 1
 */
export function backoffMs(failures: number, random: number): number {
  const most = Math.min(MOST_MS, FIRST_MS * 2 ** Math.min(failures, 30))
  return most / 2 + (most / 2) * random
}
