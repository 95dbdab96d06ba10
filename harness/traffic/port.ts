/** Ports for load programs: the next test never meets stragglers of the one before. */
const FIRST = 20_000
const COUNT = 10_000

let taken = 0

export function nextPort(): number {
  return FIRST + (taken++ % COUNT)
}
