/** Differences of two subjects, paired by round, so that a drift of the machine cancels out. */
import type { Estimate } from '../results/schema.js'
import { estimate } from './estimate.js'

/** Values by round. */
export type ByRound = ReadonlyMap<number, number>

/** b − a of every round that both have, in order of rounds. */
export function pairedDifferences(a: ByRound, b: ByRound): number[] {
  return [...a.keys()]
    .filter((round) => b.has(round))
    .sort((x, y) => x - y)
    .map((round) => b.get(round)! - a.get(round)!)
}

/**
 * Differences smaller than this would not have been seen: the larger side of the interval around the median. Without an
 * interval (below six rounds) the whole range, because nothing smaller can be told from chance.
 */
export function detectionLimit(difference: Estimate): number {
  const { median, low, high, min, max } = difference
  if (low === null || high === null) return Math.max(max - min, Math.abs(median))
  return Math.max(high - median, median - low)
}

export type Verdict = 'higher' | 'lower' | 'no difference detected' | 'not a measurement'

/** Is b higher or lower than a? Only when the whole interval is on one side of zero. */
export function verdictOf(difference: Estimate): Verdict {
  const { low, high } = difference
  if (low === null || high === null) return 'not a measurement'
  return low > 0 ? 'higher' : high < 0 ? 'lower' : 'no difference detected'
}

/** null when no round has both. */
export function pairedEstimate(a: ByRound, b: ByRound): Estimate | null {
  const differences = pairedDifferences(a, b)
  return differences.length === 0 ? null : estimate(differences)
}
