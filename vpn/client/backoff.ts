/** How long to wait before the next try. */

const FIRST_MS = 500
/** One that lived so long was none that the server ends at once. */
export const EAGER_AFTER_MS = 1_000
/** After its loss, for so long: a server that restarts is back in a moment. */
const EAGER_MS = 60_000
const EAGER_WAIT_MS = 250
/** Then an attempt is given up after so long, or several times what the last handshake took: a server that is back answers
 *  the next one at once, where this one would wait for its own retransmissions. */
const EAGER_ATTEMPT_MS = 500
const EAGER_HANDSHAKES = 4
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
 * @param firstMs `--reconnect-interval`
 */
export function backoffMs(failures: number, random: number, firstMs = FIRST_MS): number {
  const most = Math.min(Math.max(MOST_MS, firstMs), firstMs * 2 ** Math.min(failures, 30))
  return most / 2 + (most / 2) * random
}

/** Shortly after the loss of a connection that was good. */
export class Eagerness {
  readonly #since: number
  readonly #attemptMs: number

  constructor(since: number, handshakeMs: number) {
    this.#since = since
    this.#attemptMs = Math.max(EAGER_ATTEMPT_MS, EAGER_HANDSHAKES * handshakeMs)
  }

  isOver(now: number): boolean {
    return now - this.#since >= EAGER_MS
  }
  get attemptMs(): number {
    return this.#attemptMs
  }
  waitMs(random: number): number {
    return EAGER_WAIT_MS / 2 + (EAGER_WAIT_MS / 2) * random
  }
}
